"""From report to verdict: the kernel's word first, the worst one speaks, ours is never theirs."""

import json
from dataclasses import replace

import pytest

from judge.errors import SandboxBusy, SandboxError
from judge.sandbox.base import Ending, Host, Report, Run, Stop, Usage
from judge.verdicts.evidence import NOWHERE, evidence_from, to_row
from judge.verdicts.judging import JUDGE_VERSION, Conditions, judge
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

    name, workers, callers, fingerprint, tier = "scripted", 1, 1, "scripted", "none"
    host = NOWHERE

    def __init__(self, *reports):
        self.reports, self.calls, self.jobs, self.accepts = list(reports), [], [], []

    def run(self, job, *, alone=False, accept=None):
        self.calls.append(alone)
        self.jobs.append(job)
        self.accepts.append(accept)
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


def ended(detail, **counters):
    """The verdict where the second of two runs was killed by `detail`, of 512 MB and 2 s."""
    usage = Usage(killed_by=detail if detail in ("cpu", "wall", "stdout") else "", **counters)
    return verdict(RIGHT[0], Run(Ending.KILLED, detail=detail), usage=usage)


@pytest.mark.parametrize("detail", ["cpu", "wall", "stdout", "signal:24", "signal:25"])
def test_a_kill_by_any_limit_with_memory_full_is_out_of_memory(detail):
    assert ended(detail, memory_mb=510) == "MLE oom"
    assert ended(detail, memory_mb=20, oom_kills=1) == "MLE oom"
    assert not ended(detail, memory_mb=480).startswith("MLE")


def test_what_outlasted_the_examiner_with_memory_full_is_out_of_memory():
    assert ended("examiner_cpu", memory_mb=511) == "MLE oom"


@pytest.mark.parametrize(
    ("counters", "wanted"),
    [
        ({"memory_mb": 512.0}, "MLE oom"),
        ({"memory_mb": 20, "oom_kills": 1}, "MLE oom"),
        ({"memory_mb": 512.0, "cpu_seconds": 2.0}, "MLE oom"),
        ({"cpu_seconds": 2.0}, "TLE cpu"),
        ({"wall_seconds": 6.0}, "TLE wall"),
        ({"cpu_seconds": 2.0, "wall_seconds": 6.0}, "TLE cpu"),
        ({"killed_by": "stdout"}, "OLE stdout"),
        ({"killed_by": "cpu"}, "TLE cpu"),
        ({"killed_by": "wall"}, "TLE wall"),
        ({"killed_by": "cancel"}, "AC"),
        ({"memory_mb": 511.9, "cpu_seconds": 1.99, "wall_seconds": 5.9}, "AC"),
    ],
)
def test_a_limit_that_was_met_decides_although_no_run_speaks_of_it(counters, wanted):
    assert verdict(*RIGHT, usage=Usage(**counters)) == wanted


def test_the_order_is_that_of_the_reference_whichever_limiter_fired_first():
    over = {"memory_mb": 512.0, "cpu_seconds": 2.0}
    crashed = Run(Ending.RAISED, detail="KeyError")
    assert verdict(RIGHT[0], crashed, usage=Usage(**over)) == "MLE oom"
    assert verdict(RIGHT[0], crashed, usage=Usage(cpu_seconds=2.0)) == "TLE cpu"
    flood = Run(Ending.KILLED, detail="stdout")
    assert verdict(RIGHT[0], flood, usage=Usage(killed_by="stdout", cpu_seconds=2)) == "TLE cpu"
    refused = (Run(Ending.RAISED, detail="OSError", message="[Errno 27] File too large"),) * 2
    assert verdict(*refused, usage=Usage(killed_by="stdout")) == "OLE stdout"
    no_start = (Run(Ending.REFUSED, detail="syntax"),) * 2
    assert verdict(*no_start, usage=Usage(**over)) == "CE syntax"
    unanswered = replace(PROBLEM, examples=(Example(encode([1])),) * 2)
    assert verdict(*RIGHT, usage=Usage(**over), problem=unanswered) == "SE no_expected"


@pytest.mark.parametrize(
    ("run", "wanted"),
    [
        (Run(Ending.KILLED, detail="signal:11"), "MLE signal:11"),
        (Run(Ending.EXITED, detail="exit:70"), "MLE exit:70"),
        (Run(Ending.EXITED, detail="hung_up"), "MLE hung_up"),
        (Run(Ending.RAISED, detail="SystemError"), "MLE exception:SystemError"),
        (Run(Ending.RAISED, detail="RecursionError"), "RE exception:RecursionError"),
        (Run(Ending.RAISED, detail="KeyError"), "RE exception:KeyError"),
        (Run(Ending.RAISED, detail="SystemExit"), "RE early_exit"),
        (Run(Ending.EXITED, detail="exit:0"), "RE early_exit"),
        (Run(Ending.EXITED, detail="protocol"), "RE protocol"),
        (Run(Ending.RETURNED, encode(5)), "WA answer"),
    ],
)
def test_only_odd_deaths_are_put_down_to_memory_that_was_nearly_full(run, wanted):
    assert verdict(RIGHT[0], run, usage=Usage(memory_mb=470)) == wanted
    assert verdict(RIGHT[0], run, usage=Usage(memory_mb=450)) == wanted.replace("MLE", "RE")


@pytest.mark.parametrize(
    "run",
    [
        Run(Ending.RAISED, detail="_ArrayMemoryError"),
        Run(Ending.RAISED, detail="OSError", message="[Errno 12] Cannot allocate memory"),
    ],
)
def test_memory_that_was_refused_is_memory_whatever_it_is_called(run):
    assert verdict(RIGHT[0], run) == "MLE oom"
    other = Run(Ending.RAISED, detail="OSError", message="[Errno 28] No space left on device")
    assert verdict(RIGHT[0], other) == "RE exception:OSError"


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


@pytest.mark.parametrize(
    ("counters", "again"),
    [
        ({"cpu_seconds": 1.59}, False),
        ({"cpu_seconds": 1.6}, True),
        ({"cpu_seconds": 2.4}, True),
        ({"wall_seconds": 4.7}, False),
        ({"wall_seconds": 4.9}, True),
        ({"memory_mb": 409.0}, False),
        ({"memory_mb": 410.0}, True),
        ({"memory_mb": 614.0}, True),
        ({"memory_mb": 700.0}, False),
        ({"memory_mb": 20.0, "oom_kills": 1}, True),
    ],
)
def test_whatever_ends_within_a_fifth_of_a_limit_is_run_again_alone(counters, again):
    sandbox = Scripted(Report(RIGHT, Usage(**counters)), Report(RIGHT, Usage(cpu_seconds=0.1)))
    found = judge(PROBLEM, "x", sandbox)
    assert sandbox.calls == ([False, True] if again else [False])
    assert found.evidence.runs == len(sandbox.calls)
    assert found.verdict is Verdict.AC or not again


def test_an_example_near_its_own_limit_is_run_again_alone():
    each = replace(PROBLEM, limits=Limits(cpu_seconds=60.0, example_cpu_seconds=1.0))
    slow = Report((RIGHT[0], replace(RIGHT[1], cpu_seconds=0.9)), Usage(cpu_seconds=1.0))
    assert judge(each, "x", Scripted(slow, Report(RIGHT))).evidence.runs == 2


@pytest.mark.parametrize(
    ("detail", "again"), [("exit:70", True), ("exit:120", True), ("exit:1", False)]
)
def test_a_process_without_the_means_to_end_well_has_a_second_try_alone(detail, again):
    """What it printed may have found no room for a reason that is the host's."""
    short = Report((RIGHT[0], Run(Ending.EXITED, detail=detail)))
    sandbox = Scripted(short, Report(RIGHT))
    assert judge(PROBLEM, "x", sandbox).verdict == ("AC" if again else "RE")
    assert sandbox.calls == ([False, True] if again else [False])


def test_every_time_out_is_run_again_however_far_beyond_the_limit():
    far = Report(
        (RIGHT[0], Run(Ending.KILLED, detail="cpu")), Usage(killed_by="cpu", cpu_seconds=9)
    )
    outlasted = Report((RIGHT[0], Run(Ending.KILLED, detail="examiner_cpu")))
    for report in (far, outlasted):
        assert judge(PROBLEM, "x", Scripted(report, report)).evidence.runs == 2


def test_two_runs_that_disagree_are_kept_as_instability_and_the_second_counts():
    slow = Report((RIGHT[0], Run(Ending.KILLED, detail="cpu")), Usage(killed_by="cpu"))
    fast = Report(RIGHT, Usage(cpu_seconds=1.7))
    found = judge(PROBLEM, "x", Scripted(slow, fast))
    assert (found.verdict, found.evidence.first_run, found.unstable) == ("AC", "TLE", True)
    found = judge(PROBLEM, "x", Scripted(fast, slow))
    assert (found.verdict, found.evidence.first_run, found.unstable) == ("TLE", "AC", True)
    found = judge(PROBLEM, "x", Scripted(slow, slow))
    assert (found.verdict, found.evidence.first_run, found.unstable) == ("TLE", "TLE", False)
    assert not judge(PROBLEM, "x", Scripted(Report(RIGHT))).unstable


def test_a_full_queue_is_not_tried_again_at_once():
    sandbox = Scripted(SandboxBusy("too many wait"), Report(RIGHT))
    with pytest.raises(SandboxBusy):
        judge(PROBLEM, "x", sandbox)
    assert len(sandbox.calls) == 1


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


WRONG = Run(Ending.RETURNED, encode(7))
FOUR = replace(PROBLEM, examples=PROBLEM.examples * 2)


def test_the_modes_reach_the_job_and_the_fingerprint():
    sandbox = Scripted(Report(RIGHT))
    conditions = Conditions(process_per_example=True, stop=Stop.NEVER, reference_factor=3)
    settings = judge(PROBLEM, "x", sandbox, conditions).evidence.settings
    assert (sandbox.jobs[0].isolated, sandbox.jobs[0].stop) == (True, Stop.NEVER)
    assert settings == "process=example stop=never factor=3"


def test_the_host_says_which_run_is_a_success():
    sandbox = Scripted(Report(RIGHT))
    judge(PROBLEM, "x", sandbox)
    accept = sandbox.accepts[0]
    assert accept(0, RIGHT[0]) and accept(1, RIGHT[1])
    assert not accept(1, RIGHT[0]) and not accept(0, WRONG) and not accept(2, RIGHT[0])
    assert not accept(0, Run(Ending.RETURNED, Wire("forged")))
    assert not accept(0, Run(Ending.RAISED, detail="KeyError"))


def test_an_answer_nobody_can_check_is_no_reason_to_stop():
    sandbox = Scripted(Report(RIGHT))
    judge(replace(PROBLEM, checker=Checker("undecided")), "x", sandbox)
    assert sandbox.accepts[0](0, WRONG)


def test_the_examiner_s_word_is_the_success_of_an_examined_job():
    entry = Examined("f", "def check(c):\n    assert c(1)\n", ("f",))
    sandbox = Scripted(Report((Run(Ending.RETURNED),)))
    judge(replace(PROBLEM, entry=entry, examples=()), "x", sandbox)
    assert sandbox.accepts[0](0, Run(Ending.RETURNED))
    assert not sandbox.accepts[0](0, Run(Ending.FAILED, detail="assertion"))


def test_what_a_stop_left_out_is_skipped_in_both_modes_alike():
    isolated = Report((RIGHT[0], WRONG, Run(Ending.NOT_RUN), Run(Ending.NOT_RUN)))
    together = Report((RIGHT[0], WRONG, RIGHT[0], Run(Ending.RAISED, detail="KeyError")))
    said = [
        judge(FOUR, "x", Scripted(report), Conditions(process_per_example=way, stop=Stop.FAILURE))
        for report, way in ((isolated, True), (together, False))
    ]
    for one in said:
        assert [outcome.verdict for outcome in one.outcomes] == ["AC", "WA", "SKIP", "SKIP"]
        assert (one.verdict, one.reason) == ("WA", "answer")
    everything = judge(FOUR, "x", Scripted(together), Conditions(stop=Stop.NEVER))
    assert (everything.verdict, everything.passed) == ("RE", 2)


def test_what_came_after_the_failure_is_none_of_the_verdict_s():
    runs = (RIGHT[0], WRONG, RIGHT[0], Run(Ending.KILLED, detail="cpu"))
    report = Report(runs, Usage(killed_by="cpu", cpu_seconds=2.0, memory_mb=512))
    failing = Conditions(stop=Stop.FAILURE)
    stopped = replace(report, runs=(RIGHT[0], WRONG, *(Run(Ending.NOT_RUN),) * 2))
    for seen in (report, stopped):
        assert judge(FOUR, "x", Scripted(seen, seen), failing).verdict == "WA"
    died = replace(report, runs=(RIGHT[0], Run(Ending.KILLED, detail="cpu"), *stopped.runs[2:]))
    assert judge(FOUR, "x", Scripted(died, died), failing).verdict == "MLE"
    assert judge(FOUR, "x", Scripted(report, report)).verdict == "MLE"


def test_evidence_names_digests_circumstances_limits_and_counters():
    usage = Usage(3, 0, "", 0.5, 0.7, 33.0, 0)
    runs = (RIGHT[0], Run(Ending.EXITED, detail="exit:3"))
    sandbox = Scripted(Report(runs, usage))
    sandbox.host = Host("docker", "full", "sha256:1", "cpython3", "linux6", "abc", ("numpy 2.1",))
    conditions = Conditions(cpu_seconds=9.0)
    found = judge(PROBLEM, "x = 1\ud800", sandbox, conditions).evidence
    assert found.problem == PROBLEM.digest and len(found.solution) == 64
    assert (found.host, found.sandbox, found.judge_version) == (
        sandbox.host,
        "scripted",
        JUDGE_VERSION,
    )
    assert (found.limits.cpu_seconds, found.wall_limit_seconds) == (9.0, 27.0)
    assert (found.limits.memory_mb, found.limits.output_bytes) == (512, 4 << 20)
    assert (found.cpu_seconds, found.wall_seconds, found.memory_mb) == (0.5, 0.7, 33.0)
    assert (found.exit_code, found.signal, found.killed_by, found.runs) == (3, 0, "", 1)
    assert evidence_from(json.loads(json.dumps(to_row(found)))) == found


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"more": 1}, "'more'"),
        ({"runs": "2"}, "'runs'"),
        ({"runs": True}, "'runs'"),
        ({"cpu_seconds": float("nan")}, "'cpu_seconds'"),
        ({"host": []}, "Host"),
        ({"host": {"backend": "docker"}}, "'tier'"),
        ({"limits": {"cpu_seconds": None}}, "'cpu_seconds'"),
    ],
)
def test_evidence_that_does_not_fit_is_refused_by_field(change, words):
    row = to_row(judge(PROBLEM, "x", Scripted(Report(RIGHT))).evidence)
    with pytest.raises(ValueError, match=words):
        evidence_from(row | change)


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
