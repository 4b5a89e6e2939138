"""Whether a board may have changed: marks that are replaced in the transaction of each change.

A set version has as many marks as transactions ever changed it at once, mostly a few. Each takes
one that nobody holds, so judging workers never wait for each other here. A mark is a new id every
time, not a number: a database that was restored from a backup never shows an old one again.
"""

from collections.abc import Collection

from sqlalchemy import Select, Table, bindparam, insert, select, update

from judge.store import problem_sets as sets
from judge.store.database import Tx, new_id
from judge.store.tables import batches, changes, problem_sets, versions

EVERY = ""
"""Stands for every board: what all of them show was changed."""


def _marked(version: Table) -> Select[tuple[str, str | None]]:
    wanted = select(version.c.digest, changes.c.mark).where(version.c.name == bindparam("name"))
    return wanted.outerjoin(changes, changes.c.set_digest.in_([version.c.digest, EVERY]))


# Made once: making them takes longer than running them.
_NEWEST = _marked(problem_sets)
_NAMED = _marked(versions).where(versions.c.digest == bindparam("digest"))


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


def marks(tx: Tx, set_name: str, digest: str = "") -> tuple[str, ...]:
    """The digest of a set's newest version, or of the one named, and all marks of its board, in
    one statement. As long as they are the same, so is the board; read them before it, since what
    is read later may only be newer. Raises UnknownName."""
    asked = {"name": set_name, "digest": digest} if digest else {"name": set_name}
    found = tx.execute(_NAMED if digest else _NEWEST, asked).all()
    if not found:
        sets.digest_of(tx, set_name, digest)  # says what is not there
    return found[0].digest, *sorted(row.mark for row in found if row.mark)
