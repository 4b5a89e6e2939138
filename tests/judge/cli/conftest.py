"""The command line, called as `judge` would be, in a home of its own."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from judge import cli
from problems.files import write_set
from problems.problem import Example, Function, Parameter, Problem, ProblemSet, Slug, WrongSolution
from problems.values import Wire


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def home(tmp_path, monkeypatch):
    place = tmp_path / "home"
    monkeypatch.setenv("JUDGE_HOME", str(place))
    for name in ("JUDGE_DATABASE_URL", "JUDGE_BROKER_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return place


@pytest.fixture
def judge(home, capsys):
    def call(*words: object) -> Said:
        capsys.readouterr()
        code = cli.call([str(word) for word in words])
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return call


@pytest.fixture
def small_set(tmp_path):
    """A set of two problems of ours, as a file."""

    def problem(slug: str, name: str, body: str, wrong: str, *pairs: tuple[str, str]) -> Problem:
        return Problem(
            slug=Slug(slug),
            statement=f"Write `{name}(n)`.",
            entry=Function(name, (Parameter("n", "int"),), "int"),
            examples=tuple(
                Example(Wire(given), (Wire(wanted),), shown=index == 0)
                for index, (given, wanted) in enumerate(pairs)
            ),
            reference=f"def {name}(n):\n    return {body}\n",
            wrong=(WrongSolution(f"def {name}(n):\n    return {wrong}\n", "WA"),),
        )

    made = ProblemSet(
        "small",
        (
            problem("double", "double", "2 * n", "n", ("[1]", "2"), ("[40]", "80")),
            problem("square", "square", "n * n", "2 * n", ("[2]", "4"), ("[9]", "81")),
        ),
    )
    path = tmp_path / "small.jsonl"
    write_set(made, path)
    return path
