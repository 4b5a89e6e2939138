"""Batches over HTTP, from the request to the leaderboard."""

import pytest

from api import batches

HOSTILE = "<img src=x onerror=alert(2)>"


def done(client, answer):
    for _ in range(20):
        status = client.get(answer.headers["location"], params={"wait": 10}).json()
        if status["state"] != "open":
            return status
    raise AssertionError(status)


@pytest.mark.sandbox
@pytest.mark.usefixtures("sandbox")
def test_a_batch_is_accepted_followed_and_finished(filled, opened):
    assert opened.headers["retry-after"]
    status = done(filled, opened)
    assert status["state"] == "finished"
    assert (status["wanted"], status["judged"], status["accepted"]) == (6, 6, 3)
    assert [row["model"] for row in status["by_model"]] == ["reference", HOSTILE]
    assert status["errors"] == []


@pytest.mark.sandbox
@pytest.mark.usefixtures("sandbox")
def test_samples_hold_reply_and_verdict_but_no_expected_value(filled, opened, secret):
    done(filled, opened)
    where = opened.headers["location"] + "/samples"
    first = filled.get(where, params={"limit": 4}).json()
    rest = filled.get(where, params={"limit": 4, "cursor": first["next_cursor"]}).json()
    items = first["items"] + rest["items"]
    assert len({item["id"] for item in items}) == 6
    assert rest["next_cursor"] is None
    wrong = next(item for item in items if item["model"] == HOSTILE and item["slug"] == "double")
    assert wrong["verdict"] == "CE"
    for item in items:
        whole = filled.get(f"/v1/samples/{item['id']}")
        assert secret not in whole.text
        evidence = whole.json()["evidence"]
        assert evidence["problem"] == whole.json()["problem_digest"]
        assert evidence["host"]["backend"] == "namespaces" and evidence["host"]["kernel"]
        assert evidence["limits"]["cpu_seconds"] == 6.0 and evidence["wall_limit_seconds"] == 18.0
        assert evidence["host_speed"] > 0 and evidence["killed_by"] == ""
        assert evidence["runs"] in (0, 1, 2)
        assert not {"message", "stdout"} & evidence.keys()


@pytest.mark.sandbox
@pytest.mark.usefixtures("sandbox")
def test_a_leaderboard_follows_and_is_not_sent_twice(filled, opened):
    done(filled, opened)
    answer = filled.get("/v1/leaderboards/small")
    rows = answer.json()["rows"]
    assert [(row["model"], row["bound"], row["pass_at_1"]) for row in rows] == [
        ("reference", "ceiling", 1.0),
        (HOSTILE, "", 0.0),
    ]
    assert all(row["low"] <= row["pass_at_1"] <= row["high"] for row in rows)
    assert all(row["low"] < row["high"] for row in rows)
    tag = answer.headers["etag"]
    for known in (tag, f'"x", {tag}', tag.removeprefix("W/"), "*"):
        again = filled.get("/v1/leaderboards/small", headers={"If-None-Match": known})
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["etag"] == tag
    assert filled.get("/v1/leaderboards/small", headers={"If-None-Match": '"x"'}).status_code == 200


def test_the_same_key_is_the_same_batch_and_another_request_under_it_is_refused(filled):
    body = {"models": ["reference"], "problem_set": "small"}
    headers = {"Idempotency-Key": "one"}
    first = filled.post("/v1/batches", json=body, headers=headers)
    again = filled.post("/v1/batches", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert filled.post("/v1/batches", json=body).json()["id"] != first.json()["id"]
    other = filled.post("/v1/batches", json=body | {"samples": 2}, headers=headers)
    assert other.status_code == 422
    assert other.json()["code"] == "idempotency-key-reused"


def test_a_batch_is_cancelled_once_and_for_all(filled):
    body = {"models": ["reference"], "problem_set": "small", "samples": 2}
    where = filled.post("/v1/batches", json=body).headers["location"]
    for _ in range(2):
        answer = filled.patch(where, json={"state": "cancelled"})
        assert answer.status_code == 200
        assert answer.json()["state"] in ("cancelled", "finished")
    for state in ("paused", "open"):
        assert filled.patch(where, json={"state": state}).json() == answer.json()
    assert filled.patch(where, json={"state": "finished"}).status_code == 422


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"models": ["nobody"]}, 404),
        ({"problem_set": "nothing"}, 404),
        ({"problems": ["nothing"]}, 404),
        ({"digest": "0" * 64}, 404),
        ({"prompts": ["nothing"]}, 404),
        ({"models": ["reference", "reference"]}, 422),
        ({"samples": 0}, 422),
        ({"samples": 10**9}, 422),
        ({"budget_usd": -1}, 422),
        ({"sampling": {"temperature": 9}}, 422),
        ({"sampling": {"stop": ["x"]}}, 422),
    ],
)
def test_what_cannot_be_asked_opens_no_batch(filled, change, status):
    body = {"models": ["reference"], "problem_set": "small"}
    assert filled.post("/v1/batches", json=body | change).status_code == status
    assert filled.get("/v1/batches").json()["items"] == []


def test_batches_come_the_newest_first_page_by_page(filled):
    body = {"models": ["reference"], "problem_set": "small", "problems": ["double"]}
    opened = [filled.post("/v1/batches", json=body).json()["id"] for _ in range(3)]
    first = filled.get("/v1/batches", params={"limit": 2}).json()
    rest = filled.get("/v1/batches", params={"cursor": first["next_cursor"]}).json()
    assert [item["id"] for item in first["items"] + rest["items"]] == opened[::-1]


def test_a_dry_run_opens_nothing_and_says_what_it_rests_on(filled):
    body = {"models": ["reference", HOSTILE], "problem_set": "small", "samples": 3}
    answer = filled.post("/v1/batches", params={"dry_run": True}, json=body)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["questions"], found["samples"], found["most_usd"]) == (6, 18, 0.0)
    assert found["prompt_tokens"] > 0 and 0 < found["detectable"] <= 1
    assert any("max_tokens" in each for each in found["assumptions"])
    assert "location" not in answer.headers
    assert filled.get("/v1/batches").json()["items"] == []
    for change in ({"models": ["nobody"]}, {"problem_set": "none"}, {"problems": ["none"]}):
        wrong = filled.post("/v1/batches", params={"dry_run": True}, json=body | change)
        assert wrong.status_code == 404
    one = filled.post("/v1/batches?dry_run=true", json=body | {"problems": ["double"]})
    assert (one.json()["questions"], one.json()["detectable"]) == (2, None)


@pytest.mark.sandbox
@pytest.mark.usefixtures("sandbox")
def test_a_batch_is_paused_and_goes_on(filled, monkeypatch):
    rung = []
    body = {"models": ["reference"], "problem_set": "small", "samples": 2}
    where = filled.post("/v1/batches", json=body)
    path = where.headers["location"]
    paused = filled.patch(path, json={"state": "paused"}).json()["state"]
    assert paused in ("paused", "finished")
    monkeypatch.setattr(batches.dispatch, "ring_judge", lambda batch="": rung.append(batch))
    again = filled.patch(path, json={"state": "open"})
    assert again.json()["state"] in ("open", "finished")
    monkeypatch.undo()
    assert (again.json()["id"] in rung) == (again.json()["state"] == "open")
    assert done(filled, where)["judged"] == 6


def test_errors_are_tried_again_and_a_cancelled_batch_stays(filled):
    body = {"models": ["reference"], "problem_set": "small", "samples": 3}
    where = filled.post("/v1/batches", json=body)
    assert sum(each["count"] for each in done(filled, where)["errors"])
    again = filled.post(where.headers["location"] + "/retry-errors")
    assert again.status_code == 200 and again.json()["state"] == "open"
    cancelled = filled.post("/v1/batches", json=body).headers["location"]
    filled.patch(cancelled, json={"state": "cancelled"})
    refused = filled.post(cancelled + "/retry-errors")
    assert refused.status_code in (200, 409)  # unless it was over before it could be cancelled
    assert filled.post("/v1/batches/none/retry-errors").status_code == 404


@pytest.mark.sandbox
@pytest.mark.usefixtures("sandbox")
def test_samples_are_found_by_model_and_verdict_and_their_texts_are_files(filled, opened):
    done(filled, opened)
    where = opened.headers["location"] + "/samples"

    def found(**wanted):
        return [each["verdict"] for each in filled.get(where, params=wanted).json()["items"]]

    assert found(verdict="AC") == ["AC"] * 3
    assert found(model=HOSTILE) == ["CE"] * 3
    assert found(model=HOSTILE, verdict="AC") == []
    assert found(model="nobody") == []
    assert filled.get(where, params={"verdict": "ac'--"}).status_code == 422
    hostile = filled.get(where, params={"model": HOSTILE}).json()["items"][0]["id"]
    for kind, name in (("text", "txt"), ("source", "py")):
        answer = filled.get(f"/v1/samples/{hostile}/{kind}")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["content-disposition"] == f'attachment; filename="{hostile}.{name}"'
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert "<script>" in filled.get(f"/v1/samples/{hostile}/text").text
    assert filled.get("/v1/samples/none/text").status_code == 404


def test_a_batch_and_a_set_that_are_at_hand_are_not_sent_again(filled):
    body = {"models": ["reference"], "problem_set": "small", "samples": 3}
    where = filled.post("/v1/batches", json=body)
    done(filled, where)
    for path in (where.headers["location"], "/v1/problem-sets/small"):
        tag = filled.get(path).headers["etag"]
        again = filled.get(path, headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")


def test_a_version_can_be_read_by_its_digest(filled, small):
    answer = filled.get(f"/v1/problem-sets/small/versions/{small.digest}")
    assert answer.status_code == 200
    assert answer.json()["slugs"] == [each.slug for each in small.problems]
    for path in ("small/versions/0", f"other/versions/{small.digest}", "small/versions/x y"):
        assert filled.get(f"/v1/problem-sets/{path}").status_code == 404


@pytest.mark.sandbox
@pytest.mark.usefixtures("sandbox")
def test_a_budget_of_nothing_can_be_raised(filled):
    body = {"models": ["reference"], "problem_set": "small", "budget_usd": 0}
    answer = filled.post("/v1/batches", json=body)
    status = done(filled, answer)
    assert (status["state"], status["samples"]) == ("over_budget", 0)
    where = answer.headers["location"]
    for bad in ({}, {"budget_usd": -1}, {"budget_usd": "much"}, {"state": None}):
        assert filled.patch(where, json=bad).status_code == 422
    raised = filled.patch(where, json={"budget_usd": 1.5})
    assert raised.json()["budget_usd"] == 1.5
    status = done(filled, answer)
    assert (status["state"], status["judged"]) == ("finished", status["wanted"])
