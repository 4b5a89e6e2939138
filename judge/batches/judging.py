"""Samples are claimed, judged with no transaction open, and stored in groups as they come."""

import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from judge.batches.failures import GIVEN_UP, backoff, release, told
from judge.batches.repairing import is_faulty
from judge.batches.reuse import Ended, Same
from judge.errors import JudgeError, SandboxUnavailable
from judge.sandbox.base import Sandbox
from judge.store import batches, leases, problem_sets, samples
from judge.store.database import Database, Tx
from judge.store.leases import MAX_DELIVERIES, SAMPLES
from judge.store.samples import Unjudged
from judge.telemetry import bound, logger
from judge.verdicts.judging import judge
from judge.verdicts.timing import Timing
from judge.verdicts.verdict import Judgement
from problems.problem import Problem

AT_HAND, BUSY = 24, 8
"""Samples begun for each worker of the sandbox, and how many of them are still running when a group
is stored, so that none waits meanwhile."""
GROUP_SECONDS = 0.1

log = logger(__name__)


def judge_samples(
    database: Database,
    sandbox: Sandbox,
    limit: int = 64,
    batch: str = "",
    *,
    speed: float = 0.0,
    reuse: bool = True,
    go_on: Callable[[], bool] = lambda: True,
) -> int:
    """Claim up to `limit` samples and judge them, as many at a time as the sandbox has workers.
    `speed` is the host's, 0 if unknown: then no reference's time raises a limit. With `reuse`,
    code that was judged before under the same circumstances is not run again.

    Judgements are stored with their tallies as they come, and the batch is closed with its last.
    Returns how many samples were claimed. Raises SandboxUnavailable, with every sample given back.
    """
    with database.transaction() as tx:
        claim, found = samples.claim(tx, database, limit, batch)
    if not found:
        return 0
    with database.reading() as tx:
        digests = {each.problem_digest for each in found}
        posed = problem_sets.problems_by_digest(tx, digests)
        timing = Timing(speed, problem_sets.references(tx, digests))
        same = Same(found)
        if reuse:
            same.sort(tx, posed, sandbox, timing)
    waiting, running = deque(same.to_run), dict[Future[Judgement], Unjudged]()
    ended = same.known
    pool = ThreadPoolExecutor(sandbox.callers, "judge")
    try:
        with leases.held(database, SAMPLES, claim.token):
            while waiting or running or ended:
                if not (going := go_on()):
                    waiting.clear()
                free = AT_HAND * sandbox.workers - len(running)
                with database.transaction() as tx:
                    _store(tx, claim.token, ended, posed)
                    taken, begun = _begin_samples(tx, claim.token, _next(waiting, free, running))
                    touched = {sample.batch for sample in (*taken, *(one for one, _ in ended))}
                    for each in (*waiting, *running.values(), *begun):
                        touched.discard(each.batch)  # it cannot be finished yet
                    for id_ in sorted(touched):  # the same order everywhere: they are locked
                        batches.close_finished(tx, id_)
                for sample in begun:
                    problem = posed[sample.problem_digest]
                    judging = pool.submit(_judge, problem, sample, sandbox, timing)
                    running[judging] = sample
                if not going:
                    break  # what still runs is ended below, and judged again by somebody
                ended = _collect(running, BUSY * sandbox.workers) if running else []
                for sample, result in ended.copy():
                    same_code, left = same.after(sample, result)
                    ended += same_code
                    waiting += left
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        release(database, SAMPLES, claim.token, [sample.id for sample in running.values()])
    return len(found)


def _judge(problem: Problem, sample: Unjudged, sandbox: Sandbox, timing: Timing) -> Judgement:
    with bound(batch=sample.batch, sample=sample.id):
        return judge(problem, sample.source, sandbox, timing=timing)


def _collect(running: dict[Future[Judgement], Unjudged], needed: int) -> list[Ended]:
    """Wait for at least one, and a little longer for company while `needed` more keep the sandbox
    busy, since each group is one transaction; take out all that are done."""
    end = time.monotonic() + GROUP_SECONDS
    done, left = wait(running, return_when=FIRST_COMPLETED)
    while len(left) > needed and (rest := end - time.monotonic()) > 0:
        more, left = wait(left, rest, FIRST_COMPLETED)
        done |= more
    for future in done:
        if isinstance(error := future.exception(), SandboxUnavailable):
            raise error
    ended: list[Ended] = []
    for future in done:
        error = future.exception()
        if error is not None and not isinstance(error, Exception):
            raise error
        ended.append((running.pop(future), future.result() if error is None else error))
    return ended


def _next(waiting: deque[Unjudged], free: int, running: Collection[object]) -> list[Unjudged]:
    """Take the next ones off `waiting`. One more loss ends a suspect, so it runs with no other: a
    sample is suspected for the company it was in, and convicted alone."""
    taken: list[Unjudged] = []
    while waiting and len(taken) < free:
        suspect = waiting[0].deliveries == MAX_DELIVERIES - 1
        if suspect and (running or taken):
            break
        taken.append(waiting.popleft())
        if suspect:
            break
    return taken


def _begin_samples(
    tx: Tx, token: str, taken: Sequence[Unjudged]
) -> tuple[Sequence[Unjudged], Sequence[Unjudged]]:
    """Count a delivery of each, give up on poison; returns those taken and, of them, those to be
    judged."""
    if not taken:
        return (), ()
    open_ = {batch: batches.is_open(tx, batch) for batch in {each.batch for each in taken}}
    ours = leases.ours(tx, SAMPLES, token, [each.id for each in taken])
    held = [each for each in taken if each.id in ours and open_[each.batch]]
    for each in held:
        if each.deliveries >= MAX_DELIVERIES:
            samples.fail(tx, token, each.id, GIVEN_UP.format(MAX_DELIVERIES))
    begun = [each for each in held if each.deliveries < MAX_DELIVERIES]
    leases.begin(tx, SAMPLES, token, [each.id for each in begun])
    return taken, begun


def _store(tx: Tx, token: str, ended: Sequence[Ended], posed: Mapping[str, Problem]) -> None:
    good: list[tuple[Unjudged, Judgement]] = []
    for sample, result in ended:
        if isinstance(result, Judgement) and not result.verdict.ours:
            good.append((sample, result))
            continue
        reason = told(result) if isinstance(result, Exception) else f"SE: {result.reason}"
        if isinstance(result, Exception) and not isinstance(result, JudgeError):
            ids = {"batch": sample.batch, "sample": sample.id, "problem": sample.slug}
            log.error("judging failed", **ids, exc_info=result)
        if sample.failures + 1 >= MAX_DELIVERIES:
            samples.fail(tx, token, sample.id, reason)
        else:
            seconds = backoff(sample.failures)
            leases.put_off(tx, SAMPLES, token, sample.id, seconds, reason)
    faulty = {
        sample.id
        for sample, judgement in good
        if is_faulty(posed[sample.problem_digest], sample, judgement)
    }
    samples.keep_judgements(tx, token, good, faulty)
