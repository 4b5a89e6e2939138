"""The database: SQLite (WAL, writers begin at once) or PostgreSQL, one code path for both.

`transaction()` is for writers and starts with BEGIN IMMEDIATE on SQLite: a transaction that reads
first and writes later would otherwise fail at once when another writer got in between, whatever
the time-out. `reading()` never waits for writers. Neither may stay open while a model thinks or a
sandbox runs.
"""

import os
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import uuid_utils
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    DisconnectionError,
    OperationalError,
    SQLAlchemyError,
)

from judge.errors import DatabaseAway, JudgeError, UsageError
from judge.store import revisions

Tx = Connection
"""An open transaction, handed to the functions of the store."""

BUSY_MS = 30_000


class Database:
    """Connections to one database. `lease_seconds` is how long a claim holds without renewal;
    `owner` names this process in the rows it has claimed."""

    def __init__(self, url: str, *, lease_seconds: float = 90.0) -> None:
        self.lease_seconds = lease_seconds
        self.owner = owner_of(os.getpid())
        try:
            parsed = make_url(url)
            if parsed.get_backend_name() not in ("sqlite", "postgresql"):
                raise UsageError(
                    f"{parsed.drivername}: use sqlite:///FILE or postgresql+psycopg://"
                )
            if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
                raise UsageError("a database in memory would lose everything; use sqlite:///FILE")
            self.shown_url = parsed.render_as_string(hide_password=True)
            self._engine = create_engine(parsed, pool_size=16, max_overflow=48)
        except ArgumentError:
            raise UsageError("JUDGE_DATABASE_URL is no database address") from None
        except ModuleNotFoundError as error:
            raise UsageError(f"{error.name} is missing: pip install 'judge[postgres]'") from None
        if self.is_sqlite:
            _teach_sqlite(self._engine)
        else:
            _drop_ended(self._engine)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded kind."""
        return self._engine.dialect.name == "sqlite"

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """Write, whole or not at all. Raises DatabaseAway, or JudgeError for what will not pass."""
        with self._begin(writes=True) as tx:
            yield tx

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """Read without waiting for writers; each statement sees a consistent state."""
        with self._begin(writes=False) as tx:
            yield tx

    @contextmanager
    def snapshot(self) -> Iterator[Tx]:
        """Read one state in as many statements as it takes, whatever others write meanwhile."""
        with self._begin(writes=False, isolation="REPEATABLE READ") as tx:
            yield tx

    @contextmanager
    def glancing(self) -> Iterator[Tx]:
        """Read with a single statement: without a transaction around it that is cheaper."""
        with self._begin(writes=False, isolation="AUTOCOMMIT") as tx:
            yield tx

    @contextmanager
    def moving(self) -> Iterator[Tx]:
        """Change the tables themselves. SQLite makes a table anew where others alter it, so that
        references are checked at the end here and not at every statement."""
        with revisions.moving, self._begin(writes=True, unchecked=True) as tx:
            before = self._dangling(tx)
            yield tx
            if self._dangling(tx) > before:
                raise JudgeError("the migration would lose rows that others refer to")

    def _dangling(self, tx: Tx) -> int:
        """How many rows refer to nothing, counted where nobody else looks."""
        return len(tx.exec_driver_sql("PRAGMA foreign_key_check").all()) if self.is_sqlite else 0

    @contextmanager
    def _begin(self, *, writes: bool, isolation: str = "", unchecked: bool = False) -> Iterator[Tx]:
        try:
            with self._engine.connect() as connection, self._checks(connection, off=unchecked):
                connection.execution_options(judge_writes=writes)
                if isolation and not self.is_sqlite:  # SQLite reads one state anyway, and cheaply
                    connection.execution_options(isolation_level=isolation)
                with connection.begin():
                    yield connection
        except DBAPIError as error:
            reason = " ".join(str(error.orig).split())[:200]
            away = isinstance(error, OperationalError) and not self.is_sqlite
            kind = DatabaseAway if away else JudgeError
            raise kind(f"the database {self.shown_url} failed: {reason}") from error

    @contextmanager
    def _checks(self, connection: Connection, *, off: bool) -> Iterator[None]:
        """SQLite takes this word between transactions only."""
        if not (off and self.is_sqlite):
            yield
            return
        raw: Any = connection.connection.driver_connection
        raw.execute("PRAGMA foreign_keys=OFF")
        try:
            yield
        finally:
            raw.execute("PRAGMA foreign_keys=ON")

    def migrate(self) -> None:
        """Bring the tables up to this version. Raises JudgeError when that fails."""
        try:
            with self.reading() as tx:
                if revisions.of(tx) == revisions.head():
                    return  # what `moving` checks takes long where there is much
            with self.moving() as tx:
                revisions.upgrade(tx)
        except (SQLAlchemyError, CommandError) as error:
            raise JudgeError(
                f"the database {self.shown_url} cannot be migrated: {error}; "
                "was it made by a newer judge?"
            ) from error

    def close(self) -> None:
        """Let go of every connection; of one that a thread still uses, when it is given back."""
        event.listen(self._engine, "checkin", lambda _, record: record.close())
        self._engine.dispose()


def _teach_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        mode = cursor.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()
        if mode != "wal":
            raise JudgeError(
                "the database's file system has no write-ahead logging; "
                "set JUDGE_HOME to a folder on a local disk"
            )

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        writes = connection.get_execution_options().get("judge_writes", True)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _drop_ended(engine: Engine) -> None:
    """A server that was restarted must not fail everybody who held a connection to it. What it
    sends while it is asked nothing is its farewell; looking for that needs no round trip."""

    @event.listens_for(engine, "checkout")
    def taken(connection: Any, _record: object, _proxy: object) -> None:
        waiting = select.poll()
        waiting.register(connection.pgconn.socket, select.POLLIN)
        if waiting.poll(0):
            raise DisconnectionError


def now() -> datetime:
    """The time that goes into rows: aware, UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """A UUIDv7: sorts by the time of its making."""
    return str(uuid_utils.uuid7())


def insert_or(tx: Tx, table: Table) -> "postgresql.Insert | sqlite.Insert":
    """An INSERT that can be told what to do ON CONFLICT; both databases say it alike."""
    return postgresql.insert(table) if tx.dialect.name == "postgresql" else sqlite.insert(table)


def owner_of(pid: int) -> str:
    """A name for a process that no later process will have: host, pid, time of start."""
    return f"{_host()}/{pid}/{_started(pid)}"


def is_dead(owner: str) -> bool:
    """Whether that process ran on this host and is certainly gone."""
    host, pid, _ = owner.rsplit("/", 2)
    return host == _host() and owner != owner_of(int(pid))


@cache
def _host() -> str:
    return socket.gethostname()


def _started(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return _alive(pid)
    state, *fields = stat.rpartition(")")[2].split()
    return "gone" if state in "ZX" else fields[18]


def _alive(pid: int) -> str:
    """For hosts without /proc, where a pid used again passes for the old process."""
    if Path("/proc/self/stat").exists():
        return "gone"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return "gone"
    except PermissionError:
        pass
    return "alive"
