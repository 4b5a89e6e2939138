"""A provider's bad day: five hundred questions over everything that goes wrong with an API."""

import json
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from judge import batches
from judge.batches import BatchRequest, failures
from judge.models.base import ModelSpec, Sampling
from judge.models.openai_chat import OpenAIChat
from judge.store import models, problem_sets
from tests import services
from tests.conftest import adders

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]


@contextmanager
def moody(**mood):
    """The provider, running; gives a client of its own pages."""
    port = services.free_port()
    program = [sys.executable, str(Path(__file__).with_name("moody.py")), str(port)]
    process = subprocess.Popen([*program, json.dumps(mood)])
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            deadline = time.monotonic() + 30
            while not _answers(client):
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.05)
            yield client
    finally:
        process.kill()
        process.wait()


def _answers(client):
    try:
        return client.get("/stats").status_code == 200
    except httpx2.HTTPError:
        return False


def stats(client):
    found = client.get("/stats").json()
    counted = ("asked", "billed", "faults", "over")
    return {name: Counter({int(k): v for k, v in found[name].items()}) for name in counted} | {
        "seen": found["seen"]
    }


def opened(database, client, problems, seconds):
    spec = ModelSpec("moody", "openai_chat", "m", base_url=f"{client.base_url}/v1")
    with database.transaction() as tx:
        problem_sets.keep(tx, problems)
        models.keep(tx, spec)
    backend = OpenAIChat(spec, seconds)
    batch = batches.open_batch(
        database, BatchRequest(("moody",), "many", 1, Sampling(0.5, max_tokens=200))
    )
    return backend, batch, lambda _name: (spec, backend)


def test_five_hundred_questions_survive_a_bad_day(database, sandbox, monkeypatch):
    """Each question is asked as often as something went wrong and once more, answered once, judged
    right; and no more is in flight than the provider bears."""
    monkeypatch.setattr(failures, "BACKOFF_SECONDS", 0.2)
    with moody(limit=24, faulty=0.2) as client:
        backend, batch, model = opened(database, client, adders(500, "many"), seconds=3.0)
        told = set()

        def look(status):
            told.update(text for text, _ in status.waiting)

        status = batches.run_batch(database, model, sandbox, batch.id, threads=64, on_progress=look)
        backend.close()
        found = stats(client)
    assert (status.state, status.failed, status.errors) == ("finished", 0, ())
    assert (status.samples, status.accepted) == (500, 500)
    assert set(found["billed"].values()) == {1}
    assert found["faults"].total() > 70
    needed = Counter(dict.fromkeys(range(500), 1)) + found["faults"] + found["over"]
    assert found["asked"] == needed
    assert found["over"].total() < 100  # what it cost to find the limit
    flights = [flight for _, flight in found["seen"]]
    later = flights[len(flights) // 2 :]
    assert max(later) <= 24 + 6
    wrong_usage = [
        each
        for each in batches.list_samples(database, batch.id, limit=1000)
        if each.output_tokens < 1
    ]
    assert wrong_usage == []


def test_without_money_nobody_asks_on_and_what_was_answered_stays(database, sandbox):
    with moody(quota=40, seconds=0.01) as client:
        backend, batch, model = opened(database, client, adders(200, "many"), seconds=5.0)
        status = batches.run_batch(database, model, sandbox, batch.id, threads=32)
        found = stats(client)
        assert status.state == "finished"
        assert (status.samples, status.accepted) == (found["billed"].total(),) * 2
        assert 40 <= status.samples <= 40 + 32
        assert status.failed == 200 - status.samples
        assert all("add some, then retry" in text for text, _ in status.errors)
        assert found["asked"].total() < status.samples + 64  # and not 200
        client.post("/mood", json={"quota": 10**9})
        monkey = backend._connection.pace
        monkey._dead = None  # as if the time had passed
        batches.retry_errors(database, batch.id)
        status = batches.run_batch(database, model, sandbox, batch.id, threads=32)
        backend.close()
        found = stats(client)
    assert (status.state, status.accepted) == ("finished", 200)
    assert set(found["billed"].values()) == {1}
