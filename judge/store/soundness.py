"""Whether a database is whole: its pages, its references, its revision, and the cache of tallies."""

from sqlalchemy import func, select, text

from judge.store import revisions
from judge.store.database import Database, Tx
from judge.store.tables import metadata


def faults(database: Database) -> list[str]:
    """What is wrong, each in one line; nothing for a sound database. Reads everything."""
    with database.snapshot() as tx:
        revision = revisions.of(tx)
        if revision != revisions.head():
            return [f"the tables are of revision {revision or 'none'}, not {revisions.head()}"]
        return [*(_pages(tx) if database.is_sqlite else ()), *_references(tx)]


def _pages(tx: Tx) -> list[str]:
    said = [str(row[0]) for row in tx.execute(text("PRAGMA integrity_check(10)"))]
    return [] if said == ["ok"] else said


def _references(tx: Tx) -> list[str]:
    """Rows whose parent is not there; no database lets one in, a damaged or edited one holds some."""
    found = []
    for table in metadata.sorted_tables:
        for key in table.foreign_keys:
            child, parent = key.parent, key.column
            orphans = (
                select(func.count())
                .select_from(table.outerjoin(parent.table, child == parent))
                .where(child.is_not(None), parent.is_(None))
            )
            if count := tx.scalar(orphans):
                found.append(
                    f"{count} rows of {table.name} name a row of {parent.table.name} that is not there"
                )
    return found
