"""Questions: asked once, whoever dies or claims at the same time."""

import threading
import time
from collections import Counter

import pytest

from judge import batches
from judge.batches import drawing, failures, supply
from judge.errors import Conflict, ModelRefused, ModelUnavailable
from judge.models.base import Completion, Solution
from judge.store import batches as rows
from judge.store import leases, questions, samples, tables
from judge.store.database import Database

RIGHT = "```python\ndef add(x):\n    return x + 0\n```"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(failures, "BACKOFF_SECONDS", 0.0)
    monkeypatch.setattr(supply, "STOP_SECONDS", 0.5)


def stored(database, batch):
    found = batches.list_samples(database, batch, limit=1000)
    return Counter((each.slug, each.index) for each in found)


def ask_all(database, model, **fields):
    total = 0
    while (asked := batches.ask_questions(database, model, **fields)).claimed:
        total += asked.samples
        time.sleep(0.003)
    return total


def test_every_question_is_asked_once_and_every_sample_has_its_index(database, scripted, opened):
    backend, model = scripted()
    batch = opened(samples=3)
    done = batches.ask_questions(database, model)
    assert (done.claimed, done.asked, done.samples) == (8, 8, 24)
    assert batches.ask_questions(database, model) == batches.Asked()
    wanted = {(f"add-{n}", index): 1 for n in range(8) for index in range(3)}
    assert stored(database, batch.id) == wanted
    assert Counter(backend.asked) == wanted


def test_a_claim_is_no_larger_than_its_limit_nor_than_its_batch(database, scripted, opened):
    _, model = scripted()
    first, second = opened(), opened()
    assert batches.ask_questions(database, model, limit=3, batch=second.id).asked == 3
    assert batches.read_batch(database, first.id).asked == 0
    assert batches.ask_questions(database, model, limit=64).asked == 13


def test_two_workers_claiming_at_once_never_ask_the_same(database, scripted, opened):
    backend, model = scripted(lambda slug, _: time.sleep(0.002) or RIGHT)
    batch = opened(samples=2)
    others = [Database(database.shown_url) for _ in range(4)]
    start = threading.Barrier(4)

    def work(own):
        start.wait()
        ask_all(own, model, limit=2, threads=2)

    threads = [threading.Thread(target=work, args=(own,)) for own in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for own in others:
        own.close()
    assert max(Counter(backend.asked).values()) == 1
    assert len(stored(database, batch.id)) == 16


def test_a_question_with_some_samples_asks_only_for_the_missing(database, scripted, opened):
    broken = True

    def say(slug, index):
        if broken and index == 2:
            raise ModelUnavailable("the line broke")
        return RIGHT

    backend, model = scripted(say)
    batch = opened(samples=4)
    first = batches.ask_questions(database, model)
    assert (first.put_off, first.samples) == (8, 16)
    status = batches.read_batch(database, batch.id)
    assert status.waiting == (("the line broke", 8),)
    assert status.errors == ()
    assert status.open
    broken = False
    time.sleep(0.01)
    assert ask_all(database, model) == 16
    counts = Counter(backend.asked)
    assert all(counts[slug, index] == 1 + (index == 2) for slug, index in counts)
    assert len(stored(database, batch.id)) == 32
    assert batches.read_batch(database, batch.id).waiting == ()


def test_back_off_keeps_a_question_from_being_claimed_before_its_time(
    database, scripted, opened, monkeypatch
):
    monkeypatch.setattr(failures, "BACKOFF_SECONDS", 60.0)

    def say(slug, index):
        raise ModelUnavailable("429")

    _, model = scripted(say)
    opened()
    assert batches.ask_questions(database, model).put_off == 8
    assert batches.ask_questions(database, model).claimed == 0
    assert not batches.sweep(database).to_ask


def test_a_model_that_stays_away_fails_its_questions_with_the_reason(database, scripted, opened):
    def say(slug, index):
        raise ModelUnavailable("503 from the provider")

    backend, model = scripted(say)
    batch = opened()
    ask_all(database, model)
    assert set(Counter(backend.asked).values()) == {drawing.MAX_UNAVAILABLE}
    status = batches.read_batch(database, batch.id)
    assert status.state == "finished"
    assert status.errors == (("503 from the provider", 8),)


def test_a_refusal_is_never_asked_again(database, scripted, opened):
    def say(slug, index):
        if slug == "add-3":
            raise ModelRefused("no such key")
        return RIGHT

    backend, model = scripted(say)
    batch = opened()
    ask_all(database, model)
    assert max(Counter(backend.asked).values()) == 1
    status = batches.read_batch(database, batch.id)
    assert (status.asked, status.failed, status.errors) == (7, 1, (("no such key", 1),))


def test_a_fault_of_ours_in_one_question_leaves_the_others_alone(database, scripted, opened):
    def say(slug, index):
        if slug == "add-3":
            raise ZeroDivisionError("ours")
        return RIGHT

    backend, model = scripted(say)
    batch = opened()
    ask_all(database, model)
    status = batches.read_batch(database, batch.id)
    assert (status.asked, status.errors) == (7, (("ZeroDivisionError: ours", 1),))
    assert Counter(backend.asked)["add-3", 0] == leases.MAX_DELIVERIES


def test_hostile_text_is_stored_as_what_a_database_takes(database, scripted, opened):
    _, model = scripted(lambda slug, _: f"\0\ud800{RIGHT}")
    batch = opened(problems=("add-0",))
    ask_all(database, model)
    [sample] = batches.list_samples(database, batch.id)
    assert batches.read_sample(database, sample.id).text.startswith("��```")


def test_a_stale_token_can_write_nothing(database, scripted, opened):
    scripted()
    batch = opened(samples=2, problems=("add-0",))
    slow = Database(database.shown_url, lease_seconds=0.5)
    with slow.transaction() as tx:
        old, [question] = questions.claim(tx, slow, 1)
    time.sleep(0.6)
    with database.transaction() as tx:
        new, again = questions.claim(tx, database, 1)
    assert [each.id for each in again] == [question.id]
    with pytest.raises(leases.LeaseLost), slow.transaction() as tx:
        samples.keep(tx, old.token, question, samples.Bought("t"), solution_of(RIGHT))
    with slow.transaction() as tx:
        assert not questions.close(tx, old.token, question.id, "asked")
        assert not leases.put_off(tx, tables.questions, old.token, question.id, 0, "late")
        leases.release(tx, tables.questions, old.token, [question.id])
    assert stored(database, batch.id) == {}
    with database.transaction() as tx:
        samples.keep(tx, new.token, question, samples.Bought("t"), solution_of(RIGHT))
        assert questions.close(tx, new.token, question.id, "asked")
    slow.close()


def solution_of(text):
    return Solution("x = 1", "bare", Completion(text), 0.0)


def test_a_lease_is_renewed_while_a_model_thinks_for_long(database, scripted, opened):
    short = Database(database.shown_url, lease_seconds=0.5)
    backend, model = scripted(lambda slug, _: time.sleep(1.5) or RIGHT)
    opened(problems=("add-0",))
    asker = threading.Thread(target=batches.ask_questions, args=(short, model))
    asker.start()
    while not backend.asked:
        time.sleep(0.01)
    while asker.is_alive():
        assert batches.ask_questions(database, model).claimed == 0 or not asker.is_alive()
        time.sleep(0.05)
    short.close()
    assert len(backend.asked) == 1


def test_a_question_whose_worker_never_came_back_is_given_up(database, scripted, opened):
    backend, model = scripted()
    batch = opened(problems=("add-0",))
    for _ in range(drawing.MAX_LOST):
        lost = Database(database.shown_url, lease_seconds=0.1)
        with lost.transaction() as tx:
            claim, [question] = questions.claim(tx, lost, 1)
            leases.begin(tx, tables.questions, claim.token, [question.id])
        lost.close()
        time.sleep(0.15)
    batches.ask_questions(database, model)
    assert backend.asked == []
    status = batches.read_batch(database, batch.id)
    assert (status.state, status.errors) == ("finished", ((failures.GIVEN_UP.format(8), 1),))


def test_work_given_back_in_order_counts_no_delivery(database, scripted, opened):
    stop = threading.Event()

    def say(slug, index):
        stop.set()
        time.sleep(0.05)
        return RIGHT

    backend, model = scripted(say)
    opened()
    for _ in range(5):
        stop.clear()
        batches.ask_questions(database, model, threads=1, go_on=lambda: not stop.is_set())
    assert len(backend.asked) == 5
    assert ask_all(database, model) == 3


def test_a_model_that_still_thinks_at_the_end_is_left_behind(database, scripted, opened):
    gate = threading.Event()
    backend, model = scripted(lambda slug, _: gate.wait(20) and RIGHT)
    batch = opened(problems=("add-0",))
    batches.ask_questions(database, model, go_on=lambda: not backend.asked)
    gate.set()
    time.sleep(0.1)
    assert stored(database, batch.id) == {}  # its lease was given back: nothing late is written
    assert ask_all(database, model) == 1


def test_over_budget_nothing_more_is_asked_and_the_batch_says_so(database, scripted, opened):
    backend, model = scripted()
    batch = opened(samples=2, budget_usd=6.0)
    ask_all(database, model, threads=1)
    assert len(backend.asked) == 6  # a completion costs 1 dollar
    status = batches.read_batch(database, batch.id)
    assert (status.asked, status.skipped, status.spend_usd, status.open) == (3, 5, 6.0, True)


def test_a_budget_of_nothing_asks_nothing(database, scripted, opened):
    backend, model = scripted()
    batch = opened(budget_usd=0.0)
    ask_all(database, model)
    assert backend.asked == []
    assert batches.read_batch(database, batch.id).state == "over_budget"


def test_a_cancelled_batch_keeps_what_was_paid_for_and_asks_no_more(database, scripted, opened):
    batch_id = []

    def say(slug, index):
        batches.cancel_batch(database, batch_id[0])
        return RIGHT

    backend, model = scripted(say)
    batch = opened(samples=2)
    batch_id.append(batch.id)
    ask_all(database, model, threads=1)
    assert len(backend.asked) == 1
    status = batches.cancel_batch(database, batch.id)
    assert (status.state, status.samples) == ("cancelled", 1)
    assert status.finished_at == batches.read_batch(database, batch.id).finished_at
    assert not batches.sweep(database).to_ask


@pytest.mark.parametrize("stop", [batches.cancel_batch, batches.pause_batch])
def test_a_question_half_asked_is_left_off_with_the_batch(database, scripted, opened, stop):
    batch_id = []

    def say(slug, index):
        if (slug, index) == ("add-0", 1):
            stop(database, batch_id[0])
        return RIGHT

    backend, model = scripted(say)
    batch = opened(samples=5)
    batch_id.append(batch.id)
    ask_all(database, model, threads=1)
    assert len(backend.asked) == 2
    status = batches.resume_batch(database, batch.id)
    assert (status.samples, status.asked, status.failed) == (2, 0, 0)
    ask_all(database, model, threads=1)
    if stop is batches.cancel_batch:
        assert (status.state, len(backend.asked)) == ("cancelled", 2)
    else:
        assert len(set(backend.asked)) == len(backend.asked) == 40
        assert batches.read_batch(database, batch.id).asked == 8


def test_a_budget_is_kept_within_a_question(database, scripted, opened):
    backend, model = scripted()
    batch = opened(samples=5, budget_usd=7.0)
    ask_all(database, model, threads=1)
    assert len(backend.asked) == 7
    status = batches.read_batch(database, batch.id)
    assert (status.asked, status.skipped, status.samples) == (1, 7, 7)


def test_a_paused_batch_is_neither_asked_nor_closed_until_it_is_resumed(database, scripted, opened):
    backend, model = scripted()
    batch = opened()
    assert batches.pause_batch(database, batch.id).state == "paused"
    ask_all(database, model)
    swept = batches.sweep(database)
    assert (backend.asked, swept.to_ask, swept.closed) == ([], False, 0)
    status = batches.resume_batch(database, batch.id)
    assert (status.state, status.finished_at) == ("open", None)
    ask_all(database, model)
    assert len(backend.asked) == 8


def test_a_paused_batch_can_be_cancelled_and_an_ended_one_not_be_paused(database, scripted, opened):
    scripted()
    batch = opened()
    batches.pause_batch(database, batch.id)
    assert batches.cancel_batch(database, batch.id).state == "cancelled"
    assert batches.pause_batch(database, batch.id).state == "cancelled"
    assert batches.resume_batch(database, batch.id).state == "cancelled"


def test_only_what_failed_is_asked_again(database, scripted, opened):
    broken = {"add-1", "add-5"}

    def say(slug, index):
        if slug in broken and index == 1:
            raise ModelRefused("no such model")
        return RIGHT

    backend, model = scripted(say)
    batch = opened(samples=2)
    ask_all(database, model, threads=1)
    status = batches.read_batch(database, batch.id)
    assert (status.asked, status.failed, status.samples) == (6, 2, 14)
    broken.clear()
    backend.asked.clear()
    status = batches.retry_errors(database, batch.id)
    assert (status.state, status.failed, status.errors) == ("open", 0, ())
    ask_all(database, model, threads=1)
    assert sorted(backend.asked) == [("add-1", 1), ("add-5", 1)]
    status = batches.read_batch(database, batch.id)
    assert (status.asked, status.failed, status.samples) == (8, 0, 16)


def test_errors_of_a_cancelled_batch_are_not_tried_again(database, scripted, opened):
    scripted()
    batch = opened()
    batches.cancel_batch(database, batch.id)
    with pytest.raises(Conflict, match="was cancelled"):
        batches.retry_errors(database, batch.id)


@pytest.mark.parametrize("run", range(3))
def test_the_last_two_questions_that_end_at_once_close_their_batch(database, scripted, opened, run):
    scripted()
    batch = opened(problems=("add-0", "add-1"))
    others = [Database(database.shown_url) for _ in range(2)]
    claims = []
    for other in others:
        with other.transaction() as tx:
            claims.append(questions.claim(tx, other, 1))
    met = threading.Barrier(2)

    def end(other, claim):
        (held, [question]) = claim
        with other.transaction() as tx:
            questions.close(tx, held.token, question.id, "asked")
            if not database.is_sqlite:  # its writers never meet
                met.wait(10)
            rows.close_finished(tx, batch.id)

    threads = [threading.Thread(target=end, args=each) for each in zip(others, claims, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in others:
        other.close()
    assert batches.read_batch(database, batch.id).state == "finished"


def test_each_draw_is_bought_once_in_whatever_order_they_came(database, scripted, opened):
    """A seed that is asked twice would give one sample twice, and another one never."""
    backend, model = scripted()
    calls = []

    def out_of_order(prompt, sampling, n, *, first=0, keep=None):
        calls.append((first, n))
        if len(calls) > 1:
            return type(backend).complete(backend, prompt, sampling, n, first=first, keep=keep)
        for index in (4, 1):
            keep(Completion(RIGHT, index=index))
        raise ModelUnavailable("503")

    backend.complete = out_of_order
    batch = opened(samples=6, problems=("add-0",))
    ask_all(database, model)
    assert calls == [(0, 6), (0, 1), (2, 2), (5, 1)]
    assert stored(database, batch.id) == Counter({("add-0", index): 1 for index in range(6)})
