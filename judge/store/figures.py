"""What an operator watches: how much waits, for how long, who holds it, what came of it, what it cost.

Two statements read the rows that are open, through their index; one reads every sample, so callers
keep what they got for a while.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Table, and_, case, func, select

from judge.store.database import Tx, now
from judge.store.leases import OPEN, QUESTIONS, SAMPLES, claimable
from judge.store.tables import batches, samples, tallies

NEWEST = 200
"""Samples that say how a model answers."""


@dataclass(frozen=True, slots=True)
class Queue:
    """The open rows of one kind in open batches: `waiting` to be claimed now, `put_off` until later,
    `held` under a lease, `expired` leases; begun and not heard of again (`deliveries`), failed by our
    fault and to be tried again (`failures`); `oldest_seconds` is the age of the oldest that waits."""

    waiting: int = 0
    put_off: int = 0
    held: int = 0
    expired: int = 0
    deliveries: int = 0
    failures: int = 0
    oldest_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    """All of it: queues by kind, batches by state, samples by model and verdict (or state, where
    there is none), US dollars and tokens by model."""

    queues: dict[str, Queue]
    batches: dict[str, int]
    samples: dict[tuple[str, str], int]
    spent_usd: dict[str, float]
    tokens: dict[str, int]


def read(tx: Tx) -> Figures:
    """Count everything."""
    counts: dict[tuple[str, str], int] = {}
    spent: dict[str, float] = {}
    tokens: dict[str, int] = {}
    by = (samples.c.model, samples.c.state, samples.c.verdict)
    used = samples.c.input_tokens + samples.c.output_tokens
    sums = select(*by, func.count(), func.sum(samples.c.cost), func.sum(used)).group_by(*by)
    for model, state, verdict, count, cost, total in tx.execute(sums):
        key = (model, verdict or state)
        counts[key] = counts.get(key, 0) + count
        spent[model] = spent.get(model, 0.0) + float(cost or 0.0)
        tokens[model] = tokens.get(model, 0) + int(total or 0)
    states = tx.execute(select(batches.c.state, func.count()).group_by(batches.c.state))
    queues = {"questions": _queue(tx, QUESTIONS), "samples": _queue(tx, SAMPLES)}
    return Figures(queues, {state: count for state, count in states}, counts, spent, tokens)  # noqa: C416 - rows are no pairs to the type checker


@dataclass(frozen=True, slots=True)
class Typical:
    """An answer of a model as its newest ones were: mean tokens and seconds."""

    output_tokens: float
    seconds: float


def typical(tx: Tx, model: str) -> Typical | None:
    """What an answer of this model takes; None for one that has not answered yet."""
    if tx.scalar(select(tallies.c.model).where(tallies.c.model == model).limit(1)) is None:
        return None  # found sooner than by looking through all samples
    newest = (
        select(samples.c.output_tokens, samples.c.seconds)
        .where(samples.c.model == model)
        .order_by(samples.c.id.desc())
        .limit(NEWEST)
        .subquery()
    )
    means = select(func.avg(newest.c.output_tokens), func.avg(newest.c.seconds))
    tokens, seconds = tx.execute(means).one()
    return None if tokens is None else Typical(float(tokens), float(seconds))


@dataclass(frozen=True, slots=True)
class Latency:
    """How long a model's answers took in one batch, in seconds: to the end and to the first token,
    which only replies that were streamed tell. What was not bought anew is left out."""

    model: str
    answers: int
    p50: float
    p95: float
    first_token_p50: float | None
    first_token_p95: float | None


def latencies(tx: Tx, batch: str) -> list[Latency]:
    """The latencies of each model of a batch that answered, by name. Sorts all its samples."""
    whole = _percentiles(tx, batch, samples.c.seconds)
    first = _percentiles(tx, batch, samples.c.first_token_seconds)
    return [
        Latency(model, number, p50, p95, *first.get(model, (0, None, None))[1:])
        for model, (number, p50, p95) in sorted(whole.items())
    ]


def _percentiles(tx: Tx, batch: str, column: Column[float]) -> dict[str, tuple[int, float, float]]:
    """By model: how many, and by nearest rank the 50th and 95th percentile."""
    ranked = (
        select(
            samples.c.model,
            column.label("value"),
            func.row_number().over(partition_by=samples.c.model, order_by=column).label("rank"),
            func.count().over(partition_by=samples.c.model).label("number"),
        )
        .where(samples.c.batch_id == batch, samples.c.reused == 0, column.is_not(None))
        .subquery()
    )
    at = [
        func.min(case((ranked.c.rank * 100 >= share * ranked.c.number, ranked.c.value)))
        for share in (50, 95)
    ]
    found = select(ranked.c.model, func.max(ranked.c.number), *at).group_by(ranked.c.model)
    return {model: (number, p50, p95) for model, number, p50, p95 in tx.execute(found)}


def _queue(tx: Tx, table: Table) -> Queue:
    at = now()
    waits = claimable(table, at)
    expired = and_(table.c.lease.is_not(None), table.c.lease_until < at)
    counted = select(
        func.count(case((waits, 1))),
        func.count(case((table.c.run_after > at, 1))),
        func.count(case((table.c.lease_until >= at, 1))),
        func.count(case((expired, 1))),
        func.coalesce(func.sum(table.c.deliveries), 0),
        func.coalesce(func.sum(table.c.failures), 0),
        func.min(case((waits, table.c.id))),
    ).join(batches, batches.c.id == table.c.batch_id)
    row = tx.execute(counted.where(table.c.state == OPEN[table], batches.c.state == "open")).one()
    *counts, oldest = row
    names = tuple(Queue.__dataclass_fields__)[:-1]
    queue = Queue(**dict(zip(names, map(int, counts), strict=True)))
    return replace(queue, oldest_seconds=_age(oldest, at) if oldest else 0.0)


def _age(identity: str, at: datetime) -> float:
    """Seconds since the making of a row, which its UUIDv7 tells in milliseconds."""
    return max(0.0, at.timestamp() - (UUID(identity).int >> 80) / 1000)
