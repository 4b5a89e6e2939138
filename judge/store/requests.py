"""Answers to requests that carried an Idempotency-Key, kept so that a retry does nothing twice.

A row is claimed before the request runs and holds its answer afterwards. While it runs,
`created_at` is the claim's token, moved on by `renew`; a claim that was not renewed for a lease is
its crashed owner's and is taken over. `body` then names the claim: the name outlives the take-over,
so what a request makes can be made under it and is found by the next one to try.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, select, update

from judge.store.database import Tx, insert_or, new_id, now
from judge.store.tables import requests

KEPT = timedelta(hours=24)
LAPSED = timedelta(hours=1)  # longer than any lease


@dataclass(frozen=True, slots=True)
class Claim:
    """The request is ours to run. `name` is the same for every try of it."""

    caller: str
    key: str
    token: datetime
    name: str


@dataclass(frozen=True, slots=True)
class Answered:
    """It ran already, and this came of it."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str


@dataclass(frozen=True, slots=True)
class Running:
    """Its first try has not ended yet."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The key belongs to another request."""


def claim(
    tx: Tx, caller: str, key: str, request: str, lease: float
) -> Claim | Answered | Running | Mismatch:
    """Take this key for the request with the digest `request`, or say what stands under it.
    `lease` is how many seconds a claim holds without being renewed."""
    at = now()
    tx.execute(
        delete(requests).where(_is(caller, key), requests.c.created_at < at - KEPT),
    )
    name = new_id()
    fresh = {"caller": caller, "key": key, "request": request, "created_at": at}
    made = tx.execute(
        insert_or(tx, requests)
        .values(**fresh, headers="[]", body=name)
        .on_conflict_do_nothing()
        .returning(requests.c.key)
    ).first()
    if made is not None:
        return Claim(caller, key, at, name)
    known = tx.execute(select(requests).where(_is(caller, key))).first()
    if known is None:  # its owner gave it back just now
        return Running()
    if known.request != request:
        return Mismatch()
    if known.status is not None:
        headers = tuple((each[0], each[1]) for each in json.loads(known.headers))
        return Answered(known.status, headers, known.body)
    if known.created_at > at - timedelta(seconds=lease):
        return Running()
    ours = Claim(caller, key, known.created_at, known.body)
    return renew(tx, ours) or Running()


def renew(tx: Tx, ours: Claim) -> Claim | None:
    """Hold the claim for another lease; None when it was taken over."""
    at = now()
    changed = tx.execute(update(requests).where(_ours(ours)).values(created_at=at))
    return Claim(ours.caller, ours.key, at, ours.name) if changed.rowcount == 1 else None


def answer(tx: Tx, ours: Claim, answered: Answered) -> None:
    """Keep what came of it. Does nothing when the claim was taken over."""
    tx.execute(
        update(requests)
        .where(_ours(ours))
        .values(
            status=answered.status,
            headers=json.dumps(answered.headers),
            body=answered.body,
            created_at=now(),
        )
    )


def lapse(tx: Tx, ours: Claim) -> None:
    """No answer came of it that could be kept: the next try runs, under the same name."""
    tx.execute(update(requests).where(_ours(ours)).values(created_at=now() - LAPSED))


def any_old(tx: Tx) -> bool:
    """Whether `sweep` would drop anything."""
    return tx.scalar(select(requests.c.key).where(_is_old()).limit(1)) is not None


def sweep(tx: Tx) -> int:
    """Drop what is older than a day; how many rows that were."""
    return tx.execute(delete(requests).where(_is_old())).rowcount


def _is_old() -> ColumnElement[bool]:
    return requests.c.created_at < now() - KEPT


def _is(caller: str, key: str) -> ColumnElement[bool]:
    return and_(requests.c.caller == caller, requests.c.key == key)


def _ours(ours: Claim) -> ColumnElement[bool]:
    return and_(
        _is(ours.caller, ours.key),
        requests.c.created_at == ours.token,
        requests.c.status.is_(None),
    )
