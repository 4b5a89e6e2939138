"""`judge leaderboard`: which model is better on a set, and how sure that is."""

from contextlib import closing
from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import quote

import typer

from judge.bootstrap import open_judge
from judge.cli import console, remote
from judge.standings import leaderboards
from judge.standings.bounds import bound_of
from judge.store import models


def leaderboard(
    name: Annotated[str, typer.Argument(metavar="SET", help="The problem set.")],
    *,
    server: console.Server = "",
    as_json: console.AsJson = False,
) -> None:
    """Print the leaderboard of a problem set."""
    if server:
        board = remote.get(server, f"/v1/leaderboards/{quote(name, safe='')}")
    else:
        with closing(open_judge()) as judge:
            board = asdict(leaderboards.rank(judge.database, name))
            with judge.database.reading() as tx:
                bounds = {spec.name: bound_of(spec) for spec in models.listed(tx)}
        for row in board["rows"]:
            row["bound"] = bounds.get(row["model"], "")
            row["pass_at"] = [{"k": k, "value": value} for k, value in row["pass_at"]]
    if as_json:
        console.result_json(board)
    else:
        show(board)


def show(board: dict[str, Any]) -> None:
    """The board as a table on stdout."""
    if not board["rows"]:
        console.note("nobody has been judged on this set yet")
        return
    numbers = ("pass@1", "n", "covered", "errors", "cost")
    console.table(
        ("rank", "model", "prompt", "pass@1", "95 % interval", "n", "covered", "errors", "cost"),
        [_cells(row) for row in board["rows"]],
        right=numbers,
    )
    if stopped := sum(row["unasked"] for row in board["rows"]):
        console.note(f"{stopped} samples were not asked for: a budget was spent")


def _cells(row: dict[str, Any]) -> tuple[object, ...]:
    low, high = row["rank_low"], row["rank_high"]
    return (
        str(low) if low == high else f"{low}-{high}",
        f"{row['model']} ({row['bound']})" if row["bound"] else row["model"],
        _asked(row["recipe"]),
        console.percent(row["pass_at_1"]),
        f"{100 * row['low']:.1f} to {100 * row['high']:.1f}",
        row["samples"],
        console.percent(row["coverage"]),
        row["errors"],
        console.money(row["cost_usd"]),
    )


def _asked(recipe: str) -> str:
    """The prompt's name, and how often it was mended; the rest of a recipe is in --json."""
    name, _, settings = recipe.partition("@")
    repairs = settings.rpartition(" repairs=")
    return f"{name}, repaired up to {repairs[2]}x" if repairs[1] else name
