"""The worker's side of the queue: `app` for Celery, and the starter of the embedded worker.

`judge worker` hands Celery this `app`. On threads (queue `ask` alone) its one process opens a Judge;
else its main process opens none, and its children open one each, after the fork. Whoever opened one
also polls the database. `judge up` instead runs one worker on threads inside its own process, on
`memory://`, and looks after the rows itself.
"""

import threading
import time

from celery import signals
from celery.worker import WorkController, state

from judge import tracing
from judge.bootstrap import Judge
from judge.telemetry import logger
from workers import dispatch, polling, tasks, upkeep

UPKEEP_SECONDS = 30.0
EMBEDDED_UPKEEP_SECONDS = 0.5
THREADS = 4
STOP_SECONDS = 20.0

app = dispatch.queue
log = logger(__name__)


class Embedded:
    """A worker inside this process; `stop` ends it, within seconds unless the sandbox is busy."""

    def __init__(self, judge: Judge) -> None:
        dispatch.configure(judge.settings.broker_url)
        tasks.process.stopping.clear()
        tasks.process.lend(judge)
        self._stop = threading.Event()
        self._worker = app.WorkController(
            pool="threads",
            concurrency=THREADS,
            queues=sorted(set(dispatch.QUEUES.values())),
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            quiet=True,
        )
        self._thread = threading.Thread(target=self._worker.start, name="worker", daemon=True)
        self._thread.start()
        self._upkeep = upkeep.every(
            EMBEDDED_UPKEEP_SECONDS, lambda: upkeep.reconcile(judge.database), self._stop
        )

    def stop(self) -> None:
        """Begin nothing new, wait for what runs, give the rest back. What a model is still
        thinking about after that is left, and asked again by the next process."""
        self._stop.set()
        tasks.process.stopping.set()
        self._upkeep.join()
        state.should_stop = 0
        end = time.monotonic() + STOP_SECONDS
        try:
            while self._thread.is_alive() and time.monotonic() < end:
                dispatch.ring_upkeep()  # a message ends its wait for one, else it looks up in 2 s
                self._thread.join(0.1)
        finally:
            state.should_stop = None
        if self._thread.is_alive():
            log.warning("the worker did not end in time", seconds=STOP_SECONDS)
        tasks.process.lend(None)


def start_embedded(judge: Judge) -> Embedded:
    """Start the one worker of an embedded service, on a Judge that stays the caller's to close."""
    return Embedded(judge)


def _ready(**_: object) -> None:
    if not _is_embedded():
        upkeep.every(UPKEEP_SECONDS, dispatch.ring_upkeep, tasks.process.stopping)


def _begun(sender: WorkController, **_: object) -> None:
    """Before the broker was reached: polling must not depend on it."""
    if not _is_embedded() and "thread" in str(sender.pool_cls):
        _child_begun()


def _child_begun(**_: object) -> None:
    tracing.set_up("worker")
    polling.start(app.amqp.queues.consume_from)


def _stopping(**_: object) -> None:
    tasks.process.stopping.set()


def _closed(**_: object) -> None:
    if not _is_embedded():
        tasks.process.stopping.set()
        polling.join()
        tasks.process.close()


def _is_embedded() -> bool:
    return str(app.conf.broker_url).startswith("memory:")


def _logging(**_: object) -> None:
    """judge.telemetry has set it up; that somebody listens keeps Celery from doing it again."""


signals.setup_logging.connect(_logging, weak=False)
signals.worker_init.connect(_begun, weak=False)
signals.worker_process_init.connect(_child_begun, weak=False)
signals.worker_ready.connect(_ready, weak=False)
signals.worker_shutting_down.connect(_stopping, weak=False)
signals.worker_process_shutdown.connect(_closed, weak=False)
signals.worker_shutdown.connect(_closed, weak=False)
