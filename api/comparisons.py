"""Comparisons over HTTP: two models, or two prompts, on the problems both were asked."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.wiring import House, Shown, problem_answers
from judge.bootstrap import Judge
from judge.standings import comparison

router = APIRouter(prefix="/v1/comparisons", tags=["standings"])

SetName = Annotated[str, Query(alias="set", max_length=200, description="The problem set.")]
SideName = Annotated[
    str,
    Query(
        max_length=600, description="A model, or `MODEL/PROMPT` where it was asked in several ways."
    ),
]
Digest = Annotated[str, Query(max_length=64, description="A version; the newest if not given.")]


class SideShown(Shown):
    """One of the two; `cost_per_problem` is of one draw, US dollars, null if unknown."""

    model: str
    recipe: str
    pass_at_1: float
    samples: int
    cost_per_problem: float | None


class DifferenceShown(Shown):
    """Candidate minus baseline with the bounds of its 95 % interval, and on how many problems it
    went up and down."""

    value: float
    low: float
    high: float
    p_value: float
    problems: int
    up: int
    down: int
    error: float


class TableShown(Shown):
    """Problems by who solves them in at least half of the samples."""

    both: int
    only_baseline: int
    only_candidate: int
    neither: int


class DiscordantShown(Shown):
    """A problem on which the two differ, and the share of samples that each had accepted."""

    slug: str
    baseline: float
    candidate: float


class SliceShown(Shown):
    """The difference on the problems of one difficulty or tag; `alert` where it is certain even
    though many slices were looked at."""

    name: str
    difference: DifferenceShown
    alert: bool


class ComparisonShown(Shown):
    """Candidate against baseline, paired by problem. `sign_p` is the exact sign (McNemar's) test;
    `detectable` the smallest difference that such problems would show with 80 % power at 5 %;
    `cost_ratio` what a draw of the candidate costs in draws of the baseline."""

    problem_set: str
    digest: str
    baseline: SideShown
    candidate: SideShown
    difference: DifferenceShown
    sign_p: float
    detectable: float | None
    table: TableShown
    discordant: list[DiscordantShown]
    slices: list[SliceShown]
    cost_ratio: float | None
    verdict: str


@router.get("", operation_id="compare", responses=problem_answers(404))
def compare(
    house: House, set_name: SetName, baseline: SideName, candidate: SideName, digest: Digest = ""
) -> ComparisonShown:
    """Compare two models, or two prompts, on the problems both were asked."""
    return comparison_of(house, set_name, baseline, candidate, digest)


def comparison_of(
    house: Judge, set_name: str, baseline: str, candidate: str, digest: str = ""
) -> ComparisonShown:
    """The comparison as it is sent. Raises as `judge.standings.comparison.compare`."""
    given = (house.database, set_name, baseline, candidate, digest)
    return ComparisonShown.model_validate(comparison.compare(*given))
