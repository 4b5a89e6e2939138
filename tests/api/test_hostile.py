"""Requests of an attacker: none is a 500, none reaches what it should not, each gets an answer."""

import asyncio
import json
import socket

import pytest
from starlette.testclient import TestClient

from api import guard
from api.app import create_app
from judge.settings import Settings
from judge.store import models, problem_sets
from tests.api.conftest import SMALL

BATCH = {"models": ["m"], "problem_set": "small"}
TEXTS = {
    "/v1/batches": ("problem_set", "digest"),
    "/v1/models": ("name", "id", "base_url", "base_model", "quantisation", "cutoff", "backend"),
    "/v1/keys": ("name",),
}
WHOLE = {
    "/v1/batches": BATCH,
    "/v1/models": {
        "name": "n",
        "backend": "openai_chat",
        "id": "x",
        "base_url": "http://x.example",
    },
    "/v1/keys": {"name": "k"},
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def client(request, tmp_path_factory, redis):
    """A service with keys, whose worker is elsewhere."""
    url = ""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").database("judge-hostile")
    home = tmp_path_factory.mktemp("hostile") / "home"
    settings = Settings(home=home, database_url=url, broker_url=redis.url, auth="on")
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        from judge.store import keys

        with client.app.state.judge.database.transaction() as tx:
            _, key = keys.add(tx, "me", ("admin",))
            problem_sets.keep(tx, SMALL)
            models.keep(tx, models.ModelSpec("m", "recorded", "/nowhere"))
        client.headers["Authorization"] = f"Bearer {key}"
        yield client
    if url:
        request.getfixturevalue("postgres").drop("judge-hostile")


def send(client, path, text, **headers):
    headers = {"Content-Type": "application/json", **headers}
    return client.post(path, content=text, headers=headers)


def is_refused(answer, *statuses):
    assert answer.status_code in statuses, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Traceback" not in answer.text
    return answer


@pytest.mark.parametrize(
    "escaped", ["\\u0000", "x\\u0000y", "\\ud800", "\\udfff\\ud800", "ok\\udc80"]
)
@pytest.mark.parametrize(("path", "field"), [(path, f) for path in TEXTS for f in TEXTS[path]])
def test_a_text_that_no_database_stores_is_a_fault_of_the_request(client, path, field, escaped):
    text = json.dumps(WHOLE[path] | {field: "@"}).replace('"@"', f'"{escaped}"')
    is_refused(send(client, path, text), 422)


@pytest.mark.parametrize("escaped", ["\\u0000", "\\ud800"])
def test_nor_in_a_list_or_a_name_of_a_field(client, escaped):
    for text in (
        json.dumps(BATCH | {"models": ["@"]}),
        json.dumps(BATCH | {"problems": ["double", "@"]}),
        json.dumps(BATCH | {"@": 1}),
        json.dumps(BATCH | {"sampling": {"@": 1}}),
    ):
        is_refused(send(client, "/v1/batches", text.replace("@", escaped)), 422)


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/models/%00", "/v1/batches/x%00y", "/batches/%00", "/v1/samples/%00/source", "/%00"),
        *("/v1/problem-sets/%00", "/v1/problem-sets/small/problems/%00", "/v1/leaderboards/%00"),
        *("/static/%00", "/v1/problem-sets/small/versions/%00"),
    ],
)
def test_a_nul_in_an_address_is_nowhere(client, path):
    is_refused(client.get(path), 404)


@pytest.mark.parametrize("query", ["cursor=%00", "model=%00", "verdict=%00", "limit=1%00", "%00=1"])
def test_a_nul_in_a_query_is_a_fault_of_the_request(client, query):
    batch = client.post("/v1/batches", json=BATCH).json()["id"]
    is_refused(client.get(f"/v1/batches/{batch}/samples?{query}"), 422)


@pytest.mark.parametrize(
    "path",
    ["/v1/models/%ff%fe", "/v1/batches/%ed%a0%80", "/v1/samples/" + "x" * 5000, "/v1/keys/%2e"],
)
def test_odd_names_are_unknown(client, path):
    is_refused(client.get(path), 404, 405)


@pytest.mark.parametrize(
    "text",
    [
        '{"models": ["m"], "problem_set": "small", "budget_usd": NaN}',
        '{"models": ["m"], "problem_set": "small", "budget_usd": Infinity}',
        '{"models": ["m"], "problem_set": "small", "budget_usd": 1e999}',
        '{"models": ["m"], "problem_set": "small", "sampling": {"temperature": NaN}}',
        '{"models": ["m"], "problem_set": "small", "samples": 1e400}',
        '{"models": ["m"], "problem_set": "small", "samples": %s}' % ("9" * 5000),
        '{"models": ["m"], "problem_set": "small", "sampling": {"seed": 18446744073709551616}}',
        "NaN",
        "null",
        "[]",
        '"x"',
        "",
        "{" * 100_000,
        '{"a":' * 50_000 + "1" + "}" * 50_000,
        "[" * 200_000 + "]" * 200_000,
        '{"models": ' + "[" * 400 + "]" * 400 + ', "problem_set": "small"}',
    ],
    ids=lambda text: text[:24] + text[-12:],
)
def test_what_is_json_in_name_only_is_refused(client, text):
    is_refused(send(client, "/v1/batches", text), 400, 422)


def test_of_a_field_said_twice_the_request_is_refused(client):
    text = '{"models": ["m"], "problem_set": "small", "samples": 1, "samples": 2}'
    is_refused(send(client, "/v1/batches", text), 422)
    is_refused(send(client, "/v1/keys", '{"name": "a", "name": "b"}'), 422)
    nested = '{"models": ["m"], "problem_set": "small", "sampling": {"seed": 1, "seed": 2}}'
    is_refused(send(client, "/v1/batches", nested), 422)


def test_no_header_is_taken_into_an_answer(client):
    evil = "x\r\nSet-Cookie: a=b"
    for headers in (
        {"X-Request-Id": "mine"},
        {"Last-Event-ID": "x"},
        {"If-None-Match": "x" * 1001},
    ):
        answer = client.get("/v1/models/m", headers=headers)
        assert answer.headers["x-request-id"] != "mine"
        assert "set-cookie" not in answer.headers
    answer = client.post(
        "/v1/problem-sets",
        files={"file": (evil, b"{}")},
        data={"name": evil},
    )
    is_refused(answer, 422)
    assert "set-cookie" not in answer.headers
    assert "\n" not in answer.json()["detail"]


def test_a_name_with_line_breaks_makes_no_model_and_no_header(client):
    for name in ("a\r\nX: y", "a/b", "..", "a\u2028b", "\u202eevil"):
        answer = client.post("/v1/models", json=WHOLE["/v1/models"] | {"name": name})
        assert "x" not in answer.headers
        if answer.status_code == 201:
            assert client.get(answer.headers["location"]).status_code == 200
            assert answer.headers["location"].isascii()


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/static/../app.py",
            "/static/%2e%2e/app.py",
            "/static/..%2fapp.py",
            "/static//etc/passwd",
        ),
        *("/static/%2fetc%2fpasswd", "/static/....//app.py", "/static/..\\app.py", "/static/."),
        "/static/%252e%252e/app.py",
    ],
)
def test_nothing_beside_the_static_files_is_served(client, path):
    answer = client.get(path)
    assert answer.status_code in (404, 405), answer.text
    assert b"root:" not in answer.content and b"import" not in answer.content


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data", ""])
def test_a_body_of_another_kind_is_refused(client, kind):
    is_refused(send(client, "/v1/batches", json.dumps(BATCH), **{"Content-Type": kind}), 415, 422)


@pytest.mark.parametrize(
    "kind",
    [
        *("application/json", "multipart/form-data", "multipart/form-data; boundary="),
        *("multipart/form-data; boundary=" + "x" * 5000, "multipart/form-data; boundary=\u00e9"),
    ],
)
@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "boundaries"}])
def test_an_upload_that_is_none_is_refused(client, kind, key):
    headers = {"Content-Type": kind.encode("latin-1"), **key}
    is_refused(client.post("/v1/problem-sets", content=b"{}", headers=headers), 400, 422)


def test_every_method_on_every_address_is_answered_soundly(client):
    for path in (
        "/",
        "/v1/batches",
        "/v1/models/m",
        "/v1/nowhere",
        "/static/judge.css",
        "/healthz",
    ):
        for method in ("HEAD", "OPTIONS", "TRACE", "CONNECT", "PUT", "DELETE", "BREW"):
            answer = client.request(method, path)
            assert answer.status_code < 500, (method, path)
            if answer.status_code >= 400 and method != "HEAD":
                assert answer.headers["content-type"] == "application/problem+json", (method, path)
            assert answer.headers["x-content-type-options"] == "nosniff"


def test_no_site_is_given_leave_to_read(client):
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for answer in (
        client.options("/v1/batches", headers=headers),
        client.get("/v1/batches", headers={"Origin": "https://evil.example"}),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_a_body_that_dawdles_is_cut_off(client, monkeypatch):
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.3)
    sent, pieces = [], []

    async def asked():
        async def receive():
            await asyncio.sleep(0.1)
            pieces.append(1)
            return {"type": "http.request", "body": b" ", "more_body": len(pieces) < 20}

        async def send(message):
            sent.append(message)

        headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")]
        headers.append((b"authorization", client.headers["authorization"].encode()))
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/batches",
            "query_string": b"",
            "headers": headers,
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 1),
            "scheme": "http",
            "root_path": "",
            "http_version": "1.1",
            "raw_path": b"/v1/batches",
        }
        await client.app(scope, receive, send)

    client.portal.call(asked)
    assert len(pieces) < 20
    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["code"] == "too-slow"


def test_huge_headers_and_broken_requests_do_not_stop_the_service(tmp_path):
    """By hand, as no client would send them, to a real server."""
    from tests.api.test_schemathesis import served

    app = create_app(Settings(home=tmp_path / "home", broker_url="redis://127.0.0.1:1/0"))
    with served(app) as address:
        host, port = address.removeprefix("http://").split(":")

        def said(raw):
            with socket.create_connection((host, int(port)), timeout=5) as connection:
                try:
                    connection.sendall(raw)
                    return connection.recv(65536)
                except ConnectionError:
                    return b""

        two_lengths = (
            b"POST /v1/batches HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n"
        )
        for raw in (
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 300_000 + b"\r\n\r\n",
            b"GET /" + b"a" * 300_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n",
            b"POST /v1/batches HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
            two_lengths,
        ):
            first = said(raw).partition(b"\r\n")[0]
            assert b" 2" not in first[:12], (raw[:60], first)
            assert b" 500" not in first
        assert said(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").startswith(b"HTTP/1.1 200")
