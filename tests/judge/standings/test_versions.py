"""A board's version changes with the board: nobody who asks whether it changed is told an old one."""

import threading

import pytest
from sqlalchemy import text

from judge.errors import UnknownName
from judge.models.base import ModelSpec
from judge.standings import leaderboards, scoring
from judge.store import batches, changes, models, problem_sets, questions, samples, tallies
from judge.store.batches import BatchRequest
from judge.store.database import Database
from tests.benchmarks import crowd


@pytest.fixture
def database(database_url):
    opened = Database(database_url)
    opened.migrate()
    crowd.found(opened)
    yield opened
    opened.close()


def changed(database, work):
    """Whether the work, in a transaction, changed the version."""
    before = leaderboards.version(database, crowd.NAME)
    with database.transaction() as tx:
        work(tx)
    return leaderboards.version(database, crowd.NAME) != before


def tally(digest=crowd.SET.digest):
    return tallies.Tally(digest, "model-0", crowd.RECIPE, "add-000", 1, 1, 1, 0.5, 10, 10)


def test_a_version_stays_while_nothing_happens_and_changes_with_every_tally(database):
    assert not changed(database, lambda tx: None)
    assert changed(database, lambda tx: tallies.add(tx, [tally()]))
    assert changed(database, lambda tx: tallies.add(tx, [tally()]))
    assert not changed(database, lambda tx: tallies.add(tx, [tally("0" * 64)]))
    assert changed(database, tallies.rebuild)


def test_a_failed_question_or_sample_and_its_retry_change_it(database):
    crowd.grow(database, 0, 1)
    with database.transaction() as tx:
        batch = batches.open_batch(
            tx, BatchRequest(("model-0",), crowd.NAME, problems=("add-001",))
        )
        claim, [question] = questions.claim(tx, database, 1)

    def failed(tx):
        questions.close(tx, claim.token, question.id, "failed", "no")

    assert changed(database, failed)
    assert not changed(database, failed), "the lease is lost: nothing happened"
    assert changed(database, lambda tx: batches.retry_errors(tx, batch))
    with database.transaction() as tx:
        tx.execute(text("UPDATE batches SET state = 'open' WHERE id = 'batch-000000'"))
        tx.execute(text("UPDATE samples SET state = 'kept' WHERE slug = 'add-002'"))
        claim, [sample] = samples.claim(tx, database, 1, "batch-000000")
    for expected in (True, False):
        assert (
            changed(database, lambda tx: samples.fail(tx, claim.token, sample.id, "no")) is expected
        )


def test_another_model_or_version_of_the_set_changes_it(database):
    spec = ModelSpec("reference", "recorded", "nowhere")
    assert changed(database, lambda tx: models.keep(tx, spec))
    assert not changed(database, lambda tx: models.keep(tx, spec))
    smaller = type(crowd.SET)(crowd.NAME, crowd.SET.problems[:7])
    assert changed(database, lambda tx: problem_sets.keep(tx, smaller))
    digest, *_ = leaderboards.version(database, crowd.NAME, crowd.SET.digest)
    assert digest == crowd.SET.digest
    for name, digest in (("nothing", ""), (crowd.NAME, "0" * 64)):
        with pytest.raises(UnknownName):
            leaderboards.version(database, name, digest)


def test_those_who_judge_at_once_never_wait_for_each_others_marks(postgres_url):
    database = Database(postgres_url, lease_seconds=5)
    database.migrate()
    crowd.found(database)
    seen = set()
    with database.transaction() as tx:
        changes.note(tx, [crowd.SET.digest, "other"])
    with database.transaction() as one:
        changes.note(one, [crowd.SET.digest, "other"])
        done = threading.Event()

        def second():
            with database.transaction() as two:
                changes.note(two, ["other", crowd.SET.digest])
            done.set()

        thread = threading.Thread(target=second)
        thread.start()
        assert done.wait(5), "it waits for the first"
        thread.join()
        seen.add(leaderboards.version(database, crowd.NAME))
    seen.add(leaderboards.version(database, crowd.NAME))
    assert len(seen) == 2
    marks = len(leaderboards.version(database, crowd.NAME))
    for _ in range(20):
        with database.transaction() as tx:
            changes.note(tx, [crowd.SET.digest])
    assert len(leaderboards.version(database, crowd.NAME)) == marks, "marks are used again"
    database.close()


def test_a_board_is_what_the_plain_formulas_say(database):
    """The slow way: every tally by itself, every pair of models by the whole comparison."""
    crowd.grow(database, 0, 2)
    with database.reading() as tx:
        found = tallies.read(tx, crowd.SET.digest)
        counted = tallies.errors(tx, crowd.SET.digest)
    board = leaderboards.rank(database, crowd.NAME)
    assert [row.model for row in board.rows] == [f"model-{n}" for n in reversed(range(8))]
    groups = {}
    for each in found:
        groups.setdefault(each.model, {})[each.slug] = each
    shares = [{s: t.accepted / t.drawn for s, t in group.items()} for group in groups.values()]
    spans = dict(zip(groups, slow_ranks(shares), strict=True))
    for row in board.rows:
        group = groups[row.model].values()
        pairs = [(each.drawn, each.accepted) for each in group]
        assert (row.samples, row.accepted) == tuple(map(sum, zip(*pairs, strict=True)))
        assert (row.rank_low, row.rank_high) == spans[row.model]
        assert row.cost_usd == pytest.approx(sum(each.cost for each in group))
        assert row.tokens_in == sum(each.input_tokens for each in group)
        for k, value in row.pass_at:
            mean = sum(scoring.pass_at_k(n, c, k) for n, c in pairs) / len(pairs)
            assert value == pytest.approx(mean, abs=1e-12)
        assert row.errors == counted[row.model] == errors(database, row.model)


def slow_ranks(shares):
    spans = []
    for number, mine in enumerate(shares):
        others = [each for other, each in enumerate(shares) if other != number]
        compared = [scoring.difference(mine, each) for each in others]
        certain = scoring.holm([each.p_value for each in compared], 0.05)
        better = sum(sure and each.value > 0 for sure, each in zip(certain, compared, strict=True))
        worse = sum(sure and each.value < 0 for sure, each in zip(certain, compared, strict=True))
        spans.append((1 + better, len(shares) - worse))
    return spans


def errors(database, model):
    """Of a model, counted one by one."""
    lost, after = 0, ""
    with database.reading() as tx:
        for number in range(2):
            batch = f"batch-{number:06}"
            while page := samples.listed(tx, batch, after, 1000, model=model):
                lost += sum(row.state == "failed" for row in page)
                after = page[-1].id
            after = ""
            drawn = {row.slug for row in samples.listed(tx, batch, "", 100_000, model=model)}
            lost += crowd.DRAWS * (crowd.PROBLEMS - len(drawn))
    return lost
