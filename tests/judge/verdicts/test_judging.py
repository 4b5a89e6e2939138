"""From report to verdict: the kernel's word first, the worst one speaks, ours is never theirs."""

from dataclasses import replace

import pytest

from judge.errors import SandboxError
from judge.sandbox.base import Ending, Report, Run, Usage
from judge.verdicts.evidence import NOWHERE
from judge.verdicts.judging import Conditions, judge
from judge.verdicts.verdict import Verdict, worst
from problems.problem import Checker, Examined, Example, Function, Limits, Problem, Slug
from problems.values import Wire, encode

PROBLEM = Problem(
    Slug("p"),
    "Double.",
    Function("f"),
    tuple(Example(encode([n]), (encode(2 * n),)) for n in (1, 2)),
    limits=Limits(cpu_seconds=2.0),
)
RIGHT = (Run(Ending.RETURNED, encode(2)), Run(Ending.RETURNED, encode(4)))


class Scripted:
    """A sandbox that answers from a list: what judging must make of reports is the subject here."""

    name, workers, fingerprint, tier, host = "scripted", 1, "scripted", "none", NOWHERE

    def __init__(self, *reports):
        self.reports, self.calls, self.jobs = list(reports), [], []

    def run(self, job, *, alone=False, accept=None):
        self.calls.append(alone)
        self.jobs.append(job)
        report = self.reports.pop(0)
        if isinstance(report, Exception):
            raise report
        return report

    def close(self):
        pass


def verdict(*runs, usage=None, problem=PROBLEM):
    report = Report(runs, usage or Usage(cpu_seconds=0.1))
    found = judge(problem, "x = 1", Scripted(report, report))
    return f"{found.verdict} {found.reason}".strip()


def test_all_right_is_accepted():
    assert verdict(*RIGHT) == "AC"


@pytest.mark.parametrize(
    ("run", "wanted"),
    [
        (Run(Ending.RETURNED, encode(5)), "WA answer"),
        (Run(Ending.RETURNED, Wire("forged")), "WA bad_type:forged"),
        (Run(Ending.RETURNED, None), "WA bad_type:forged"),
        (Run(Ending.RAISED, detail="KeyError"), "RE exception:KeyError"),
        (Run(Ending.RAISED, detail="MemoryError"), "MLE oom"),
        (Run(Ending.RAISED, detail="SystemExit"), "RE early_exit"),
        (Run(Ending.BAD_TYPE, detail="Yes"), "WA bad_type:Yes"),
        (Run(Ending.REFUSED, detail="syntax"), "CE syntax"),
        (Run(Ending.REFUSED, detail="check"), "SE check"),
        (Run(Ending.FAILED, detail="assertion"), "WA assertion"),
        (Run(Ending.EXITED, detail="exit:0"), "RE early_exit"),
        (Run(Ending.EXITED, detail="exit:3"), "RE exit:3"),
        (Run(Ending.EXITED, detail="protocol"), "RE protocol"),
        (Run(Ending.KILLED, detail="cpu"), "TLE cpu"),
        (Run(Ending.KILLED, detail="wall"), "TLE wall"),
        (Run(Ending.KILLED, detail="stdout"), "OLE stdout"),
        (Run(Ending.KILLED, detail="signal:11"), "RE signal:11"),
        (Run(Ending.KILLED, detail="signal:24"), "TLE cpu"),
        (Run(Ending.KILLED, detail="examiner_cpu"), "TLE examiner_cpu"),
    ],
)
def test_every_ending_has_its_verdict(run, wanted):
    assert verdict(RIGHT[0], run) == wanted


def test_an_odd_death_near_the_memory_limit_is_out_of_memory():
    died = Run(Ending.KILLED, detail="signal:9")
    assert verdict(RIGHT[0], died, usage=Usage(signal=9, memory_mb=500)) == "MLE signal:9"
    assert verdict(RIGHT[0], died, usage=Usage(signal=9, memory_mb=100)) == "RE signal:9"


def test_the_worst_verdict_speaks():
    assert worst([Verdict.AC, Verdict.WA, Verdict.TLE]) is Verdict.TLE
    assert worst([Verdict.AC, Verdict.SKIP]) is Verdict.AC
    assert worst([]) is Verdict.SE
    assert worst(Verdict) is Verdict.SE


def test_a_problem_without_tests_is_our_fault():
    assert verdict(problem=replace(PROBLEM, examples=())) == "SE no_tests"
    unanswered = replace(PROBLEM, examples=(Example(encode([1])),) * 2)
    assert verdict(*RIGHT, problem=unanswered) == "SE no_expected"


def test_fewer_runs_than_examples_never_pass():
    assert verdict(RIGHT[0]) == "SE no_tests"


def test_without_a_checker_a_returned_answer_is_undecided():
    undecided = replace(PROBLEM, checker=Checker("undecided"))
    assert verdict(*RIGHT, problem=undecided) == "UNDECIDED no_checker"
    assert verdict(RIGHT[0], Run(Ending.RAISED, detail="X"), problem=undecided) == "RE exception:X"


def test_no_source_is_no_code_and_runs_nothing():
    sandbox = Scripted()
    found = judge(PROBLEM, "  \n", sandbox)
    assert (found.verdict, found.reason, sandbox.calls) == (Verdict.CE, "no_code", [])


def test_a_time_out_counts_only_after_a_second_run_alone():
    slow = Report((RIGHT[0], Run(Ending.KILLED, detail="wall")), Usage(killed_by="wall"))
    sandbox = Scripted(slow, Report(RIGHT, Usage(cpu_seconds=0.5)))
    assert judge(PROBLEM, "x", sandbox).verdict is Verdict.AC
    assert sandbox.calls == [False, True]
    assert judge(PROBLEM, "x", Scripted(slow, slow)).verdict is Verdict.TLE


def test_an_answer_near_the_limit_is_checked_again_alone():
    near = Report(RIGHT, Usage(cpu_seconds=1.9))
    sandbox = Scripted(near, Report(RIGHT, Usage(cpu_seconds=1.0)))
    assert judge(PROBLEM, "x", sandbox).evidence.cpu_seconds == 1.0
    assert sandbox.calls == [False, True]


def test_a_failing_sandbox_is_tried_twice_and_never_charged_to_the_solution():
    sandbox = Scripted(SandboxError("gone"), Report(RIGHT))
    assert judge(PROBLEM, "x", sandbox).verdict is Verdict.AC
    with pytest.raises(SandboxError):
        judge(PROBLEM, "x", Scripted(SandboxError("gone"), SandboxError("gone")))


def test_expected_answers_are_in_nothing_that_is_sent():
    sandbox = Scripted(Report(RIGHT))
    judge(
        replace(PROBLEM, examples=(Example(encode([1]), (encode("the-answer"),)),) * 2),
        "x",
        sandbox,
    )
    assert "the-answer" not in repr(sandbox.jobs)


def test_conditions_reach_the_job_and_the_evidence():
    sandbox = Scripted(Report(RIGHT))
    conditions = Conditions(preamble="import math", cpu_seconds=9.0, memory_mb=99)
    found = judge(PROBLEM, "x", sandbox, conditions)
    job = sandbox.jobs[0]
    assert (job.preamble, job.limits.cpu_seconds, job.limits.memory_mb) == ("import math", 9.0, 99)
    assert "cpu=9s" in found.evidence.settings and "memory=99MB" in found.evidence.settings
    assert Conditions().fingerprint == ""


def test_a_check_that_is_data_is_run_as_data_unless_told_otherwise():
    entry = Examined("f", "assert f(1) == 2\nassert f(2) == 4\n", ("f",))
    examined = replace(PROBLEM, entry=entry)
    as_data, by_examiner = Scripted(Report(RIGHT)), Scripted(Report((Run(Ending.RETURNED),)))
    assert judge(examined, "x", as_data).verdict is Verdict.AC
    assert isinstance(as_data.jobs[0].entry, Function)
    assert judge(examined, "x", by_examiner, Conditions(examiner=True)).verdict is Verdict.AC
    assert by_examiner.jobs[0].entry == entry


def test_helpers_may_be_the_solution_s_where_a_replay_needs_it():
    prompt = "import math\ndef aid(x):\n    return x\ndef f(x):\n    '''d'''\n"
    entry = Examined("f", "def check(c):\n    assert c(aid(1)) == 1\n", ("f",), prompt)
    sandbox = Scripted(Report((Run(Ending.RETURNED),)))
    judge(replace(PROBLEM, entry=entry, examples=()), "x", sandbox, Conditions(helpers="solution"))
    sent = sandbox.jobs[0].entry
    assert sent.names == ("aid", "f") and "def" not in sent.prompt and "import math" in sent.prompt
