"""Whether a board may have changed: marks that are replaced in the transaction of each change.

A set version has as many marks as transactions ever changed it at once, mostly a few. Each takes
one that nobody holds, so judging workers never wait for each other here. A mark is a new id every
time, not a number: a database that was restored from a backup never shows an old one again.
"""

from collections.abc import Collection

from sqlalchemy import insert, select, update

from judge.store.database import Tx, new_id
from judge.store.tables import batches, changes

EVERY = ""
"""Stands for every board: what all of them show was changed."""


def note(tx: Tx, set_digests: Collection[str]) -> None:
    """What the boards of these set versions show has changed."""
    for digest in set_digests:
        free = select(changes.c.id).where(changes.c.set_digest == digest).limit(1)
        taken = free.with_for_update(skip_locked=True).scalar_subquery()
        replaced = tx.execute(
            update(changes)
            .where(changes.c.set_digest == digest, changes.c.id == taken)
            .values(mark=new_id())
        )
        if not replaced.rowcount:
            tx.execute(insert(changes).values(set_digest=digest, id=new_id(), mark=new_id()))


def note_batch(tx: Tx, batch: str) -> None:
    """What the board of this batch's set shows has changed."""
    note(tx, list(tx.scalars(select(batches.c.set_digest).where(batches.c.id == batch))))


def marks(tx: Tx, set_digest: str) -> tuple[str, ...]:
    """All marks of a board. As long as they are the same, so is the board; read them before it,
    since what is read later may only be newer."""
    wanted = select(changes.c.mark).where(changes.c.set_digest.in_([set_digest, EVERY]))
    return tuple(sorted(tx.scalars(wanted)))
