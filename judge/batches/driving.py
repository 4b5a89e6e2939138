"""What keeps batches going: the sweep after crashes, and a whole batch run in one process."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from judge.batches.asking import ask_questions
from judge.batches.deferring import defer
from judge.batches.drawing import GetModel
from judge.batches.judging import judge_samples
from judge.batches.opening import read_batch
from judge.sandbox.base import Sandbox
from judge.store import batches, deferrals, leases, questions
from judge.store.database import Database
from judge.store.leases import SAMPLES
from judge.store.progress import BatchStatus
from judge.store.questions import HOSTED, LOCAL

ASK_SECONDS = 30.0
"""For how long questions are claimed as others are answered, before the claim is settled."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What `sweep` did, and whether there is something to ask or judge now."""

    released: int = 0
    closed: int = 0
    to_ask: bool = False
    to_ask_local: bool = False
    to_judge: bool = False
    to_defer: bool = False


def sweep(database: Database) -> Swept:
    """Set right what a crash left: free the rows of dead workers, close what is finished, and say
    whether there is work. Cheap when nothing is open."""
    with database.reading() as tx:
        to_defer = deferrals.any_due(tx)
        if not batches.any_open(tx):
            return Swept(to_defer=to_defer)  # a job of a cancelled batch is still to be ended
    with database.transaction() as tx:
        return Swept(
            released=leases.release_dead(tx),
            closed=batches.close_finished(tx),
            to_ask=questions.any_claimable(tx, HOSTED),
            to_ask_local=questions.any_claimable(tx, LOCAL),
            to_judge=leases.any_claimable(tx, SAMPLES),
            to_defer=to_defer,
        )


def run_batch(
    database: Database,
    model: GetModel,
    sandbox: Sandbox,
    batch: str,
    *,
    threads: int = 64,
    speed: float = 0.0,
    reuse: bool = True,
    on_progress: Callable[[BatchStatus], None] = lambda _: None,
) -> BatchStatus:
    """Drive one batch to its end in this process, without a queue; asking and judging overlap.

    `on_progress` is called with the status about twice a second, and at the end; `speed` and
    `reuse` are those of `judge_samples`.
    """
    stop = threading.Event()
    faults: list[Exception] = []

    def go_on() -> bool:
        return not stop.is_set()

    def ask() -> int:
        return ask_questions(
            *(database, model, threads, batch),
            threads=threads,
            sandbox=lambda: sandbox,
            seconds=ASK_SECONDS,
            go_on=go_on,
        ).claimed

    def judge() -> int:
        return judge_samples(database, sandbox, batch=batch, speed=speed, reuse=reuse, go_on=go_on)

    def look() -> int:
        return defer(database, batch, go_on=go_on).handled

    def repeat(work: Callable[[], int]) -> None:
        try:
            while go_on():
                if not work():
                    stop.wait(0.5 if work is look else 0.05)
        except Exception as error:  # noqa: BLE001 - raised below, in the caller's thread
            faults.append(error)

    sweep(database)
    ask_or_look = look if read_batch(database, batch).request.deferred else ask
    workers = [
        threading.Thread(target=repeat, args=(work,), daemon=True) for work in (ask_or_look, judge)
    ]
    for worker in workers:
        worker.start()
    try:
        told = 0.0
        while (status := read_batch(database, batch)).open and not faults:
            if time.monotonic() - told > 0.5:
                told = time.monotonic()
                on_progress(status)
            stop.wait(0.1)
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    if faults:
        raise faults[0]
    on_progress(status)
    return status
