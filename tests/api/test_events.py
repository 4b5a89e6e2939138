"""Following a batch: over a real connection, because what matters is when things arrive."""

import json
import socket
import threading
import time
from contextlib import contextmanager

import httpx2
import pytest
import uvicorn

from api import events
from api.app import create_app
from judge.settings import Settings
from judge.store import models, problem_sets
from judge.store.batches import BatchRequest


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """A service that works on nothing by itself, so that tests decide when a batch changes."""
    home = tmp_path_factory.mktemp("events") / "home"
    return create_app(Settings(home=home, sandbox_workers=1, broker_url="redis://127.0.0.1:1/0"))


@pytest.fixture(scope="module")
def server(app):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture
def batch(app, server, small, tmp_path):
    from judge import batches
    from judge.models.base import ModelSpec

    spec = ModelSpec("m", "recorded", "/nowhere")
    with app.state.judge.database.transaction() as tx:
        problem_sets.keep(tx, small)
        models.keep(tx, spec)
    return batches.open_batch(app.state.judge.database, BatchRequest(("m",), "small")).id


def change(server, batch, state):
    answer = httpx2.patch(f"{server}/v1/batches/{batch}", json={"state": state})
    assert answer.status_code == 200


@contextmanager
def following(server, batch, last="", **headers):
    if last:
        headers["Last-Event-ID"] = last
    url = f"{server}/v1/batches/{batch}/events"
    with httpx2.stream("GET", url, headers=headers, timeout=10) as answer:
        yield answer, parsed(answer.iter_lines())


def parsed(lines):
    event = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            event[name] = value
        elif event:
            yield event
            event = {}


def test_events_come_when_the_rows_change_and_the_end_is_the_end(server, batch):
    with following(server, batch) as (answer, stream):
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["x-content-type-options"] == "nosniff"
        first = next(stream)
        assert first["event"] == "progress"
        assert json.loads(first["data"]) == httpx2.get(f"{server}/v1/batches/{batch}").json()
        change(server, batch, "paused")
        second = next(stream)
        assert json.loads(second["data"])["state"] == "paused"
        assert second["id"] != first["id"]
        change(server, batch, "cancelled")
        rest = list(stream)
    assert [each["event"] for each in rest] == ["progress", "end"]
    assert json.loads(rest[1]["data"])["state"] == "cancelled"
    again = httpx2.get(
        f"{server}/v1/batches/{batch}/events", headers={"Last-Event-ID": rest[1]["id"]}
    )
    assert again.status_code == 204  # which tells a browser to stay away
    with following(server, batch, rest[0]["id"]) as (_, stream):
        assert [each["event"] for each in stream] == ["end"]


def test_nothing_comes_again_until_something_changes(server, batch):
    with following(server, batch) as (_, stream):
        first = next(stream)
    with following(server, batch, first["id"]) as (_, stream):
        timer = threading.Timer(1.2, change, (server, batch, "paused"))
        begun = time.monotonic()
        timer.start()
        assert json.loads(next(stream)["data"])["state"] == "paused"
        assert time.monotonic() - begun >= 1.2
    with following(server, batch, "an id of nobody") as (_, stream):
        assert next(stream)["event"] == "progress"


def test_changes_are_told_at_most_twice_a_second(server, batch):
    stop = threading.Event()

    def restless():
        while not stop.is_set():
            change(server, batch, "paused")
            change(server, batch, "open")

    thread = threading.Thread(target=restless)
    thread.start()
    with following(server, batch) as (_, stream):
        begun = time.monotonic()
        for _ in range(4):
            next(stream)
        took = time.monotonic() - begun
    stop.set()
    thread.join()
    assert took >= 3 * events.LOOK_SECONDS * 0.9


def test_a_stream_ends_after_a_while_and_says_so(server, batch, monkeypatch):
    monkeypatch.setattr(events, "STREAM_SECONDS", 0.2)
    monkeypatch.setattr(events, "PING_SECONDS", 0.0)
    url = f"{server}/v1/batches/{batch}/events"
    text = httpx2.get(url, timeout=10).text
    assert ": ping\n\n" in text
    first, last = [each for each in parsed(iter(text.splitlines())) if "event" in each]
    assert (first["event"], last["event"]) == ("progress", "reconnect")
    assert first["id"] == last["id"]


def settled(count):
    until = time.monotonic() + 10
    while events.Stream.open != count and time.monotonic() < until:
        time.sleep(0.02)
    return events.Stream.open


def test_there_are_so_many_streams_and_one_that_left_makes_room(server, batch, monkeypatch):
    monkeypatch.setattr(events, "MAX_STREAMS", 2)
    assert settled(0) == 0
    with following(server, batch) as (_, one), following(server, batch) as (_, two):
        next(one), next(two)
        refused = httpx2.get(f"{server}/v1/batches/{batch}/events")
        assert refused.status_code == 503
        assert refused.json()["code"] == "busy"
        assert refused.headers["retry-after"]
    assert settled(0) == 0
    with following(server, batch) as (_, one):
        assert next(one)["event"] == "progress"


def test_a_reader_that_takes_nothing_is_let_go(server, batch, monkeypatch):
    monkeypatch.setattr(events, "SLOW_SECONDS", 0.3)
    monkeypatch.setattr(events, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(events, "_id_of", lambda _: str(time.monotonic_ns()))
    real = events.format_sse_event
    monkeypatch.setattr(
        events, "format_sse_event", lambda **given: real(**given) + b":" + b"x" * 2**18 + b"\n\n"
    )
    assert settled(0) == 0
    host, port = server.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as asleep:
        asleep.sendall(f"GET /v1/batches/{batch}/events HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert settled(1) == 1
        assert settled(0) == 0


def test_no_transaction_is_open_while_nothing_changes(app, server, batch):
    with following(server, batch) as (_, stream):
        next(stream)
        engine = app.state.judge.database._engine
        used = [engine.pool.checkedout() for _ in range(50) if time.sleep(0.02) is None]
    assert used.count(0) > 40


def test_what_is_not_there_cannot_be_followed(server):
    answer = httpx2.get(f"{server}/v1/batches/none/events")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
