"""Whether a database is whole: its pages, its references, its revision, and the cache of tallies."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select, text

from judge.store import revisions
from judge.store.database import Database, Tx, now
from judge.store.tables import metadata


@dataclass(frozen=True, slots=True)
class Seen:
    """A database at a glance: its kind and revision, and the one wanted; seconds that its clock is
    ahead of ours; for SQLite its file and journal mode, else empty."""

    kind: str
    revision: str
    head: str
    known: bool
    clock_off: float
    file: str = ""
    journal: str = ""


def look(database: Database) -> Seen:
    """Ask a database about itself. Raises JudgeError when it cannot be reached."""
    with database.reading() as tx:
        revision = revisions.of(tx)
        told = (tx.dialect.name, revision, revisions.head(), revision in revisions.known())
        if not database.is_sqlite:
            off = (_aware(tx.scalar(text("SELECT clock_timestamp()"))) - now()).total_seconds()
            return Seen(*told, off)
        said = tx.scalar(text("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')"))
        off = (_aware(datetime.fromisoformat(str(said))) - now()).total_seconds()
        journal = str(tx.scalar(text("PRAGMA journal_mode")))
        file = next(str(row[2]) for row in tx.execute(text("PRAGMA database_list")))
        return Seen(*told, off, file, journal)


def _aware(value: datetime | None) -> datetime:
    assert value is not None  # noqa: S101 - a clock always says something
    return value if value.tzinfo else value.replace(tzinfo=UTC)


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
