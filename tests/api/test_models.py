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
