"""What columns are made of: kinds that both databases understand, and those that every work has."""

from datetime import UTC, datetime

from sqlalchemy import (
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    String,
    Text,
    TypeDecorator,
    text,
)

ID = String(36)
DIGEST = String(64)
NAME = String(200)


class Utc(TypeDecorator[datetime]):
    """An aware UTC time on every database; SQLite forgets zones, so it is given back here."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the base class's
        """To UTC; a naive time is a mistake of ours."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError("a time without a zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the base class's
        """Always aware."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def work() -> list[Column[object]]:
    """Of rows that are still to be done; the module `tables` says what they mean."""
    return [
        Column("lease", ID),
        Column("lease_until", Utc),
        Column("owner", String(200)),
        Column("deliveries", Integer, nullable=False, default=0),
        Column("failures", Integer, nullable=False, default=0),
        Column("run_after", Utc),
        Column("error", Text),
    ]


def failed(table: str) -> Index:
    """Failed rows are few and counted by every board; their state is in it although it is always
    the same, since SQLite would prefer another index otherwise."""
    where = text("state = 'failed'")
    columns = ("state", "batch_id", "model")
    return Index(f"ix_{table}_failed", *columns, sqlite_where=where, postgresql_where=where)
