"""Problem sets over HTTP: hostile uploads in, nothing secret out."""

import gzip
from dataclasses import replace

import pytest

from api import uploads
from judge.store import problem_sets
from problems.files import write_set


@pytest.fixture
def file(tmp_path, small):
    path = tmp_path / "small.jsonl"
    write_set(small, path)
    return path.read_bytes()


def upload(client, content, name="small.jsonl", **fields):
    return client.post("/v1/problem-sets", files={"file": (name, content)}, data=fields)


@pytest.mark.sandbox
@pytest.mark.usefixtures("sandbox")
def test_a_set_is_uploaded_and_read_back(app, client, file, small):
    answer = upload(client, file)
    assert answer.status_code == 201, answer.text
    assert answer.json() == {"name": "small", "digest": small.digest, "problems": 3, "faults": []}
    where = answer.headers["location"]
    assert client.get(where).json()["versions"][0]["digest"] == small.digest
    with app.state.judge.database.reading() as tx:
        digests = {each.digest for each in small.problems}
        assert problem_sets.references(tx, digests).keys() == digests
    again = upload(client, file)
    assert again.status_code == 201
    assert len(client.get(where).json()["versions"]) == 1


@pytest.mark.sandbox
@pytest.mark.usefixtures("sandbox")
def test_a_set_can_be_named_and_its_file_name_is_no_path(client, file, tmp_path):
    answer = upload(client, file, name="../../../../etc/x.jsonl", name_="")
    assert answer.status_code == 201
    answer = client.post(
        "/v1/problem-sets", files={"file": ("x.jsonl", file)}, data={"name": "other"}
    )
    assert answer.json()["name"] == "other"


def test_a_bad_row_is_named_by_the_senders_file_name_and_nothing_is_kept(client, file):
    answer = upload(client, file.replace(b'"statement"', b'"statemint"'))
    assert answer.status_code == 422
    assert answer.json()["code"] == "malformed-problem-set"
    assert answer.json()["detail"].startswith("small.jsonl:2: ")
    assert "/tmp" not in answer.text
    assert client.get("/v1/problem-sets").json()["items"] == []


@pytest.mark.parametrize("content", [b"", b"\0\1\2", b"[1]\n", b'{"a":', b"{}\n" * 3])
def test_what_is_no_set_is_refused(client, content):
    assert upload(client, content).status_code == 422


def test_a_packed_file_is_refused_before_it_is_unpacked(client, file):
    assert upload(client, gzip.compress(file)).status_code == 415


def test_an_upload_over_the_limit_is_refused(app, client, monkeypatch):
    big = b" " * (uploads.MAX_UPLOAD + 1)
    assert upload(client, big).status_code == 413


def test_no_hidden_answer_reference_or_check_is_shown(filled, secret):
    for path in (
        "/v1/problem-sets",
        "/v1/problem-sets/small",
        "/v1/problem-sets/small/problems",
        "/v1/problem-sets/small/problems/double",
        "/leaderboards/small",
    ):
        text = filled.get(path).text
        assert secret not in text
        assert "return n" not in text
        assert "return 2" not in text
    shown = filled.get("/v1/problem-sets/small/problems/double").json()
    assert shown["examples"] == [{"arguments": [1], "accepted": [2]}]
    assert shown["tests"] == 2


def test_problems_come_page_by_page_in_the_sets_order(filled, small):
    seen, cursor = [], ""
    while cursor is not None:
        page = filled.get(
            "/v1/problem-sets/small/problems", params={"limit": 2, "cursor": cursor}
        ).json()
        seen += [item["slug"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == [problem.slug for problem in small.problems]


@pytest.mark.parametrize(
    "limits", [{"cpu_seconds": 1e9}, {"memory_mb": 10**6}, {"cpu_seconds": -1.0}]
)
def test_an_upload_cannot_ask_for_the_whole_host(client, tmp_path, small, limits):
    greedy = replace(small.problems[0], limits=replace(small.problems[0].limits, **limits))
    path = tmp_path / "greedy.jsonl"
    write_set(small.with_problems((greedy,)), path)
    answer = upload(client, path.read_bytes())
    assert answer.status_code == 422
    assert next(iter(limits)) in answer.json()["detail"]
