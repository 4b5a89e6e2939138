import json

import pytest

from judge import batches
from judge.store.database import Database

pytestmark = [pytest.mark.sandbox, pytest.mark.usefixtures("sandbox")]


@pytest.fixture
def ready(judge, small_set, tmp_path):
    judge("problems", "import", small_set)
    for which in ("reference", "wrong"):
        file = tmp_path / f"{which}.jsonl"
        judge("problems", "answers", "small", "--which", which, "--out", file)
        judge("models", "add", which, "--backend", "recorded", "--id", file)
    return judge


def test_a_batch_is_asked_and_judged_to_its_end(ready):
    said = ready("run", "--models", "reference,wrong", "--problems", "small", "--json")
    assert said.code == 0, said.err
    status = said.json()
    assert status["state"] == "finished"
    assert (status["judged"], status["accepted"]) == (4, 2)
    assert {row["model"]: row["accepted"] for row in status["by_model"]} == {
        "reference": 2,
        "wrong": 0,
    }
    assert "4/4" in said.err


def test_its_samples_know_the_speed_of_the_host_and_their_references_times(ready, home):
    status = ready("run", "--models", "reference", "--problems", "small", "--json").json()
    speed = next(iter(json.loads((home / "host.json").read_text()).values()))
    database = Database(f"sqlite:///{home / 'judge.db'}")
    for row in batches.list_samples(database, status["id"]):
        evidence = batches.read_sample(database, row.id).judgement.evidence
        assert evidence.host_speed == speed > 0 and evidence.reference_cpu_seconds > 0
        assert not evidence.raised and evidence.limits.cpu_seconds == 6.0
    database.close()


def test_a_limit_leaves_the_other_problems_out(ready):
    said = ready("run", "--models", "reference", "--problems", "small", "--limit", 1, "--json")
    assert said.json()["judged"] == 1


def test_a_dry_run_asks_nothing(ready):
    words = ("run", "--models", "reference,wrong", "--problems", "small", "-n", 2, "--json")
    found = ready(*words, "--dry-run").json()
    assert (found["questions"], found["samples"], found["most_usd"]) == (4, 8, 0.0)
    assert found["prompt_tokens"] > 0
    assert 0 < found["detectable"] <= 1
    assert len(found["assumptions"]) == 3
    assert (
        ready("run", "--models", "reference", "--problems", "small", "--json").json()["judged"] == 2
    )


def test_a_model_that_gives_nothing_is_an_error_and_not_a_zero(ready):
    said = ready("run", "--models", "reference", "--problems", "small", "-n", 2, "--limit", 1)
    assert said.code == 0  # one of two answers was recorded
    assert "ask for fewer samples" in said.err


def test_an_empty_list_of_models_is_refused(ready):
    said = ready("run", "--models", " , ", "--problems", "small")
    assert said.code == 2
    assert "--models" in said.err


def test_a_price_nobody_knows_keeps_no_budget(ready):
    ready(
        "models",
        "add",
        "odd",
        "--backend",
        "openai_chat",
        "--id",
        "odd",
        "--base-url",
        "http://127.0.0.1:9/v1",
    )
    said = ready("run", "--models", "odd", "--problems", "small", "--budget-usd", 1)
    assert said.code == 2
    assert "price" in said.err


def test_a_run_with_repairs_says_how_many_were_accepted(ready):
    words = ("run", "--models", "wrong", "--problems", "small", "--repairs", 1)
    status = ready(*words, "--json").json()
    assert (status["repairs"], status["wanted"], status["judged"]) == (1, 2, 2)
    assert (status["repaired"], status["mended"]) == (1, 0)  # one of two fails a shown example
    assert "0 of 1 repairs accepted" in ready(*words).err


def test_a_prompt_that_does_not_fit_the_model_is_refused(ready):
    said = ready("run", "--models", "wrong", "--problems", "small", "--prompts", "completion")
    assert said.code == 2 and "ask it with one of chat" in said.err
