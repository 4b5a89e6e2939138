"""How many were drawn and accepted, by set version, model, recipe and problem: a cache of samples.

Kept in the transaction of each judgement, so that a board over a million samples reads a few
thousand rows; `rebuild` makes the same rows from the samples. A system error and an undecided
sample are in no tally.

A draw of a batch with repairs counts twice, and never in one row: its first turn under its own
recipe, as if nothing had been mended; and the whole chain of turns, once it has ended, under the
recipe with ` repairs=r` behind it: the last turn's verdict, at the cost of all of them. A chain has
ended when its last turn is judged and no question mends it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal_column,
    select,
)

from judge.models.base import Sampling
from judge.store import changes
from judge.store.database import Tx, insert_or
from judge.store.tables import batches, models, questions, samples, tallies
from judge.verdicts.verdict import Verdict

UNCOUNTED = (Verdict.SE.value, Verdict.UNDECIDED.value)
_FAILED: ColumnElement[str] = literal_column(
    "'failed'"
)  # as a parameter it would not find the index of failed rows
_KEY = ("set_digest", "model", "recipe", "slug")
_SUMS = ("drawn", "accepted", "priced", "cost", "input_tokens", "output_tokens")


@dataclass(frozen=True, slots=True)
class Tally:
    """One problem, asked of one model under one recipe: `drawn` samples, `accepted` of them.

    `cost` (US dollars) covers the `priced` ones among them.
    """

    set_digest: str
    model: str
    recipe: str
    slug: str
    drawn: int
    accepted: int
    priced: int
    cost: float
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Standing:
    """The tallies of one model under one recipe: sums, and by problem (drawn, accepted)."""

    model: str
    recipe: str
    priced: int
    cost: float
    input_tokens: int
    output_tokens: int
    problems: Mapping[str, tuple[int, int]]


def recipe_of(template: str, sampling: Sampling) -> str:
    """How a sample was drawn; samples of different recipes are never pooled. Seeds do not count."""
    return (
        f"{template} temperature={sampling.temperature:g} top_p={sampling.top_p:g} "
        f"max_tokens={sampling.max_tokens}"
    )


def add(tx: Tx, fresh: Iterable[Tally]) -> None:
    """Count judged samples in; one Tally a sample."""
    summed: dict[tuple[str, ...], list[float]] = {}
    for each in fresh:
        key = (each.set_digest, each.model, each.recipe, each.slug)
        sums = summed.setdefault(key, [0] * len(_SUMS))
        for index, name in enumerate(_SUMS):
            sums[index] += getattr(each, name)
    if not summed:
        return
    added = insert_or(tx, tallies)
    added = added.on_conflict_do_update(
        index_elements=list(_KEY),
        set_={name: tallies.c[name] + added.excluded[name] for name in _SUMS},
    )
    # In the order of the key, so that two workers never wait for each other's rows crosswise.
    rows = [
        dict(zip((*_KEY, *_SUMS), (*key, *sums), strict=True))
        for key, sums in sorted(summed.items())
    ]
    tx.execute(added, rows)
    changes.note(tx, sorted({key[0] for key in summed}))


def read(tx: Tx, set_digest: str) -> list[Tally]:
    """Every tally of a set version."""
    rows = tx.execute(
        select(tallies).where(tallies.c.set_digest == set_digest).order_by(*tallies.primary_key)
    )
    return [Tally(*row) for row in rows]


def standings(tx: Tx, set_digest: str) -> list[Standing]:
    """The same as `read`, by model and recipe; what is only summed is summed by the database. Wants
    a snapshot."""
    key = (tallies.c.model, tallies.c.recipe)
    found: dict[tuple[str, str], dict[str, tuple[int, int]]] = {}
    pairs = select(*key, tallies.c.slug, tallies.c.drawn, tallies.c.accepted)
    of_set = tallies.c.set_digest == set_digest
    for model, recipe, slug, drawn, accepted in tx.execute(
        pairs.where(of_set).order_by(*tallies.primary_key)
    ):
        found.setdefault((model, recipe), {})[slug] = (drawn, accepted)
    sums = select(*key, *(func.sum(tallies.c[name]) for name in _SUMS[2:]))
    rows = tx.execute(sums.where(of_set).group_by(*key).order_by(*key))
    return [
        Standing(model, recipe, priced, cost, tokens_in, tokens_out, found[model, recipe])
        for model, recipe, priced, cost, tokens_in, tokens_out in rows
    ]


def of_chains(tx: Tx, last: Collection[str]) -> list[Tally]:
    """A tally for each chain that ends in one of these samples."""
    if not last:
        return []
    return [Tally(*row) for row in tx.execute(_chains(samples.c.id.in_(last)))]


def _chains(*conditions: ColumnElement[bool]) -> Select[Any]:
    """One row a chain of a batch with repairs that has ended, in the fields of a Tally; the conditions
    are on its last sample. The turns of a chain are one draw of one model, prompt and problem."""
    asked, turn, turns = questions.alias("asked"), samples.alias("turn"), questions.alias("turns")
    same = ("batch_id", "model", "prompt", "slug")
    mends = questions.alias("mends")
    mended = exists().where(
        *(mends.c[name] == asked.c[name] for name in same), mends.c.repairs == samples.c.id
    )
    cost = func.coalesce(func.sum(turn.c.cost), 0.0)
    priced = func.count(turn.c.cost) == func.count()
    recipe = func.min(case((turn.c.turn == 0, turn.c.recipe)))
    return (
        select(
            batches.c.set_digest,
            samples.c.model,
            recipe.concat(" repairs=").concat(cast(batches.c.repairs, String)).label("recipe"),
            samples.c.slug,
            literal_column("1").label("drawn"),
            case((samples.c.verdict == Verdict.AC.value, 1), else_=0).label("accepted"),
            case((priced, 1), else_=0).label("priced"),
            case((priced, cost), else_=0.0).label("cost"),
            func.sum(turn.c.input_tokens).label("input_tokens"),
            func.sum(turn.c.output_tokens).label("output_tokens"),
        )
        .join(batches, and_(batches.c.id == samples.c.batch_id, batches.c.repairs > 0))
        .join(asked, asked.c.id == samples.c.question_id)
        .join(turns, and_(*(turns.c[name] == asked.c[name] for name in same)))
        .join(turn, and_(turn.c.question_id == turns.c.id, turn.c["index"] == samples.c["index"]))
        .where(samples.c.state == "judged", samples.c.verdict.not_in(UNCOUNTED), ~mended)
        .where(*conditions)
        .group_by(samples.c.id, batches.c.id)
    )


def rebuild(tx: Tx) -> None:
    """Make every tally anew from the judged samples."""
    tx.execute(delete(tallies))
    counted = (
        select(
            batches.c.set_digest,
            samples.c.model,
            samples.c.recipe,
            samples.c.slug,
            func.count(),
            func.sum(case((samples.c.verdict == Verdict.AC.value, 1), else_=0)),
            func.count(samples.c.cost),
            func.coalesce(func.sum(samples.c.cost), 0.0),
            func.sum(samples.c.input_tokens),
            func.sum(samples.c.output_tokens),
        )
        .join(batches, batches.c.id == samples.c.batch_id)
        .where(samples.c.state == "judged", samples.c.verdict.not_in(UNCOUNTED))
        .where(samples.c.turn == 0)
        .group_by(batches.c.set_digest, samples.c.model, samples.c.recipe, samples.c.slug)
    )
    tx.execute(insert(tallies).from_select([*_KEY, *_SUMS], counted))
    ended = _chains().subquery()
    sums = (func.sum(ended.c[name]) for name in _SUMS)
    key = [ended.c[name] for name in _KEY]
    tx.execute(insert(tallies).from_select([*_KEY, *_SUMS], select(*key, *sums).group_by(*key)))
    changes.note(tx, [changes.EVERY])


_missing: ColumnElement[int] = func.sum(
    case((questions.c.repairs != "", 1), else_=batches.c.samples)
    - select(func.count())
    .where(samples.c.question_id == questions.c.id)
    .correlate(questions)
    .scalar_subquery()
)


def errors(tx: Tx, set_digest: str) -> dict[str, int]:
    """By model, how many wanted samples ended without a verdict through a fault that is not the
    solution's: failed questions' missing samples, and samples no sandbox could judge."""
    found: dict[str, int] = {}
    of_set = select(batches.c.id).where(batches.c.set_digest == set_digest)
    unjudged = (
        select(samples.c.model, func.count())
        .where(samples.c.state == _FAILED, samples.c.batch_id.in_(of_set))
        .group_by(samples.c.model)
    )
    undrawn = (
        select(questions.c.model, _missing)
        .join(batches, batches.c.id == questions.c.batch_id)
        .where(questions.c.state == _FAILED, batches.c.set_digest == set_digest)
        .group_by(questions.c.model)
    )
    for counted in (unjudged, undrawn):
        for model, number in tx.execute(counted):
            found[model] = found.get(model, 0) + int(number)
    return found


def unasked(tx: Tx, set_digest: str) -> dict[tuple[str, str], int]:
    """By model and name of the prompt, how many wanted samples a spent budget left unasked."""
    skipped = (
        select(questions.c.model, questions.c.prompt, models.c.style, _missing)
        .join(batches, batches.c.id == questions.c.batch_id)
        .join(models, models.c.name == questions.c.model)
        .where(questions.c.state == "skipped", questions.c.repairs == "")
        .where(batches.c.set_digest == set_digest)
        .group_by(questions.c.model, questions.c.prompt, models.c.style)
    )
    return {
        (model, prompt or style): int(number)
        for model, prompt, style, number in tx.execute(skipped)
    }
