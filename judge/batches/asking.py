"""Questions are claimed, asked with no transaction open, and their completions kept one by one."""

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from judge.batches import repairing
from judge.batches.failures import GIVEN_UP, backoff, release, told
from judge.batches.trying import GetSandbox, no_sandbox, runner
from judge.errors import DatabaseAway, JudgeError, ModelUnavailable, SandboxError
from judge.models import asking, prompts
from judge.models.base import ModelBackend, ModelSpec, Solution
from judge.store import batches, leases, problem_sets, questions, samples
from judge.store.database import Database, Tx
from judge.store.leases import MAX_DELIVERIES, QUESTIONS, LeaseLost
from judge.store.questions import Question
from judge.telemetry import bound, logger
from problems.problem import Problem

GetModel = Callable[[str], tuple[ModelSpec, ModelBackend]]

MAX_UNAVAILABLE = 8
"""How often a question is put off before it fails; with the back-off, some ten minutes."""

MAX_LOST = 8
"""How often a worker may be lost over a question that gains no sample. Asking endangers no worker,
so this is more than samples are allowed: it bounds what can be bought in vain."""

STOP_SECONDS = 10.0
AWAY_SECONDS, AGAIN_SECONDS = 120.0, 0.5
"""How long a completion in hand waits for the database to come back, and between two tries."""

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """What one call of `ask_questions` did, counted in questions, and in `samples` kept."""

    claimed: int = 0
    asked: int = 0
    failed: int = 0
    put_off: int = 0
    skipped: int = 0
    samples: int = 0


def ask_questions(
    database: Database,
    model: GetModel,
    limit: int = 64,
    batch: str = "",
    *,
    threads: int = 8,
    sandbox: GetSandbox = no_sandbox,
    go_on: Callable[[], bool] = lambda: True,
    on_kept: Callable[[], None] = lambda: None,
) -> Asked:
    """Claim up to `limit` questions and ask them, `threads` at a time.

    `model` gives the spec and backend of a name; `sandbox` is opened for the prompts and repairs
    that want one; `go_on` is asked before each question, and what
    it leaves is given back; `on_kept` is called after each commit of a completion. A question
    with some samples stored asks only for the missing ones.
    """
    with database.transaction() as tx:
        claim, found = questions.claim(tx, database, limit, batch)
    if not found:
        return Asked()
    with database.reading() as tx:
        posed = problem_sets.problems_by_digest(tx, {each.problem_digest for each in found})
    ended: list[str] = []
    begun: set[str] = set()

    def work(question: Question) -> None:
        problem = posed[question.problem_digest]
        if go_on():
            begun.add(question.id)
            with bound(batch=question.batch, question=question.id):
                taken = (claim.token, question, problem, keep_one)
                ended.append(_ask(database, model, sandbox, *taken))
            begun.discard(question.id)

    def keep_one() -> None:
        ended.append("samples")
        on_kept()

    try:
        with leases.held(database, QUESTIONS, claim.token):
            _in_threads(threads, found, work, go_on)
    finally:
        release(database, QUESTIONS, claim.token, list(begun))
    counts = {name: ended.count(name) for name in Asked.__dataclass_fields__}
    return replace(Asked(**counts), claimed=len(found))


def _ask(
    database: Database,
    model: GetModel,
    sandbox: GetSandbox,
    token: str,
    question: Question,
    problem: Problem,
    kept: Callable[[], None],
) -> str:
    """Ask one claimed question; returns the field of Asked that it counts in."""
    left = set(question.missing)

    def keep(solution: Solution) -> None:
        version = prompts.template_version(question.template or spec.style)
        reason = _keep_paid(database, token, question, version, solution)
        left.discard(solution.completion.index)
        kept()
        if reason and left:
            raise _Stopped(reason)

    with database.transaction() as tx:
        if (ended := _begin_question(tx, token, question)) is not None:
            return ended
    try:
        spec, backend = model(question.model)
        mend = repairing.mend_of(database, question, problem, sandbox)
        for run in _runs(question.missing):
            asking.ask(
                problem,
                spec,
                backend,
                question.sampling,
                len(run),
                template=question.template,
                keep=keep,
                first=run.start,
                run=runner(sandbox),
                mend=mend,
            )
        _want_all(question, left)
    except _Stopped as stop:
        if left:
            return _leave_off(database, token, question, stop.reason)
    except LeaseLost as error:
        log.warning("lease lost", question=question.id, reason=str(error))
        return "lost"
    except Exception as error:  # noqa: BLE001 - one question's fault must not stop the others
        return _after_failure(database, token, question, error)
    return _close(database, token, question, "asked")


def _keep_paid(
    database: Database, token: str, question: Question, version: str, solution: Solution
) -> str:
    """Store a completion, and wait for a database that is away: it is paid for. Returns why nothing
    more may be asked, if so."""
    patience = AWAY_SECONDS
    while True:
        try:
            with database.transaction() as tx:
                samples.keep(tx, token, question, version, solution)
                return batches.stopped(tx, question.batch, question.budget_usd)
        except DatabaseAway:
            if patience <= 0:
                raise
            patience -= AGAIN_SECONDS
            time.sleep(AGAIN_SECONDS)


class _Stopped(JudgeError):
    """The batch was cancelled, paused or ran out of money while a question was asked."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _leave_off(database: Database, token: str, question: Question, reason: str) -> str:
    """Ask no more of a question that has some samples already; they stay."""
    with database.transaction() as tx:
        if reason == "over_budget":
            return _over_budget(tx, token, question)
        leases.give_back(tx, QUESTIONS, token, question.id)
    return reason


def _over_budget(tx: Tx, token: str, question: Question) -> str:
    batches.skip_unasked(tx, question.batch)
    return _closed(tx, token, question, "skipped", batches.OVER_BUDGET)


def _want_all(question: Question, left: Collection[int]) -> None:
    if left:
        wanted = len(question.missing)
        raise ModelUnavailable(f"the model gave {wanted - len(left)} of {wanted} completions")


def _runs(indices: Sequence[int]) -> list[range]:
    """Rising numbers as runs without a gap."""
    runs: list[range] = []
    for index in indices:
        if runs and runs[-1].stop == index:
            runs[-1] = range(runs[-1].start, index + 1)
        else:
            runs.append(range(index, index + 1))
    return runs


def _begin_question(tx: Tx, token: str, question: Question) -> str | None:
    """Count the delivery, or end the question here; None when it is to be asked."""
    if not leases.ours(tx, QUESTIONS, token, [question.id]):
        return "lost"
    stopped = batches.stopped(tx, question.batch, question.budget_usd)
    if stopped == "over_budget":
        return _over_budget(tx, token, question)
    if stopped:
        return stopped
    if question.deliveries >= MAX_LOST:
        return _closed(tx, token, question, "failed", GIVEN_UP.format(MAX_LOST))
    leases.begin(tx, QUESTIONS, token, [question.id])
    return None


def _after_failure(database: Database, token: str, question: Question, error: Exception) -> str:
    reason, lasting = told(error), isinstance(error, JudgeError)
    passing = isinstance(error, ModelUnavailable | SandboxError)
    if passing or not lasting:
        most = MAX_UNAVAILABLE if passing else MAX_DELIVERIES
        lasting = question.failures + 1 >= most
    if not isinstance(error, JudgeError):
        log.error("asking failed", question=question.id, exc_info=error)
    if lasting:
        return _close(database, token, question, "failed", reason)
    with database.transaction() as tx:
        leases.put_off(tx, QUESTIONS, token, question.id, backoff(question.failures), reason)
    return "put_off"


def _close(database: Database, token: str, question: Question, state: str, error: str = "") -> str:
    with database.transaction() as tx:
        return _closed(tx, token, question, state, error)


def _closed(tx: Tx, token: str, question: Question, state: str, error: str = "") -> str:
    if not questions.close(tx, token, question.id, state, error):
        return "lost"
    batches.close_finished(tx, question.batch)
    return state


def _in_threads(
    count: int,
    items: Sequence[Question],
    work: Callable[[Question], None],
    go_on: Callable[[], bool],
) -> None:
    """Work on all items, `count` at a time, in threads that do not keep the process alive: a
    model may think for minutes after the process was told to end. Those that still think
    `STOP_SECONDS` after that are left behind, without their lease."""
    waiting, faults = deque(items), list[Exception]()

    def run() -> None:
        with suppress(IndexError):
            while not faults:
                item = waiting.popleft()
                try:
                    work(item)
                except Exception as error:  # noqa: BLE001 - raised below, in the caller's thread
                    faults.append(error)

    threads = [
        threading.Thread(target=run, name="ask", daemon=True) for _ in range(min(count, len(items)))
    ]
    for thread in threads:
        thread.start()
    try:
        grace = STOP_SECONDS
        while any(thread.is_alive() for thread in threads) and grace > 0:
            next(thread for thread in threads if thread.is_alive()).join(0.2)
            grace = STOP_SECONDS if go_on() else grace - 0.2
    finally:
        waiting.clear()
    if faults:
        raise faults[0]
