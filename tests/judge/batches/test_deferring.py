"""Deferred batches against a real Batch API on a loopback port: bought once, whatever happens."""

import json
import re
import time
from collections import Counter
from datetime import timedelta

import pytest

from judge import batches
from judge.batches import deferring, filing
from judge.errors import UsageError
from judge.models import batch_api, wording
from judge.models.base import ModelSpec, Sampling
from judge.store import leases, models, problem_sets, tables
from judge.store.database import Database, now
from tests.judge.batches import batch_provider
from tests.judge.batches.batch_provider import reply_to


def solve(line):
    said = line["body"]["messages"][-1]["content"]
    number = re.search(r"Add (\d+) to x", said)[1]
    return f"```python\ndef add(x):\n    return x + {number}\n```"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(deferring, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(deferring, "FULL_SECONDS", 0.001)
    monkeypatch.setattr(filing, "AGAIN_SECONDS", 0.0)
    monkeypatch.setattr("judge.models.openai_client.RETRIES", 0)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture
def provider():
    with batch_provider.running(solve) as running:
        yield running


@pytest.fixture
def opened(database, provider, small_set):
    """Store models and open a deferred batch; a reply costs a dollar, which is half its price."""

    def make(samples=1, names=("far",), seed=None, **fields):
        with database.transaction() as tx:
            problem_sets.keep(tx, small_set)
            for name in names:
                prices = {"input_price": 20_000.0, "output_price": 0.0}
                models.keep(tx, ModelSpec(name, "openai_chat", "m", provider.url, **prices))
        request = batches.BatchRequest(
            names, "small", samples, Sampling(0.5, seed=seed), deferred=True, **fields
        )
        return batches.open_batch(database, request).id

    return make


def passes(database, number):
    """So many looks at everything, each after the one before was due."""
    done = []
    for _ in range(number):
        done.append(one_pass(database))
        time.sleep(0.002)
    return done


def one_pass(database):
    """One pass handles a row again and again where no time passes between two looks."""
    looks = iter([True])
    return batches.defer(database, go_on=lambda: next(looks, False))


def to_the_end(database, batch, most=60):
    for _ in range(most):
        status = batches.read_batch(database, batch)
        done = status.asked + status.failed + status.skipped == status.questions
        if done and all(each.state == "ended" for each in deferrals_of(database)):
            return status
        one_pass(database)
        time.sleep(0.002)
    raise AssertionError(status)


def stored(database, batch):
    found = batches.list_samples(database, batch, limit=1000)
    return Counter((each.slug, each.index) for each in found)


def deferrals_of(database):
    with database.reading() as tx:
        return tx.execute(tables.deferrals.select().order_by(tables.deferrals.c.id)).all()


def once(status, batch, samples=1):
    assert status.errors == status.waiting == ()
    assert (status.asked, status.samples) == (8, 8 * samples)


def test_a_deferred_batch_is_asked_in_one_job_and_every_draw_is_kept_once(
    database, provider, opened
):
    batch = opened(samples=3, seed=10)
    once(to_the_end(database, batch), batch, 3)
    assert set(stored(database, batch).values()) == set(provider.billed.values()) == {1}
    assert len(provider.jobs) == 1
    assert sorted({line["body"]["seed"] for line in provider.requests()}) == [10, 11, 12]
    assert provider.jobs["batch_0"]["endpoint"] == "/v1/chat/completions"
    [sample] = batches.list_samples(database, batch, limit=1)
    assert (sample.cost, sample.input_tokens, sample.rule) == (1.0, 100, "fence")
    assert sample.template.startswith("chat@")


def test_ordinary_asking_never_takes_a_deferred_question(database, opened):
    opened()
    with database.reading() as tx:
        assert not leases.any_claimable(tx, leases.QUESTIONS)
    assert batches.ask_questions(database, lambda _: 1 / 0).claimed == 0
    swept = batches.sweep(database)
    assert (swept.to_ask, swept.to_defer) == (False, True)


def test_waiting_says_since_when_and_how_far(database, provider, opened):
    batch = opened()
    one_pass(database)
    [(text, number)] = batches.read_batch(database, batch).waiting
    assert re.fullmatch(r"at the provider since \d\d:\d\d UTC, validating 0/8", text)
    assert number == 8
    provider.jobs["batch_0"]["request_counts"]["completed"] = 5
    one_pass(database)
    [(text, _)] = batches.read_batch(database, batch).waiting
    assert text.endswith("in_progress 5/8")


def test_a_look_waits_for_its_time(database, provider, opened, monkeypatch):
    monkeypatch.setattr(deferring, "LOOK_SECONDS", 60.0)
    opened()
    assert batches.defer(database).handled == 1
    assert batches.defer(database) == batches.Deferred()
    assert not batches.sweep(database).to_defer
    assert provider.calls["GET /batches/ID"] == 0


def test_lines_in_any_order_twice_unknown_and_broken_cost_no_good_line(database, provider, opened):
    batch = opened(samples=2)
    strange = "0198c0de-0000-7000-8000-000000000000:0"

    def spoil(lines):
        other = reply_to(lines[0], "```python\ndef add(x): return 0\n```")
        bad = [
            b"{not json",
            b"[1]",
            b"\xff\xfe",
            b"",
            b"[" * 100_000,
            reply_to({"custom_id": 5}, "x"),
        ]
        far = lines[0]["custom_id"].split(":")
        bad += [reply_to({"custom_id": f"{far[0]}:999999:{far[2]}"}, "never asked")]
        return [*bad, *reversed(lines), other, reply_to({"custom_id": strange}, "?")], []

    provider.spoil = spoil
    once(to_the_end(database, batch), batch, 2)
    assert set(stored(database, batch).values()) == {1}
    texts = {
        batches.read_sample(database, each.id).text.split()[-2]
        for each in batches.list_samples(database, batch, limit=100)
    }
    assert texts == {str(n) for n in range(8)}  # the first of two lines won


def test_an_expired_job_gives_what_it_has_and_the_rest_is_bought_alone(database, provider, opened):
    batch = opened(samples=2)
    provider.script = ["in_progress", "expired"]

    def spoil(lines):
        provider.script = ["completed"]
        provider.spoil = lambda left: (left, [])
        gone = {"code": "batch_expired", "message": "This request could not be executed"}
        late = [
            {"custom_id": each["custom_id"], "response": None, "error": gone} for each in lines[5:]
        ]
        return lines[:5], late

    provider.spoil = spoil
    passes(database, 2)
    status = batches.read_batch(database, batch)
    assert (status.samples, status.asked) == (5, 2)
    assert any("batch_expired" in text for text, _ in status.waiting)
    provider.script = ["in_progress", "completed"]
    once(to_the_end(database, batch), batch, 2)
    assert len(provider.jobs) == 2
    assert set(provider.billed.values()) == {1}
    assert len(provider.jobs["batch_1"]["lines"]) == 11


def test_lasting_faults_end_a_question_and_passing_ones_do_not(database, provider, opened):
    batch = opened()

    def fault(line, status, code, message):
        body = {"error": {"code": code, "message": message}}
        return {
            "custom_id": line["custom_id"],
            "response": {"status_code": status, "body": body},
            "error": None,
        }

    def spoil(lines):
        provider.spoil = lambda left: (left, [])
        return lines[:3], [
            fault(lines[3], 400, "context_length_exceeded", "too long"),
            fault(lines[4], 429, "insufficient_quota", "no money"),
            fault(lines[5], 429, "rate_limit_exceeded", "slower"),
            fault(lines[6], 503, None, "busy"),
        ]

    provider.spoil = spoil
    status = to_the_end(database, batch)
    assert (status.asked, status.failed) == (6, 2)
    assert sorted(text for text, _ in status.errors) == [
        "HTTP 400, context_length_exceeded, too long",
        "HTTP 429, insufficient_quota, no money",
    ]
    assert set(provider.billed.values()) == {1}
    assert status.state == "open"  # what was answered waits for its judgement
    assert batches.retry_errors(database, batch).failed == 0
    once(to_the_end(database, batch), batch)


def test_a_job_that_fails_its_validation_fails_its_questions_with_the_reason(
    database, provider, opened
):
    provider.script = ["validating", "failed"]
    provider.errors = [{"code": "invalid_model", "message": "no such model", "line": 1}]
    batch = opened()
    status = to_the_end(database, batch)
    assert status.errors == (("the job failed: invalid_model no such model", 8),)
    assert status.state == "finished"


def test_a_full_queue_of_the_provider_fails_nobody(database, provider, opened):
    provider.script = ["validating", "failed"]
    provider.errors = [{"code": "token_limit_exceeded", "message": "Enqueued token limit"}]
    batch = opened()
    for _ in range(60):
        one_pass(database)
        time.sleep(0.002)
    status = batches.read_batch(database, batch)
    assert status.failed == 0
    assert len(provider.jobs) > 9  # more often than any fault of a question's own may happen
    provider.script = ["validating", "completed"]
    once(to_the_end(database, batch), batch)
    assert set(provider.billed.values()) == {1}


@pytest.mark.parametrize("step", [500, 429, "drop"])
def test_no_answer_to_the_purchase_buys_nothing_twice(database, provider, opened, step):
    provider.step_for = "POST /batches"
    provider.steps.append(step)
    provider.page = 2
    batch = opened(samples=2)
    one_pass(database)
    assert provider.calls["POST /batches"] == 1  # never tried again by itself
    provider.jobs |= {  # other people's jobs, on several pages
        f"other_{n}": {**_job(provider, n), "metadata": None} for n in range(5)
    }
    once(to_the_end(database, batch), batch, 2)
    bought = [each for each in provider.jobs if each.startswith("batch")]
    assert len(bought) == len(provider.uploads) == 1
    assert set(provider.billed.values()) == {1}


def _job(provider, number):
    job = {"id": f"other_{number}", "object": "batch", "created_at": 1, "completion_window": "24h"}
    return {**job, "status": "completed", "endpoint": "x", "input_file_id": "x", "words": []}


@pytest.mark.parametrize(
    "where",
    [
        "judge.store.deferrals.uploaded",
        "judge.store.deferrals.submitted",
        "judge.store.deferrals.keep",
        "judge.store.deferrals.leave",
        "judge.store.deferrals.end",
    ],
)
def test_a_crash_before_any_commit_buys_nothing_twice(
    database, provider, opened, monkeypatch, where
):
    class Killed(BaseException):
        pass

    def die(*_, **__):
        raise Killed

    batch = opened(samples=2)
    short = Database(database.shown_url, lease_seconds=0.01)
    with monkeypatch.context() as patched:
        patched.setattr(where, die)
        with pytest.raises(Killed):
            passes(short, 9)
    time.sleep(0.03)
    once(to_the_end(short, batch), batch, 2)
    short.close()
    assert len(provider.jobs) == 1
    assert set(provider.billed.values()) == set(stored(database, batch).values()) == {1}


def test_whoever_lost_the_lease_writes_nothing(database, provider, opened, monkeypatch):
    batch = opened()
    create = batch_api.BatchApi.create

    def slow(api, file, label):
        job = create(api, file, label)
        with database.transaction() as tx:  # as if the lease had run out and another had taken it
            tx.execute(tables.deferrals.update().values(lease="another"))
        return job

    with monkeypatch.context() as patched:
        patched.setattr(batch_api.BatchApi, "create", slow)
        one_pass(database)
    [row] = deferrals_of(database)
    assert (row.state, row.lease) == ("gathered", "another")
    with database.transaction() as tx:
        tx.execute(tables.deferrals.update().values(lease_until=now() - timedelta(seconds=1)))
    once(to_the_end(database, batch), batch)
    assert len(provider.jobs) == 1


def test_a_cancelled_batch_cancels_its_job_and_keeps_what_was_bought(database, provider, opened):
    batch = opened()
    provider.script = ["in_progress"] * 99
    provider.spoil = lambda lines: (lines[:3], [])
    passes(database, 2)
    batches.cancel_batch(database, batch)
    passes(database, 3)
    assert provider.calls["POST /batches/ID/cancel"] == 1
    status = batches.read_batch(database, batch)
    assert (status.state, status.samples, status.waiting) == ("cancelled", 3, ())
    assert batches.defer(database) == batches.Deferred()


@pytest.mark.parametrize("change", [batches.cancel_batch, batches.pause_batch])
def test_a_batch_that_stopped_submits_nothing_new(database, provider, opened, change, monkeypatch):
    batch = opened()
    write = filing.write_requests

    def stop(*args, **fields):
        change(database, batch)
        return write(*args, **fields)

    monkeypatch.setattr(filing, "write_requests", stop)
    passes(database, 3)
    assert provider.jobs == {}
    if change is batches.pause_batch:
        batches.resume_batch(database, batch)
        monkeypatch.undo()
        monkeypatch.setattr(deferring, "LOOK_SECONDS", 0.0)
        once(to_the_end(database, batch), batch)


def test_a_paused_batch_takes_in_what_it_had_bought(database, provider, opened):
    batch = opened()
    one_pass(database)
    batches.pause_batch(database, batch)
    assert to_the_end(database, batch).samples == 8


def test_a_job_cancelled_by_hand_is_not_bought_again(database, provider, opened):
    batch = opened()
    provider.script = ["in_progress", "cancelled"]
    provider.spoil = lambda lines: (lines[:3], [])
    status = to_the_end(database, batch)
    assert status.errors == (("the job was cancelled at the provider", 5),)
    assert len(provider.jobs) == 1


def test_a_budget_is_never_exceeded_and_what_is_left_is_spent(database, provider, opened):
    def spoil(lines):
        for each in lines:
            each["response"]["body"]["usage"]["prompt_tokens"] = 20  # 0.20 dollars
        return lines, []

    provider.spoil = spoil
    batch = opened(budget_usd=1.2)
    status = to_the_end(database, batch)
    # By our count a prompt is 52 tokens, so that a question costs 0.52 dollars at most.
    assert [len(job["lines"]) for job in provider.jobs.values()] == [2, 1, 1]
    assert 1.2 - 0.52 < status.spend_usd <= 1.2
    assert (status.skipped, status.asked, status.samples) == (4, 4, 4)
    assert set(provider.billed.values()) == {1}


def test_a_provider_that_takes_no_files_names_the_remedy(database, provider, opened):
    provider.step_for = "POST /files"
    provider.steps.extend([404])
    batch = opened()
    status = to_the_end(database, batch)
    [(text, number)] = status.errors
    assert number == 8
    assert "HTTP 404" in text and "judge batches requests" in text
    assert "verysecret" not in text


def test_a_provider_that_stays_away_fails_what_was_never_bought(database, provider, opened):
    provider.step_for = "POST /files"
    provider.steps.extend([503] * 99)
    batch = opened()
    one_pass(database)
    [(text, _)] = batches.read_batch(database, batch).waiting
    assert "HTTP 503" in text
    assert to_the_end(database, batch).failed == 8
    assert provider.calls["POST /files"] == deferring.MAX_UNAVAILABLE


def test_a_key_that_was_withdrawn_loses_no_job(database, provider, opened):
    batch = opened()
    one_pass(database)
    provider.step_for = "GET /batches/ID"
    provider.steps.extend([401] * 20)
    passes(database, 20)
    status = batches.read_batch(database, batch)
    assert status.failed == 0
    assert "HTTP 401" in status.waiting[0][0]
    once(to_the_end(database, batch), batch)
    assert len(provider.jobs) == 1


def test_a_job_the_provider_forgot_is_given_up_after_a_while(database, provider, opened):
    batch = opened()
    one_pass(database)
    provider.jobs.clear()
    status = to_the_end(database, batch)
    assert status.failed == 8
    assert provider.calls["GET /batches/ID"] == deferring.MAX_UNAVAILABLE


def test_a_download_that_breaks_off_is_repeated(database, provider, opened):
    batch = opened()
    passes(database, 2)
    provider.step_for = "GET /files/ID/content"
    provider.steps.extend([500, "drop"])
    once(to_the_end(database, batch), batch)
    assert set(stored(database, batch).values()) == {1}


def test_large_work_is_split_into_several_jobs(database, provider, opened, monkeypatch):
    monkeypatch.setattr(batch_api, "MAX_REQUESTS", 6)
    batch = opened(samples=2)
    once(to_the_end(database, batch), batch, 2)
    assert [len(job["lines"]) for job in provider.jobs.values()] == [6, 6, 4]
    assert set(provider.billed.values()) == {1}


def test_a_file_is_no_larger_than_the_provider_takes(database, provider, opened, monkeypatch):
    monkeypatch.setattr(batch_api, "MAX_BYTES", 3000)
    batch = opened()
    once(to_the_end(database, batch), batch)
    assert len(provider.uploads) > 1
    assert max(len(provider.files[each]) for each in provider.uploads) <= 3000
    assert set(provider.billed.values()) == {1}


def test_a_question_too_large_for_any_file_fails_and_the_others_go_on(
    database, provider, opened, monkeypatch
):
    monkeypatch.setattr(batch_api, "MAX_BYTES", 100)
    status = to_the_end(database, opened())
    assert status.errors == (("its requests are too large for one file; draw fewer samples", 8),)
    assert provider.uploads == []


def test_two_models_have_a_job_each(database, provider, opened):
    batch = opened(names=("far", "further"))
    status = to_the_end(database, batch)
    assert status.samples == 16
    assert len(provider.jobs) == 2


def test_usage_that_is_not_told_is_counted_by_us(database, provider, opened):
    provider.spoil = lambda lines: ([_unused(each) for each in lines], [])
    batch = opened()
    to_the_end(database, batch)
    [sample] = batches.list_samples(database, batch, limit=1)
    assert sample.input_tokens > 20 and sample.output_tokens > 5


def _unused(line):
    del line["response"]["body"]["usage"]
    return line


def test_a_reply_keeps_the_version_of_the_template_it_was_asked_with(
    database, provider, opened, monkeypatch
):
    batch = opened()
    one_pass(database)
    [line, *_] = provider.requests()
    asked_with = line["custom_id"].rpartition(":")[2]
    monkeypatch.setattr(wording, "RENDERING", "another")
    wording._read.cache_clear()  # as a process does that was started anew
    to_the_end(database, batch)
    wording._read.cache_clear()
    [sample] = batches.list_samples(database, batch, limit=1)
    assert sample.template == f"chat@{asked_with}"


def test_only_what_has_a_batch_api_can_be_deferred(database, scripted, opened):
    scripted()
    with pytest.raises(UsageError, match="recorded has no Batch API; leave it out"):
        batches.open_batch(database, batches.BatchRequest(("scripted",), "small", deferred=True))
    with pytest.raises(UsageError, match="cannot mend"):
        opened(repairs=1)


@pytest.mark.sandbox
def test_a_deferred_batch_runs_to_its_end_in_one_process(database, sandbox, provider, opened):
    batch = opened(samples=2)
    told = []
    status = batches.run_batch(
        database,
        lambda _: 1 / 0,
        sandbox,
        batch,
        on_progress=lambda each: told.append(each.waiting),
    )
    assert (status.state, status.judged, status.accepted) == ("finished", 16, 16)
    assert json.dumps(told)
