import pytest

LOCAL = {"name": "small", "backend": "llama_local", "id": "smollm2-135m"}


def test_a_bundled_model_is_registered_and_read_back(client):
    answer = client.post("/v1/models", json=LOCAL)
    assert answer.status_code == 201
    assert answer.headers["location"] == "/v1/models/small"
    assert client.get("/v1/models/small").json() == answer.json()
    assert client.post("/v1/models", json=LOCAL).status_code == 201
    assert len(client.get("/v1/models").json()["items"]) == 1


def test_a_name_that_is_taken_is_a_conflict(client):
    client.post("/v1/models", json=LOCAL)
    answer = client.post("/v1/models", json=LOCAL | {"quantisation": "Q8"})
    assert answer.status_code == 409
    assert answer.json()["code"] == "conflict"


@pytest.mark.parametrize(
    "change",
    [
        {"backend": "openai_chat", "id": "gpt", "base_url": "http://169.254.169.254/"},
        {"backend": "openai_chat", "id": "gpt"},
        {"backend": "recorded", "id": "/etc/passwd"},
        {"id": "/etc/passwd"},
        {"base_url": "http://127.0.0.1:6379"},
    ],
)
def test_nobody_can_make_this_host_connect_or_read_over_http(client, change):
    answer = client.post("/v1/models", json=LOCAL | change)
    assert answer.status_code == 403
    assert answer.json()["code"] == "not-over-http"
    assert "judge models add" in answer.json()["detail"]
    assert client.get("/v1/models").json()["items"] == []


def test_where_a_recording_lies_is_not_shown(filled, tmp_path):
    shown = filled.get("/v1/models/reference").json()
    assert shown["id"] == "answers.jsonl"
    assert str(tmp_path) not in filled.get("/v1/models").text


def test_pages_of_models_are_whole_and_in_order(client):
    names = [f"m{number:02}" for number in range(7)]
    for name in names:
        client.post("/v1/models", json=LOCAL | {"name": name})
    seen, cursor = [], ""
    while cursor is not None:
        answer = client.get("/v1/models", params={"limit": 3, "cursor": cursor})
        seen += [item["name"] for item in answer.json()["items"]]
        cursor = answer.json()["next_cursor"]
        assert ("link" in answer.headers) == (cursor is not None)
    assert seen == names


ENDPOINT = {
    "name": "gpt",
    "backend": "openai_chat",
    "id": "gpt-x",
    "base_url": "https://api.openai.com/v1",
}


@pytest.fixture
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")


@pytest.mark.usefixtures("key")
def test_an_admin_adds_an_endpoint(guarded):
    headers = guarded.make("admin")
    answer = guarded.post("/v1/models", json=ENDPOINT, headers=headers)
    assert answer.status_code == 201, answer.text
    assert "sk-secret" not in answer.text
    assert (
        guarded.post("/v1/models", json=ENDPOINT, headers=guarded.make("submit")).status_code == 403
    )


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"base_url": "http://169.254.169.254/"}, 422),
        ({"base_url": "http://localhost:6379"}, 422),
        ({"base_url": "https://collects.example/v1"}, 422),
        ({"base_url": "http://u:p@8.8.8.8/"}, 422),
        ({"base_url": "file:///etc/passwd"}, 422),
        ({"style": "completion"}, 422),
        ({"backend": "recorded", "id": "/etc/passwd", "base_url": ""}, 403),
        ({"backend": "llama_local", "id": "/etc/passwd", "base_url": ""}, 403),
        ({"backend": "nothing"}, 403),
    ],
)
def test_not_even_an_admin_reaches_inside(guarded, change, status):
    answer = guarded.post("/v1/models", json=ENDPOINT | change, headers=guarded.make("admin"))
    assert answer.status_code == status, answer.text
    assert "/etc/passwd" not in answer.text or status == 403


def test_prices_are_corrected_by_who_has_read_them(client):
    client.post("/v1/models", json=LOCAL)
    change = {"input_price": 1.0, "output_price": 2.0, "cutoff": "2025-01-01"}
    tag = client.get("/v1/models/small").headers["etag"]

    def put(meant, path="small", body=change):
        headers = {"If-Match": meant} if meant else {}
        return client.put(f"/v1/models/{path}", json=body, headers=headers)

    assert put("").status_code == 428
    assert put('"other"').status_code == 412
    assert client.get("/v1/models/small").headers["etag"] == tag
    done = put(f'"x", {tag}')
    assert (done.status_code, done.json()["input_price"]) == (200, 1.0)
    assert put(tag).status_code == 412
    assert done.headers["etag"] == client.get("/v1/models/small").headers["etag"] != tag
    assert put("*").status_code == 200
    assert put("*", "nobody").status_code == 404
    assert put("*", body=change | {"id": "other"}).status_code == 422
    assert put("*", body={"input_price": 1.0}).status_code == 422


def test_what_is_at_hand_is_not_sent_again(client):
    client.post("/v1/models", json=LOCAL)
    tag = client.get("/v1/models/small").headers["etag"]
    again = client.get("/v1/models/small", headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
