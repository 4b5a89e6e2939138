"""Two models, or two prompts, on the problems both were asked: paired, with what it can show.

A side is named `MODEL` or `MODEL/RECIPE`, where the recipe is a prompt's name or the begin of a
recipe as leaderboards show it, without repairs unless they are named. Left out, it is the one recipe
that both sides have: the same question in the same way. Nothing is compared unpaired, and no difference comes without its bounds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from judge.errors import UnknownName, UsageError
from judge.standings import scoring
from judge.standings.scoring import Difference
from judge.store import problem_sets, tallies
from judge.store.database import Database, Tx
from judge.store.tallies import Standing
from problems.problem import Problem

FEWEST = 5
"""Problems that a slice must have to be shown."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: model, recipe, its share of accepted samples over the problems that both were
    asked, how many samples that are, and what a draw did cost in US dollars, None if unknown."""

    model: str
    recipe: str
    pass_at_1: float
    samples: int
    cost_per_problem: float | None


@dataclass(frozen=True, slots=True)
class Table:
    """Problems by who solves them in at least half of the samples."""

    both: int
    only_baseline: int
    only_candidate: int
    neither: int


@dataclass(frozen=True, slots=True)
class Discordant:
    """A problem on which the two differ: the share of samples that each had accepted."""

    slug: str
    baseline: float
    candidate: float


@dataclass(frozen=True, slots=True)
class Slice:
    """The difference on the problems of one difficulty or tag. `alert` where it is certain even
    though many slices were looked at (Holm)."""

    name: str
    difference: Difference
    alert: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Candidate minus baseline. `sign_p` is the exact test over problems that went up or down;
    `detectable` the smallest difference that so many problems, differing as these do, would show
    with 80 % power at 5 %; `cost_ratio` what a draw of the candidate costs in draws of the baseline.
    """

    problem_set: str
    digest: str
    baseline: Side
    candidate: Side
    difference: Difference
    sign_p: float
    detectable: float | None
    table: Table
    discordant: tuple[Discordant, ...]
    slices: tuple[Slice, ...]
    cost_ratio: float | None
    verdict: str


def compare(
    database: Database, set_name: str, baseline: str, candidate: str, digest: str = ""
) -> Comparison:
    """Compare two sides on a set's newest version, or on the one named.

    Raises UnknownName for a side that was never judged there, UsageError where its name leaves
    open which recipe is meant.
    """
    with database.snapshot() as tx:
        digest = problem_sets.digest_of(tx, set_name, digest)
        found = tallies.standings(tx, digest)
        one, other = _sides(found, baseline, candidate, set_name)
        shared = sorted(one.problems.keys() & other.problems.keys())
        posed = _problems(tx, digest, shared)
    if not shared:
        raise UsageError(
            f"{baseline!r} and {candidate!r} have no problem in common on {set_name!r}"
        )
    shares = _shares(one, shared), _shares(other, shared)
    difference = scoring.difference(*shares)
    left, right = _side(one, shared), _side(other, shared)
    ratio = None
    if left.cost_per_problem and right.cost_per_problem is not None:
        ratio = right.cost_per_problem / left.cost_per_problem
    return Comparison(
        problem_set=set_name,
        digest=digest,
        baseline=left,
        candidate=right,
        difference=difference,
        sign_p=scoring.sign_test(difference.up, difference.down),
        detectable=scoring.detectable(difference),
        table=_table(*shares),
        discordant=_discordant(*shares),
        slices=_slices(posed, *shares),
        cost_ratio=ratio,
        verdict=_in_words(difference),
    )


def _sides(
    found: Sequence[Standing], baseline: str, candidate: str, set_name: str
) -> tuple[Standing, Standing]:
    ones, others = _matching(found, baseline, set_name), _matching(found, candidate, set_name)
    if len(ones) > 1 or len(others) > 1:
        both = {each.recipe for each in ones} & {each.recipe for each in others}
        ones = [each for each in ones if len(ones) == 1 or each.recipe in both]
        others = [each for each in others if len(others) == 1 or each.recipe in both]
    for name, left in ((baseline, ones), (candidate, others)):
        if len(left) != 1:
            recipes = [each.recipe for each in _matching(found, name, set_name)]
            raise UsageError(
                f"{name!r} was asked in {len(recipes)} ways; say which, as {name.partition('/')[0]}"
                f"/RECIPE: {'; '.join(recipes)}"
            )
    if ones[0] == others[0]:
        raise UsageError(f"{baseline!r} and {candidate!r} are the same samples; compare two")
    return ones[0], others[0]


def _matching(found: Sequence[Standing], side: str, set_name: str) -> list[Standing]:
    model, _, recipe = side.partition("/")
    of_model = [each for each in found if each.model == model]
    exact = [each for each in of_model if each.recipe == recipe]
    meant = exact or [each for each in of_model if _means(recipe, each.recipe)]
    meant = [each for each in meant if " repairs=" not in each.recipe] or meant
    if not meant:
        raise UnknownName(
            f"nobody called {side!r} was judged on {set_name!r}; `judge leaderboard {set_name}` "
            "shows who was"
        )
    return meant


def _means(given: str, recipe: str) -> bool:
    return not given or recipe.partition("@")[0] == given or recipe.startswith(given)


def _problems(tx: Tx, digest: str, shared: Sequence[str]) -> dict[str, Problem]:
    digests = problem_sets.slugs(tx, digest)
    found = problem_sets.problems_by_digest(tx, {digests[slug] for slug in shared})
    return {slug: found[digests[slug]] for slug in shared}


def _shares(of: Standing, slugs: Sequence[str]) -> dict[str, float]:
    return {slug: of.problems[slug][1] / of.problems[slug][0] for slug in slugs}


def _side(of: Standing, shared: Sequence[str]) -> Side:
    drawn = sum(number for number, _ in of.problems.values())
    return Side(
        model=of.model,
        recipe=of.recipe,
        pass_at_1=sum(_shares(of, shared).values()) / len(shared),
        samples=sum(of.problems[slug][0] for slug in shared),
        cost_per_problem=of.cost / drawn if of.priced == drawn else None,
    )


def _table(baseline: Mapping[str, float], candidate: Mapping[str, float]) -> Table:
    cells = [(baseline[slug] >= 0.5, candidate[slug] >= 0.5) for slug in baseline]
    return Table(*(cells.count(cell) for cell in _CELLS))


_CELLS = ((True, True), (True, False), (False, True), (False, False))


def _discordant(
    baseline: Mapping[str, float], candidate: Mapping[str, float]
) -> tuple[Discordant, ...]:
    """The widest apart first."""
    found = [
        Discordant(slug, baseline[slug], candidate[slug])
        for slug in baseline
        if baseline[slug] != candidate[slug]
    ]
    return tuple(sorted(found, key=lambda each: (-abs(each.candidate - each.baseline), each.slug)))


def _slices(
    posed: Mapping[str, Problem], baseline: Mapping[str, float], candidate: Mapping[str, float]
) -> tuple[Slice, ...]:
    named: dict[str, list[str]] = {}
    for slug, problem in posed.items():
        labels = [f"difficulty {problem.difficulty}"] if problem.difficulty else []
        for label in (*labels, *(f"tag {tag}" for tag in problem.tags)):
            named.setdefault(label, []).append(slug)
    names = sorted(name for name, slugs in named.items() if FEWEST <= len(slugs) < len(posed))
    found = [
        scoring.difference(_of(baseline, named[name]), _of(candidate, named[name]))
        for name in names
    ]
    alerts = scoring.holm([each.p_value for each in found], 0.05)
    return tuple(Slice(*each) for each in zip(names, found, alerts, strict=True))


def _of(shares: Mapping[str, float], slugs: Sequence[str]) -> dict[str, float]:
    return {slug: shares[slug] for slug in slugs}


def _in_words(found: Difference) -> str:
    if found.low > 0:
        return "better"
    if found.high < 0:
        return "worse"
    return "no difference shown"
