"""Work is found without a ring, too: a worker that lost its broker looks alive and hears nothing.

Every process that works looks into the database every `poll_seconds`, does what it finds until
nothing is left, and says that it lives. It keeps silent where it cannot read the database, or hangs.
"""

import threading
import time
from collections.abc import Callable, Iterable

from judge import heartbeats
from judge.errors import JudgeError
from judge.store import deferrals, questions
from judge.store.database import Tx
from judge.store.leases import SAMPLES, any_claimable
from judge.store.questions import HOSTED, LOCAL
from judge.telemetry import logger
from workers import dispatch, metrics, tasks

KINDS: tuple[tuple[str, Callable[[Tx], bool], Callable[[], bool]], ...] = (
    (dispatch.QUEUES[dispatch.ASK], lambda tx: questions.any_claimable(tx, HOSTED), tasks.ask),
    (dispatch.QUEUES[dispatch.LOCAL], lambda tx: questions.any_claimable(tx, LOCAL), tasks.local),
    (dispatch.QUEUES[dispatch.DEFER], deferrals.any_due, tasks.defer),
    (dispatch.QUEUES[dispatch.JUDGE], lambda tx: any_claimable(tx, SAMPLES), tasks.judge),
)
"""A queue, whether its rows wait, and what is done about them."""

STOP_SECONDS = 30.0

log = logger(__name__)


class Errand:
    """One kind of work, done in a thread of its own while there is some."""

    def __init__(self, waits: Callable[[Tx], bool], work: Callable[[], bool]) -> None:
        self._waits, self.work = waits, work
        self.began = 0.0
        self.thread: threading.Thread | None = None

    @property
    def hangs(self) -> bool:
        """Whether one claim takes longer than any may."""
        running = self.thread is not None and self.thread.is_alive()
        return running and time.monotonic() - self.began > dispatch.TASK_SECONDS

    def begin(self) -> None:
        """Start, unless it is under way."""
        if self.thread is None or not self.thread.is_alive():
            self.began = time.monotonic()
            self.thread = threading.Thread(target=self._run, name="errand", daemon=True)
            self.thread.start()

    def waits(self) -> bool:
        """Whether there is something to do."""
        with tasks.process.judge.database.reading() as tx:
            return self._waits(tx)

    def _run(self) -> None:
        try:
            while tasks.process.go_on() and self.waits():
                self.began = time.monotonic()
                if not self.work():
                    return  # a ring was heard: its thread goes on
        except JudgeError as error:
            log.warning("polled work failed", reason=str(error))
        except Exception:
            log.exception("polled work failed")


_errands: list[Errand] = []


def start(queues: Iterable[str]) -> threading.Thread:
    """Look for the work of these queues in this process, now and until it stops."""
    wanted = set(queues)
    _errands[:] = [Errand(waits, work) for queue, waits, work in KINDS if queue in wanted]
    thread = threading.Thread(target=_keep_looking, name="polling", daemon=True)
    thread.start()
    return thread


def join() -> None:
    """Wait for what was begun, once the process was told to stop."""
    for errand in _errands:
        if errand.thread is not None:
            errand.thread.join(STOP_SECONDS)


def _keep_looking() -> None:
    seconds, shown = 1.0, False
    while tasks.process.go_on():
        try:
            settings = tasks.process.judge.settings
            seconds = settings.poll_seconds
            shown = shown or metrics.show(settings)
            _look()
        except JudgeError as error:
            log.warning("polling failed", reason=str(error))
        except Exception:
            log.exception("polling failed")
        tasks.process.stopping.wait(seconds)


def _look() -> None:
    for errand in _errands:
        if errand.waits():
            errand.begin()
    if not any(errand.hangs for errand in _errands):
        heartbeats.beat(tasks.process.judge.settings)
