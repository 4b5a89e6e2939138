"""Who asks whom: models whose weights a worker holds are asked one at a time, all others elsewhere."""

import pytest

from judge import batches
from judge.batches import supply
from judge.bootstrap import Judge
from judge.models.base import ModelSpec, Sampling
from judge.settings import Settings
from judge.store import models, questions
from judge.store.questions import ALL, HOSTED, LOCAL, Share

LLAMA, OTHER = "llama_local", "transformers_local"


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(supply, "STOP_SECONDS", 0.5)


@pytest.fixture
def mixed(database, scripted):
    """A batch for two models with weights and one without."""
    backend, _ = scripted()
    specs = {
        "far": ModelSpec("far", "recorded", "x"),
        "one": ModelSpec("one", LLAMA, "smollm2-135m"),
        "two": ModelSpec("two", OTHER, "/models/two"),
    }
    with database.transaction() as tx:
        for spec in specs.values():
            models.keep(tx, spec)
    request = batches.BatchRequest(("two", "far", "one"), "small", 1, Sampling(1.0))
    batch = batches.open_batch(database, request)

    def asked(share):
        return batches.ask_questions(database, lambda name: (specs[name], backend), share=share)

    return batch, asked


def done(database, batch):
    found = batches.read_batch(database, batch.id).by_model
    return {each.model: each.asked for each in found}


def test_a_share_is_asked_and_nothing_else(database, mixed):
    batch, asked = mixed
    assert asked(HOSTED).asked == 8
    assert done(database, batch) == {"two": 0, "far": 8, "one": 0}
    assert asked(HOSTED).claimed == 0
    assert asked(Share(model="one")).asked == 8
    assert asked(LOCAL).asked == 8
    assert asked(ALL).claimed == 0


def test_a_sweep_tells_which_bell_to_ring(database, mixed):
    _, asked = mixed
    swept = batches.sweep(database)
    assert (swept.to_ask, swept.to_ask_local) == (True, True)
    asked(HOSTED)
    swept = batches.sweep(database)
    assert (swept.to_ask, swept.to_ask_local) == (False, True)


def test_a_warm_model_goes_on_until_it_has_no_question_left(database, mixed):
    _, asked = mixed
    with database.reading() as tx:
        assert questions.next_local(tx) == "two"  # the oldest question is its
        assert questions.next_local(tx, "one") == "one"
        assert questions.next_local(tx, "far away") == "two"
    asked(Share(model="one"))
    with database.reading() as tx:
        assert questions.next_local(tx, "one") == "two"
    asked(LOCAL)
    with database.reading() as tx:
        assert questions.next_local(tx, "two") == ""


class Weighty:
    def __init__(self, spec):
        self.spec, self.closed = spec, False

    def close(self):
        self.closed = True


def test_only_the_weights_that_are_asked_stay(database, mixed, tmp_path, monkeypatch):
    opened = []

    def open_model(spec):
        opened.append(Weighty(spec))
        return opened[-1]

    monkeypatch.setattr("judge.bootstrap.open_model", open_model)
    with database.transaction() as tx:
        models.keep(tx, ModelSpec("tuned", OTHER, "/models/two", adapter="/adapters/two"))
    house = Judge(Settings(home=tmp_path), database)
    for name in ("far", "one", "two", "tuned"):
        house.model(name)
    house.keep_warm("tuned")
    assert [each.spec.name for each in opened if each.closed] == ["one"]
    assert house.model("one")[1] is not opened[1]
    house.keep_warm("one")
    assert [each.spec.name for each in opened if each.closed] == ["one", "two", "tuned"]
