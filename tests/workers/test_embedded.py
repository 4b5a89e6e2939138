"""The embedded worker: rings, lost rings, stops and starts, with the real queue and sandbox."""

import time

import pytest
from kombu.exceptions import OperationalError

from judge import batches
from judge.batches import BatchRequest
from judge.bootstrap import Judge
from judge.settings import Settings
from judge.store import models, samples
from workers import dispatch, upkeep
from workers.app import start_embedded

pytestmark = pytest.mark.sandbox


@pytest.fixture
def house(database, sandbox, record, tmp_path):
    record()
    judge = Judge(Settings(home=tmp_path, broker_url="memory://", ask_threads=2), database)
    judge._sandbox = sandbox
    yield judge
    judge._sandbox = None  # the session's, not ours to close
    judge.close()


@pytest.fixture
def started(house):
    handles = []

    def start():
        handles.append(start_embedded(house))
        return handles[-1]

    yield start
    for handle in handles:
        handle.stop()


def finished(house, batch, seconds=60):
    limit = time.monotonic() + seconds
    while (status := batches.read_batch(house.database, batch)).open:
        assert time.monotonic() < limit, status
        time.sleep(0.05)
    return status


def open_batch(house, samples=2):
    return batches.open_batch(house.database, BatchRequest(("solver",), "small", samples)).id


def test_a_rung_batch_is_asked_judged_and_closed(house, started):
    started()
    batch = open_batch(house)
    dispatch.ring_ask(batch)
    status = finished(house, batch)
    assert (status.state, status.judged, status.accepted) == ("finished", 16, 16)


def test_a_batch_whose_ring_was_lost_is_found_by_upkeep(house, started):
    started()
    batch = open_batch(house)
    assert finished(house, batch).accepted == 16


def test_what_a_former_process_left_is_taken_up_at_the_start(house, started, monkeypatch):
    batch = open_batch(house)
    living = house.database.owner
    monkeypatch.setattr(house.database, "owner", living.replace("/", "/9", 1))
    assert batches.ask_questions(house.database, house.model, limit=3).asked == 3
    with house.database.transaction() as tx:
        samples.claim(tx, house.database, 4)
    monkeypatch.setattr(house.database, "owner", living)
    started()
    status = finished(house, batch)
    assert (status.samples, status.accepted) == (16, 16)


def test_stopped_in_the_middle_and_started_again_it_goes_on(house, started):
    batch = open_batch(house, samples=4)
    for _ in range(3):
        handle = started()
        time.sleep(0.2)
        handle.stop()
        with house.database.reading() as tx:
            held = [table for table in ("questions", "samples") if _held(tx, table)]
        assert held == []  # everything was given back
    started()
    status = finished(house, batch)
    assert (status.samples, status.accepted, status.errors) == (32, 32, ())


def _held(tx, table):
    return tx.exec_driver_sql(f"SELECT count(*) FROM {table} WHERE lease IS NOT NULL").scalar()


def test_rings_without_rows_and_double_rings_change_nothing(house, started):
    started()
    batch = open_batch(house)
    for _ in range(20):
        dispatch.ring_ask()
        dispatch.ring_judge()
    assert finished(house, batch).samples == 16
    dispatch.ring_ask(batch)
    dispatch.ring_judge(batch)
    time.sleep(0.3)
    status = batches.read_batch(house.database, batch)
    assert (status.samples, status.judged) == (16, 16)


def test_a_broker_that_is_down_is_a_warning_and_no_error(house, monkeypatch, caplog):
    def down(*_args, **_options):
        raise OperationalError("connection refused")

    monkeypatch.setattr(dispatch.queue, "send_task", down)
    batch = open_batch(house)
    dispatch.ring_ask(batch)
    assert upkeep.reconcile(house.database).to_ask
    assert "ring lost" in caplog.text


def test_a_slow_model_does_not_keep_other_samples_from_being_judged(house, started, tmp_path):
    slow = models.ModelSpec("slow", "recorded", str(tmp_path / "solver.jsonl"))
    with house.database.transaction() as tx:
        models.keep(tx, slow)
    backend = house.model("slow")[1]
    complete = backend.complete

    def slowly(*args, **options):
        time.sleep(1.0)
        return complete(*args, **options)

    backend.complete = slowly
    started()
    batch = batches.open_batch(house.database, BatchRequest(("slow",), "small", 1)).id
    dispatch.ring_ask(batch)
    while not batches.read_batch(house.database, batch).judged:
        time.sleep(0.02)
    assert batches.read_batch(house.database, batch).asked < 8  # judged while others are asked
    assert finished(house, batch).accepted == 8
