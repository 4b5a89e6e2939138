"""One claimed question on its way: asked with no transaction open, its completions kept one by one."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from judge.batches import repairing
from judge.batches.failures import GIVEN_UP, backoff, told
from judge.batches.trying import GetSandbox, runner
from judge.errors import DatabaseAway, JudgeError, ModelUnavailable, RateLimited, SandboxError
from judge.models import asking, costs, prompts, requests
from judge.models.base import ModelBackend, ModelSpec, Solution
from judge.models.prompts import Conversation
from judge.store import batches, budgets, leases, questions, replies, samples
from judge.store.database import Database, Tx
from judge.store.leases import MAX_DELIVERIES, QUESTIONS, LeaseLost
from judge.store.questions import Question
from judge.store.samples import Bought
from judge.telemetry import logger
from problems.problem import Problem

GetModel = Callable[[str], tuple[ModelSpec, ModelBackend]]

MAX_UNAVAILABLE = 8
"""How often a question is put off before it fails; with the back-off, some ten minutes."""

MAX_LOST = 8
"""How often a worker may be lost over a question that gains no sample. Asking endangers no worker,
so this is more than samples are allowed: it bounds what can be bought in vain."""

AWAY_SECONDS, AGAIN_SECONDS = 120.0, 0.5
"""How long a completion in hand waits for the database to come back, and between two tries."""

PROMISED = "waiting: requests on their way may cost what is left of the budget"
PROMISED_SECONDS = 1.0

log = logger(__name__)


class Asking:
    """One claimed question on its way. `due` holds the seconds after which it is due again, if it
    was put off."""

    def __init__(
        self,
        database: Database,
        sandbox: GetSandbox,
        token: str,
        question: Question,
        problem: Problem,
        kept: Callable[[], None],
    ) -> None:
        self.database, self.sandbox, self.token, self.kept = database, sandbox, token, kept
        self.question, self.problem = question, problem
        self.due: list[float] = []
        self._left = set(question.missing)
        self._requests: dict[int, str] = {}
        self._price = 0.0

    def run(self, model: GetModel) -> str:
        """Ask, keep what comes, end the question or give it back; the field of Asked that it counts
        in."""
        with self.database.transaction() as tx:
            if (ended := _begin_question(tx, self.token, self.question)) is not None:
                return ended
        try:
            self._draw(*model(self.question.model))
        except _Stopped as stop:
            if self._left:
                return self._leave_off(stop.reason)
        except LeaseLost as error:
            log.warning("lease lost", question=self.question.id, reason=str(error))
            return "lost"
        except RateLimited as error:
            wait = (error.until - datetime.now(UTC)).total_seconds()
            spread = random.uniform(0, 0.5)  # noqa: S311 - no secret hangs on it
            return self._put_off(max(0.0, wait) + spread, str(error), counted=False)
        except Exception as error:  # noqa: BLE001 - one question's fault must not stop the others
            return self._after_failure(error)
        return self._close("asked")

    def _draw(self, spec: ModelSpec, backend: ModelBackend) -> None:
        """Raises _Stopped where something is still missing that may not be asked now."""
        question = self.question
        mend = repairing.mend_of(self.database, question, self.problem, self.sandbox)
        said = prompts.conversation(self.problem, spec.style, question.template, mend)

        def keep(solution: Solution) -> None:
            self._keep(said, solution)

        self._reuse(spec, said, keep)
        allowed = sorted(self._left)[: self._reserve(spec, said)]
        for run in _runs(allowed):
            asking.ask(
                self.problem,
                spec,
                backend,
                question.sampling,
                len(run),
                template=question.template,
                keep=keep,
                first=run.start,
                run=runner(self.sandbox),
                mend=mend,
            )
        if missing := self._left.intersection(allowed):
            given = len(allowed) - len(missing)
            raise ModelUnavailable(f"the model gave {given} of {len(allowed)} completions")
        if self._left:
            raise _Stopped(PROMISED)

    def _reuse(self, spec: ModelSpec, said: Conversation, keep: Callable[[Solution], None]) -> None:
        """Keep what the same requests were answered before, and remember what these are."""
        question = self.question
        if not requests.may_be_reused(spec, question.sampling) or said.runs:
            return
        self._requests = {
            index: requests.digest_of(spec, said.first, question.sampling, index)
            for index in question.missing
        }
        if question.fresh:
            return
        with self.database.reading() as tx:
            known = replies.find(tx, self._requests)
        for index, (completion, cost) in known.items():
            again = replace(completion, index=index)
            keep(asking.solution_of(self.problem, said.first, again, cost))

    def _reserve(self, spec: ModelSpec, said: Conversation) -> int:
        """How many of the missing draws the budget allows. Raises _Stopped for none."""
        question = self.question
        if question.budget_usd is None or not self._left:
            return len(self._left)
        self._price = costs.most_of(spec, said.first, question.sampling, said.calls) or 0.0
        with self.database.transaction() as tx:
            promise = budgets.reserve(tx, question.batch, question.id, self._price, len(self._left))
        if not promise.requests:
            raise _Stopped(PROMISED if promise.contended else "over_budget")
        return promise.requests

    def _keep(self, said: Conversation, solution: Solution) -> None:
        """Store a completion, and wait for a database that is away: it is paid for."""
        index = solution.completion.index
        bought = Bought(said.first.template, self._requests.get(index, ""), self._price)
        stopped = self._store(bought, solution)
        self._left.discard(index)
        self.kept()
        if stopped and self._left:
            raise _Stopped(stopped)

    def _store(self, bought: Bought, solution: Solution) -> str:
        patience = AWAY_SECONDS
        while True:
            try:
                with self.database.transaction() as tx:
                    samples.keep(tx, self.token, self.question, bought, solution)
                    return batches.stopped(tx, self.question.batch)
            except DatabaseAway:
                if patience <= 0:
                    raise
                patience -= AGAIN_SECONDS
                time.sleep(AGAIN_SECONDS)

    def _leave_off(self, reason: str) -> str:
        """Ask no more of a question that has some samples already; they stay."""
        if reason == PROMISED:
            return self._put_off(PROMISED_SECONDS, reason, counted=False)
        with self.database.transaction() as tx:
            if reason == "over_budget":
                return _over_budget(tx, self.token, self.question)
            leases.give_back(tx, QUESTIONS, self.token, self.question.id)
        return reason

    def _after_failure(self, error: Exception) -> str:
        failures = self.question.failures
        reason, lasting = told(error), isinstance(error, JudgeError)
        passing = isinstance(error, ModelUnavailable | SandboxError)
        if passing or not lasting:
            most = MAX_UNAVAILABLE if passing else MAX_DELIVERIES
            lasting = failures + 1 >= most
        if not isinstance(error, JudgeError):
            log.error("asking failed", question=self.question.id, exc_info=error)
        if lasting:
            return self._close("failed", reason)
        return self._put_off(backoff(failures), reason)

    def _put_off(self, seconds: float, reason: str, *, counted: bool = True) -> str:
        with self.database.transaction() as tx:
            row = (tx, QUESTIONS, self.token, self.question.id)
            leases.put_off(*row, seconds, reason, counted=counted)
        self.due.append(seconds)
        return "put_off"

    def _close(self, state: str, error: str = "") -> str:
        with self.database.transaction() as tx:
            return _closed(tx, self.token, self.question, state, error)


class _Stopped(JudgeError):
    """What is missing may not be asked now, or not at all: the batch was cancelled, paused, or its
    money is spent or promised."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _over_budget(tx: Tx, token: str, question: Question) -> str:
    if not questions.close(tx, token, question.id, "skipped", budgets.OVER_BUDGET):
        return "lost"
    batches.skip_unasked(tx, question.batch)  # after its own row: rows are locked before batches
    batches.close_finished(tx, question.batch)
    return "skipped"


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
    if stopped := batches.stopped(tx, question.batch):
        return stopped
    if question.deliveries >= MAX_LOST:
        return _closed(tx, token, question, "failed", GIVEN_UP.format(MAX_LOST))
    leases.begin(tx, QUESTIONS, token, [question.id])
    return None


def _closed(tx: Tx, token: str, question: Question, state: str, error: str = "") -> str:
    if not questions.close(tx, token, question.id, state, error):
        return "lost"
    batches.close_finished(tx, question.batch)
    return state
