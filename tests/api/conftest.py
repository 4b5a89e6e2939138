"""The real application over a real SQLite, its embedded worker included."""

import json

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from judge.models.base import ModelSpec
from judge.settings import Settings
from judge.store import keys, models, problem_sets
from problems.problem import Example, Function, Parameter, Problem, ProblemSet, Slug
from problems.values import Wire

SECRET = "80777"


def problem(slug: str, name: str, body: str, *pairs: tuple[str, str]) -> Problem:
    return Problem(
        slug=Slug(slug),
        statement=f"Write `{name}(n)`. <script>alert('statement')</script>",
        entry=Function(name, (Parameter("n", "int"),), "int"),
        examples=tuple(
            Example(Wire(given), (Wire(wanted),), shown=index == 0)
            for index, (given, wanted) in enumerate(pairs)
        ),
        reference=f"def {name}(n):\n    return {body}\n",
    )


SMALL = ProblemSet(
    "small",
    (
        problem("double", "double", "2 * n", ("[1]", "2"), (f"[{int(SECRET) / 2:g}]", SECRET)),
        problem("square", "square", "n * n", ("[2]", "4"), ("[9]", "81")),
        problem("triple", "triple", "3 * n", ("[2]", "6"), ("[9]", "27")),
    ),
)


@pytest.fixture
def small():
    """A set whose one hidden answer with the digits of SECRET must not leave the service."""
    return SMALL


@pytest.fixture
def secret():
    return SECRET


@pytest.fixture
def app(tmp_path):
    return create_app(Settings(home=tmp_path / "home", sandbox_workers=2))


@pytest.fixture
def client(app):
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


@pytest.fixture
def filled(app, client, tmp_path):
    """The client of a service that has the small set, and two recorded models for it."""
    answers = tmp_path / "answers.jsonl"
    rows = [{"task_id": each.slug, "solution": [each.reference] * 2} for each in SMALL.problems]
    answers.write_text("".join(json.dumps(row) + "\n" for row in rows))
    hostile = tmp_path / "hostile.jsonl"
    rows = [
        {"task_id": each.slug, "response": ["<script>alert(1)</script>"] * 2}
        for each in SMALL.problems
    ]
    hostile.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with app.state.judge.database.transaction() as tx:
        problem_sets.keep(tx, SMALL)
        models.keep(tx, ModelSpec("reference", "recorded", str(answers)))
        models.keep(tx, ModelSpec("<img src=x onerror=alert(2)>", "recorded", str(hostile)))
    return client


@pytest.fixture
def opened(filled):
    """A batch of both models, opened over HTTP."""
    body = {"models": ["reference", "<img src=x onerror=alert(2)>"], "problem_set": "small"}
    answer = filled.post("/v1/batches", json=body)
    assert answer.status_code == 202, answer.text
    return answer


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A client of a service that wants keys, and `key(*scopes)` to make one: its headers."""
    home = tmp_path_factory.mktemp("guarded") / "home"
    app = create_app(Settings(home=home, sandbox_workers=2, auth="on"))
    with TestClient(app, base_url="http://127.0.0.1") as client:

        def key(*scopes, days=None):
            with app.state.judge.database.transaction() as tx:
                client.row, client.key = keys.add(tx, "someone", scopes, days)
            return {"Authorization": f"Bearer {client.key}"}

        client.make = key
        yield client
