"""The leaderboard of a problem set: one row a model and recipe, ranked with intervals."""

from dataclasses import dataclass

from judge.standings import scoring
from judge.store import changes, problem_sets, tallies
from judge.store.database import Database
from judge.store.tallies import Standing

KS = (1, 2, 5, 10, 25, 50, 100)


@dataclass(frozen=True, slots=True)
class Row:
    """One model under one recipe (template and sampling).

    `pass_at_1` with its 95 % bounds is the mean over the problems it has samples of, `coverage`
    the share of the set those are. `pass_at` holds (k, pass@k) for every k that all its problems
    have samples for. `rank_low` to `rank_high` are the ranks that the evidence leaves open.
    `errors` are wanted samples of the model that ended by a fault not its own, under any recipe;
    `unasked` those with this prompt that a spent budget left out. Costs are US dollars, None when a
    price is unknown or, a solved sample, nothing was solved; `cost_per_problem` is of one draw.
    """

    model: str
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
    pass_at: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """The rows of one set version, best first; what a model was never asked counts as unsolved in
    the order, but not in its score."""

    problem_set: str
    digest: str
    problems: int
    rows: tuple[Row, ...]


def version(database: Database, set_name: str, digest: str = "") -> tuple[str, ...]:
    """What stays the same only while the board does: the set version's digest, and marks that are
    replaced with every change. Far cheaper than the board. Raises UnknownName."""
    with database.glancing() as tx:
        return changes.marks(tx, set_name, digest)


def rank(database: Database, set_name: str, digest: str = "") -> Leaderboard:
    """The board of a set's newest version, or of the one named. Raises UnknownName."""
    with database.snapshot() as tx:
        digest = problem_sets.digest_of(tx, set_name, digest)
        problems = problem_sets.count(tx, digest)
        found = tallies.standings(tx, digest)
        errors = tallies.errors(tx, digest)
        unasked = tallies.unasked(tx, digest)
    spans = scoring.ranks(
        [{slug: c / n for slug, (n, c) in each.problems.items()} for each in found]
    )
    rows = [
        _row(
            *(each, problems, span),
            errors=errors.get(each.model, 0),
            unasked=unasked.get((each.model, each.recipe.partition("@")[0]), 0),
        )
        for each, span in zip(found, spans, strict=True)
    ]
    rows.sort(key=lambda row: (-row.pass_at_1 * row.coverage, row.model, row.recipe))
    return Leaderboard(set_name, digest, problems, tuple(rows))


def _row(
    found: Standing, problems: int, span: tuple[int, int], *, errors: int, unasked: int
) -> Row:
    pairs = list(found.problems.values())
    estimate = scoring.pass_at_1(pairs)
    samples, accepted = (sum(column) for column in zip(*pairs, strict=True))
    cost = found.cost if found.priced == samples else None
    at = ((k, scoring.mean_pass_at_k(pairs, k)) for k in KS)
    return Row(
        model=found.model,
        recipe=found.recipe,
        problems=len(pairs),
        samples=samples,
        accepted=accepted,
        pass_at_1=estimate.value,
        low=estimate.low,
        high=estimate.high,
        rank_low=span[0],
        rank_high=span[1],
        coverage=len(pairs) / problems,
        errors=errors,
        unasked=unasked,
        cost_usd=cost,
        cost_per_problem=None if cost is None else cost / samples,
        cost_per_solved=cost / accepted if cost is not None and accepted else None,
        tokens_per_solved=(
            (found.input_tokens + found.output_tokens) / accepted if accepted else None
        ),
        tokens_in=found.input_tokens,
        tokens_out=found.output_tokens,
        pass_at=tuple((k, value) for k, value in at if value is not None),
    )
