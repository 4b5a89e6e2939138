"""`judge score`: a file in, verdicts out, one clear line for every bad input, nothing lost."""

import gzip
import json
import os
import subprocess
import sys

import pytest

from problems.files import from_row, write_set
from problems.problem import Example, Function, Limits, Problem, ProblemSet, Slug
from problems.values import encode

pytestmark = [pytest.mark.sandbox, pytest.mark.usefixtures("sandbox")]

SET = [
    {
        "task_id": f"T/{number}",
        "prompt": f'def f{number}(x):\n    """Add {number}."""\n',
        "entry_point": f"f{number}",
        "canonical_solution": f"    return x + {number}\n",
        "test": f"def check(candidate):\n    assert candidate(1) == {1 + number}\n",
    }
    for number in range(4)
]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "set.jsonl").write_text("".join(json.dumps(row) + "\n" for row in SET))
    return tmp_path


@pytest.fixture
def score(folder):
    def run(rows, *options, problems="set.jsonl", name="samples.jsonl"):
        text = rows if isinstance(rows, str) else "".join(json.dumps(row) + "\n" for row in rows)
        (folder / name).write_text(text)
        return command(folder, name, "--problems", problems, *options)

    return run


def command(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "judge.cli", "score", *arguments],
        cwd=folder,
        env=os.environ | {"JUDGE_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
        timeout=120,
    )


def completion(number, body):
    return {"task_id": f"T/{number}", "completion": f"    return {body}\n"}


def results(folder, name="samples_results.jsonl"):
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def test_a_file_is_scored_and_its_results_are_written(score, folder):
    done = score([completion(n, f"x + {n}" if n < 3 else "None") for n in range(4)])
    assert done.returncode == 0, done.stderr
    assert "pass@1 75.0 %" in done.stdout and "95 % interval" in done.stdout
    assert [row["passed"] for row in results(folder)] == [True, True, True, False]
    assert results(folder)[0]["completion"] == "    return x + 0\n"
    assert {row["result"] for row in results(folder)} == {"passed", "failed: answer"}


def test_missing_tasks_are_failures_and_are_shown(score):
    done = score([completion(0, "x")], "--json")
    found = json.loads(done.stdout)
    assert (found["covered"], found["problems"], found["pass@1"]) == (1, 4, 0.25)


def test_pass_at_k_is_reported_for_as_many_samples(score):
    rows = [completion(n, body) for n in range(4) for body in (f"x + {n}", "None")]
    found = json.loads(score(rows, "--json", "-k", "2", "-k", "3").stdout)
    assert found["pass@1"] == 0.5 and found["pass@2"] == 1.0 and "pass@3" not in found


def test_raw_replies_are_extracted(score, folder):
    reply = "Sure!\n```python\ndef f1(x):\n    return x + 1\n```\nDone."
    done = score([{"task_id": "T/1", "response": reply}])
    assert done.returncode == 0 and results(folder)[0]["passed"]


def test_settings_that_decide_verdicts_are_options_and_in_the_fingerprint(score):
    rows = [{"task_id": "T/2", "solution": "def f2(x):\n    return x + int(math.sqrt(4))\n"}]
    plain, helped = (
        json.loads(score(rows, "--json", *more).stdout) for more in ((), ("--preamble", "common"))
    )
    assert (plain["verdicts"], helped["verdicts"]) == ({"RE": 1}, {"AC": 1})
    assert plain["fingerprint"] != helped["fingerprint"]


def test_the_modes_are_options_and_in_the_fingerprint(score, folder):
    body = "x + 3 if x > 5 else None"
    rows = [{"task_id": "T/3", "completion": f"    return {body}\n"}]
    seen = {}
    for more in ((), ("--process-per-example",), ("--stop", "never"), ("--reference-factor", "2")):
        done = json.loads(score(rows, "--json", *more).stdout)
        assert done["verdicts"] == {"WA": 1}
        seen[more] = done["fingerprint"]
    assert len(set(seen.values())) == 4
    assert seen["--process-per-example",].endswith("process=example")
    assert "sometimes" in score(rows, "--stop", "sometimes").stderr


@pytest.mark.parametrize("more", [(), ("--process-per-example",)])
def test_at_the_first_failure_the_rest_is_skipped_in_both_modes(score, folder, more):
    examples = [{"arguments": [n], "accepted": [2 * n]} for n in range(4)]
    problem = {
        "slug": "p",
        "statement": "",
        "entry": {"kind": "function", "name": "f"},
        "examples": examples,
    }
    made = from_row(problem, "here")
    write_set(ProblemSet("own", (made,)), folder / "own.jsonl")
    rows = [{"task_id": "p", "solution": "def f(n):\n    return 2 * n if n != 1 else 7\n"}]
    counts = []
    for stop in ("failure", "never"):
        done = score(rows, "--stop", stop, "--evidence", "e", *more, problems="own.jsonl")
        assert done.returncode == 0, done.stderr
        kept = json.loads((folder / "e/00000-p.json").read_text())["judgement"]["outcomes"]
        counts.append([one["verdict"] for one in kept])
    assert counts == [["AC", "WA", "SKIP", "SKIP"], ["AC", "WA", "AC", "AC"]]


def test_a_slow_reference_raises_the_limit_of_its_answers_and_it_is_said(score, folder):
    spin = "import time\ndef f(x):\n    while time.process_time() < 0.3: pass\n    return x\n"
    examples = (Example(encode([1]), from_reference=True),)
    problem = Problem(
        Slug("p"), "", Function("f"), examples, limits=Limits(cpu_seconds=0.4), reference=spin
    )
    write_set(ProblemSet("own", (problem,)), folder / "own.jsonl")
    rows = [{"task_id": "p", "solution": spin.replace("0.3", "0.8")}]
    for _ in range(2):  # measured, then remembered
        found = json.loads(score(rows, "--json", problems="own.jsonl").stdout)
        assert (found["verdicts"], found["limits_raised"]) == ({"AC": 1}, 1)
    exact = score(rows, "--json", "--reference-factor", "0", problems="own.jsonl")
    found = json.loads(exact.stdout)
    assert found["verdicts"] == {"TLE": 1} and "limits_raised" not in found
    assert len(json.loads((folder / "home/host.json").read_text())) == 1


def test_a_folder_of_python_files_is_scored(folder):
    (folder / "mine" / "T_3").mkdir(parents=True)
    (folder / "mine" / "T_3" / "0.py").write_text("def f3(x):\n    return x + 3\n")
    done = command(folder, "mine", "--problems", "set.jsonl", "--json")
    assert json.loads(done.stdout)["verdicts"] == {"AC": 1}, done.stderr
    assert results(folder, "mine_results.jsonl")[0]["passed"]


ROWS = [completion(n, "x") for n in range(4)]


@pytest.mark.parametrize(
    ("rows", "options", "words"),
    [
        ([{"task_id": "T/9", "completion": ""}], (), "'T/9' is not in the set"),
        ([{"task_id": "T/1", "answer": ""}], (), "no answer here"),
        ([*ROWS, ROWS[0]], (), "the same row"),
        ("{", (), "not JSON"),
        ("", (), "no answers"),
        (ROWS, ("--out", "nowhere/x.jsonl"), "not a folder"),
        (ROWS, ("--evidence", "set.jsonl"), "set.jsonl"),
        (ROWS, ("--preamble", "nowhere.py"), "neither none, common nor"),
        (ROWS, ("--problems", "nowhere.jsonl"), "no such file"),
        (ROWS, ("--problems", "samples.jsonl"), "known format"),
        (ROWS, ("--cpu-seconds", "-3"), "cpu"),
    ],
)
def test_bad_input_is_one_clear_line(score, folder, rows, options, words):
    done = score(rows, *options)
    assert done.returncode == 2, done
    complaint = done.stderr.strip().splitlines()[-1]
    assert complaint.startswith("judge: error:") and words in complaint and done.stdout == ""
    assert not list(folder.glob("*_results.jsonl"))


def test_a_truncated_gz_is_one_clear_line(folder):
    (folder / "s.jsonl.gz").write_bytes(gzip.compress(json.dumps(ROWS[0]).encode() * 99)[:-9])
    done = command(folder, "s.jsonl.gz", "--problems", "set.jsonl")
    assert done.returncode == 2 and "cut off" in done.stderr and "Traceback" not in done.stderr


def test_a_full_disk_loses_nothing_that_was_there(score, folder):
    (folder / "full").mkdir()
    try:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=8k", "full", folder / "full"], check=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root can make a disk small enough to fill")
    try:
        (folder / "full" / "out.jsonl").write_text("kept\n")
        rows = [completion(n, "x") | {"note": "y" * 9000} for n in range(4)]
        done = score(rows, "--out", "full/out.jsonl")
        assert done.returncode == 2 and "make room" in done.stderr.replace("\n", " ")
        assert (folder / "full" / "out.jsonl").read_text() == "kept\n"
        assert [item.name for item in (folder / "full").iterdir()] == ["out.jsonl"]
    finally:
        subprocess.run(["umount", folder / "full"], check=True)
