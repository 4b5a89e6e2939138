import pytest

from judge import batches
from judge.batches import failures
from judge.errors import ModelRefused, UnknownName
from judge.models import open_model
from judge.models.base import Completion, Sampling, Usage
from judge.standings import leaderboards
from judge.store import models
from judge.store.models import ModelSpec

pytestmark = pytest.mark.sandbox


@pytest.fixture
def run(database, sandbox):
    def go(specs, backends=None, samples=2, sampling=None, **fields):
        request = batches.BatchRequest(
            tuple(spec.name for spec in specs), "small", samples, sampling or Sampling(), **fields
        )
        opened = {spec.name: (spec, (backends or {}).get(spec.name)) for spec in specs}
        opened = {name: (spec, back or open_model(spec)) for name, (spec, back) in opened.items()}
        batch = batches.open_batch(database, request)
        return batches.run_batch(database, opened.__getitem__, sandbox, batch.id)

    return go


def add(n):
    return f"def add(x):\n    return x + {n}\n"


def test_a_board_has_ceiling_floor_and_what_lies_between(database, record, run):
    specs = [
        record("ceiling"),
        record("between", {f"add-{n}": [add(n), add(n if n < 4 else 99)] for n in range(8)}),
        record("floor", {f"add-{n}": [add(n + 1)] * 2 for n in range(8)}),
    ]
    run(specs)
    board = leaderboards.rank(database, "small")
    assert [row.model for row in board.rows] == ["ceiling", "between", "floor"]
    assert [row.pass_at_1 for row in board.rows] == [1.0, 0.75, 0.0]
    assert [row.pass_at for row in board.rows][1] == ((1, 0.75), (2, 1.0))
    assert [row.coverage for row in board.rows] == [1.0] * 3
    assert [row.cost_per_solved for row in board.rows] == [0.0, 0.0, None]
    assert all(row.low < row.high for row in board.rows)
    assert board.rows[0].rank_low == 1
    assert board.rows[2].rank_high == 3


def test_missing_problems_are_coverage_and_order_but_not_score(database, record, run):
    specs = [record("whole"), record("part", {f"add-{n}": [add(n)] * 2 for n in range(8)})]
    run(specs[:1])
    run(specs[1:], problems=("add-0", "add-1"))
    whole, part = leaderboards.rank(database, "small").rows
    assert (whole.model, whole.coverage) == ("whole", 1.0)
    assert (part.model, part.coverage, part.pass_at_1, part.problems) == ("part", 0.25, 1.0, 2)
    assert part.low < whole.low


def test_other_sampling_is_another_row_and_more_of_the_same_is_pooled(database, record, run):
    spec = record()
    run([spec], samples=2)
    run([spec], samples=1)
    run([spec], samples=1, sampling=Sampling(temperature=0.9))
    rows = leaderboards.rank(database, "small").rows
    assert sorted((row.samples, "temperature=0.9" in row.recipe) for row in rows) == [
        (8, True),
        (24, False),
    ]


def test_faults_of_ours_are_shown_and_in_no_denominator(database, record, run, monkeypatch):
    monkeypatch.setattr(failures, "BACKOFF_SECONDS", 0.0)

    class Refusing:
        def complete(self, prompt, sampling, n, *, first=0, keep=None):
            if prompt.slug == "add-7":
                raise ModelRefused("no")
            drawn = [
                Completion(add(prompt.slug[4:]), "stop", Usage(1_000_000, 0), index=index)
                for index in range(first, first + n)
            ]
            for each in drawn:
                keep(each)
            return drawn

        def close(self):
            pass

    record()
    spec = ModelSpec("paid", "recorded", "nowhere", input_price=2.0, output_price=0.0)
    with database.transaction() as tx:
        models.keep(tx, spec)
    run([spec], {"paid": Refusing()}, samples=2)
    [row] = leaderboards.rank(database, "small").rows
    assert (row.pass_at_1, row.samples, row.errors, row.coverage) == (1.0, 14, 2, 7 / 8)
    assert row.cost_usd == pytest.approx(28.0)
    assert row.cost_per_solved == pytest.approx(2.0)
    assert row.tokens_in == 14_000_000


def test_each_version_of_a_set_has_its_own_board(database, record, run, small_set):
    spec = record()
    run([spec])
    assert leaderboards.rank(database, "small", small_set.digest).rows
    with pytest.raises(UnknownName):
        leaderboards.rank(database, "small", "0" * 64)
    with pytest.raises(UnknownName, match="nothing"):
        leaderboards.rank(database, "nothing")


def test_a_board_nobody_is_on_is_empty(database, record):
    record()
    assert leaderboards.rank(database, "small").rows == ()
