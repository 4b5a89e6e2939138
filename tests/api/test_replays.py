"""Idempotency-Key on every POST: a retry does nothing twice, whatever happened to the first."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient

from api import batches, replays
from judge.errors import JudgeError, SandboxBusy
from judge.store.database import now
from judge.store.tables import requests as table
from problems.files import write_set

BODY = {"models": ["reference"], "problem_set": "small"}
ONE = {"Idempotency-Key": "one"}


def post(client, body=None, headers=None, path="/v1/batches"):
    return client.post(
        path, json=BODY if body is None else body, headers={**ONE, **(headers or {})}
    )


def opened(client):
    return len(client.get("/v1/batches").json()["items"])


def database(client):
    return client.app.state.judge.database


def age(client, seconds):
    with database(client).transaction() as tx:
        tx.execute(update(table).values(created_at=now() - timedelta(seconds=seconds)))


def test_a_retry_gets_the_same_answer_and_does_nothing(filled):
    first, again = post(filled), post(filled)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.content == again.content
    for name in ("location", "retry-after", "content-type", "content-length"):
        assert first.headers[name] == again.headers[name]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["x-content-type-options"] == "nosniff"
    assert first.headers["x-request-id"] != again.headers["x-request-id"]
    assert opened(filled) == 1


def test_refusals_are_kept_as_well(filled):
    first = post(filled, BODY | {"models": ["nobody"]})
    assert first.status_code == 404
    again = post(filled, BODY | {"models": ["nobody"]})
    assert again.content == first.content
    assert again.headers["content-type"] == "application/problem+json"
    assert again.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize(
    "other", [{"body": BODY | {"samples": 2}}, {"path": "/v1/batches?dry_run=true"}]
)
def test_another_request_under_the_key_is_refused(filled, other):
    post(filled)
    answer = post(filled, **other)
    assert answer.status_code == 422
    assert answer.json()["code"] == "idempotency-key-reused"
    assert opened(filled) == 1


def test_while_the_first_runs_the_second_is_told_to_wait(filled, monkeypatch):
    entered, go = threading.Event(), threading.Event()
    real = batches.batches.open_batch

    def slow(*given):
        entered.set()
        assert go.wait(10)
        return real(*given)

    monkeypatch.setattr(batches.batches, "open_batch", slow)
    found = []
    first = threading.Thread(target=lambda: found.append(post(filled)))
    first.start()
    assert entered.wait(10)
    second = post(filled)
    go.set()
    first.join()
    assert second.status_code == 409
    assert second.json()["code"] == "still-running"
    assert int(second.headers["retry-after"]) >= 1
    assert found[0].status_code == 202
    assert post(filled).content == found[0].content
    assert opened(filled) == 1


def test_a_long_request_keeps_its_claim(filled, monkeypatch):
    monkeypatch.setattr(replays, "LEASE_SECONDS", 0.3)
    real = batches.batches.open_batch
    seen = []

    def slow(*given):
        if not seen:
            seen.append(0)
            threading.Event().wait(1.0)
            seen[0] = post(filled).status_code
        return real(*given)

    monkeypatch.setattr(batches.batches, "open_batch", slow)
    assert post(filled).status_code == 202
    assert seen == [409]
    assert opened(filled) == 1


def test_a_crash_between_the_batch_and_its_answer_opens_no_second_batch(filled, monkeypatch):
    def lost(*_):
        raise JudgeError("the database is gone, and the process with it")

    monkeypatch.setattr(replays.requests, "answer", lost)
    assert post(filled).status_code == 503
    monkeypatch.undo()
    assert opened(filled) == 1
    assert post(filled).status_code == 409  # the claim of the dead still holds
    age(filled, 31)
    again = post(filled)
    assert again.status_code == 202
    assert opened(filled) == 1
    assert post(filled).content == again.content


def test_a_fault_of_ours_is_not_kept_and_its_retry_finds_what_was_made(filled, monkeypatch):
    monkeypatch.setattr(batches.dispatch, "ring_ask", lambda _: 1 / 0)
    assert post(filled).status_code == 500
    monkeypatch.undo()
    again = post(filled)
    assert again.status_code == 202
    assert "idempotency-replayed" not in again.headers
    assert opened(filled) == 1


def test_what_cannot_be_done_now_is_not_kept(filled, monkeypatch):
    def busy(*_):
        raise SandboxBusy("come back later")

    monkeypatch.setattr(batches.batches, "open_batch", busy)
    assert post(filled).status_code == 503
    monkeypatch.undo()
    assert post(filled).status_code == 202


def test_after_a_day_the_key_is_free_again(filled):
    first = post(filled)
    age(filled, 24 * 3600 + 1)
    assert post(filled, BODY | {"samples": 2}).json()["id"] != first.json()["id"]
    assert opened(filled) == 2


def test_every_caller_has_keys_of_its_own(guarded):
    body = {"name": "m", "backend": "llama_local", "id": "smollm2-135m"}
    for name in ("m", "n"):
        headers = guarded.make("admin")
        answer = post(guarded, body | {"name": name}, headers, "/v1/models")
        assert answer.status_code == 201
        assert "idempotency-replayed" not in answer.headers


@pytest.mark.parametrize("key", ["", " ", "a b\tc", "x" * 201, "\u00e9", "a\x01"])
def test_a_key_that_is_none_is_refused(filled, key):
    answer = filled.post(
        "/v1/batches", json=BODY, headers={"Idempotency-Key": key.encode("latin-1")}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed-request")
    assert opened(filled) == 0


def test_two_keys_at_once_are_refused(filled):
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    assert filled.post("/v1/batches", json=BODY, headers=headers).status_code == 422


def test_other_methods_take_no_notice(filled):
    for _ in range(2):
        answer = filled.get("/v1/batches", headers=ONE)
        assert answer.status_code == 200
        assert "idempotency-replayed" not in answer.headers


@pytest.mark.sandbox
@pytest.mark.usefixtures("sandbox")
def test_an_upload_under_another_boundary_is_the_same_request(client, small, tmp_path, monkeypatch):
    monkeypatch.setattr(replays, "SPOOL", 100)
    monkeypatch.setattr(replays, "PIECE", 64)
    path = tmp_path / "small.jsonl"
    write_set(small, path)

    def upload(content, boundary):
        part = (
            b'--%s\r\nContent-Disposition: form-data; name="file"; filename="s.jsonl"\r\n\r\n%s\r\n'
            b"--%s--\r\n" % (boundary, content, boundary)
        )
        pieces = (part[at : at + 7] for at in range(0, len(part), 7))
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary.decode()}"}
        return client.post("/v1/problem-sets", content=pieces, headers=ONE | kind)

    first = upload(path.read_bytes(), b"abcdefgh12")
    again = upload(path.read_bytes(), b"ijklmnop3456789")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.content == first.content
    assert upload(path.read_bytes() + b"\n", b"abcdefgh12").status_code == 422


def test_a_body_over_the_limit_claims_nothing(client):
    big = iter([b" " * 65536] * 40)
    headers = ONE | {"Content-Type": "application/json"}
    assert client.post("/v1/models", content=big, headers=headers).status_code == 413
    with database(client).reading() as tx:
        assert tx.execute(select(table)).all() == []


def test_upkeep_forgets_what_is_a_day_old(app):
    with TestClient(app, base_url="http://127.0.0.1") as client:
        post(client)
        age(client, 24 * 3600 + 1)
        until = now() + timedelta(seconds=10)
        rows = [1]
        while rows and now() < until:
            with database(client).reading() as tx:
                rows = tx.execute(select(table)).all()
        assert rows == []
