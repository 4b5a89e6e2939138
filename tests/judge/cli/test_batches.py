import pytest

from judge import batches
from judge.batches import BatchRequest
from judge.store.database import Database


@pytest.fixture
def opened(judge, small_set, tmp_path, home):
    """A batch on a model whose file holds too few answers, so that asking fails."""
    judge("problems", "import", small_set)
    file = tmp_path / "few.jsonl"
    file.write_text('{"task_id": "double", "solution": "def double(n): return 2 * n"}\n')
    judge("models", "add", "few", "--backend", "recorded", "--id", file)
    database = Database(f"sqlite:///{home / 'judge.db'}")
    status = batches.open_batch(database, BatchRequest(("few",), "small"))
    database.close()
    return status.id


@pytest.mark.sandbox
@pytest.mark.usefixtures("sandbox")
def test_a_batch_is_listed_paused_resumed_and_cancelled(judge, opened):
    [row] = judge("batches", "list", "--json").json()
    assert (row["id"], row["state"], row["wanted"]) == (opened, "open", 2)
    assert opened in judge("batches", "list").out
    for verb, state in (
        ("pause", "paused"),
        ("cancel", "cancelled"),
        ("resume", "cancelled"),
    ):
        assert judge("batches", verb, opened, "--json").json()["state"] == state
    assert judge("batches", "show", opened, "--json").json()["state"] == "cancelled"


@pytest.mark.sandbox
@pytest.mark.usefixtures("sandbox")
def test_what_failed_is_tried_again(judge, small_set, tmp_path):
    judge("problems", "import", small_set)
    file = tmp_path / "few.jsonl"
    rows = [
        f'{{"task_id": "{name}", "solution": "def {name}(n): return 2 * n"}}\n'
        for name in ("double", "square")
    ]
    file.write_text(rows[0])
    judge("models", "add", "few", "--backend", "recorded", "--id", file)
    said = judge("run", "--models", "few", "--problems", "small", "--json").json()
    assert (said["state"], said["judged"], said["failed"]) == ("finished", 1, 1)
    file.write_text("".join(rows))
    again = judge("batches", "retry", said["id"], "--json").json()
    assert (again["state"], again["failed"], again["judged"]) == ("open", 0, 1)


def test_an_unknown_batch_is_named(judge):
    said = judge("batches", "pause", "nowhere")
    assert said.code == 2
    assert "there is no batch 'nowhere'" in said.err
