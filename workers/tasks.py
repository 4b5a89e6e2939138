"""What a ring makes a worker do: a few lines over judge.batches, and nothing of their own."""

import threading
import time
from collections.abc import Callable

from judge import batches
from judge.bootstrap import Judge, open_judge
from judge.store import questions
from judge.store.questions import HOSTED, Share
from workers import dispatch, upkeep
from workers.bells import Bell, now_and_then
from workers.dispatch import queue

SLICE_SECONDS, CLAIM_SECONDS, MOST = 30.0, 1.0, 512
"""How long a ring is answered, how long a claim should take, and how many samples it may have."""
GIVE_BACK_SECONDS = 450.0
"""When a claim that turned out slow is given back, long before the queue would end its task."""

_asking, _asking_local, _judging, _deferring = Bell(), Bell(), Bell(), Bell()
_warm = ""


class Process:
    """What this process works with: a Judge opened after the fork, and whether it is to stop."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._judge: Judge | None = None

    @property
    def judge(self) -> Judge:
        """The Judge of this process, opened on first use."""
        with self._lock:
            if self._judge is None:
                self._judge = open_judge()
            return self._judge

    @property
    def opened(self) -> Judge | None:
        """The Judge of this process, if it was opened."""
        return self._judge

    def lend(self, judge: Judge | None) -> None:
        """Use a Judge that somebody else opened and will close; None takes it back."""
        with self._lock:
            self._judge = judge

    def close(self) -> None:
        """Close what was opened here."""
        with self._lock:
            judge, self._judge = self._judge, None
        if judge is not None:
            judge.close()

    def go_on(self) -> bool:
        """Whether to begin anything new."""
        return not self.stopping.is_set()


process = Process()


def ask() -> bool:
    """Ask what waits to be asked; False where another thread of this process is at it."""
    return _asking.answer(_ask)


def local() -> bool:
    """Ask what waits for models whose weights are held here; False where another thread is at it."""
    return _asking_local.answer(_local)


def judge() -> bool:
    """Judge what waits to be judged; False where another thread of this process is at it."""
    return _judging.answer(_judge)


def defer() -> bool:
    """Do what is due of deferred work; False where another thread of this process is at it."""
    return _deferring.answer(_defer)


def look_after() -> None:
    """Set right what a crash left."""
    if process.go_on():
        upkeep.reconcile(process.judge.database)


def _ask() -> None:
    if process.go_on():
        _ask_share(HOSTED, dispatch.ring_ask)


def _local() -> None:
    """One model at a time, as long as it has questions: weights are large, and slow to load."""
    global _warm  # noqa: PLW0603 - the weights are the process's as well
    if not process.go_on():
        return
    with process.judge.database.reading() as tx:
        _warm = questions.next_local(tx, _warm)
    if _warm:
        process.judge.keep_warm(_warm)
        _ask_share(Share(model=_warm), dispatch.ring_local)


def _ask_share(share: Share, ring: Callable[[], None]) -> None:
    house = process.judge
    threads = house.settings.ask_threads
    asked = batches.ask_questions(
        house.database,
        house.model,
        limit=threads,
        share=share,
        threads=threads,
        seconds=SLICE_SECONDS,
        sandbox=lambda: house.sandbox,
        go_on=process.go_on,
        on_kept=now_and_then(dispatch.ring_judge),
    )
    if asked.samples:
        dispatch.ring_judge()
    if asked.claimed:
        ring()
    if asked.again is not None:
        _ring_in(asked.again, ring)


def _ring_in(seconds: float, ring: Callable[[], None]) -> None:
    """What was put off is due before anybody would look for it; a timer that is lost with its
    process costs no more than that."""
    timer = threading.Timer(seconds + 0.05, ring)
    timer.daemon = True
    timer.start()


def _defer() -> None:
    if process.go_on() and batches.defer(process.judge.database, go_on=process.go_on).samples:
        dispatch.ring_judge()


def _judge() -> None:
    """Claim after claim for a while, each as long as about a second was in the last: a round trip
    through the queue takes longer than many samples, and a slow claim keeps others from its rest.
    The one ring that was answered is passed on at once, so that whoever is idle comes too."""
    house = process.judge
    started = time.monotonic()
    fewest = 8 * house.sandbox.workers
    limit, rung = fewest, False
    while process.go_on() and time.monotonic() - started < SLICE_SECONDS:
        began = time.monotonic()
        claimed = batches.judge_samples(
            house.database,
            house.sandbox,
            limit,
            speed=house.speed,
            reuse=house.settings.cache == "on",
            go_on=lambda: process.go_on() and time.monotonic() - started < GIVE_BACK_SECONDS,
        )
        if claimed and not rung:
            dispatch.ring_judge()
            rung = True
        if claimed < limit:
            break
        quick = time.monotonic() - began < CLAIM_SECONDS
        limit = min(2 * limit, MOST) if quick else max(limit // 2, fewest)


queue.task(ask, name=dispatch.ASK)
queue.task(local, name=dispatch.LOCAL)
queue.task(defer, name=dispatch.DEFER)
queue.task(judge, name=dispatch.JUDGE)
queue.task(look_after, name=dispatch.UPKEEP)
