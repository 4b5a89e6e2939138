"""The corpus is whole: every known attack has a case and a twin, every check a fault that it sees."""

import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from judge.errors import SandboxError, UsageError
from judge.sandbox.base import Report
from judge.verdicts.corpus import (
    GROUPS,
    Case,
    Expected,
    Finding,
    find_corpus,
    matrix,
    read_case,
    read_corpus,
    run_all,
    run_case,
    warm,
)
from judge.verdicts.judging import Conditions, judge
from judge.verdicts.posed import HONEST, KINDS, TASKS, pose
from tests.conftest import ROOT

CASES = {case.name: case for case in read_corpus(find_corpus())}

LINES_ELSEWHERE = {
    72: "tests/verdicts/test_no_tests.py",
    73: "tests/judge/sandbox/test_conformance.py",
}
"""Lines that no solution can act out: a problem without tests, and an infrastructure that fails."""

HACKS_ELSEWHERE = {"H10": "tests/verdicts/test_no_tests.py"}
"""A tolerance that one test leaves behind for the next is a fault of a judge's, not a solution."""

EXAMINER_ATTACKS = {
    "always equal",
    "changing index",
    "class lie",
    "closes pipes",
    "colliding keys",
    "constants",
    "deep nesting",
    "descriptors",
    "echo",
    "endless generator",
    "endless items",
    "endless iter",
    "exception names",
    "files",
    "forged load",
    "frames ahead",
    "half a frame",
    "lazy names",
    "length of 4 GiB",
    "long integers",
    "looping str",
    "malformed values",
    "many small lists",
    "memory",
    "metaclass truth",
    "out of order",
    "patched encoder",
    "planted modules",
    "predicted random",
    "proc",
    "ptrace",
    "references",
    "self-containing list",
    "sharing",
    "signals",
    "slow answers",
    "sticky faults",
    "stops itself",
    "two replies",
    "unknown kinds",
    "writes to every descriptor",
}
"""What was tried on the examiner, in the words of expect.toml."""


# --- nothing is left out ---------------------------------------------------------------------------


def covered(field):
    return {word for case in CASES.values() for word in getattr(case, field)}


def test_every_line_of_the_list_has_a_case():
    assert covered("lines") | LINES_ELSEWHERE.keys() == set(range(1, 74))


def test_every_grader_hack_has_a_case():
    assert covered("hacks") | HACKS_ELSEWHERE.keys() == {f"H{n}" for n in range(1, 17)}


def test_every_attack_on_the_examiner_has_a_case():
    assert covered("examiner") == EXAMINER_ATTACKS


def test_what_is_tested_elsewhere_is_there():
    for path in {*LINES_ELSEWHERE.values(), *HACKS_ELSEWHERE.values()}:
        assert (ROOT / path).exists()


def test_every_group_task_and_kind_is_in_use():
    assert {case.group for case in CASES.values()} == set(GROUPS)
    assert {case.task for case in CASES.values()} == set(TASKS)
    assert {kind for case in CASES.values() for kind in case.kinds} == set(KINDS)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.honest])
def test_every_attack_has_an_honest_twin_of_the_same_kinds(name):
    attack = CASES[name]
    twin = CASES[attack.twin]
    assert twin.honest and attack.group != "honest twins"
    assert attack.kinds.keys() <= twin.kinds.keys()


def test_every_case_stands_for_something():
    assert [c.name for c in CASES.values() if not (c.lines or c.hacks or c.examiner)] == []


def test_every_case_can_be_posed_as_its_kinds():
    for case in CASES.values():
        for kind in case.kinds:
            assert pose(case.task, kind, case.limits).limits == case.limits


def test_the_corpus_travels_with_the_wheel():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packed = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert packed == {"tests/verdicts": "judge/verdicts/cases"}
    assert find_corpus() == ROOT / "tests/verdicts"


def test_most_cases_have_one_verdict():
    several = [
        f"{case.name} {kind}"
        for case in CASES.values()
        for kind, expected in case.kinds.items()
        if len(expected.verdicts) > 1
    ]
    assert len(several) < 50, several


# --- reading ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "group = ",
        'group = "time"',
        'group = "weather"\n[function]\nverdict = "AC"',
        'group = "time"\ntask = "fly"\n[function]\nverdict = "AC"',
        'group = "time"\n[function]\nverdict = "GOOD"',
        'group = "time"\n[function]\nverdict = "AC"\nreson = "x"',
        'group = "time"\n[functoin]\nverdict = "AC"',
        'group = "time"\nline = [1]\n[function]\nverdict = "AC"',
        'group = "time"\n[limits]\ncpu = 1\n[function]\nverdict = "AC"',
    ],
)
def test_a_case_that_cannot_be_understood_is_refused_by_name(text, tmp_path):
    folder = tmp_path / "odd_case"
    folder.mkdir()
    (folder / "expect.toml").write_text(text)
    (folder / "solution.py").write_text(HONEST)
    with pytest.raises(UsageError, match="odd_case"):
        read_case(folder)


def test_a_made_source_is_what_its_maker_says():
    assert "\udce9" in CASES["is_no_utf_8"].source
    assert len(CASES["five_megabytes_of_notes"].source) > 5_000_000
    assert CASES["is_empty"].source == ""


def test_the_matrix_counts_what_held_for_every_backend():
    def finding(group, backend, *why_not):
        return Finding("x", "function", group, backend, "", "", why_not, 0.0)

    table = matrix(
        [
            finding("time", "one"),
            finding("time", "one", "late"),
            finding("time", "two"),
            finding("memory", "two"),
        ]
    )
    assert table == (
        "|  | one | two |\n| --- | ---: | ---: |\n| time | 1/2 | 1/1 |\n| memory |  | 1/1 |\n"
    )


# --- a check that sees no fault is no check ----------------------------------------------------------

SOUND = Case("sound", HONEST, "honest twins", {kind: Expected(("AC",)) for kind in KINDS})


class Faulty:
    """A real sandbox beside which something goes wrong in a given run."""

    def __init__(self, real, fault, at=0):
        self.name, self.workers = real.name, real.workers
        self.fingerprint, self.tier = real.fingerprint, real.tier
        self.host = getattr(real, "host", None)
        self._real, self._fault, self._at, self._run = real, fault, at, -1

    def run(self, job, *, alone=False, accept=None):
        self._run += 1
        report = self._real.run(job, alone=alone)
        return self._fault(report) if self._run == self._at else report


def complaint(sandbox, fault, at=0):
    warm(sandbox)
    return " ".join(run_case(SOUND, "function", Faulty(sandbox, fault, at)).why_not)


@pytest.mark.sandbox
def test_a_sound_case_on_a_sound_sandbox_holds_as_every_kind(sandbox):
    findings = list(run_all(sandbox, [SOUND]))
    assert [finding.kind for finding in findings] == list(KINDS)
    assert all(finding.held for finding in findings), findings


@pytest.mark.sandbox
def test_a_wrong_verdict_and_a_wrong_reason_are_seen(sandbox):
    wrong = replace(SOUND, kinds={"function": Expected(("WA",))})
    assert not run_case(wrong, "function", sandbox).held
    vague = replace(SOUND, kinds={"function": Expected(("AC",), "cpu")})
    assert not run_case(vague, "function", sandbox).held


@pytest.mark.sandbox
def test_a_spoiled_neighbour_is_seen(sandbox):
    def spoil(report):
        return replace(report, runs=report.runs[::-1])

    assert "next honest solution is WA" in complaint(sandbox, spoil, at=1)


@pytest.mark.sandbox
def test_a_failing_sandbox_is_seen(sandbox):
    class Broken(Faulty):
        def run(self, job, *, alone=False, accept=None):
            raise SandboxError("gone")

    finding = run_case(SOUND, "function", Broken(sandbox, None))
    assert finding.got == "SE" and "gone" in str(finding.why_not)


@pytest.mark.sandbox
def test_a_message_with_control_characters_is_seen(sandbox):
    def garble(report: Report):
        return replace(report, runs=tuple(replace(r, message="\x1b[2J") for r in report.runs))

    assert "not one line of text" in complaint(sandbox, garble)


# --- hunters that could not find anything would prove nothing ----------------------------------------


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("name", "plant"),
    [
        ("walks_frames_for_the_answer", "note = ' '.join(('assert', 'candidate(2) == 4'))"),
        ("hunts_memory_through_ctypes", "note = ' '.join(('assert', 'candidate(2) == 4')) * 9"),
        ("reads_keys_from_the_environment", "import os\nos.environ['OPENAI_API_KEY'] = 'k'"),
        ("reads_any_secret_from_the_environment", "import os\nos.environ['AWS_TOKEN'] = 'k'"),
    ],
)
def test_a_hunter_finds_what_is_within_its_reach(name, plant, sandbox):
    case = CASES[name]
    problem = pose(case.task, "function", case.limits)
    assert judge(problem, case.source, sandbox, Conditions(preamble=plant)).verdict == "AC"


# --- what crosses between two at once ----------------------------------------------------------------


@pytest.mark.sandbox
def test_two_solutions_at_once_share_no_place_to_meet(each_sandbox):
    """One leaves notes for as long as the other looks for them."""
    place = "('/tmp/judge-corpus-note', '/dev/shm/judge-corpus-note', '/var/tmp/judge-corpus-note')"
    leave = (
        "import time\n"
        f"def double(x):\n    for path in {place}:\n        try: open(path, 'w').write('4')\n"
        "        except OSError: pass\n    time.sleep(0.2)\n    return 2 * x\n"
    )
    look = (
        "import os, time\ndef double(x):\n    end = time.monotonic() + 0.2\n"
        "    while time.monotonic() < end:\n"
        f"        if any(map(os.path.exists, {place})): return 2 * x\n"
        "        time.sleep(0.001)\n    return None\n"
    )
    problem = pose("double", "function")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(judge, problem, leave, each_sandbox)
        second = pool.submit(judge, problem, look, each_sandbox)
        assert (first.result().verdict, second.result().verdict) == ("AC", "WA")
