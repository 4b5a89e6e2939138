"""The reconciler: whatever a crash, a lost ring or a back-off left lying is found in the rows."""

import signal
import threading
from collections.abc import Callable

from judge import batches, heartbeats
from judge.batches import Swept
from judge.bootstrap import open_judge
from judge.errors import JudgeError
from judge.store import requests
from judge.store.database import Database
from judge.telemetry import logger
from workers import dispatch

log = logger(__name__)


def reconcile(database: Database) -> Swept:
    """Free the rows of dead workers, close finished batches, ring for rows that wait; forget the
    answers to requests that are too old to be repeated."""
    swept = batches.sweep(database)
    with database.reading() as tx:
        forgettable = requests.any_old(tx)
    if forgettable:  # nobody waits for a writer that has nothing to write
        with database.transaction() as tx:
            requests.sweep(tx)
    if swept.to_ask:
        dispatch.ring_ask()
    if swept.to_ask_local:
        dispatch.ring_local()
    if swept.to_defer:
        dispatch.ring_defer()
    if swept.to_judge:
        dispatch.ring_judge()
    if swept.released or swept.closed:
        log.info("set right", released=swept.released, closed=swept.closed)
    return swept


def every(seconds: float, work: Callable[[], object], stop: threading.Event) -> threading.Thread:
    """Do `work` now and every so many seconds in a thread of its own, until `stop`."""

    def run() -> None:
        while True:
            try:
                work()
            except JudgeError as error:
                log.warning("upkeep failed", reason=str(error))
            except Exception:
                log.exception("upkeep failed")
            if stop.wait(seconds):
                return

    thread = threading.Thread(target=run, name="upkeep", daemon=True)
    thread.start()
    return thread


def serve() -> None:
    """Reconcile every `upkeep_seconds` until SIGTERM or SIGINT: what `judge upkeep` runs."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    judge = open_judge()

    def work() -> None:
        reconcile(judge.database)
        heartbeats.beat(judge.settings)

    try:
        every(judge.settings.upkeep_seconds, work, stop)
        stop.wait()
    finally:
        judge.close()
