"""Prompts and repairs over HTTP."""

import pytest


def test_templates_are_listed(client):
    items = client.get("/v1/prompts").json()["items"]
    by_name = {item["name"]: item for item in items}
    assert {"chat", "completion", "reference", "steps", "think", "tool", "worked"} == set(by_name)
    assert by_name["steps"]["calls"] == 3
    assert by_name["think"]["version"].startswith("think@")


@pytest.mark.sandbox
@pytest.mark.usefixtures("sandbox")
def test_a_batch_with_repairs_shows_its_turns(filled, app):
    body = {
        "models": ["<img src=x onerror=alert(2)>"],
        "problem_set": "small",
        "problems": ["double"],
        "repairs": 1,
    }
    opened = filled.post("/v1/batches", json=body)
    assert opened.status_code == 202, opened.text
    where = opened.headers["location"]
    for _ in range(20):
        status = filled.get(where, params={"wait": 10}).json()
        if status["state"] != "open":
            break
    assert (status["state"], status["repairs"], status["errors"]) == ("finished", 1, [])
    assert (status["wanted"], status["judged"], status["repaired"], status["mended"]) == (
        1,
        1,
        1,
        0,
    )
    first, second = filled.get(f"{where}/samples").json()["items"]
    assert (first["turn"], first["repairs"]) == (0, "")
    assert (second["turn"], second["repairs"], second["index"]) == (1, first["id"], 0)
    page = filled.get(where.removeprefix("/v1")).text
    assert "of 1 repairs, 1 turn at most" in page
    recipes = [row["recipe"] for row in filled.get("/v1/leaderboards/small").json()["rows"]]
    assert [recipe.endswith(" repairs=1") for recipe in sorted(recipes)] == [False, True]
    assert "repaired up to 1\u00d7" in filled.get("/leaderboards/small").text


def test_more_repairs_than_may_be_are_refused(filled):
    body = {"models": ["reference"], "problem_set": "small", "repairs": 6}
    assert filled.post("/v1/batches", json=body).status_code == 422
