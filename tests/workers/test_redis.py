"""Workers as processes on a real Redis that is full, away, killed, or hands out a message twice."""

import logging
import os
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from celery import Celery

from judge import batches
from judge.batches import BatchRequest
from tests import services
from tests.conftest import ROOT, served
from workers import dispatch

pytestmark = [pytest.mark.sandbox, pytest.mark.usefixtures("sandbox")]

SELDOM, OFTEN = "3600", "0.2"


@pytest.fixture
def broker():
    """A Redis of this test alone."""
    with served(services.Redis) as server:
        yield server


@pytest.fixture
def rung(broker, monkeypatch):
    """This process rings through that Redis."""
    monkeypatch.setattr(dispatch, "queue", Celery("rung"))  # one that has no connections yet
    dispatch.configure(broker.url)
    yield dispatch
    dispatch.queue.pool.force_close_all()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """One for all, so that the host's speed is measured once."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def environment(tmp_path, home, broker, database):
    return os.environ | {
        "JUDGE_HOME": str(home),
        "JUDGE_DATABASE_URL": f"sqlite:///{tmp_path / 'judge.db'}",
        "JUDGE_BROKER_URL": broker.url,
        "JUDGE_POLL_SECONDS": SELDOM,
        "PYTHONPATH": str(ROOT),
    }


@pytest.fixture
def running(tmp_path, environment):
    """Start a command of judge, end it after the test; its log is printed if the test fails."""

    @contextmanager
    def run(*words, **variables):
        path = tmp_path / f"{words[-1].rpartition('/')[2]}.log"
        with path.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *words],
                env=environment | variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        process.said = lambda: path.read_text(errors="replace")
        try:
            yield process
        except BaseException:
            print(process.said())
            raise
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    return run


WORKER = ("-m", "judge.cli", "worker", "--concurrency", "1")


def wait(condition, seconds=60):
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, "it did not come to pass"
        time.sleep(0.05)
    return found


def ready(worker):
    wait(lambda: " ready." in worker.said())


def open_batch(database, samples=1):
    return batches.open_batch(database, BatchRequest(("solver",), "small", samples)).id


def finished(database, batch, seconds=60):
    wait(lambda: not batches.read_batch(database, batch).open, seconds)
    status = batches.read_batch(database, batch)
    assert (status.state, status.errors) == ("finished", ())
    return status


def test_rings_are_heard_and_ten_rings_are_as_good_as_one(database, record, rung, running):
    record()
    with running(*WORKER) as worker:
        ready(worker)
        batch = open_batch(database, samples=2)
        for _ in range(10):
            rung.ring_ask(batch)
            rung.ring_judge(batch)
        status = finished(database, batch)
    assert (status.samples, status.judged, status.accepted) == (16, 16, 16)


def test_a_lost_ring_is_made_up_for_by_polling(database, record, running):
    record()
    with running(*WORKER, JUDGE_POLL_SECONDS=OFTEN) as worker:
        ready(worker)
        batch = open_batch(database)
        assert finished(database, batch, 25).accepted == 8


def test_a_lost_ring_is_made_up_for_by_upkeep(database, record, running):
    record()
    with running(*WORKER) as worker:
        ready(worker)
        batch = open_batch(database)
        with running("-m", "judge.cli", "upkeep", JUDGE_UPKEEP_SECONDS=OFTEN):
            assert finished(database, batch, 25).accepted == 8


@pytest.mark.parametrize("queues", ["ask,judge", "ask"])
def test_work_goes_on_while_redis_is_full_or_away_and_rings_are_heard_again_after(
    database, record, broker, rung, running, caplog, monkeypatch, queues
):
    record()
    asked_only = queues == "ask"

    def done(batch):
        if asked_only:
            wait(lambda: batches.read_batch(database, batch).samples == 8, 25)
        else:
            assert finished(database, batch, 25).accepted == 8

    with running(*WORKER, "--queues", queues, JUDGE_POLL_SECONDS=OFTEN) as worker:
        ready(worker)
        with broker.client() as client:
            client.config_set("maxmemory", "1")
        batch = open_batch(database)
        with caplog.at_level(logging.WARNING):
            rung.ring_ask(batch)
        assert "ring lost" in caplog.text
        done(batch)

        broker.kill()
        batch = open_batch(database)
        done(batch)

        broker.start()
        heard = worker.said().count("judge.ask[")
        monkeypatch.setattr(rung, "_silent_until", 0.0)
        rung.ring_ask(batch)
        wait(lambda: worker.said().count("judge.ask[") > heard)
        assert worker.poll() is None


def test_a_redis_that_is_full_before_a_message_is_done_ends_no_worker(
    database, record, broker, rung, running
):
    record()
    with running(*WORKER, JUDGE_POLL_SECONDS=OFTEN) as worker:
        ready(worker)
        for _ in range(60):
            rung.ring_upkeep()
        with broker.client() as client:
            client.config_set("maxmemory", "1")
        assert finished(database, open_batch(database), 60).accepted == 8
        assert worker.poll() is None
        assert "Unrecoverable" not in worker.said()


def test_a_worker_that_starts_before_its_redis_works_at_once(
    database, record, broker, running, environment
):
    record()
    broker.kill()
    batch = open_batch(database)
    with running(*WORKER, JUDGE_POLL_SECONDS=OFTEN) as worker:
        assert finished(database, batch, 40).accepted == 8
        alive = [sys.executable, "-m", "judge.cli", "worker", "--alive", "--json"]
        assert subprocess.run(alive, env=environment, capture_output=True).returncode == 0
        assert worker.poll() is None
    assert subprocess.run(alive, env=environment, capture_output=True).returncode == 1


def test_a_task_longer_than_the_visibility_time_out_is_handed_out_again_and_draws_nothing_twice(
    database, record, rung, running, tmp_path
):
    record()
    log = tmp_path / "draws"
    program, more = (str(ROOT / "tests/workers/slow.py"), str(log)), {"JUDGE_ASK_THREADS": "2"}
    with running(*program, **more) as one, running(*program, **more) as two:
        wait(lambda: min(one.said().count(" ready."), two.said().count(" ready.")) > 0)
        batch = open_batch(database)
        rung.ring_ask(batch)
        wait(lambda: batches.read_batch(database, batch).samples == 8)
        said = log.read_text().splitlines()
    draws = [line for line in said if line.startswith("draw")]
    during = said[: said.index(draws[-1])]
    begun = {line for line in during if line.startswith("task")}
    assert len(begun) == 2, "it was never handed out again, to the other one"
    assert sorted(draws) == [f"draw add-{n} 0" for n in range(8)]
