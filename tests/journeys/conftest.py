"""`judge` as its users run it: a process of its own, on a free port, in a home of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress

import pytest

from judge import batches
from judge.models import open_model
from problems.files import write_set
from problems.problem import Example, Function, Limits, Parameter, Problem, ProblemSet, Slug
from problems.values import Wire
from tests import services
from tests.journeys import provider as providers
from tests.journeys.chaos import PROBLEMS, REQUEST, answer, prepared, verdicts

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


@pytest.fixture(scope="module")
def problem_set():
    def problem(n):
        return Problem(
            Slug(f"add-{n}"),
            f"Add {n} to x.",
            Function("add", (Parameter("x", "int"),), "int"),
            tuple(Example(Wire(f"[{x}]"), (Wire(str(x + n)),)) for x in (1, 5)),
            limits=Limits(cpu_seconds=0.2),
        )

    return ProblemSet("chaos", tuple(problem(n) for n in range(PROBLEMS)))


@pytest.fixture(scope="module")
def undisturbed(problem_set, sandbox, tmp_path_factory):
    """The verdicts of every draw, judged in one quiet process."""
    folder = tmp_path_factory.mktemp("quiet")
    with providers.running(answer) as provider:
        database, spec = prepared(f"sqlite:///{folder / 'judge.db'}", problem_set, provider)
        batch = batches.open_batch(database, REQUEST)
        backend = open_model(spec)
        batches.run_batch(database, lambda _: (spec, backend), sandbox, batch.id)
        found = verdicts(database, batch.id)
        backend.close()
        database.close()
    assert set(found.values()) == {"AC", "WA", "RE", "TLE", "CE"}
    return found


@pytest.fixture
def folder():
    made = services.folder_for("chaos")
    yield made
    shutil.rmtree(made, ignore_errors=True)
