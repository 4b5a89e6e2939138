"""A whole database as one file that either kind of database takes: the backup, and the move.

Theory of operation. The file is gzip over JSON lines: a header (format, judge's version, revision,
rows and columns of each table), then each row as `[table number, value, ..]`, parents before their
children, then the SHA-256 of every byte before it. It is written from one snapshot, so writers may
go on, and streamed both ways. Restoring is one transaction: the tables of the file's revision are
made, filled, counted, the digest is compared, and the tables are moved up to this judge's revision;
whatever is wrong on the way leaves the database empty as it was.
"""

import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

from alembic.util import CommandError
from sqlalchemy import Table, column, func, insert, inspect, select, table
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from judge.errors import JudgeError, UsageError
from judge.store import revisions
from judge.store.columns import Utc
from judge.store.database import Database, Tx
from judge.store.tables import metadata

FORMAT = "judge-backup-1"
ROWS_AT_ONCE = 500

_DAMAGE = (OSError, EOFError, zlib.error, ValueError, TypeError, LookupError, IntegrityError)


@dataclass(frozen=True, slots=True)
class Summary:
    """What is in a backup: judge's version, the revision of the tables, and rows by table."""

    judge: str
    revision: str
    rows: dict[str, int]


class _Damaged(Exception):
    """What is wrong with a file."""


def backup(database: Database, path: Path, version: str) -> Summary:
    """Write the whole database to a new file, readable by its owner alone. Raises UsageError where
    the file exists or cannot be written, or the tables are of another revision."""
    if path.exists():
        raise UsageError(f"{path} exists; name another file")
    part = path.with_name(f"{path.name}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as raw:
            with gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6) as file:
                summary = _write(database, file, version)
            raw.flush()
            os.fsync(raw.fileno())
        part.rename(path)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}; name another file") from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return summary


def _write(database: Database, file: gzip.GzipFile, version: str) -> Summary:
    digest = hashlib.sha256()

    def say(value: object) -> None:
        line = json.dumps(value, separators=(",", ":"), default=datetime.isoformat).encode() + b"\n"
        digest.update(line)
        file.write(line)

    with database.snapshot() as tx:
        revision, wanted = revisions.of(tx), revisions.head()
        if revision != wanted:
            raise UsageError(
                f"the tables are of revision {revision or 'none'}, not {wanted}; "
                "run `judge db upgrade` first, or use the judge that they belong to"
            )
        tables = metadata.sorted_tables
        rows = {
            each.name: int(tx.scalar(select(func.count()).select_from(each)) or 0)
            for each in tables
        }
        columns = {each.name: [one.name for one in each.columns] for each in tables}
        say(
            {
                "format": FORMAT,
                "judge": version,
                "revision": revision,
                "rows": rows,
                "columns": columns,
            }
        )
        for number, each in enumerate(tables):
            found = tx.execution_options(yield_per=ROWS_AT_ONCE).execute(
                select(each).order_by(*each.primary_key)
            )
            for row in found:
                say([number, *row])
    file.write(json.dumps({"sha256": digest.hexdigest()}).encode() + b"\n")
    return Summary(version, revision, rows)


def restore(database: Database, path: Path) -> Summary:
    """Fill an empty database from a backup, whole or not at all. Raises UsageError for a database
    that holds rows, and a file that is damaged or of a newer judge."""
    try:
        with closing(gzip.open(path, "rb")) as file, database.moving() as tx:
            lines = _Lines(cast("IO[bytes]", file))
            summary, columns = _header(lines.next())
            _make_empty(tx, summary.revision)
            _fill(tx, lines, summary, columns)
            revisions.upgrade(tx)
            return summary
    except _Damaged as error:
        raise UsageError(f"{path}: {error}; nothing was restored") from None
    except (CommandError, SQLAlchemyError) as error:
        if isinstance(error, IntegrityError):
            raise UsageError(f"{path}: it contradicts itself; nothing was restored") from None
        raise JudgeError(f"the backup could not be restored: {str(error)[:200]}") from error
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except _DAMAGE as error:
        raise UsageError(f"{path}: damaged ({error}); nothing was restored") from None


class _Lines:
    """The lines of a file, digested as they are read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._digest = file, hashlib.sha256()

    def next(self) -> Any:
        """The next line's value."""
        line = self._file.readline()
        if not line.endswith(b"\n"):
            raise _Damaged("it is cut off")
        self._digest.update(line)
        return json.loads(line)

    def check_end(self) -> None:
        """The digest follows, and nothing after it."""
        wanted = self._digest.hexdigest()
        if self.next() != {"sha256": wanted} or self._file.read(1):
            raise _Damaged("its contents do not have the digest that it names")


def _header(said: Any) -> tuple[Summary, dict[str, list[str]]]:
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise _Damaged("no backup of judge's")
    if said["revision"] not in revisions.known():
        raise _Damaged(
            f"it was written by a newer judge ({said['judge']}, revision {said['revision']}); "
            "restore it with that one"
        )
    return Summary(said["judge"], said["revision"], dict(said["rows"])), dict(said["columns"])


def _make_empty(tx: Tx, revision: str) -> None:
    """The tables of that revision, without rows."""
    there = set(inspect(tx).get_table_names())
    for each in metadata.sorted_tables:
        if each.name in there and tx.execute(select(func.count()).select_from(each)).scalar():
            raise _Damaged(f"the database is not empty ({each.name}); restore into a new one")
    if revisions.of(tx):
        revisions.downgrade(tx, "base")
    revisions.upgrade(tx, revision)


def _fill(tx: Tx, lines: _Lines, summary: Summary, columns: dict[str, list[str]]) -> None:
    for number, (name, wanted) in enumerate(summary.rows.items()):
        whole = metadata.tables[name]
        # Only the file's columns: a later revision's defaults are none of this table's.
        narrow = table(name, *(column(one, whole.c[one].type) for one in columns[name]))
        rows = _rows(lines, number, wanted, whole, columns[name])
        while some := list(islice(rows, ROWS_AT_ONCE)):
            tx.execute(insert(narrow), some)
    lines.check_end()


def _rows(
    lines: _Lines, number: int, count: int, whole: Table, names: list[str]
) -> Iterator[dict[str, Any]]:
    times = [isinstance(whole.c[name].type, Utc) for name in names]
    for _ in range(count):
        said = lines.next()
        if not isinstance(said, list) or said[0] != number or len(said) != len(names) + 1:
            raise _Damaged(f"a row of {whole.name} is missing")
        values = zip(names, times, said[1:], strict=True)
        yield {
            name: datetime.fromisoformat(value) if is_time and value is not None else value
            for name, is_time, value in values
        }
