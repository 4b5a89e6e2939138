"""What raises a CPU limit: a reference's time, this host's speed, and nothing that is noise."""

import json
import stat
import threading

import pytest

from judge.errors import SandboxError
from judge.sandbox.base import Ending, Host, Report, Run, Usage
from judge.verdicts import timing
from judge.verdicts.conditions import Conditions
from judge.verdicts.judging import judge
from judge.verdicts.timing import (
    NOMINAL_SECONDS,
    Reference,
    Timing,
    host_speed,
    keep_references,
    measured_speed,
    read_references,
)
from problems.problem import Example, Function, Limits, Problem, Slug
from problems.values import encode

PROBLEM = Problem(
    Slug("p"),
    "",
    Function("f"),
    (Example(encode([1]), (encode(2),)),),
    limits=Limits(cpu_seconds=3.0),
)


class Clocked:
    """A sandbox on a host of a chosen speed: every job takes the next of `times`, over and over."""

    name, workers, callers, fingerprint, tier = "clocked", 1, 1, "clocked", "none"

    def __init__(self, *times, kernel="linux6"):
        self.times, self.ran, self.jobs = times, 0, []
        self.host = Host("clocked", "none", "", "cpython3", kernel, "", ())

    def run(self, job, *, alone=False, accept=None):
        self.jobs.append(job)
        spent = self.times[self.ran % len(self.times)]
        self.ran += 1
        return Report((Run(Ending.RETURNED, encode(2)),), Usage(cpu_seconds=spent))

    def close(self):
        pass


def cpu_limit(seconds, speed=1.0, factor=4.0, base=PROBLEM.limits):
    known = Timing(speed, {PROBLEM.digest: Reference(seconds, seconds)})
    return known.limits(PROBLEM, base, factor).cpu_seconds


def test_the_limit_is_the_larger_of_the_problem_s_and_the_reference_s_times_four():
    assert [cpu_limit(each) for each in (0.0, 0.01, 0.74, 1.0, 5.0)] == [3.0, 3.0, 3.0, 4.0, 20.0]
    assert cpu_limit(5.0, factor=2.0) == 10.0 and cpu_limit(5.0, factor=0.0) == 3.0


def test_a_slow_host_gives_as_much_more_time_as_it_needs_and_a_fast_one_less():
    assert (cpu_limit(2.0, speed=0.5), cpu_limit(2.0, speed=2.0)) == (16.0, 4.0)
    assert cpu_limit(2.0, speed=4.0) == 3.0


def test_where_nothing_was_measured_the_problem_s_limit_holds():
    assert cpu_limit(5.0, speed=0.0) == 3.0
    assert Timing(1.0).limits(PROBLEM, PROBLEM.limits, 4.0) == PROBLEM.limits


def test_no_reference_occupies_a_host_for_hours_and_no_problem_loses_time_by_it():
    assert cpu_limit(1e6) == timing.MOST_CPU_SECONDS
    assert cpu_limit(1e6, base=Limits(cpu_seconds=100.0)) == 100.0


def test_an_example_s_own_limit_is_raised_by_the_slowest_example():
    base = Limits(cpu_seconds=30.0, example_cpu_seconds=1.0)
    known = Timing(1.0, {PROBLEM.digest: Reference(2.0, 0.5)})
    raised = known.limits(PROBLEM, base, 4.0)
    assert (raised.cpu_seconds, raised.example_cpu_seconds) == (30.0, 2.0)
    assert (
        not Timing(1.0, {PROBLEM.digest: Reference(9.0, 9.0)})
        .limits(PROBLEM, PROBLEM.limits, 4.0)
        .example_cpu_seconds
    )


def test_a_raised_limit_reaches_the_job_and_is_in_every_judgement_s_evidence():
    sandbox = Clocked(0.1)
    known = Timing(0.5, {PROBLEM.digest: Reference(1.0)})
    found = judge(PROBLEM, "x", sandbox, timing=known).evidence
    assert sandbox.jobs[0].limits.cpu_seconds == 8.0
    assert (found.limits.cpu_seconds, found.base_cpu_seconds, found.raised) == (8.0, 3.0, True)
    assert (found.reference_cpu_seconds, found.host_speed) == (1.0, 0.5)
    assert found.wall_limit_seconds == 24.0
    plain = judge(PROBLEM, "x", sandbox).evidence
    assert (plain.limits.cpu_seconds, plain.raised, plain.host_speed) == (3.0, False, 0.0)


def test_conditions_set_the_base_and_the_factor():
    known = Timing(1.0, {PROBLEM.digest: Reference(1.0)})
    for conditions, wanted in (
        (Conditions(cpu_seconds=0.5), 4.0),
        (Conditions(cpu_seconds=0.5, reference_factor=0), 0.5),
        (Conditions(reference_factor=10), 10.0),
    ):
        found = judge(PROBLEM, "x", Clocked(0.1), conditions, known).evidence
        assert found.limits.cpu_seconds == wanted


def test_a_replay_s_limits_are_exactly_those_it_is_given():
    known, exact = Timing(1.0, {PROBLEM.digest: Reference(9.0)}), Limits(cpu_seconds=1.5)
    found = judge(PROBLEM, "x", Clocked(0.1), timing=known, limits=exact)
    assert found.evidence.limits == exact


# --- references ----------------------------------------------------------------------------------


def test_times_are_kept_beside_each_other_and_the_last_one_counts(tmp_path):
    keep_references(tmp_path, {"a": Reference(1.0, 0.5), "b": Reference(2.0)})
    keep_references(tmp_path, {"a": Reference(3.0, 0.5)})
    assert read_references(tmp_path) == {"a": Reference(3.0, 0.5), "b": Reference(2.0)}
    [file] = tmp_path.iterdir()
    size = file.stat().st_size
    keep_references(tmp_path, {"a": Reference(3.0, 0.5)})
    assert file.stat().st_size == size, "what is known is not written again"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_damaged_line_says_nothing_and_hides_no_other(tmp_path):
    keep_references(tmp_path, {"a": Reference(1.0)})
    with (tmp_path / "reference-times.jsonl").open("ab") as file:
        file.write(b'\xff\n[]\n{"problem": "b"}\n')
        for bad in ("NaN", "-1", "1e999", '"x"', "null"):
            row = f'{{"problem":"b","cpu_seconds":{bad},"example_cpu_seconds":0}}\n'
            file.write(row.encode())
        file.write(b"[" * 100_000 + b"\n")
    assert read_references(tmp_path) == {"a": Reference(1.0)}
    assert read_references(tmp_path / "nowhere") == {}


# --- speed ---------------------------------------------------------------------------------------


def test_the_speed_is_measured_once_a_host_and_then_read(tmp_path):
    first = Clocked(NOMINAL_SECONDS / 2)
    assert host_speed(first, tmp_path) == pytest.approx(2.0, rel=0.05)
    again = Clocked(NOMINAL_SECONDS)
    assert host_speed(again, tmp_path) == host_speed(first, tmp_path)
    assert again.ran == 0
    other = Clocked(NOMINAL_SECONDS, kernel="linux7")
    assert host_speed(other, tmp_path) == 1.0
    assert len(json.loads((tmp_path / "host.json").read_text())) == 2


def test_a_burst_of_load_and_the_last_percent_do_not_move_the_speed():
    steady = measured_speed(Clocked(NOMINAL_SECONDS))
    assert measured_speed(Clocked(NOMINAL_SECONDS, 9.0, NOMINAL_SECONDS)) == steady
    assert measured_speed(Clocked(NOMINAL_SECONDS * 1.03)) == steady
    assert measured_speed(Clocked(NOMINAL_SECONDS * 1.3)) < steady


def test_a_home_that_cannot_be_written_or_read_is_measured_every_time(tmp_path):
    sandbox = Clocked(NOMINAL_SECONDS)
    assert host_speed(sandbox, None) == 1.0
    assert host_speed(sandbox, tmp_path / "nowhere") == 1.0
    for damaged in ("", "[]", '{"x": 0}', "[" * 100_000):
        (tmp_path / "host.json").write_text(damaged)
        assert host_speed(sandbox, tmp_path) == 1.0


def test_processes_that_start_together_measure_once(tmp_path):
    sandboxes = [Clocked(NOMINAL_SECONDS) for _ in range(8)]
    threads = [threading.Thread(target=host_speed, args=(each, tmp_path)) for each in sandboxes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(1 for each in sandboxes if each.ran) == 1


def test_a_sandbox_that_cannot_run_the_workload_is_a_fault_of_ours():
    class Broken(Clocked):
        def run(self, job, **options):
            return Report((Run(Ending.RAISED, detail="KeyError"),))

    with pytest.raises(SandboxError, match="workload"):
        measured_speed(Broken())


@pytest.mark.sandbox
def test_the_real_sandbox_runs_the_workload(sandbox, tmp_path):
    assert 0.01 < host_speed(sandbox, tmp_path) < 100
