"""`judge prompts`: what models are asked with, to be looked at before anything is spent."""

from contextlib import closing
from typing import Annotated

import typer

from judge.bootstrap import open_judge
from judge.cli import console
from judge.errors import UsageError
from judge.models import prompts, wording
from judge.store import problem_sets
from problems import importers
from problems.problem import Problem

group = typer.Typer(help="Prompt templates: list, show.", no_args_is_help=True)
EXAMPLE = ("starter", "even-or-not")


@group.command("list")
def list_prompts(*, as_json: console.AsJson = False) -> None:
    """Every template that models can be asked with, ours and those of JUDGE_PROMPTS."""
    found = [wording.wording(name) for name in wording.names()]
    rows = [{name: getattr(each, name) for name in _LISTED} for each in found]
    if as_json:
        console.result_json(rows)
    else:
        console.table(_LISTED, [tuple(row.values()) for row in rows], right=("calls",))


@group.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A template's name.")],
    *,
    problem: Annotated[
        str, typer.Option(metavar="SET/SLUG", help="The problem to ask; by default one of ours.")
    ] = "",
    as_json: console.AsJson = False,
) -> None:
    """What is said to a model with this template, for one problem. Nothing is asked."""
    found = wording.wording(name)
    said = prompts.conversation(_problem(problem), found.style, name)
    turns = [*(message.content for message in said.first.messages), *said.then]
    if as_json:
        console.result_json({"version": found.version, "calls": said.calls, "said": turns})
        return
    for number, text in enumerate(turns):
        console.note(f"--- {found.version}, call {number + 1} of at most {said.calls} ---")
        console.result(text)
    if said.runs:
        console.note(f"--- after each of at most {said.runs} runs ---")
        console.result(said.ran)


_LISTED = ("name", "version", "style", "calls")


def _problem(named: str) -> Problem:
    """Raises UsageError, UnknownName or UnknownProblem."""
    if not named:
        return importers.bundled(EXAMPLE[0]).problem(EXAMPLE[1])
    set_name, _, slug = named.partition("/")
    if not slug:
        raise UsageError(f"--problem {named!r}: write SET/SLUG, such as {'/'.join(EXAMPLE)}")
    with closing(open_judge()) as judge, judge.database.reading() as tx:
        return problem_sets.problem(tx, set_name, slug)
