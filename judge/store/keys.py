"""API keys: `jdg_<id>_<secret>`. Of the secret only a digest is stored; it is shown once, when the
key is made. It has 256 bits of chance, so that a plain SHA-256 is enough and is fast.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest

from sqlalchemy import insert, or_, select, update

from judge.errors import UnknownName, UsageError
from judge.store.database import Tx, now
from judge.store.tables import keys

SCOPES = ("read", "submit", "gate", "promote", "admin")
MAX_DAYS = 3650
USED_SECONDS = 60
"""How stale `used_at` may be: a busy key would otherwise turn every request into a write."""

_FORM = re.compile(r"jdg_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NOBODY = sha256(b"").hexdigest()
_SHOWN = tuple(column for column in keys.c if column.name != "digest")


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as listed. One that has expired or was revoked opens nothing."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None

    @property
    def live(self) -> bool:
        """Whether it still opens anything."""
        return self.revoked_at is None and (self.expires_at is None or now() < self.expires_at)

    def may(self, scope: str) -> bool:
        """Whether it holds this scope; `admin`, which can make keys, holds every one."""
        return scope in self.scopes or "admin" in self.scopes


def add(tx: Tx, name: str, scopes: tuple[str, ...], days: int | None = None) -> tuple[KeyRow, str]:
    """Make a key that holds for so many days, or until it is revoked; its row, and the whole key,
    which cannot be had again. Raises UsageError."""
    if not name.strip() or len(name) > 200 or not name.isprintable():
        raise UsageError("a key needs a name of 1 to 200 printable characters: who will hold it?")
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        what = f"there is no scope {unknown[0]!r}" if unknown else "a key needs a scope"
        raise UsageError(f"{what}; choose from {', '.join(SCOPES)}")
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise UsageError(f"a key expires after 1 to {MAX_DAYS} days, not {days}")
    made, secret = now(), secrets.token_urlsafe(32)
    row = KeyRow(
        id=secrets.token_hex(6),
        name=name,
        scopes=tuple(scope for scope in SCOPES if scope in scopes),
        created_at=made,
        expires_at=None if days is None else made + timedelta(days=days),
        revoked_at=None,
        used_at=None,
    )
    tx.execute(
        insert(keys).values(
            id=row.id,
            name=row.name,
            digest=sha256(secret.encode()).hexdigest(),
            scopes=" ".join(row.scopes),
            created_at=row.created_at,
            expires_at=row.expires_at,
        )
    )
    return row, f"jdg_{row.id}_{secret}"


def holder(tx: Tx, key: str) -> KeyRow | None:
    """Whose key this is; None unless it is whole, known, not revoked and not expired. A wrong
    secret takes as long as a right one."""
    parts = _FORM.fullmatch(key)
    identity, secret = parts.groups() if parts else ("", "")
    found = tx.execute(select(keys).where(keys.c.id == identity)).first()
    said = sha256(secret.encode()).hexdigest()
    if not compare_digest(said, found.digest if found else _NOBODY) or found is None:
        return None
    row = _row(found)
    return row if row.live else None


def touch(tx: Tx, identity: str) -> None:
    """The key is in use now; written at most once in USED_SECONDS."""
    at = now()
    stale = or_(keys.c.used_at.is_(None), keys.c.used_at < at - timedelta(seconds=USED_SECONDS))
    tx.execute(update(keys).where(keys.c.id == identity, stale).values(used_at=at))


def is_stale(row: KeyRow) -> bool:
    """Whether `touch` would write anything."""
    return row.used_at is None or row.used_at < now() - timedelta(seconds=USED_SECONDS)


def revoke(tx: Tx, identity: str) -> KeyRow:
    """Let the key open nothing from now on; again changes nothing. Raises UnknownName."""
    tx.execute(
        update(keys)
        .where(keys.c.id == identity, keys.c.revoked_at.is_(None))
        .values(revoked_at=now())
    )
    found = tx.execute(select(*_SHOWN).where(keys.c.id == identity)).first()
    if found is None:
        raise UnknownName(
            f"no key has the id {identity!r}; `judge keys list` shows those there are"
        )
    return _row(found)


def listed(tx: Tx, after: str = "", limit: int | None = None) -> list[KeyRow]:
    """Every key by its id, those that open nothing any more included."""
    wanted = select(*_SHOWN).where(keys.c.id > after).order_by(keys.c.id).limit(limit)
    return [_row(row) for row in tx.execute(wanted)]


def any_live(tx: Tx) -> bool:
    """Whether anybody can get in."""
    return any(row.live for row in listed(tx))


def _row(row: object) -> KeyRow:
    fields = dict(row._mapping)  # type: ignore[attr-defined]  # noqa: SLF001 - SQLAlchemy's public name
    fields.pop("digest", None)
    return KeyRow(**{**fields, "scopes": tuple(fields["scopes"].split())})
