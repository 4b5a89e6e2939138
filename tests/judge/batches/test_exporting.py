"""Requests carried by hand: out as a file, in as a file, nothing asked twice meanwhile."""

import io
import json
import re

import pytest

from judge import batches
from judge.errors import Conflict, UsageError
from judge.models.base import ModelSpec, Sampling
from judge.store import deferrals, leases, models, problem_sets, tables
from tests.judge.batches.batch_provider import reply_to


@pytest.fixture
def opened(database, small_set):
    def make(samples=1, names=("far",), *, deferred=True):
        with database.transaction() as tx:
            problem_sets.keep(tx, small_set)
            for name in names:
                models.keep(tx, ModelSpec(name, "openai_chat", "m", "http://127.0.0.1:9/v1"))
        request = batches.BatchRequest(names, "small", samples, Sampling(0.0), deferred=deferred)
        return batches.open_batch(database, request).id

    return make


@pytest.fixture
def export(database, tmp_path):
    """The lines of a file of requests."""

    def write(batch, model="far"):
        path = tmp_path / f"{model}.jsonl"
        number = batches.write_requests(database, batch, model, path)
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert len(lines) == number
        return lines

    return write


def answered(lines):
    replies = []
    for line in lines:
        number = re.search(r"Add (\d+) to x", line["body"]["messages"][-1]["content"])[1]
        replies.append(reply_to(line, f"```python\ndef add(x):\n    return x + {number}\n```"))
    return replies


def read(database, batch, replies):
    file = io.BytesIO(b"".join(json.dumps(each).encode() + b"\n" for each in replies))
    return batches.read_replies(database, batch, file)


def test_what_was_exported_comes_back_and_closes(database, opened, export):
    batch = opened(samples=2)
    lines = export(batch)
    assert len({line["custom_id"] for line in lines}) == 16
    assert read(database, batch, answered(lines)) == batches.Taken(kept=16)
    status = batches.read_batch(database, batch)
    assert (status.asked, status.samples, status.waiting) == (8, 16, ())
    assert read(database, batch, answered(lines)) == batches.Taken(unknown=16)
    assert batches.read_batch(database, batch).samples == 16


@pytest.mark.parametrize("deferred", [True, False])
def test_nobody_else_asks_what_was_exported(database, opened, export, deferred):
    batch = opened(deferred=deferred)
    lines = export(batch)
    assert batches.defer(database) == batches.Deferred()
    assert batches.ask_questions(database, lambda _: 1 / 0).claimed == 0
    [(text, number)] = batches.read_batch(database, batch).waiting
    assert (text, number) == ("in the file far.jsonl", 8)
    read(database, batch, answered(lines[:5]))
    with database.reading() as tx:
        assert leases.any_claimable(tx, leases.QUESTIONS) is not deferred
        assert deferrals.any_due(tx) is deferred
    assert len(export(batch)) == 3


def test_an_asker_that_was_cut_off_stores_nothing_of_what_was_exported(database, opened, export):
    batch = opened(deferred=False)
    with database.transaction() as tx:
        claim = leases.claim(tx, database, leases.QUESTIONS, 3)
    assert len(export(batch)) == 5  # what somebody asks just now is left to them
    with database.transaction() as tx:
        tx.execute(tables.questions.update().values(lease_until=None))
    assert len(export(batch)) == 8
    with database.transaction() as tx:
        assert leases.ours(tx, leases.QUESTIONS, claim.token, claim.ids) == set()


def test_a_file_may_be_written_again_and_either_answers(database, opened, export):
    batch = opened()
    first = export(batch)
    assert export(batch) == first
    assert read(database, batch, answered(first)).kept == 8


def test_a_reply_is_taken_though_its_export_was_given_back(database, opened, export):
    batch = opened()
    lines = export(batch)
    assert read(database, batch, []) == batches.Taken()
    with database.reading() as tx:
        assert deferrals.exported(tx, batch) == []
        assert deferrals.any_due(tx)
    assert read(database, batch, answered(lines)).kept == 8


def test_a_file_of_one_model_leaves_the_other_models_file_alone(database, opened, export):
    batch = opened(names=("far", "further"))
    first, second = export(batch), export(batch, "further")
    assert read(database, batch, answered(first)).kept == 8
    with database.reading() as tx:
        assert len(deferrals.exported(tx, batch)) == 1
    assert read(database, batch, answered(first + second)) == batches.Taken(kept=8, unknown=8)
    assert batches.read_batch(database, batch).asked == 16


def test_faults_and_what_is_odd_are_counted_and_lose_nothing(database, opened, export):
    batch = opened()
    lines = export(batch)
    good = answered(lines)
    bad = {
        "custom_id": lines[0]["custom_id"],
        "response": None,
        "error": {"code": "no", "message": ""},
    }
    found = read(database, batch, [7, bad, *good[1:], good[1], {"custom_id": "nobody"}])
    assert found == batches.Taken(kept=7, before=1, faulty=1, unknown=1, garbage=1)
    status = batches.read_batch(database, batch)
    assert (status.asked, status.failed) == (7, 1)


def test_two_readers_at_once_are_refused_and_a_lost_one_gives_back(
    database, opened, export, monkeypatch
):
    class Killed(BaseException):
        pass

    def die(*_):
        raise Killed

    batch = opened()
    lines = export(batch)
    database.lease_seconds = 0.05
    with monkeypatch.context() as patched:
        patched.setattr("judge.store.deferrals.keep", die)
        with pytest.raises(Killed):
            read(database, batch, answered(lines))
    database.lease_seconds = 60.0
    with database.transaction() as tx:
        tx.execute(tables.deferrals.update().values(lease_until=None))
        assert deferrals.claim_exported(tx, database, batch) is not None
    with pytest.raises(Conflict, match="being read already"):
        read(database, batch, answered(lines))
    with database.transaction() as tx:
        tx.execute(tables.deferrals.update().values(lease_until=None))
    assert read(database, batch, answered(lines)).kept == 8


def test_what_a_lost_reader_had_borrowed_is_asked_again(database, opened, monkeypatch):
    class Killed(BaseException):
        pass

    def die(*_):
        raise Killed

    batch = opened(deferred=False)
    database.lease_seconds = 0.01
    with monkeypatch.context() as patched:
        patched.setattr("judge.batches.filing.take_in", die)
        with pytest.raises(Killed):
            read(database, batch, [])
    with database.transaction() as tx:
        tx.execute(tables.deferrals.update().values(lease_until=None))
    assert batches.sweep(database).to_defer
    assert batches.defer(database).handled == 1
    assert batches.sweep(database).to_ask


def test_a_cancelled_batch_keeps_replies_that_were_paid_for(database, opened, export):
    batch = opened()
    lines = export(batch)
    batches.cancel_batch(database, batch)
    assert read(database, batch, answered(lines)).kept == 8
    assert batches.read_batch(database, batch).state == "cancelled"


def test_what_cannot_be_exported_is_refused_by_name(database, opened, scripted, tmp_path):
    scripted()
    batch = batches.open_batch(database, batches.BatchRequest(("scripted",), "small")).id
    with pytest.raises(UsageError, match="recorded takes no requests from a file"):
        batches.write_requests(database, batch, "scripted", tmp_path / "out")
    with pytest.raises(UsageError, match="asks far, not 'scripted'"):
        batches.write_requests(database, opened(), "scripted", tmp_path / "out")
