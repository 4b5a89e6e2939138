"""How much of a batch's budget is spent, and how much is promised to questions that are asked now.

Before a request is sent, what it can cost at most is taken out of the budget, in a transaction that
holds the batch's row, so that however many ask at once the sum never passes the budget. The promise
stands in the question's row and counts while its lease holds: a worker that is lost takes none
along. So a batch stops within one request's price of its budget, from below.
"""

import math
from dataclasses import dataclass

from sqlalchemy import func, select, update

from judge.errors import Conflict, UsageError
from judge.store import changes
from judge.store.database import Tx, now
from judge.store.tables import batches, questions, samples

OVER_BUDGET = "not asked: the budget was spent"


@dataclass(frozen=True, slots=True)
class Promise:
    """How many requests may be sent, and whether others hold what is left and may give it back."""

    requests: int
    contended: bool


def reserve(tx: Tx, batch: str, question: str, price: float, wanted: int) -> Promise:
    """Promise up to `wanted` requests, of `price` US dollars at most each, to a question that is
    leased. What it was promised before is forgotten."""
    # Its own row first: rows are locked before batches, everywhere.
    tx.execute(select(questions.c.id).where(questions.c.id == question).with_for_update())
    row = select(batches.c.budget_usd, batches.c.spent_usd).where(batches.c.id == batch)
    budget, spent = tx.execute(row.with_for_update()).one()
    if budget is None:
        return Promise(wanted, contended=False)
    others = tx.scalar(
        select(func.sum(questions.c.reserved_usd)).where(
            questions.c.batch_id == batch,
            questions.c.state == "open",
            questions.c.lease_until > now(),
            questions.c.id != question,
        )
    )
    held = float(others or 0.0)
    room = budget - spent - held
    many = wanted if price <= 0 else min(wanted, math.floor(room / price + 1e-9))
    if room <= 0 and budget <= spent:
        many = 0  # whatever it costs, even nothing, comes after the end
    many = max(0, many)
    tx.execute(
        update(questions).where(questions.c.id == question).values(reserved_usd=many * price)
    )
    return Promise(many, contended=held > 0)


def spend(tx: Tx, batch: str, question: str, cost: float, promised: float) -> None:
    """Count what one request of a budgeted batch did cost, and give back what it was promised."""
    tx.execute(
        update(batches).where(batches.c.id == batch).values(spent_usd=batches.c.spent_usd + cost)
    )
    left = questions.c.reserved_usd - promised
    tx.execute(update(questions).where(questions.c.id == question).values(reserved_usd=left))


def change(tx: Tx, batch: str, budget_usd: float | None) -> None:
    """Give a batch another budget, None for none; what the old one left unasked is asked now, if
    the new one allows it. Raises Conflict for a cancelled batch, UsageError for no sum of money."""
    if budget_usd is not None and not 0 <= budget_usd < math.inf:
        raise UsageError("the budget must be a number of US dollars, 0 or more")
    state = tx.scalar(select(batches.c.state).where(batches.c.id == batch).with_for_update())
    if state == "cancelled":
        raise Conflict(f"batch {batch} was cancelled; open a new one")
    spent = spent_on(tx, batch)
    tx.execute(
        update(batches).where(batches.c.id == batch).values(budget_usd=budget_usd, spent_usd=spent)
    )
    if budget_usd is not None and budget_usd <= spent:
        return
    reopened = (
        update(questions)
        .where(
            questions.c.batch_id == batch,
            questions.c.state == "skipped",
            questions.c.error == OVER_BUDGET,
        )
        .values(state="open", error=None, run_after=None, reserved_usd=0.0)
    )
    if tx.execute(reopened).rowcount and state in ("over_budget", "finished"):
        tx.execute(
            update(batches).where(batches.c.id == batch).values(state="open", finished_at=None)
        )
    changes.note_batch(tx, batch)


def spent_on(tx: Tx, batch: str) -> float:
    """US dollars that the samples of a batch did cost; what was bought for another is free."""
    bought = select(func.sum(samples.c.cost)).where(
        samples.c.batch_id == batch, samples.c.reused == 0
    )
    return float(tx.scalar(bought) or 0.0)
