"""`judge sandbox`: a source run and shown, a verdict replayed, the host's seal told plainly."""

import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from judge import batches
from judge.cli import sandbox as verbs
from judge.errors import SandboxUnavailable
from judge.sandbox import selfcheck
from judge.sandbox.selfcheck import Finding
from judge.store.database import Database
from judge.verdicts import corpus
from judge.verdicts.bundles import read_bundle, write_bundle
from judge.verdicts.verdict import Verdict

pytestmark = [pytest.mark.sandbox, pytest.mark.usefixtures("sandbox")]


@pytest.fixture
def source(tmp_path):
    def write(text):
        path = tmp_path / "solution.py"
        path.write_text(text)
        return path

    return write


def one_line(said, code=2):
    assert said.code == code, said
    [line] = said.err.splitlines()[-1:]
    assert line.startswith("judge: error: ")
    assert "Traceback" not in said.err
    return line


# --- exec ----------------------------------------------------------------------------------------


def test_a_program_reads_a_file_and_its_output_is_the_result(judge, source, tmp_path):
    (tmp_path / "in").write_text("21\n")
    program = source("print(2 * int(input()))\n")
    said = judge("sandbox", "exec", program, "--stdin", tmp_path / "in")
    assert (said.code, said.out) == (0, "42\n")
    assert "returned" in said.err and "exit 0" in said.err and "cpython" in said.err


def test_calls_are_made_with_values_of_the_codec(judge, source):
    function = source("def f(a, b=0):\n    return (a, b)\n")
    words = ("sandbox", "exec", function, "--call", "f")
    args = ("--args", '[1, "a"]', "--args", '[{"$tuple": [2.5, null]}]')
    assert judge(*words, *args).out.splitlines() == [
        '{"$tuple":[1,"a"]}',
        '{"$tuple":[{"$tuple":[2.5,null]},0]}',
    ]
    said = judge(*words, *args, "--json").json()
    assert said["runs"][0]["value"] == {"$tuple": [1, "a"]}
    assert said["usage"]["cpu_seconds"] > 0 and said["fingerprint"].startswith("namespaces")
    assert said["limits"]["wall_seconds"] == 18.0


def test_how_it_ended_is_shown_and_is_no_failure_of_the_command(judge, source):
    words = ("sandbox", "exec")
    loop = source("while True: pass\n")
    said = judge(*words, loop, "--cpu-seconds", 0.2, "--json").json()
    assert said["usage"]["killed_by"] == "cpu" and said["runs"][0]["ending"] == "killed"
    said = judge(*words, loop, "--cpu-seconds", 0.2)
    assert said.code == 0 and "killed by its cpu limit" in said.err and said.out == ""
    said = judge(*words, source("raise KeyError('gone')\n"))
    assert "raised KeyError" in said.err and "Traceback" in said.err
    said = judge(*words, source("import sys\nsys.exit(3)\n"))
    assert "exit 3" in said.err
    assert "MemoryError" in judge(*words, source("x = ' ' * 10**10\n"), "--memory-mb", 64).err
    said = judge(*words, source("print('x' * 5000)\n"), "--output-bytes", 1000)
    assert "stdout limit" in said.err


def test_what_a_source_prints_cannot_drive_the_terminal(judge, source):
    said = judge(
        "sandbox", "exec", source("print('\\x1b[2J\\x07ok')\nraise ValueError('\\x1b[1m')")
    )
    assert "\x1b" not in said.out + said.err and "\x07" not in said.out + said.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "either a SOLUTION.py or --evidence"),
        (("s.py", "--evidence", "e.json"), "either a SOLUTION.py or --evidence"),
        (("none.py",), "none.py"),
        (("s.py", "--args", "[1]"), "--call"),
        (("s.py", "--call", "f", "--args", "1"), "write '[1]'"),
        (("s.py", "--call", "f", "--args", "[1"), "cannot be read"),
        (("s.py", "--call", "f", "--args", '[{"$x": 1}]'), "cannot be read"),
        (("s.py", "--call", "f", "--args", "[" * 99_999), "cannot be read"),
        (("s.py", "--call", "f", "--stdin", "s.py"), "--args"),
        (("s.py", "--stdin", "none"), "none"),
        (("s.py", "--package", "torch"), "numpy"),
        (("s.py", "--backend", "chroot"), "chroot"),
        (("s.py", "--memory-mb", "1"), "memory"),
        (("latin.py",), "not UTF-8"),
        (("--evidence", "none.json"), "No such file"),
        (("--evidence", "s.py"), "malformed"),
    ],
)
def test_bad_input_is_one_clear_line(judge, tmp_path, monkeypatch, options, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.py").write_text("def f(x): return x\n")
    (tmp_path / "latin.py").write_bytes(b"# \xe9\n")
    assert words in one_line(judge("sandbox", "exec", *options))


# --- evidence ------------------------------------------------------------------------------------


@pytest.fixture
def evidence(judge, small_set, tmp_path):
    """Bundles of a right answer, a wrong one, and a slow one."""
    answers = ("def double(n):\n    return 2 * n\n", "def double(n):\n    return n\n")
    slow = "def double(n):\n    while True: pass\n"
    rows = [{"task_id": "double", "solution": text} for text in (*answers, slow)]
    samples = tmp_path / "samples.jsonl"
    samples.write_text("".join(json.dumps(row) + "\n" for row in rows))
    folder = tmp_path / "evidence"
    options = ("--cpu-seconds", 0.3, "--evidence", folder)
    said = judge("score", samples, "--problems", small_set, *options)
    assert said.code == 0, said
    assert f"evidence in {folder}" in said.out and "expected answers" in said.out
    return sorted(folder.iterdir())


def test_every_answer_leaves_a_bundle_for_its_owner_alone(evidence):
    names = ["00000-double.json", "00001-double.json", "00002-double.json"]
    assert [path.name for path in evidence] == names
    assert {path.stat().st_mode & 0o777 for path in evidence} == {0o600}
    assert evidence[0].parent.stat().st_mode & 0o777 == 0o700
    verdicts = [read_bundle(path).judgement.verdict for path in evidence]
    assert verdicts == ["AC", "WA", "TLE"]
    slow = read_bundle(evidence[2]).judgement.evidence
    assert (slow.killed_by, slow.runs, slow.first_run) == ("cpu", 2, "TLE")
    assert slow.limits.cpu_seconds == 0.3 and slow.host_speed > 0


def test_a_replay_says_the_same_of_every_answer(judge, evidence):
    for path, verdict in zip(evidence, ("AC", "WA", "TLE"), strict=True):
        said = judge("sandbox", "exec", "--evidence", path)
        assert said.code == 0, said
        assert f"recorded  {verdict}" in said.out and f"now       {verdict}" in said.out
    found = judge("sandbox", "exec", "--evidence", evidence[0], "--json").json()
    assert found["same"] and found["differences"] == []
    assert found["now"]["evidence"]["limits"] == found["recorded"]["evidence"]["limits"]


def test_a_verdict_that_was_claimed_and_is_not_true_is_exit_1(judge, evidence):
    """Whoever can write a right checksum can claim any verdict; the replay does not believe it."""
    bundle = read_bundle(evidence[1])
    circumstances = replace(bundle.judgement.evidence.host, kernel="linux2.4", python="cpython2")
    record = replace(bundle.judgement.evidence, host=circumstances, judge_version="0.0.1")
    claimed = replace(bundle.judgement, verdict=Verdict.AC, reason="", evidence=record)
    write_bundle(replace(bundle, judgement=claimed), evidence[1])
    said = judge("sandbox", "exec", "--evidence", evidence[1])
    assert said.code == 1, said
    assert "recorded  AC" in said.out and "now       WA answer" in said.out
    for words in ("kernel: linux2.4 then", "python: cpython2 then", "judge: 0.0.1 then"):
        assert words in said.out


def test_a_tampered_bundle_is_one_clear_line(judge, evidence):
    evidence[1].write_text(evidence[1].read_text().replace('"WA"', '"AC"'))
    line = one_line(judge("sandbox", "exec", "--evidence", evidence[1]))
    assert "was changed" in line


def test_a_stored_verdict_is_written_out_and_replayed(judge, small_set, tmp_path, home):
    judge("problems", "import", small_set)
    answers, out = tmp_path / "answers.jsonl", tmp_path / "kept.json"
    judge("problems", "answers", "small", "--which", "wrong", "--out", answers)
    judge("models", "add", "wrong", "--backend", "recorded", "--id", answers)
    batch = judge("run", "--models", "wrong", "--problems", "small", "--json").json()["id"]
    database = Database(f"sqlite:///{home / 'judge.db'}")
    sample = batches.list_samples(database, batch)[0].id
    said = judge("sandbox", "evidence", sample, "--out", out)
    assert (said.code, said.out) == (0, f"{out}: WA answer\n"), said
    assert out.stat().st_mode & 0o777 == 0o600
    assert judge("sandbox", "exec", "--evidence", out).code == 0
    assert "nowhere" in one_line(judge("sandbox", "evidence", "nowhere", "--out", out))
    gone = tmp_path / "no" / "x.json"
    assert "--out" in one_line(judge("sandbox", "evidence", sample, "--out", gone))
    with database.transaction() as tx:
        tx.execute(text("UPDATE judgements SET evidence = '{}'"))
    said = judge("sandbox", "evidence", sample, "--out", tmp_path / "y.json")
    assert "before judgements kept" in one_line(said)
    with database.transaction() as tx:
        tx.execute(text("DELETE FROM judgements"))
    said = judge("sandbox", "evidence", sample, "--out", tmp_path / "y.json")
    assert "no judgement" in one_line(said) and not (tmp_path / "y.json").exists()
    database.close()


# --- check and build -----------------------------------------------------------------------------


def case(name, *why_not):
    return corpus.Finding(name, "function", "time", "namespaces", "TLE", "TLE", why_not, 0.1)


@pytest.fixture
def host(monkeypatch):
    """A host whose probes find what a test says: hosts without a seal are not at hand."""

    def pretend(*findings, cases=()):
        monkeypatch.setattr(selfcheck, "probe", lambda sandbox: findings)
        posed = [SimpleNamespace(kinds={"function": 1}) for _ in cases]
        monkeypatch.setattr(corpus, "read_corpus", lambda folder: posed)
        monkeypatch.setattr(corpus, "run_all", lambda sandbox, posed: iter(cases))

    return pretend


HELD = Finding("fork is refused", held=True, detail="EPERM")
LACKING = Finding("Landlock", held=False, remedy="boot it", needed=False)


def test_a_sealed_host_is_told_its_tier(judge, host):
    host(HELD, LACKING)
    said = judge("sandbox", "check")
    assert said.code == 0, said
    assert "fork is refused" in said.out and "tier strong" in said.out
    assert "missing" in said.out and "boot it" in said.out
    assert judge("sandbox", "check", "--json").json()["tier"] == "strong"


def test_a_host_below_every_tier_sees_the_table_and_the_remedy(judge, host):
    host(HELD, Finding("the network is shut", held=False, remedy="allow namespaces"))
    said = judge("sandbox", "check")
    assert "allow namespaces" in one_line(said, code=5)
    assert "NOT HELD" in said.out and "fork is refused" in said.out and "no tier" in said.out
    assert "allow namespaces" in one_line(judge("sandbox", "check", "--full"), code=5)


def test_a_case_that_was_not_held_is_exit_1_by_name(judge, host):
    host(HELD, cases=(case("a"), case("b", "a file was left")))
    said = judge("sandbox", "check", "--full")
    assert said.code == 1, said
    assert "| time | 1/2 |" in said.out and "hostile corpus: 2/2" in said.err
    assert "not held: b as function: a file was left" in said.err
    assert judge("sandbox", "check").code == 0
    host(HELD, cases=(case("a"),))
    assert judge("sandbox", "check", "--full").code == 0


def test_this_host_is_checked(judge):
    said = judge("sandbox", "check", "--json")
    assert said.code == 0, said
    found = said.json()
    assert found["tier"] and len(found["findings"]) > 5 and found["cases"] == []


def test_an_engine_that_is_missing_is_named(judge, monkeypatch):
    for name in ("judge.sandbox.image", "judge.sandbox.engine"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "docker", None)
    assert "judge[docker]" in one_line(judge("sandbox", "build"))


def test_an_image_is_built_and_named(judge, docker_image):
    name = docker_image.partition(":")[0] + ":of-a-test"
    built = judge("sandbox", "build", "--tag", name, "--json").json()
    assert built["tag"] == name and built["megabytes"] > 10
    assert any(package.startswith("numpy ") for package in built["packages"])
    assert judge("sandbox", "build", "--tag", name).out.startswith(f"{name}: ")


def test_a_base_that_is_not_there_is_said(judge, docker_image):
    said = judge("sandbox", "build", "--base", "localhost:1/nobody/has-this:1")
    assert said.code == 5 and "did not make the image" in said.err


def test_the_settings_of_the_sandbox_reach_the_door(judge, host, monkeypatch, tmp_path, source):
    host(HELD)
    given = {}

    def door(name, workers, **options):
        given.update(name=name, workers=workers, **options)
        raise SandboxUnavailable("not today")

    monkeypatch.setattr(verbs, "open_sandbox", door)
    for name, value in (
        ("SANDBOX", "docker"),
        ("SANDBOX_IMAGE", "mine:1"),
        ("SANDBOX_RECYCLE", "7"),
        ("SANDBOX_WAITING", "8"),
        ("SANDBOX_CHANNELS", str(tmp_path)),
    ):
        monkeypatch.setenv(f"JUDGE_{name}", value)
    one_line(judge("sandbox", "exec", source("")), code=5)
    options = {"image": "mine:1", "recycle": 7, "waiting": 8, "channels": tmp_path}
    assert given == {"name": "docker", "workers": 1, **options}
    monkeypatch.setenv("JUDGE_SANDBOX_CHANNELS", "")
    judge("sandbox", "check", "--backend", "namespaces")
    assert (given["name"], given["channels"], given["probed"]) == ("namespaces", None, False)
    monkeypatch.setenv("JUDGE_SANDBOX_RECYCLE", "0")
    assert "JUDGE_SANDBOX_RECYCLE" in one_line(judge("sandbox", "exec", source("")))
