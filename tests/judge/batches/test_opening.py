import pytest

from judge import batches
from judge.batches import BatchRequest
from judge.errors import Conflict, UnknownName, UsageError
from judge.models.base import ModelSpec
from judge.store import models, problem_sets
from problems.errors import UnknownProblem


def test_the_same_key_opens_the_same_batch_once(database, record, opened):
    record()
    first = opened(model="solver", samples=2, key="k")
    assert opened(model="solver", samples=2, key="k").id == first.id
    assert [each.id for each in batches.list_batches(database)] == [first.id]
    assert first.questions == 8
    assert first.wanted == 16


def test_the_same_key_with_another_request_is_a_conflict(database, record, opened):
    record()
    opened(model="solver", key="k")
    with pytest.raises(Conflict):
        opened(model="solver", samples=2, key="k")


def test_a_key_outlives_a_newer_version_of_the_set(database, record, opened, small_set):
    record()
    first = opened(model="solver", key="k")
    with database.transaction() as tx:
        problem_sets.keep(tx, small_set.with_problems(small_set.problems[:3]))
    assert opened(model="solver", key="k").id == first.id
    assert opened(model="solver").questions == 3


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"models": ()}, UsageError),
        ({"models": ("solver", "solver")}, UsageError),
        ({"models": ("nobody",)}, UnknownName),
        ({"problem_set": "nothing"}, UnknownName),
        ({"digest": "0" * 64}, UnknownName),
        ({"problems": ("add-0", "no-such")}, UnknownProblem),
        ({"samples": 0}, UsageError),
        ({"samples": 1_000_000}, UsageError),
        ({"budget_usd": -1.0}, UsageError),
        ({"budget_usd": float("nan")}, UsageError),
        ({"prompts": ("../secrets",)}, UnknownName),
    ],
)
def test_a_request_that_makes_no_sense_opens_nothing(database, record, fields, error):
    record()
    sound = {"models": ("solver",), "problem_set": "small"}
    with pytest.raises(error):
        batches.open_batch(database, BatchRequest(**{**sound, **fields}))
    assert batches.list_batches(database) == []


def test_no_budget_is_promised_for_a_model_without_a_price(database, record, opened):
    record()
    with database.transaction() as tx:
        models.keep(tx, ModelSpec("dark", "openai_chat", "x", base_url="http://127.0.0.1:9/v1"))
    with pytest.raises(UsageError, match="no known price"):
        opened(model="dark", budget_usd=1.0)


def test_chosen_problems_are_asked_by_slug_or_original_id(record, opened):
    record()
    assert opened(model="solver", problems=("add-3", "Add/5")).questions == 2


def test_batches_are_listed_newest_first_page_by_page(database, record, opened):
    record()
    ids = [opened(model="solver").id for _ in range(5)][::-1]
    seen, after = [], ""
    while page := batches.list_batches(database, after, 2):
        seen += [each.id for each in page]
        after = seen[-1]
    assert seen == ids


def test_unknown_ids_are_named(database):
    for look in (batches.read_batch, batches.cancel_batch, batches.read_sample):
        with pytest.raises(UnknownName, match="nope"):
            look(database, "nope")
    with pytest.raises(UnknownName, match="nope"):
        batches.list_samples(database, "nope")
