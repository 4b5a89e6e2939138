"""Every answer that is not a success is problem details, and says nothing of our insides."""

import pytest
from starlette.testclient import TestClient

from api import health


def is_problem(answer, status, code):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["code"] == code
    assert body["type"] == f"urn:judge:error:{code}"
    assert body["request_id"] == answer.headers["x-request-id"]
    assert {"title", "detail", "instance"} <= body.keys()
    assert "Traceback" not in answer.text
    return body


def test_an_unknown_address_is_not_found(client):
    is_problem(client.get("/v1/nowhere"), 404, "not-found")
    is_problem(client.get("/static/../app.py"), 404, "not-found")
    is_problem(client.get("/v1/models/%00"), 404, "not-found")


def test_a_method_that_is_not_taken_is_refused(client):
    assert "allow" in client.delete("/v1/models").headers
    is_problem(client.delete("/v1/models"), 405, "method-not-allowed")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/problem-sets/none",
        "/v1/problem-sets/none/problems",
        "/v1/problem-sets/none/problems/x",
        "/v1/models/none",
        "/v1/batches/none",
        "/v1/batches/none/samples",
        "/v1/samples/none",
        "/v1/leaderboards/none",
        "/leaderboards/none",
        "/batches/none",
        "/v1/models/%ff",
    ],
)
def test_an_unknown_name_is_not_found(client, path):
    is_problem(client.get(path), 404, "unknown-name")


def test_wrong_fields_are_named_by_pointer(client):
    answer = client.post("/v1/batches", json={"models": [], "problem_sett": "x"})
    pointers = {each["pointer"] for each in is_problem(answer, 422, "malformed-request")["errors"]}
    assert pointers == {"/body/models", "/body/problem_set", "/body/problem_sett"}


def test_what_is_no_json_is_refused(client):
    headers = {"Content-Type": "application/json"}
    is_problem(client.post("/v1/batches", content=b"{", headers=headers), 422, "malformed-request")
    is_problem(client.post("/v1/batches", content=b"\xff", headers=headers), 400, "bad-request")


def test_json_that_does_not_say_so_is_refused(client):
    """A page of another site could send it as text/plain without asking first."""
    answer = client.post("/v1/batches", content=b"{}", headers={"Content-Type": "text/plain"})
    is_problem(answer, 422, "malformed-request")


@pytest.mark.parametrize("path", ["/v1/batches", "/v1/models", "/v1/problem-sets"])
@pytest.mark.parametrize("cursor", ["%%%", "AA", "abc\u00e9", "gICA"])
def test_a_cursor_nobody_gave_is_refused(client, path, cursor):
    answer = client.get(path, params={"cursor": cursor})
    is_problem(answer, 422, "malformed-request")


@pytest.mark.parametrize("limit", [0, 201, "many"])
def test_a_page_has_bounds(client, limit):
    is_problem(client.get("/v1/models", params={"limit": limit}), 422, "malformed-request")


def test_a_body_over_the_limit_is_refused(client):
    big = b" " * (1024 * 1024 + 1)
    headers = {"Content-Type": "application/json"}
    is_problem(client.post("/v1/models", content=big, headers=headers), 413, "too-large")


def test_a_body_over_the_limit_is_refused_without_its_length(client):
    def pieces():
        for _ in range(40):
            yield b" " * 65536

    headers = {"Content-Type": "application/json"}
    is_problem(client.post("/v1/models", content=pieces(), headers=headers), 413, "too-large")


def test_a_fault_of_ours_says_only_where_to_look(app, monkeypatch):
    def broken():
        raise ZeroDivisionError("a secret of the house")

    monkeypatch.setattr(health, "Health", broken)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        answer = client.get("/healthz")
    assert "secret" not in answer.text
    assert "ZeroDivision" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    is_problem(answer, 500, "internal-error")
