"""Who may do what: no route without a scope, no scope without a key that holds it."""

from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from fastapi.routing import iter_route_contexts
from starlette.testclient import TestClient

from api.access import OPEN, SCOPES, scope_of
from api.app import create_app
from judge.cli import remote
from judge.errors import JudgeError, UsageError
from judge.settings import BadSetting, Settings, read_settings
from judge.store import keys
from tests.api.test_schemathesis import served

OPEN_TO_ALL = {"GET /healthz", "GET /readyz"}


def operations(app):
    for route in iter_route_contexts(app.routes):
        for method in (route.methods or set()) - {"HEAD"}:
            yield f"{method} {route.path}"


def test_every_route_has_a_scope_and_every_scope_a_route(app):
    there_are = set(operations(app))
    assert there_are - set(SCOPES) == set()
    assert set(SCOPES) - there_are == set()
    assert {each for each in SCOPES if SCOPES[each] == OPEN} == OPEN_TO_ALL
    assert set(SCOPES.values()) - {OPEN} <= set(keys.SCOPES)
    writing = {each for each in SCOPES if not each.startswith("GET ")}
    assert all(SCOPES[each] in ("submit", "gate", "promote", "admin") for each in writing)


def test_no_route_opens_without_a_key(guarded):
    for operation in operations(guarded.app):
        if operation in OPEN_TO_ALL:
            continue
        method, path = operation.split(" ")
        answer = guarded.request(method, path.replace("{", "").replace("}", ""))
        assert answer.status_code == 401, operation
        assert answer.json()["code"] == "no-key"
        assert 'Bearer realm="judge"' in answer.headers["www-authenticate"]
        assert ("Basic" in answer.headers["www-authenticate"]) == (not path.startswith("/v1/"))


def test_each_scope_opens_its_routes_and_no_other(guarded):
    for scope in ("read", "submit", "gate", "admin"):
        headers = guarded.make(scope)
        for operation in operations(guarded.app):
            method, path = operation.split(" ")
            path = path.replace("{", "").replace("}", "")
            answer = guarded.request(method, path, headers=headers)
            may = scope in (SCOPES[operation], "admin") or SCOPES[operation] == OPEN
            assert (answer.status_code == 403) == (not may), (scope, operation, answer.text)
            if not may:
                assert answer.json()["code"] == "no-scope"
                assert repr(SCOPES[operation]) in answer.json()["detail"]
                assert "insufficient_scope" in answer.headers["www-authenticate"]


def test_what_is_not_there_is_not_told_to_strangers(guarded):
    for path in ("/v1/nowhere", "/nowhere", "/v1/keys/", "/healthz/", "/HEALTHZ"):
        assert guarded.get(path).status_code == 401, path
        assert guarded.get(path, headers=guarded.make("read")).status_code in (404, 405), path
    assert guarded.head("/").status_code == 401
    assert guarded.options("/v1/models").status_code == 401
    assert scope_of("HEAD", "/v1/keys") == "admin"


def test_what_is_open_is_open(guarded):
    for path in ("/healthz", "/static/judge.css"):
        assert guarded.get(path).status_code == 200
    assert guarded.get("/readyz").status_code in (200, 503)
    assert guarded.get("/static/../v1/models").status_code == 401
    assert guarded.get("/static/%2e%2e/%2e%2e/v1/models").status_code in (401, 404)
    assert guarded.post("/static/judge.css").status_code == 401


def test_a_browser_shows_the_key_as_a_password_and_only_reads(guarded):
    guarded.make("admin")
    shown = {"Authorization": "Basic " + b64encode(f"me:{guarded.key}".encode()).decode()}
    assert guarded.get("/", headers=shown).status_code == 200
    assert guarded.get("/v1/keys", headers=shown).status_code == 200
    assert guarded.post("/v1/keys", json={"name": "x"}, headers=shown).status_code == 401
    assert guarded.delete(f"/v1/keys/{guarded.row.id}", headers=shown).status_code == 401


@pytest.mark.parametrize(
    "shown",
    [
        "Bearer",
        "Bearer ",
        "Bearer x",
        "bearer jdg_aaaaaaaaaaaa_" + "a" * 43,
        "Basic",
        "Basic !!!",
        "Basic " + b64encode(b"\xff\xfe").decode(),
        "Basic " + b64encode(b"no colon").decode(),
        "Digest username=x",
        "x" * 8000,
        "Bearer \u00e9",
    ],
)
def test_what_is_no_key_opens_nothing(guarded, shown):
    answer = guarded.get("/v1/models", headers={"Authorization": shown.encode("latin-1")})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


def test_two_keys_at_once_open_nothing(guarded):
    headers = [("Authorization", guarded.make("read")["Authorization"])] * 2
    assert guarded.get("/v1/models", headers=headers).status_code == 401


def test_a_key_is_never_in_the_address(guarded):
    guarded.make("read")
    for name in ("key", "api_key", "token", "access_token"):
        assert guarded.get("/v1/models", params={name: guarded.key}).status_code == 401


def test_a_stranger_s_body_is_not_read(guarded):
    taken = []

    def pieces():
        for _ in range(4):
            taken.append(1)
            yield b" " * 1000

    answer = guarded.post(
        "/v1/problem-sets",
        content=pieces(),
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )
    assert answer.status_code == 401


def test_a_key_is_made_used_listed_and_revoked_over_http(guarded):
    admin = guarded.make("admin")
    made = guarded.post(
        "/v1/keys",
        json={"name": "ci", "scopes": ["submit", "read"], "expires_days": 30},
        headers=admin,
    )
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    key = made.json()["key"]
    theirs = {"Authorization": f"Bearer {key}"}
    assert guarded.get("/v1/batches", headers=theirs).status_code == 200
    assert guarded.get("/v1/keys", headers=theirs).status_code == 403
    listed = guarded.get("/v1/keys", params={"limit": 200}, headers=admin)
    assert key not in listed.text and "key" not in listed.json()["items"][0]
    mine = next(each for each in listed.json()["items"] if each["id"] == made.json()["id"])
    assert mine["scopes"] == ["read", "submit"]
    assert mine["used_at"] is not None and mine["live"]
    gone = guarded.delete(f"/v1/keys/{made.json()['id']}", headers=admin)
    assert gone.status_code == 200 and not gone.json()["live"]
    assert guarded.get("/v1/batches", headers=theirs).status_code == 401
    assert guarded.delete("/v1/keys/nobody", headers=admin).status_code == 404


def test_the_secret_is_not_kept_for_a_retry(guarded):
    headers = guarded.make("admin") | {"Idempotency-Key": "one"}
    first = guarded.post("/v1/keys", json={"name": "ci"}, headers=headers)
    again = guarded.post("/v1/keys", json={"name": "ci"}, headers=headers)
    assert first.json()["key"] and again.json() == first.json() | {"key": None}
    assert again.headers["idempotency-replayed"] == "true"
    database = guarded.app.state.judge.database
    rows = database.shown_url.removeprefix("sqlite:///")
    secret = first.json()["key"].rpartition("_")[2]
    for suffix in ("", "-wal"):
        assert secret.encode() not in Path(rows + suffix).read_bytes()


def test_off_is_for_loopback_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("JUDGE_AUTH", "off")
    assert not read_settings().needs_keys
    for host in ("0.0.0.0", "::", "judge.example", "192.168.0.1"):
        monkeypatch.setenv("JUDGE_HOST", host)
        with pytest.raises(BadSetting, match=r"JUDGE_AUTH: .*judge keys add"):
            read_settings()
    monkeypatch.delenv("JUDGE_AUTH")
    assert read_settings().needs_keys
    app = create_app(Settings(home=tmp_path / "home", host="0.0.0.0"))
    with TestClient(app, base_url="http://judge.example") as client:
        assert client.get("/v1/models").status_code == 401
        assert client.get("/healthz").status_code == 200


def test_without_keys_only_loopback_is_answered_whatever_was_set(app):
    with TestClient(app, base_url="http://127.0.0.1") as client:
        client._transport.app_state  # noqa: B018 - the transport is the client's own
        answer = client.get("http://192.0.2.1/v1/models", headers={"Host": "127.0.0.1"})
    assert answer.status_code == 403
    assert answer.json()["code"] == "keys-are-off"


def test_too_many_requests_are_told_when_to_come_back(tmp_path):
    settings = Settings(home=tmp_path / "home", auth="on", rate_limit="5/minute")
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        with client.app.state.judge.database.transaction() as tx:
            one, other = (keys.add(tx, "k", ("read",))[1] for _ in range(2))
        shown = [{"Authorization": f"Bearer {key}"} for key in (one, other)]
        statuses = [client.get("/v1/models", headers=shown[0]).status_code for _ in range(6)]
        assert statuses == [200] * 5 + [429]
        answer = client.get("/v1/models", headers=shown[0])
        assert answer.json()["code"] == "too-many-requests"
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert client.get("/v1/models", headers=shown[1]).status_code == 200
        assert [client.get("/v1/models").status_code for _ in range(6)] == [401] * 5 + [429]
        assert client.get("/healthz").status_code == 200


def test_the_command_line_shows_its_key_and_takes_it_nowhere_else(tmp_path, monkeypatch):
    settings = Settings(home=tmp_path / "home", broker_url="redis://127.0.0.1:1/0", auth="on")
    app = create_app(settings)
    with served(app) as address:
        with app.state.judge.database.transaction() as tx:
            _, key = keys.add(tx, "cli", ("read",))
        with pytest.raises(UsageError, match="JUDGE_API_KEY"):
            remote.get(address, "/v1/batches")
        monkeypatch.setenv("JUDGE_API_KEY", key)
        assert remote.get(address, "/v1/batches")["items"] == []
        with pytest.raises(UsageError, match="'submit'"):
            remote.send(address, "POST", "/v1/batches", {})
        monkeypatch.setenv("JUDGE_API_KEY", "a\r\nX: y")
        with pytest.raises(UsageError, match="JUDGE_API_KEY is no key"):
            remote.get(address, "/v1/batches")
    assert key not in str(read_settings())


def test_a_redirect_gets_no_key(monkeypatch):
    seen = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.path)
            self.send_response(302)
            self.send_header("Location", "/taken")
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        Thread(target=server.serve_forever).start()
        monkeypatch.setenv("JUDGE_API_KEY", "jdg_secret")
        with pytest.raises(JudgeError):
            remote.get(f"http://127.0.0.1:{server.server_port}", "/asked")
        server.shutdown()
    assert seen == ["/asked"]
