"""Questions are claimed and asked, many at a time."""

from collections.abc import Callable
from dataclasses import dataclass

from judge.batches.drawing import Asking, GetModel
from judge.batches.failures import release
from judge.batches.supply import Supply, in_threads
from judge.batches.trying import GetSandbox, no_sandbox
from judge.store import leases
from judge.store.database import Database
from judge.store.leases import QUESTIONS
from judge.store.questions import ALL, Question, Share
from judge.telemetry import bound
from problems.problem import Problem


@dataclass(frozen=True, slots=True)
class Asked:
    """What one call of `ask_questions` did, counted in questions, and in `samples` kept; `again` is
    after how many seconds one that was put off is due, None if none was."""

    claimed: int = 0
    asked: int = 0
    failed: int = 0
    put_off: int = 0
    skipped: int = 0
    samples: int = 0
    again: float | None = None


def ask_questions(
    database: Database,
    model: GetModel,
    limit: int = 64,
    batch: str = "",
    *,
    share: Share = ALL,
    threads: int = 8,
    sandbox: GetSandbox = no_sandbox,
    seconds: float = 0.0,
    go_on: Callable[[], bool] = lambda: True,
    on_kept: Callable[[], None] = lambda: None,
) -> Asked:
    """Claim up to `limit` questions of a share and ask them, `threads` at a time; for `seconds` more are
    claimed as these run out.

    `model` gives the spec and backend of a name; `sandbox` is opened for the prompts and repairs
    that want one; `go_on` is asked before each question, and what
    it leaves is given back; `on_kept` is called after each commit of a completion. A question
    with some samples stored asks only for the missing ones.
    """
    supply = Supply(database, limit, batch, seconds, share)
    if not supply.claimed:
        return Asked()
    ended: list[str] = []
    begun: set[str] = set()
    due: list[float] = []

    def work(question: Question, problem: Problem) -> None:
        begun.add(question.id)
        with bound(batch=question.batch, question=question.id):
            one = Asking(database, sandbox, supply.token, question, problem, keep_one)
            ended.append(one.run(model))
        due.extend(one.due)
        begun.discard(question.id)

    def keep_one() -> None:
        ended.append("samples")
        on_kept()

    try:
        with leases.held(database, QUESTIONS, supply.token):
            in_threads(threads, supply, work, go_on)
    finally:
        release(database, QUESTIONS, supply.token, list(begun))
    counts = {name: ended.count(name) for name in _COUNTED}
    return Asked(**counts, claimed=supply.claimed, again=min(due, default=None))


_COUNTED = ("asked", "failed", "put_off", "skipped", "samples")
