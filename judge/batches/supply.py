"""Claimed questions for many threads at once, claimed again before they run out.

One claim after the other would leave most threads idle while the last question of each thinks.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

from judge.store import problem_sets, questions
from judge.store.database import Database, new_id
from judge.store.questions import ALL, Question, Share
from problems.problem import Problem

STOP_SECONDS = 10.0


class Supply:
    """Questions under one token. Refilled for `seconds` as long as claims come full; 0 for one
    claim only. Thread-safe."""

    def __init__(
        self, database: Database, limit: int, batch: str, seconds: float, share: Share = ALL
    ) -> None:
        self.token = new_id()
        self.claimed = 0
        self._database, self._limit, self._batch, self._share = database, limit, batch, share
        self._until = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._waiting: deque[Question] = deque()
        self._posed: dict[str, Problem] = {}
        self._last = False
        self._fill()

    @property
    def refills(self) -> bool:
        """Whether more may come than is there now."""
        return not self._last and time.monotonic() < self._until

    def take(self) -> tuple[Question, Problem] | None:
        """The next question and its problem, or None where there is none left."""
        with self._lock:
            if not self._waiting and self.refills:
                self._fill()
            if not self._waiting:
                return None
            question = self._waiting.popleft()
            return question, self._posed[question.problem_digest]

    def stop(self) -> None:
        """Give out nothing more."""
        with self._lock:
            self._last = True
            self._waiting.clear()

    def _fill(self) -> None:
        with self._database.transaction() as tx:
            given = (self._database, self._limit, self._batch, self.token, self._share)
            _, found = questions.claim(tx, *given)
        self._last = len(found) < self._limit
        self.claimed += len(found)
        unknown = {each.problem_digest for each in found} - self._posed.keys()
        if unknown:
            with self._database.reading() as tx:
                fresh: Mapping[str, Problem] = problem_sets.problems_by_digest(tx, unknown)
            self._posed.update(fresh)
        self._waiting.extend(found)


def in_threads(
    count: int,
    supply: Supply,
    work: Callable[[Question, Problem], None],
    go_on: Callable[[], bool],
) -> None:
    """Work on all that is supplied, `count` at a time, in threads that do not keep the process
    alive: a model may think for minutes after the process was told to end. Those that still think
    `STOP_SECONDS` after that are left behind, without their lease."""
    faults: list[Exception] = []

    def run() -> None:
        try:
            while not faults and go_on() and (item := supply.take()) is not None:
                work(*item)
        except Exception as error:  # noqa: BLE001 - raised below, in the caller's thread
            faults.append(error)

    needed = count if supply.refills else min(count, supply.claimed)
    threads = [threading.Thread(target=run, name="ask", daemon=True) for _ in range(needed)]
    for thread in threads:
        thread.start()
    try:
        grace = STOP_SECONDS
        while any(thread.is_alive() for thread in threads) and grace > 0:
            next(thread for thread in threads if thread.is_alive()).join(0.2)
            grace = STOP_SECONDS if go_on() else grace - 0.2
    finally:
        supply.stop()
    if faults:
        raise faults[0]
