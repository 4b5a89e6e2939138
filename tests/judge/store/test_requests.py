"""Answers kept for retries: claimed once, taken over after a crash, forgotten after a day."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import update

from judge.store import requests
from judge.store.database import now
from judge.store.requests import Answered, Claim, Mismatch, Running
from judge.store.tables import requests as table

ANSWER = Answered(202, (("location", "/v1/batches/1"), ("x", "1"), ("x", "2")), '{"id": "1"}')


def claim(database, request="a" * 64, caller="me", lease=30.0):
    with database.transaction() as tx:
        return requests.claim(tx, caller, "key", request, lease)


def aged(database, seconds):
    with database.transaction() as tx:
        tx.execute(update(table).values(created_at=table_time(seconds)))


def table_time(seconds):
    return now() - timedelta(seconds=seconds)


def keep(database, ours):
    with database.transaction() as tx:
        requests.answer(tx, ours, ANSWER)


def test_the_first_runs_the_second_waits_the_third_gets_the_answer(database):
    ours = claim(database)
    assert isinstance(ours, Claim)
    assert claim(database) == Running()
    keep(database, ours)
    assert claim(database) == ANSWER


def test_another_request_under_the_key_is_none(database):
    ours = claim(database)
    assert claim(database, "b" * 64) == Mismatch()
    keep(database, ours)
    assert claim(database, "b" * 64) == Mismatch()
    assert isinstance(claim(database, "b" * 64, caller="you"), Claim)


def test_a_claim_that_nobody_renews_is_taken_over_under_the_same_name(database):
    ours = claim(database)
    aged(database, 31)
    theirs = claim(database)
    assert isinstance(theirs, Claim)
    assert theirs.name == ours.name
    keep(database, ours)  # too late
    assert claim(database) == Running()
    keep(database, theirs)
    assert claim(database) == ANSWER


def test_a_claim_that_is_renewed_is_not(database):
    ours = claim(database)
    aged(database, 29)
    with database.transaction() as tx:
        assert requests.renew(tx, ours) is None  # somebody else's token is in the row
    ours = Claim(ours.caller, ours.key, stored(database), ours.name)
    with database.transaction() as tx:
        ours = requests.renew(tx, ours)
    assert claim(database, lease=5) == Running()
    keep(database, ours)
    assert claim(database) == ANSWER


def stored(database):
    with database.reading() as tx:
        return tx.execute(table.select()).one().created_at


def test_what_failed_runs_again_at_once_and_under_the_same_name(database):
    ours = claim(database)
    with database.transaction() as tx:
        requests.lapse(tx, ours)
    again = claim(database)
    assert isinstance(again, Claim) and again.name == ours.name


def test_after_a_day_the_key_is_new(database):
    ours = claim(database)
    keep(database, ours)
    aged(database, 24 * 3600 + 1)
    fresh = claim(database, "b" * 64)
    assert isinstance(fresh, Claim) and fresh.name != ours.name
    aged(database, 24 * 3600 + 1)
    with database.transaction() as tx:
        assert requests.sweep(tx) == 1
        assert requests.sweep(tx) == 0


def test_of_many_at_once_one_runs(database):
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: claim(database), range(16)))
    assert sum(isinstance(each, Claim) for each in found) == 1
    aged(database, 31)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: claim(database), range(16)))
    assert sum(isinstance(each, Claim) for each in found) == 1
