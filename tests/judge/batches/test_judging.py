"""Samples: judged once, with tallies that always equal what the rows say."""

import threading
import time
from collections import Counter
from dataclasses import replace

import pytest

from judge import batches
from judge.batches import failures, judging
from judge.errors import SandboxError, SandboxUnavailable
from judge.models import open_model
from judge.sandbox.base import Ending, Host, Report, Run, Usage
from judge.store import batches as rows
from judge.store import leases, problem_sets, samples, tables, tallies
from judge.store.database import Database
from judge.verdicts.conditions import Conditions
from judge.verdicts.evidence import NOWHERE
from judge.verdicts.judging import judge
from judge.verdicts.timing import Reference
from judge.verdicts.verdict import Verdict
from problems.problem import Limits
from problems.values import Wire


class Pretend:
    """Answers as `say(job)` tells; a Sandbox whose faults a test can choose."""

    name, workers, callers, fingerprint, tier = "pretend", 2, 2, "pretend", "none"
    host = NOWHERE

    def __init__(self, say=None):
        self.say = say or (lambda job: None)
        self.ran = []

    def run(self, job, *, alone=False, accept=None):
        self.ran.append(job.source)
        self.say(job)
        added = int(job.source.split("+")[1].split()[0])
        answers = [int(given[1:-1]) + added for given in job.inputs]
        return Report(tuple(Run(Ending.RETURNED, Wire(str(each))) for each in answers))

    def close(self):
        pass


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(failures, "BACKOFF_SECONDS", 0.0)


@pytest.fixture
def asked(database, scripted, opened):
    """A batch whose completions are stored and not judged."""

    def make(samples=1, **fields):
        _, model = scripted(**fields)
        batch = opened(samples)
        batches.ask_questions(database, model)
        return batch.id

    return make


def judge_all(database, sandbox):
    while batches.judge_samples(database, sandbox):
        pass


def same_as_rebuilt(database, digest):
    with database.reading() as tx:
        kept = tallies.read(tx, digest)
    with database.transaction() as tx:
        tallies.rebuild(tx)
        assert tallies.read(tx, digest) == kept
    return kept


@pytest.mark.sandbox
def test_a_batch_runs_from_request_to_closed_with_the_real_sandbox(
    database, sandbox, record, opened, small_set
):
    def answer(n):
        return f"def add(x):\n    return x + {n}\n"

    wrong = {f"add-{n}": [answer(n), answer(n + 1)] for n in range(8)}
    specs = {"solver": record(), "half": record("half", wrong)}
    backends = {name: (spec, open_model(spec)) for name, spec in specs.items()}
    request = batches.BatchRequest(tuple(specs), "small", samples=2)
    batch = batches.open_batch(database, request)
    seen = []
    status = batches.run_batch(
        database, backends.__getitem__, sandbox, batch.id, on_progress=seen.append
    )
    assert status.state == "finished"
    assert status.finished_at is not None
    assert [(each.model, each.judged, each.accepted) for each in status.by_model] == [
        ("solver", 16, 16),
        ("half", 16, 8),
    ]
    assert seen[-1] == status
    kept = same_as_rebuilt(database, small_set.digest)
    assert [(each.model, each.drawn, each.accepted) for each in kept] == [("half", 2, 1)] * 8 + [
        ("solver", 2, 2)
    ] * 8
    sample = batches.list_samples(database, batch.id, model="half", verdict="WA")[0]
    detail = batches.read_sample(database, sample.id)
    assert detail.judgement.verdict == "WA"
    assert len(detail.judgement.outcomes) == 2
    assert detail.judgement.evidence.problem == detail.problem_digest
    assert detail.judgement.evidence.sandbox == sandbox.fingerprint
    assert detail.text.strip() == detail.source.strip()


def test_the_evidence_comes_back_whole_with_limits_raised_by_stored_times(
    database, asked, small_set
):
    class Counting(Pretend):
        host = Host("docker", "full", "sha256:9", "cpython3", "linux6", "abc", ("numpy 2",))

        def run(self, job, **options):
            usage = Usage(0, 9, "cancel", 1.0, 2.0, 33.0, 0)
            return replace(super().run(job, **options), usage=usage)

    batch = asked()
    with database.transaction() as tx:
        problem_sets.keep(tx, small_set, {small_set.problems[0].digest: Reference(5.0)})
    while batches.judge_samples(database, Counting(), speed=0.5):
        pass
    for row in batches.list_samples(database, batch):
        evidence = batches.read_sample(database, row.id).judgement.evidence
        assert evidence.host == Counting.host
        assert (evidence.exit_code, evidence.signal, evidence.killed_by) == (0, 9, "cancel")
        assert (evidence.cpu_seconds, evidence.wall_seconds, evidence.memory_mb) == (1.0, 2.0, 33)
        limit = 40.0 if row.slug == "add-0" else 6.0
        assert (evidence.limits.cpu_seconds, evidence.base_cpu_seconds) == (limit, 6.0)
        assert (evidence.host_speed, evidence.raised) == (0.5, row.slug == "add-0")


def test_two_workers_claiming_at_once_never_judge_the_same(database, asked, small_set):
    batch = asked(samples=6)
    sandbox = Pretend(lambda job: time.sleep(0.002))
    others = [Database(database.shown_url) for _ in range(4)]
    start = threading.Barrier(4)

    def work(own):
        start.wait()
        while batches.judge_samples(own, sandbox, limit=3, reuse=False):
            pass

    threads = [threading.Thread(target=work, args=(own,)) for own in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for own in others:
        own.close()
    assert len(sandbox.ran) == 48
    status = batches.read_batch(database, batch)
    assert (status.judged, status.accepted, status.state) == (48, 48, "finished")
    same_as_rebuilt(database, small_set.digest)


def test_a_worker_lost_between_completion_and_judging_buys_nothing_again(
    database, scripted, opened
):
    backend, model = scripted()
    batch = opened(samples=2)
    batches.ask_questions(database, model)
    with database.transaction() as tx:  # claimed by a worker that is then lost
        claim, found = samples.claim(tx, database, 64)
    assert len(found) == 16
    assert batches.ask_questions(database, model).claimed == 0
    with database.transaction() as tx:
        leases.release(tx, tables.samples, claim.token)
    judge_all(database, Pretend())
    assert max(Counter(backend.asked).values()) == 1
    assert batches.read_batch(database, batch.id).state == "finished"


def test_rows_of_a_dead_process_are_free_at_once(database, asked, monkeypatch):
    asked()
    monkeypatch.setattr(database, "owner", database.owner.replace("/", "/9", 1))
    with database.transaction() as tx:
        assert len(samples.claim(tx, database, 64)[1]) == 8
    assert batches.sweep(database) == batches.Swept(released=8, to_judge=True)


def test_only_the_rows_of_the_dead_are_freed(database, asked, monkeypatch):
    asked()
    with database.transaction() as tx:
        samples.claim(tx, database, 3)
    monkeypatch.setattr(database, "owner", database.owner.replace("/", "/9", 1))
    with database.transaction() as tx:
        assert len(samples.claim(tx, database, 64)[1]) == 5
    assert batches.sweep(database).released == 5


def test_rows_of_a_living_process_and_of_another_host_stay_theirs(database, asked, monkeypatch):
    asked()
    with database.transaction() as tx:
        samples.claim(tx, database, 4)
    monkeypatch.setattr(database, "owner", f"elsewhere{database.owner}")
    with database.transaction() as tx:
        samples.claim(tx, database, 4)
    assert batches.sweep(database) == batches.Swept()


def test_a_system_error_is_retried_and_in_no_denominator(database, asked, small_set):
    flaky = set()

    def say(job):
        if job.source not in flaky:
            flaky.add(job.source)
            raise SandboxError("the box broke")

    batch = asked()
    judge_all(database, Pretend(say))
    status = batches.read_batch(database, batch)
    assert (status.judged, status.accepted, status.errors) == (8, 8, ())
    assert all(tally.drawn == 1 for tally in same_as_rebuilt(database, small_set.digest))


def test_an_undecided_sample_is_judged_and_in_no_tally(database, asked, small_set, monkeypatch):
    def undecided(problem, source, sandbox, **options):
        found = judge(problem, source, sandbox, **options)
        said = Verdict.UNDECIDED if problem.slug == "add-3" else found.verdict
        return replace(found, verdict=said)

    batch = asked()
    monkeypatch.setattr(judging, "judge", undecided)
    judge_all(database, Pretend())
    status = batches.read_batch(database, batch)
    assert (status.state, status.judged, status.accepted) == ("finished", 8, 7)
    assert len(same_as_rebuilt(database, small_set.digest)) == 7


def test_a_sample_that_no_sandbox_can_judge_ends_as_se_with_the_reason(database, asked, small_set):
    def say(job):
        if "+ 3" in job.source:
            raise SandboxError("the box broke")

    batch, sandbox = asked(), Pretend(say)
    judge_all(database, sandbox)
    status = batches.read_batch(database, batch)
    assert status.state == "finished"
    assert (status.judged, status.errors) == (7, (("the box broke", 1),))
    [failed] = batches.list_samples(database, batch, verdict="SE")
    assert (failed.state, failed.slug) == ("failed", "add-3")
    kept = same_as_rebuilt(database, small_set.digest)
    assert "add-3" not in {each.slug for each in kept}
    with database.reading() as tx:
        assert tallies.errors(tx, small_set.digest) == {"scripted": 1}


def test_a_sample_that_kills_its_workers_is_given_up_and_the_others_are_judged(database, asked):
    batch = asked()
    for _ in range(leases.MAX_DELIVERIES):
        lost = Database(database.shown_url, lease_seconds=0.5)
        with lost.transaction() as tx:
            claim, found = samples.claim(tx, lost, 64)
            poison = [each.id for each in found if each.slug == "add-5"]
            leases.begin(tx, tables.samples, claim.token, poison)
        lost.close()
        time.sleep(0.55)
    judge_all(database, sandbox := Pretend())
    status = batches.read_batch(database, batch)
    assert (status.state, status.judged) == ("finished", 7)
    assert status.errors == ((failures.GIVEN_UP.format(3), 1),)
    assert not any("+ 5" in source for source in sandbox.ran)


def test_a_fault_of_ours_with_one_sample_leaves_the_others_alone(database, asked):
    def say(job):
        if "+ 3" in job.source:
            raise ZeroDivisionError("ours")

    batch = asked()
    judge_all(database, Pretend(say))
    status = batches.read_batch(database, batch)
    assert (status.judged, status.errors) == (7, (("ZeroDivisionError: ours", 1),))


def test_a_host_that_cannot_seal_judges_nothing_and_blames_no_sample(database, asked):
    def say(job):
        raise SandboxUnavailable("no user namespaces here")

    batch = asked()
    for _ in range(5):
        with pytest.raises(SandboxUnavailable):
            batches.judge_samples(database, Pretend(say))
    assert batches.read_batch(database, batch).errors == ()
    judge_all(database, Pretend())
    assert batches.read_batch(database, batch).judged == 8


def test_a_judgement_under_a_stale_token_is_left_out(database, asked, small_set):
    batch = asked()
    short = Database(database.shown_url, lease_seconds=0.5)
    with short.transaction() as tx:
        old, found = samples.claim(tx, short, 64)
    time.sleep(0.6)
    judge_all(database, Pretend())
    late = batches.read_sample(database, found[0].id).judgement
    with short.transaction() as tx:
        assert samples.keep_judgements(tx, old.token, [(found[0], late)]) == []
        assert not samples.fail(tx, old.token, found[0].id, "late")
    short.close()
    assert batches.read_batch(database, batch).judged == 8
    same_as_rebuilt(database, small_set.digest)


def test_cancelling_stops_the_judging(database, asked):
    batch = asked(samples=8)
    sandbox = Pretend(lambda job: batches.cancel_batch(database, batch))
    batches.judge_samples(database, sandbox)
    assert (
        len(sandbox.ran) <= judging.AT_HAND * sandbox.workers < 64
    )  # those at hand when it was cancelled
    assert batches.judge_samples(database, sandbox) == 0
    assert batches.read_batch(database, batch).state == "cancelled"


def test_a_batch_over_budget_judges_what_it_bought_and_then_closes(database, scripted, opened):
    _, model = scripted()
    batch = opened(budget_usd=3.0)
    batches.ask_questions(database, model, threads=1)
    assert batches.read_batch(database, batch.id).state == "open"
    judge_all(database, Pretend())
    status = batches.read_batch(database, batch.id)
    assert (status.state, status.judged, status.skipped) == ("over_budget", 3, 5)


def test_a_batch_closes_exactly_once(database, asked):
    batch = asked()
    judge_all(database, Pretend())
    closed = batches.read_batch(database, batch).finished_at
    assert closed is not None
    with database.transaction() as tx:
        assert rows.close_finished(tx) == rows.close_finished(tx, batch) == 0
        rows.cancel(tx, batch)
    assert batches.read_batch(database, batch).finished_at == closed
    assert batches.read_batch(database, batch).state == "finished"


def test_samples_are_listed_page_by_page(database, asked):
    batch = asked(samples=3)
    seen, after = [], ""
    while page := batches.list_samples(database, batch, after, 5):
        seen += page
        after = page[-1].id
    assert len(seen) == len({each.id for each in seen}) == 24


def test_told_to_stop_it_stores_what_is_done_and_gives_the_rest_back_unharmed(
    database, asked, monkeypatch
):
    monkeypatch.setattr(judging, "AT_HAND", 8)  # so that it looks up after few of them
    monkeypatch.setattr(judging, "GROUP_SECONDS", 0.02)
    stop = threading.Event()

    def say(job):
        if len(sandbox.ran) > 20:
            stop.set()
        time.sleep(0.005)

    batch, sandbox = asked(samples=8), Pretend(say)
    for _ in range(5):
        stop.clear()
        batches.judge_samples(database, sandbox, reuse=False, go_on=lambda: not stop.is_set())
    assert 0 < batches.read_batch(database, batch).judged < 64
    judge_all(database, Pretend())
    status = batches.read_batch(database, batch)
    assert (status.state, status.judged, status.errors) == ("finished", 64, ())


def test_a_fault_in_either_half_ends_the_run_with_its_reason(database, scripted, opened):
    def unavailable(job):
        raise SandboxUnavailable("no user namespaces here")

    _, model = scripted()
    batch = opened()
    with pytest.raises(SandboxUnavailable):
        batches.run_batch(database, model, Pretend(unavailable), batch.id)
    assert batches.run_batch(database, model, Pretend(), batch.id).judged == 8


def test_progress_is_told_while_samples_are_slow(database, scripted, opened):
    _, model = scripted()
    batch, seen = opened(), []
    slow = Pretend(lambda job: time.sleep(0.3))
    batches.run_batch(database, model, slow, batch.id, on_progress=seen.append)
    assert len(seen) >= 3
    assert [each.judged for each in seen] == sorted(each.judged for each in seen)


def test_who_was_only_near_a_killed_worker_is_not_given_up(database, asked):
    batch = asked()
    for _ in range(leases.MAX_DELIVERIES - 1):  # all eight were begun when the worker was lost
        lost = Database(database.shown_url, lease_seconds=0.5)
        with lost.transaction() as tx:
            claim, found = samples.claim(tx, lost, 64)
            leases.begin(tx, tables.samples, claim.token, [each.id for each in found])
        lost.close()
        time.sleep(0.55)
    at_once, most = 0, []

    def say(job):
        nonlocal at_once
        at_once += 1
        time.sleep(0.005)
        most.append(at_once)
        at_once -= 1

    claimed = batches.judge_samples(database, Pretend(say))
    assert (claimed, max(most)) == (8, 1)  # suspects: one at a time
    status = batches.read_batch(database, batch)
    assert (status.state, status.judged, status.errors) == ("finished", 8, ())


def test_the_same_code_is_run_once_a_problem_and_every_sample_has_its_judgement(
    database, asked, small_set
):
    batch, sandbox = asked(samples=6), Pretend()
    judge_all(database, sandbox)
    assert sorted(sandbox.ran) == sorted(set(sandbox.ran))
    assert len(sandbox.ran) == 8
    status = batches.read_batch(database, batch)
    assert (status.state, status.judged, status.accepted) == ("finished", 48, 48)
    assert [each.drawn for each in same_as_rebuilt(database, small_set.digest)] == [6] * 8
    judged = {
        row.id: batches.read_sample(database, row.id).judgement
        for row in batches.list_samples(database, batch, limit=200)
    }
    reused = {id_: made.evidence.reused for id_, made in judged.items() if made.evidence.reused}
    assert len(reused) == 40
    assert all(judged[of].evidence.reused == "" for of in reused.values())
    assert all(
        judged[id_].evidence.problem == judged[of].evidence.problem for id_, of in reused.items()
    )
    again = asked(samples=1)
    judge_all(database, sandbox)
    assert len(sandbox.ran) == 8  # a later batch, another claim
    assert batches.read_batch(database, again).accepted == 8


@pytest.mark.parametrize(
    "changed",
    [
        {"sandbox": {"fingerprint": "another"}},
        {"limits": Limits(cpu_seconds=1.0)},
        {"version": "9.9"},
        {"reuse": False},
        {"speed": 0.5},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_under_other_circumstances_the_same_code_is_run_again(
    database, asked, small_set, monkeypatch, changed
):
    with database.transaction() as tx:
        times = {each.digest: Reference(5.0) for each in small_set.problems}
        problem_sets.keep(tx, small_set, times)
    asked()
    judge_all(database, Pretend())
    sandbox = Pretend()
    for name, value in changed.get("sandbox", {}).items():
        setattr(sandbox, name, value)
    if "version" in changed:
        monkeypatch.setattr("judge.verdicts.judging.JUDGE_VERSION", changed["version"])
    if "limits" in changed:
        monkeypatch.setattr(Conditions, "limits", lambda *_: changed["limits"])
    batch = asked()
    batches.judge_samples(
        database, sandbox, reuse=changed.get("reuse", True), speed=changed.get("speed", 0.0)
    )
    assert len(sandbox.ran) == 8
    assert batches.read_batch(database, batch).accepted == 8


def test_what_failed_by_our_fault_says_nothing_of_the_same_code(database, asked):
    def say(job):
        if len(sandbox.ran) <= 8:
            raise SandboxError("the box was lost")

    batch, sandbox = asked(samples=3), Pretend(say)
    judge_all(database, sandbox)
    status = batches.read_batch(database, batch)
    assert (status.state, status.judged, status.accepted) == ("finished", 24, 24)
