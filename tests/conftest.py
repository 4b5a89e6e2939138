"""What tests share: the real thing where it can run, and a skip that says why where it cannot."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar, cast
from uuid import uuid4

import pytest

from judge.errors import SandboxUnavailable
from judge.models.base import ModelSpec
from judge.sandbox import NAMES, image, open_sandbox
from judge.sandbox.base import Sandbox
from judge.store import models, problem_sets
from judge.store.database import Database
from problems.problem import Example, Function, Parameter, Problem, ProblemSet, Slug
from problems.values import Wire
from tests import services

T = TypeVar("T", bound=services.Server)
ROOT = Path(__file__).parent.parent

Record = Callable[..., ModelSpec]


def missing(what: str) -> None:
    """Skip with the reason; a failure where nothing may be missing (JUDGE_REQUIRE=all)."""
    if os.environ.get("JUDGE_REQUIRE") == "all":
        pytest.fail(f"JUDGE_REQUIRE=all, but {what}")
    pytest.skip(what)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real problem sets and real answers."""
    folder = Path(os.environ.get("JUDGE_DATA") or ROOT / "../shared/data").resolve()
    if not folder.is_dir():
        missing(f"there is no real data at {folder}; JUDGE_DATA names the folder")
    return folder


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """The real namespaces sandbox with two workers."""
    try:
        opened = open_sandbox("namespaces", workers=2)
    except SandboxUnavailable as error:
        missing(f"no sandbox on this host: {error}")
        raise
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def docker_image() -> str:
    """The tag of an image made of this checkout's runner; needs an engine."""
    try:
        return image.build().tag
    except SandboxUnavailable as error:
        missing(f"no Docker engine on this host: {error}")
        raise


@pytest.fixture(scope="session")
def docker_sandbox(docker_image: str) -> Iterator[Sandbox]:
    """The real Docker sandbox with two workers."""
    opened = open_sandbox("docker", workers=2, image=docker_image)
    yield opened
    opened.close()


@pytest.fixture(params=NAMES)
def each_sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """Every backend in turn."""
    fixture = {"namespaces": "sandbox", "docker": "docker_sandbox"}[request.param]
    return cast(Sandbox, request.getfixturevalue(fixture))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A migrated SQLite database of this test alone."""
    with migrated(f"sqlite:///{tmp_path / 'judge.db'}") as opened:
        yield opened


@pytest.fixture
def each_database(database_url: str) -> Iterator[Database]:
    """A migrated database of either kind, of this test alone."""
    with migrated(database_url) as opened:
        yield opened


@contextmanager
def migrated(url: str) -> Iterator[Database]:
    """The database at that address, with its tables."""
    opened = Database(url)
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[services.Postgres]:
    """A PostgreSQL server of this run."""
    with served(services.Postgres) as server:
        yield server


@pytest.fixture
def postgres_url(postgres: services.Postgres) -> Iterator[str]:
    """A new database in it, of this test alone."""
    name = f"judge-{uuid4().hex[:12]}"
    yield postgres.database(name)
    postgres.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'judge.db'}"
    return cast(str, request.getfixturevalue("postgres_url"))


@pytest.fixture(scope="session")
def redis() -> Iterator[services.Redis]:
    """A Redis server of this run."""
    with served(services.Redis) as server:
        yield server


@contextmanager
def served(kind: Callable[[Path], T]) -> Iterator[T]:
    """A server of this kind in a folder of its own, running."""
    folder = services.folder_for(kind.__name__.lower())
    try:
        server = kind(folder)
        server.start()
    except services.Missing as error:
        shutil.rmtree(folder)
        missing(str(error))
        raise
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def adders(number: int, name: str) -> ProblemSet:
    """So many functions to write, the n-th adding n; `solution` below solves them."""
    return ProblemSet(
        name,
        tuple(
            Problem(
                Slug(f"add-{n}"),
                f"Add {n} to x.",
                Function("add", (Parameter("x", "int"),), "int"),
                tuple(Example(Wire(f"[{x}]"), (Wire(str(x + n)),)) for x in (1, 5)),
            )
            for n in range(number)
        ),
    )


@pytest.fixture
def small_set() -> ProblemSet:
    """Eight of them."""
    return adders(8, "small")


@pytest.fixture
def record(database: Database, small_set: ProblemSet, tmp_path: Path) -> Record:
    """Store the small set and a recorded model of that name; by default it solves every problem.

    `answers` gives the samples of each slug, in their order.
    """

    def make(
        name: str = "solver", answers: Mapping[str, Sequence[str]] | None = None, samples: int = 4
    ) -> ModelSpec:
        if answers is None:
            answers = {each.slug: [solution(each.slug)] * samples for each in small_set.problems}
        path = tmp_path / f"{name}.jsonl"
        rows = [{"task_id": slug, "solution": text} for slug in answers for text in answers[slug]]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        spec = ModelSpec(name, "recorded", str(path))
        with database.transaction() as tx:
            problem_sets.keep(tx, small_set)
            models.keep(tx, spec)
        return spec

    return make


def solution(slug: str) -> str:
    """The right answer to a problem of the small set."""
    return f"def add(x):\n    return x + {slug.removeprefix('add-')}\n"
