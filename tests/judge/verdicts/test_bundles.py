"""Evidence in a file: whole, private, believed only where it agrees with itself, and replayable."""

import json
import os
import stat
from dataclasses import replace
from hashlib import sha256

import pytest

from judge.errors import UsageError
from judge.sandbox.base import Ending, Host, Report, Run, Stop, Usage
from judge.verdicts.bundles import Bundle, differences, read_bundle, replay, write_bundle
from judge.verdicts.conditions import Conditions
from judge.verdicts.judging import judge
from judge.verdicts.timing import Reference, Timing
from problems.importers import bundled
from problems.problem import Checker, Examined, Example, Function, Limits, Problem, Slug
from problems.values import encode

PROBLEM = Problem(
    Slug("p"),
    "Double.",
    Function("f"),
    (Example(encode([1]), (encode(2),)), Example(encode([(1, 2.5)]), (encode({3: {4}}),))),
    Checker("floats", absolute=1e-6),
    Limits(cpu_seconds=2.0),
    packages=("numpy",),
)
HOST = Host("scripted", "full", "", "cpython3.11.7", "linux6.1", "abc", ("numpy 2.1",))


class Scripted:
    """A sandbox whose every job ends alike."""

    name, workers, callers, fingerprint, tier = "scripted", 1, 1, "scripted", "full"
    host = HOST

    def __init__(self, *runs, usage=None):
        self.report = Report(runs, usage or Usage(cpu_seconds=0.1), "printed\x1b[2J")
        self.jobs = []

    def run(self, job, *, alone=False, accept=None):
        self.jobs.append(job)
        return self.report

    def close(self):
        pass


RIGHT = (
    Run(Ending.RETURNED, encode(2), cpu_seconds=0.01),
    Run(Ending.RETURNED, encode({3: {4}})),
)
WRONG = (RIGHT[0], Run(Ending.RAISED, detail="KeyError", message="'k'"))


def bundle(*runs, source="def f(x): ...", conditions=None, timing=None, problem=PROBLEM):
    conditions = conditions or Conditions()
    timing = timing or Timing(1.1, {problem.digest: Reference(3.0)})
    judgement = judge(problem, source, Scripted(*(runs or WRONG)), conditions, timing)
    return Bundle(problem, source, conditions, judgement)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "one.json"
    write_bundle(bundle(), path)
    return path


def test_a_bundle_comes_back_as_it_went_in(tmp_path):
    odd = Conditions(
        preamble="import math",
        prefix_prompt=True,
        examiner=True,
        helpers="solution",
        cpu_seconds=1.5,
        memory_mb=99,
        process_per_example=True,
        stop=Stop.NEVER,
        reference_factor=0.0,
    )
    for given in (
        bundle(),
        bundle(*RIGHT, conditions=odd),
        bundle(source="x = '\ud800\0\x1b[2J</script>'"),
        bundle(source="  "),
    ):
        write_bundle(given, tmp_path / "b.json")
        assert read_bundle(tmp_path / "b.json") == given


def test_every_kind_of_problem_comes_back(tmp_path):
    examined = replace(
        PROBLEM, entry=Examined("f", "def check(c):\n    assert c(1)\n", ("f",)), examples=()
    )
    for problem in (examined, *bundled("starter").problems[:6]):
        runs = (Run(Ending.RETURNED),) * max(len(problem.examples), 1)
        given = bundle(*runs, problem=problem)
        write_bundle(given, tmp_path / "b.json")
        assert read_bundle(tmp_path / "b.json") == given


def test_only_its_owner_can_read_it_and_no_link_is_followed(file, tmp_path):
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    target = tmp_path / "victim"
    target.write_text("kept")
    file.unlink()
    file.symlink_to(target)
    (tmp_path / f".one.json.{os.getpid()}").symlink_to(target)
    write_bundle(bundle(), file)
    assert target.read_text() == "kept" and not file.is_symlink()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["one.json", "victim"]


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (("judgement", "verdict"), "AC"),
        (("judgement", "evidence", "cpu_seconds"), 0.0),
        (("judgement", "evidence", "limits", "cpu_seconds"), 99.0),
        (("judgement", "outcomes", 1, "verdict"), "AC"),
        (("source",), "def f(x): return 2 * x"),
        (("problem", "examples", 0, "accepted"), [3]),
        (("conditions", "preamble"), "import os"),
        (("checksum",), "0" * 64),
    ],
)
def test_a_careless_edit_is_found(file, at, value):
    row = json.loads(file.read_text())
    changed = row
    for key in at[:-1]:
        changed = changed[key]
    changed[at[-1]] = value
    file.write_text(json.dumps(row))
    with pytest.raises(UsageError, match=r"one\.json: the evidence was changed"):
        read_bundle(file)


def forged(file, change):
    """The file with a change and a checksum to match, as somebody who can read this would do it."""
    row = json.loads(file.read_text())
    change(row)
    row.pop("checksum", None)
    text = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    file.write_text(json.dumps({**row, "checksum": sha256(text.encode()).hexdigest()}))


def put(*at, value):
    def change(row):
        for key in at[:-1]:
            row = row[key]
        row[at[-1]] = value

    return change


EVIDENCE = ("judgement", "evidence")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (put("source", value="def f(x): return 2 * x"), "another source"),
        (put("problem", "statement", value="Treble."), "another problem"),
        (put("conditions", "preamble", value="import os"), "another conditions"),
        (put("source", value=7), "no text"),
        (put("conditions", "stop", value="later"), "later"),
        (put("conditions", "helpers", value="nobody"), "helpers"),
        (put("conditions", "more", value=1), "more"),
        (put("conditions", "cpu_seconds", value="1"), "cpu_seconds"),
        (put("judgement", "verdict", value="OK"), "OK"),
        (put("judgement", "outcomes", value={}), "outcomes"),
        (put(*EVIDENCE, "limits", "cpu_seconds", value=1e9), "at most"),
        (put(*EVIDENCE, "limits", "memory_mb", value=0), "memory_mb"),
        (put(*EVIDENCE, "limits", "output_bytes", value=-1), "output_bytes"),
        (put(*EVIDENCE, "runs", value=None), "runs"),
        (put(*EVIDENCE, "host", value={}), "backend"),
        (put("problem", value=[]), "malformed"),
        (put("problem", "examples", 0, "arguments", value={"$x": 1}), "malformed"),
        (put("format", value="other"), "no evidence of judge"),
        (lambda row: row.pop("judgement"), "judgement"),
        (lambda row: row.pop("source"), "source"),
    ],
)
def test_what_does_not_fit_together_is_one_clear_line(file, change, words):
    forged(file, change)
    with pytest.raises(UsageError) as caught:
        read_bundle(file)
    said = str(caught.value)
    assert words in said and "one.json" in said and "\n" not in said and len(said) < 600


def test_a_prompt_that_does_not_parse_is_found_before_anything_runs(tmp_path):
    entry = Examined("f", "def check(c):\n    assert c(1)\n", ("f",), "def (")
    problem = replace(PROBLEM, entry=entry, examples=())
    judgement = judge(problem, "x", Scripted(Run(Ending.RETURNED)))
    broken = replace(judgement, evidence=replace(judgement.evidence, settings="helpers=solution"))
    write_bundle(Bundle(problem, "x", Conditions(helpers="solution"), broken), tmp_path / "b.json")
    with pytest.raises(UsageError, match="malformed"):
        read_bundle(tmp_path / "b.json")


@pytest.mark.parametrize(
    "content",
    [b"", b"\0\xff", b"[]", b"3", b'{"format": "judge-evidence"}', b"[" * 200_000, b'{"a":'],
)
def test_what_is_no_bundle_is_refused(file, content):
    file.write_bytes(content)
    with pytest.raises(UsageError, match=r"one\.json"):
        read_bundle(file)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        read_bundle(tmp_path / "none.json")
    with pytest.raises(UsageError, match="directory"):
        read_bundle(tmp_path)


def test_a_replay_has_the_recorded_conditions_and_exactly_the_recorded_limits(tmp_path):
    conditions = Conditions("import math", process_per_example=True, stop=Stop.NEVER)
    given = bundle(
        *WRONG, conditions=conditions, timing=Timing(0.5, {PROBLEM.digest: Reference(2)})
    )
    write_bundle(given, tmp_path / "b.json")
    sandbox = Scripted(*RIGHT)
    again = replay(read_bundle(tmp_path / "b.json"), sandbox, speed=1.0)
    [job] = sandbox.jobs
    assert (job.limits.cpu_seconds, job.preamble, job.isolated) == (16.0, "import math", True)
    assert job.packages == ("numpy",) and job.stop is Stop.NEVER
    assert (given.judgement.verdict, again.verdict) == ("RE", "AC")
    assert again.evidence.settings == given.judgement.evidence.settings


def test_what_differs_in_the_circumstances_is_named():
    then = bundle().judgement.evidence
    assert differences(then, then) == ()
    host = replace(HOST, kernel="linux6.18", packages=("numpy 2.2", "sortedcontainers 2"))
    now = replace(then, host=host, judge_version="9", host_speed=2.0, cpu_seconds=7.0)
    found = {each.what: (each.then, each.now) for each in differences(then, now)}
    assert found == {
        "judge": (then.judge_version, "9"),
        "kernel": ("linux6.1", "linux6.18"),
        "packages": ("numpy 2.1", "numpy 2.2, sortedcontainers 2"),
        "host speed": ("1.1", "2"),
    }
