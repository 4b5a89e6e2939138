"""API keys: one secret, shown once, and only ever its digest kept."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from judge.errors import UnknownName, UsageError
from judge.store import keys
from judge.store.database import now
from judge.store.tables import keys as table


def made(database, *scopes, days=None):
    with database.transaction() as tx:
        return keys.add(tx, "someone", scopes or ("read",), days)


def holder(database, key):
    with database.reading() as tx:
        return keys.holder(tx, key)


def test_a_key_opens_and_its_secret_is_nowhere(database):
    row, key = made(database, "submit", "read")
    assert holder(database, key) == row
    assert row.scopes == ("read", "submit")
    assert row.may("submit") and not row.may("admin")
    secret = key.removeprefix(f"jdg_{row.id}_")
    assert len(secret) == 43
    with database.reading() as tx:
        stored = [str(each) for each in tx.execute(select(table)).one()]
    assert not any(secret in text for text in stored)
    assert made(database)[1] != key


def test_admin_may_everything(database):
    assert all(made(database, "admin")[0].may(scope) for scope in keys.SCOPES)


def test_what_is_not_the_whole_key_opens_nothing(database):
    row, key = made(database)
    other = made(database)[1]
    secret = key.removeprefix(f"jdg_{row.id}_")
    last = "A" if key[-1] != "A" else "B"
    wrong = (
        *("", "jdg", "jdg__", f"jdg_{row.id}_", secret, key[:-1], key + "A", f"{key[:-1]}{last}"),
        *(key.upper(), f" {key}", f"{key}\n", f"jdg_{row.id}_{other.rpartition('_')[2]}"),
        *(f"jdg_{'0' * 12}_{secret}", f"jdg_{row.id}' or '1'='1_{secret}", "jdg_\0_\0"),
    )
    for text in wrong:
        assert holder(database, text) is None, text


def test_an_expired_or_revoked_key_opens_nothing(database):
    row, key = made(database, days=1)
    assert row.expires_at == row.created_at + timedelta(days=1)
    with database.transaction() as tx:
        tx.execute(update(table).values(expires_at=now() - timedelta(seconds=1)))
    assert holder(database, key) is None
    row, key = made(database)
    for _ in range(2):
        with database.transaction() as tx:
            revoked = keys.revoke(tx, row.id)
    assert revoked.revoked_at and not revoked.live
    assert holder(database, key) is None
    with database.transaction() as tx:
        with pytest.raises(UnknownName):
            keys.revoke(tx, "nobody")
        assert not keys.any_live(tx)


def test_its_last_use_is_written_at_most_once_a_minute(database):
    row, key = made(database)
    assert row.used_at is None and keys.is_stale(row)

    def touched():
        with database.transaction() as tx:
            keys.touch(tx, row.id)
        return holder(database, key).used_at

    first = touched()
    assert first is not None and touched() == first
    assert not keys.is_stale(holder(database, key))
    with database.transaction() as tx:
        tx.execute(update(table).values(used_at=now() - timedelta(seconds=61)))
    assert keys.is_stale(holder(database, key))
    assert touched() > first - timedelta(seconds=61)
    assert not keys.is_stale(holder(database, key))


@pytest.mark.parametrize(
    ("name", "scopes", "days"),
    [
        ("", ("read",), None),
        ("a\nb", ("read",), None),
        ("x" * 201, ("read",), None),
        ("a", (), None),
        ("a", ("root",), None),
        ("a", ("read",), 0),
        ("a", ("read",), 10**9),
    ],
)
def test_what_makes_no_key(database, name, scopes, days):
    with database.transaction() as tx:
        with pytest.raises(UsageError):
            keys.add(tx, name, scopes, days)
        assert keys.listed(tx) == []
