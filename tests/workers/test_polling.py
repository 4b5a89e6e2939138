"""A worker says that it lives only while it can work."""

import threading

import pytest

from judge import heartbeats
from judge.bootstrap import Judge
from judge.settings import Settings
from judge.store.leases import SAMPLES, any_claimable
from workers import dispatch, polling, tasks


def judging(tx):
    return any_claimable(tx, SAMPLES)


@pytest.fixture
def house(database, tmp_path):
    judge = Judge(Settings(home=tmp_path), database)
    tasks.process.lend(judge)
    tasks.process.stopping.clear()
    yield judge
    tasks.process.lend(None)
    polling._errands[:] = []


def test_no_beat_while_an_errand_hangs(house, monkeypatch):
    polling._look()
    assert len(heartbeats.ages(house.settings)) == 1
    for path in (house.settings.home / "alive").iterdir():
        path.unlink()
    entered, going = threading.Event(), threading.Event()
    errand = polling.Errand(judging, lambda: entered.set() or going.wait())
    monkeypatch.setattr(errand, "waits", lambda: not going.is_set())
    polling._errands[:] = [errand]
    polling._look()
    assert len(heartbeats.ages(house.settings)) == 1  # at work, and not for long
    for path in (house.settings.home / "alive").iterdir():
        path.unlink()
    entered.wait()
    errand.began -= dispatch.TASK_SECONDS + 1
    polling._look()
    going.set()
    errand.thread.join()
    assert heartbeats.ages(house.settings) == {}


def test_a_database_that_cannot_be_read_is_no_sign_of_life(house, monkeypatch):
    polling._errands[:] = [polling.Errand(judging, lambda: True)]
    with house.database.transaction() as tx:
        tx.exec_driver_sql("ALTER TABLE samples RENAME TO hidden")
    with pytest.raises(Exception, match="no such table"):
        polling._look()
    assert heartbeats.ages(house.settings) == {}
