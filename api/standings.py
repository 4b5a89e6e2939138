"""Leaderboards over HTTP: which model is better on a set, and how sure that is."""

from dataclasses import asdict
from hashlib import sha256
from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Query, Response

from api import tags
from api.tags import NOT_MODIFIED, Known
from api.wiring import House, Shown, problem_answers
from judge.bootstrap import Judge
from judge.standings import leaderboards
from judge.standings.bounds import bound_of
from judge.store import models

router = APIRouter(prefix="/v1/leaderboards", tags=["standings"])

VERSION = version("judge")
"""Another version may show the same board differently."""

Digest = Annotated[str, Query(max_length=64, description="A version; the newest if not given.")]


class PassAt(Shown):
    """The chance that at least one of k samples is accepted."""

    k: int
    value: float


class RankedRow(Shown):
    """One model under one recipe, with the 95 % interval of its score and of its rank.

    `bound` is `ceiling` or `floor` for a set's own solutions. Costs are US dollars.
    """

    model: str
    bound: str
    recipe: str
    problems: int
    samples: int
    accepted: int
    pass_at_1: float
    low: float
    high: float
    rank_low: int
    rank_high: int
    coverage: float
    errors: int
    unasked: int
    cost_usd: float | None
    cost_per_problem: float | None
    cost_per_solved: float | None
    tokens_per_solved: float | None
    tokens_in: int
    tokens_out: int
    pass_at: list[PassAt]


class Board(Shown):
    """The rows of one set version, best first."""

    problem_set: str
    digest: str
    problems: int
    rows: list[RankedRow]


@router.get(
    "/{name}",
    operation_id="read_leaderboard",
    response_model=Board,
    responses={**NOT_MODIFIED, **problem_answers(404)},
)
def read_leaderboard(house: House, name: str, digest: Digest = "", known: Known = "") -> Response:
    """The leaderboard of a set. `ETag` changes with the content; ask with `If-None-Match`."""
    tag = tag_of(house, name, digest)
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if tags.named(tag, known):
        return Response(status_code=304, headers=headers)
    content = board_of(house, name, digest).model_dump_json()
    return Response(content, headers=headers, media_type="application/json")


def tag_of(house: Judge, name: str, digest: str = "") -> str:
    """The board's ETag. It is made before the board is read, which may
    therefore be newer than its tag, never older. Raises UnknownName."""
    digest, *marks = leaderboards.version(house.database, name, digest)
    shown = sha256("\n".join((VERSION, name, digest, *marks)).encode())
    return f'W/"{digest[:12]}-{shown.hexdigest()[:20]}"'


def board_of(house: Judge, name: str, digest: str = "") -> Board:
    """The board of a set's newest version, or of the one named. Raises UnknownName."""
    board = leaderboards.rank(house.database, name, digest)
    with house.database.reading() as tx:
        bounds = {spec.name: bound_of(spec) for spec in models.listed(tx)}
    return Board(
        problem_set=board.problem_set,
        digest=board.digest,
        problems=board.problems,
        rows=[
            RankedRow(
                **{**asdict(row), "pass_at": [PassAt(k=k, value=at) for k, at in row.pass_at]},
                bound=bounds.get(row.model, ""),
            )
            for row in board.rows
        ],
    )
