"""Who works on which row: claims with a fencing token, renewed while the work lasts.

A claim writes its token into the rows; every later write names the token, so a worker that lost
its lease (paused, cut off, declared dead) can no longer change anything. `deliveries` counts how
often a row was begun; whoever ends it orderly takes that back, so what remains counts workers
that never came back, and a row that kills its worker is given up after `MAX_DELIVERIES`. Rows that
were only claimed are not counted, and a question that gains a sample starts afresh.
"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Table, and_, or_, select, update

from judge.errors import JudgeError
from judge.store.database import Database, Tx, is_dead, new_id, now
from judge.store.tables import batches, questions, samples

MAX_DELIVERIES = 3

Work = Table
"""A table whose rows are work."""

QUESTIONS: Work = questions
SAMPLES: Work = samples
OPEN = {questions: "open", samples: "kept"}
"""The state in which a row of either kind is still to be done."""


class LeaseLost(JudgeError):
    """Another worker has this row now; nothing of ours may be written to it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A token, and the ids it was written into, oldest first."""

    token: str
    ids: tuple[str, ...]


def claimable(table: Table, at: datetime) -> ColumnElement[bool]:
    """Open rows of open batches that nobody holds and whose time has come. Questions of deferred
    batches, and those in a deferral, are asked elsewhere (`deferrals`)."""
    elsewhere = [questions.c.deferral == "", batches.c.deferred == 0] if table is questions else []
    return and_(
        table.c.state == OPEN[table],
        batches.c.state == "open",
        *elsewhere,
        or_(table.c.lease_until.is_(None), table.c.lease_until < at),
        or_(table.c.run_after.is_(None), table.c.run_after <= at),
    )


def claim(
    tx: Tx,
    database: Database,
    table: Table,
    limit: int,
    batch: str = "",
    token: str = "",
    only: Sequence[ColumnElement[bool]] = (),
) -> Claim:
    """Lease up to `limit` rows of one batch or of all, `only` those for which all this holds, the
    never begun and oldest first, under a `token` that holds others already, or a new one."""
    at = now()
    wanted = select(table.c.id).join(batches, batches.c.id == table.c.batch_id)
    of_batch = [table.c.batch_id == batch] if batch else []
    wanted = wanted.where(claimable(table, at), *of_batch, *only)
    # Rows that were begun before come last: if one of them kills its worker, the others are done.
    wanted = wanted.order_by(table.c.deliveries, table.c.id).limit(limit)
    ids = tx.scalars(wanted.with_for_update(of=table, skip_locked=True)).all()
    token = token or new_id()
    if ids:
        tx.execute(
            update(table)
            .where(table.c.id.in_(ids))
            .values(lease=token, lease_until=_until(database, at), owner=database.owner)
        )
    return Claim(token, tuple(ids))


def any_claimable(tx: Tx, table: Table, only: Sequence[ColumnElement[bool]] = ()) -> bool:
    """Whether a ring would find work."""
    wanted = select(table.c.id).join(batches, batches.c.id == table.c.batch_id)
    return tx.scalar(wanted.where(claimable(table, now()), *only).limit(1)) is not None


def ours(tx: Tx, table: Table, token: str, ids: Iterable[str]) -> set[str]:
    """Which of the rows this token still holds, locked until the transaction ends."""
    held = select(table.c.id).where(
        table.c.id.in_(list(ids)), table.c.lease == token, table.c.state == OPEN[table]
    )
    return set(tx.scalars(held.with_for_update()))


def begin(tx: Tx, table: Table, token: str, ids: Iterable[str]) -> None:
    """Count a delivery of rows that `ours` has just confirmed."""
    tx.execute(
        update(table)
        .where(table.c.id.in_(list(ids)), table.c.lease == token)
        .values(deliveries=table.c.deliveries + 1)
    )


def put_off(
    tx: Tx,
    table: Table,
    token: str,
    row: str,
    seconds: float,
    reason: str,
    *,
    counted: bool = True,
) -> bool:
    """Give a row back after a failure of ours, or only to wait (not `counted`), to be tried again in
    `seconds`; False when the lease was lost."""
    changed = tx.execute(
        update(table)
        .where(table.c.id == row, table.c.lease == token, table.c.state == OPEN[table])
        .values(
            **FREE,
            deliveries=table.c.deliveries - 1,
            failures=table.c.failures + int(counted),
            run_after=now() + timedelta(seconds=seconds),
            error=reason,
        )
    )
    return changed.rowcount == 1


def give_back(tx: Tx, table: Table, token: str, row: str) -> None:
    """Give a row back that nothing speaks against: its work was only left off."""
    tx.execute(
        update(table)
        .where(table.c.id == row, table.c.lease == token)
        .values(**FREE, deliveries=table.c.deliveries - 1)
    )


FREE = {"lease": None, "lease_until": None, "owner": None}


def release(tx: Tx, table: Table, token: str, begun: Iterable[str] = ()) -> None:
    """Give back what is left of a claim; `begun` rows were not lost, so they count no delivery."""
    if begun := list(begun):
        tx.execute(
            update(table)
            .where(table.c.id.in_(begun), table.c.lease == token, table.c.deliveries > 0)
            .values(deliveries=table.c.deliveries - 1)
        )
    tx.execute(update(table).where(table.c.lease == token).values(**FREE))


def release_dead(tx: Tx) -> int:
    """Free the rows whose worker ran on this host and is gone, without waiting for their time."""
    freed = 0
    for table in (questions, samples):
        held = table.c.lease.is_not(None)
        owners = tx.scalars(select(table.c.owner).where(held).distinct())
        if dead := [owner for owner in owners if owner and is_dead(owner)]:
            freed += tx.execute(
                update(table).where(held, table.c.owner.in_(dead)).values(**FREE)
            ).rowcount
    return freed


@contextmanager
def held(database: Database, table: Table, token: str) -> Iterator[None]:
    """Renew a claim at a third of its time, for as long as the block runs."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(database.lease_seconds / 3):
            try:
                with database.transaction() as tx:
                    tx.execute(
                        update(table)
                        .where(table.c.lease == token)
                        .values(lease_until=_until(database, now()))
                    )
            except JudgeError:
                continue  # a lease that runs out is what fencing is for

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _until(database: Database, at: datetime) -> datetime:
    return at + timedelta(seconds=database.lease_seconds)
