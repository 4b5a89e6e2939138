"""What stands between a hostile web page and a service on loopback that has no keys."""

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from judge.settings import Settings


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "169.254.169.254", "", "[::1].evil"]
)
def test_a_rebound_name_is_not_answered(client, host):
    answer = client.get("/v1/models", headers={"Host": host})
    assert answer.status_code == 421
    assert answer.json()["code"] == "misdirected"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8710", "localhost:1", "[::1]:80", "LOCALHOST"]
)
def test_the_names_of_loopback_are_answered(client, host):
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_site_cannot_write(client, headers):
    body = {"name": "m", "backend": "llama_local", "id": "smollm2-135m"}
    answer = client.post("/v1/models", json=body, headers=headers)
    assert answer.status_code == 403
    assert answer.json()["code"] == "cross-site"
    assert client.get("/v1/models").json()["items"] == []


def test_our_own_pages_can_write(client):
    body = {"name": "m", "backend": "llama_local", "id": "smollm2-135m"}
    headers = {"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/v1/models", json=body, headers=headers).status_code == 201


def test_every_answer_carries_the_security_headers(client):
    for path in ("/", "/healthz", "/v1/nowhere", "/static/judge.css", "/docs"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers


def test_no_page_needs_what_the_policy_forbids(client):
    for path in ("/", "/docs"):
        text = client.get(path).text
        assert "style=" not in text
        assert "<style" not in text
        assert "onclick" not in text
        assert "http://" not in text.replace("http://127.0.0.1", "")
        assert "https://" not in text


def test_beyond_loopback_the_proxy_decides_on_names(tmp_path):
    app = create_app(Settings(home=tmp_path / "home", host="0.0.0.0"))
    with TestClient(app, base_url="http://judge.example") as client:
        assert client.get("/healthz").status_code == 200
