"""`judge` as its users run it: a process of its own, on a free port, in a home of its own."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress

import pytest

from problems.files import write_set
from problems.problem import Example, Function, Parameter, Problem, ProblemSet, Slug
from problems.values import Wire

JUDGE = (sys.executable, "-m", "judge.cli")


class House:
    """One home, and the processes started in it."""

    def __init__(self, home):
        self.home = home
        self.environment = os.environ | {"JUDGE_HOME": str(home), "JUDGE_LEASE_SECONDS": "3"}
        for name in ("JUDGE_DATABASE_URL", "JUDGE_BROKER_URL", "OPENAI_API_KEY"):
            self.environment.pop(name, None)

    def judge(self, *words, code=0):
        """Run one command to its end; its result as JSON."""
        done = subprocess.run(
            [*JUDGE, *map(str, words), "--json"],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout) if done.stdout else done.stderr

    @contextmanager
    def up(self):
        """A running service: its process, with `address`."""
        with (self.home.parent / "service.log").open("ab") as log:
            process = subprocess.Popen(
                [*JUDGE, "up", "--port", "0", "--json"],
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        try:
            said = b""
            for line in process.stdout:
                said += line
                if line.startswith(b"}"):
                    break
            process.address = json.loads(said)["address"]
            yield process
        finally:
            process.stdout.close()
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def house(tmp_path):
    return House(tmp_path / "home")


@pytest.fixture
def small_set(tmp_path):
    """Two problems of ours, as a file."""

    def problem(name, body, *pairs):
        return Problem(
            slug=Slug(name),
            statement=f"Write `{name}(n)`.",
            entry=Function(name, (Parameter("n", "int"),), "int"),
            examples=tuple(Example(Wire(given), (Wire(wanted),)) for given, wanted in pairs),
            reference=f"def {name}(n):\n    return {body}\n",
        )

    path = tmp_path / "small.jsonl"
    both = (problem("double", "2 * n", ("[3]", "6")), problem("square", "n * n", ("[3]", "9")))
    write_set(ProblemSet("small", both), path)
    return path
