"""Budgets, prices and replies that are bought once."""

import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from judge import batches
from judge.batches import failures, supply
from judge.errors import Conflict, ModelRefused, RateLimited, UsageError
from judge.models.base import ModelSpec, Sampling
from judge.standings import leaderboards
from judge.store import budgets, models, tables
from tests.judge.batches.conftest import right
from tests.judge.batches.test_asking import ask_all


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(failures, "BACKOFF_SECONDS", 0.0)
    monkeypatch.setattr(supply, "STOP_SECONDS", 0.5)
    monkeypatch.setattr("judge.batches.drawing.PROMISED_SECONDS", 0.0)


def spent(database, batch):
    with database.reading() as tx:
        row = tx.execute(tables.batches.select().where(tables.batches.c.id == batch.id)).one()
        assert row.spent_usd == pytest.approx(budgets.spent_on(tx, batch.id))
    return row.spent_usd


@pytest.mark.parametrize("budget", [0.5, 1.0, 6.5, 13.0, 16.0, 99.0])
def test_many_at_once_never_pass_the_budget_and_stop_within_a_price_of_it(
    database, scripted, opened, budget
):
    def slowly(slug, index):
        time.sleep(0.01)
        return right(slug)

    backend, model = scripted(slowly)
    batch = opened(samples=2, budget_usd=budget)
    ask_all(database, model, threads=8)
    assert len(backend.asked) == len(set(backend.asked)) == min(16, int(budget))
    assert spent(database, batch) == min(16, int(budget))
    status = batches.read_batch(database, batch.id)
    assert status.spend_usd == min(16, int(budget))
    assert status.skipped == (0 if budget >= 16 else 8 - status.asked)


def test_two_workers_share_one_budget(database, scripted, opened):
    def slowly(slug, index):
        time.sleep(0.02)
        return right(slug)

    backend, model = scripted(slowly)
    batch = opened(samples=3, budget_usd=11.0)
    workers = [
        threading.Thread(target=ask_all, args=(database, model), kwargs={"limit": 2, "threads": 2})
        for _ in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    ask_all(database, model)
    assert len(backend.asked) == 11
    assert spent(database, batch) == 11.0


def test_what_a_lost_worker_was_promised_is_free_again(database, scripted, opened):
    backend, model = scripted()
    opened(samples=2, budget_usd=4.0)
    with database.transaction() as tx:
        tx.execute(
            tables.questions.update()
            .where(tables.questions.c.slug == "add-0")
            .values(
                lease="gone",
                owner="x/1/1",
                lease_until=datetime.now(UTC) - timedelta(seconds=1),
                reserved_usd=4.0,
            )
        )
    ask_all(database, model, threads=1)
    assert len(backend.asked) == 4


def test_a_promise_that_holds_keeps_others_waiting_and_the_row_says_so(database, scripted, opened):
    backend, model = scripted()
    batch = opened(samples=2, budget_usd=4.0)
    held = tables.questions.update().where(tables.questions.c.slug == "add-0")
    with database.transaction() as tx:
        until = datetime.now(UTC) + timedelta(seconds=60)
        tx.execute(held.values(lease="alive", owner="x/1/1", lease_until=until, reserved_usd=3.0))
    asked = batches.ask_questions(database, model, threads=1)
    assert len(backend.asked) == 1
    assert asked.put_off > 0
    assert asked.skipped == 0
    [(text, count)] = batches.read_batch(database, batch.id).waiting
    assert "left of the budget" in text
    assert count == asked.put_off


def test_a_raised_budget_asks_what_the_old_one_left(database, scripted, opened, sandbox):
    backend, model = scripted()
    batch = opened(samples=2, budget_usd=5.0)
    status = batches.run_batch(database, model, sandbox, batch.id, threads=4)
    assert (status.state, status.samples) == ("over_budget", 5)
    [row] = leaderboards.rank(database, "small").rows
    assert row.unasked == 11
    assert batches.change_budget(database, batch.id, 3.0).state == "over_budget"
    assert batches.change_budget(database, batch.id, 8.0).state == "open"
    status = batches.run_batch(database, model, sandbox, batch.id, threads=4)
    assert (status.state, status.samples, status.spend_usd) == ("over_budget", 8, 8.0)
    assert batches.change_budget(database, batch.id, None).state == "open"
    status = batches.run_batch(database, model, sandbox, batch.id, threads=4)
    assert (status.state, status.samples, status.accepted) == ("finished", 16, 16)
    assert len(backend.asked) == len(set(backend.asked)) == 16
    [row] = leaderboards.rank(database, "small").rows
    assert row.unasked == 0


def test_a_budget_is_a_sum_of_money_and_no_cancelled_batch_gets_one(database, scripted, opened):
    scripted()
    batch = opened(budget_usd=0.0)
    for bad in (-1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="US dollars"):
            batches.change_budget(database, batch.id, bad)
    batches.cancel_batch(database, batch.id)
    with pytest.raises(Conflict, match="cancelled"):
        batches.change_budget(database, batch.id, 5.0)


def test_no_budget_for_a_model_without_a_price(database, scripted, opened):
    scripted()
    with database.transaction() as tx:
        models.keep(tx, ModelSpec("free", "openai_chat", "x", base_url="http://127.0.0.1:1/v1"))
    batch = opened(model="free")
    with pytest.raises(UsageError, match="no known price"):
        batches.change_budget(database, batch.id, 5.0)


def test_a_rate_limit_is_waited_for_by_name_and_held_against_nobody(database, scripted, opened):
    until = datetime.now(UTC) + timedelta(seconds=3)
    refused = Counter()

    def say(slug, index):
        if datetime.now(UTC) < until:
            refused[slug] += 1
            raise RateLimited("waiting for the rate limit until soon", until)
        return right(slug)

    _, model = scripted(say)
    batch = opened()
    asked = batches.ask_questions(database, model)
    assert asked.put_off == 8
    assert 0 < asked.again < 4
    [(text, count)] = batches.read_batch(database, batch.id).waiting
    assert (text, count) == ("waiting for the rate limit until soon", 8)
    with database.reading() as tx:
        rows = tx.execute(tables.questions.select()).all()
    assert {(row.failures, row.deliveries) for row in rows} == {(0, 0)}
    assert batches.ask_questions(database, model).claimed == 0
    time.sleep(max(0.0, (until - datetime.now(UTC)).total_seconds()) + 0.6)
    assert ask_all(database, model) == 8
    assert set(refused.values()) == {1}
    assert batches.read_batch(database, batch.id).failed == 0


def test_the_same_request_is_bought_once_and_counts_as_one_that_was_paid(
    database, scripted, opened, sandbox, monkeypatch
):
    monkeypatch.setattr("judge.models.requests.may_be_reused", greedy_or_seeded)
    backend, model = scripted()
    first, again = opened(samples=2), opened(samples=3, budget_usd=8.0)
    for batch in (first, again):
        batches.run_batch(database, model, sandbox, batch.id, threads=4)
    assert len(backend.asked) == 16 + 8
    one, other = (batches.read_batch(database, each.id) for each in (first, again))
    assert (one.accepted, other.accepted) == (16, 24)
    assert (one.spend_usd, other.spend_usd) == (16.0, 8.0)
    assert spent(database, again) == 8.0
    [row] = leaderboards.rank(database, "small").rows
    assert (row.samples, row.cost_usd) == (40, 40.0)  # what they would cost whoever asks next


def test_fresh_replies_are_bought_again(database, scripted, opened, monkeypatch):
    monkeypatch.setattr("judge.models.requests.may_be_reused", greedy_or_seeded)
    backend, model = scripted()
    for fresh in (False, True):
        opened(fresh=fresh)
        ask_all(database, model)
    assert len(backend.asked) == 16


def test_warm_draws_without_a_seed_are_never_reused(database, scripted, monkeypatch):
    monkeypatch.setattr("judge.models.requests.may_be_reused", greedy_or_seeded)
    backend, model = scripted()
    for seed, asked in ((None, 8), (None, 16), (7, 24), (7, 24), (8, 32)):
        request = batches.BatchRequest(("scripted",), "small", 1, Sampling(0.5, seed=seed))
        batches.open_batch(database, request)
        ask_all(database, model)
        assert len(backend.asked) == asked


def greedy_or_seeded(spec, sampling):
    """The rule, for a backend that is called `recorded` in these tests only."""
    return sampling.temperature == 0 or sampling.seed is not None


def test_an_estimate_knows_the_price_and_what_the_model_did_before(
    database, scripted, opened, sandbox
):
    backend, model = scripted()
    request = opened(samples=2).request
    found = batches.estimate(database, request)
    assert (found.samples, found.most_usd) == (16, pytest.approx(16.0))
    assert (found.likely_usd, found.seconds) == (None, None)
    [batch] = batches.list_batches(database)
    batches.run_batch(database, model, sandbox, batch.id)
    found = batches.estimate(database, request)
    assert found.likely_usd == pytest.approx(16.0)
    assert found.seconds == 0.0
    assert backend.asked


def test_a_model_about_to_be_shut_down_is_warned_about(database, scripted, opened):
    scripted()
    opened()
    for days, said in ((10, "in 10 days"), (-3, "3 days ago"), (400, None)):
        date = (datetime.now(UTC) + timedelta(days=days)).date().isoformat()
        with database.transaction() as tx:
            tx.execute(tables.models.update().values(shutdown=date))
        request = batches.BatchRequest(("scripted",), "small")
        warnings = batches.estimate(database, request).warnings
        assert [said in each for each in warnings] == ([True] if said else [])


def test_a_dead_key_ends_everything_quickly_and_can_be_tried_again(database, scripted, opened):
    money = []

    def say(slug, index):
        if not money:
            raise ModelRefused("the money there is spent: add some, then retry the errors")
        return right(slug)

    _, model = scripted(say)
    batch = opened(samples=2)
    assert ask_all(database, model) == 0
    status = batches.read_batch(database, batch.id)
    assert (status.state, status.failed, status.judged) == ("finished", 8, 0)
    money.append(1)
    batches.retry_errors(database, batch.id)
    assert ask_all(database, model) == 16


def test_latencies_are_percentiles_by_nearest_rank_of_what_was_bought(database, scripted, opened):
    scripted()
    batch = opened(samples=13)
    _, model = scripted()
    ask_all(database, model)
    with database.transaction() as tx:
        ids = tx.execute(tables.samples.select()).scalars().all()
        assert len(ids) == 104
        for n, sample in enumerate(sorted(ids)):
            row = tables.samples.update().where(tables.samples.c.id == sample)
            first = n / 1000 if n % 2 else None
            tx.execute(
                row.values(seconds=float(n), first_token_seconds=first, reused=int(n >= 100))
            )
    [found] = batches.read_latencies(database, batch.id)
    assert (found.model, found.answers, found.p50, found.p95) == ("scripted", 100, 49.0, 94.0)
    assert (found.first_token_p50, found.first_token_p95) == (0.049, 0.095)
