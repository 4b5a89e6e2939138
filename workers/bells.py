"""One answer at a time: rings that come while a process already works are remembered, not queued."""

import threading
import time
from collections.abc import Callable


class Bell:
    """However often it is rung, one thread of this process works, and works once more if it was
    rung meanwhile; so long tasks of one kind never take every thread from another."""

    def __init__(self) -> None:
        self._rung = threading.Event()
        self._working = threading.Lock()

    def answer(self, work: Callable[[], None]) -> bool:
        """Do the work now, or leave it to whoever is doing it; True where it was done here."""
        done = False
        self._rung.set()
        # Asked again after each release: a ring between the last look and the release is not lost.
        while self._rung.is_set() and self._working.acquire(blocking=False):
            try:
                self._rung.clear()
                work()
                done = True
            finally:
                self._working.release()
        return done


def now_and_then(ring: Callable[[], None], seconds: float = 0.2) -> Callable[[], None]:
    """`ring`, but at most once in so many seconds; what is left out must be rung for at the end."""
    lock = threading.Lock()
    last = -seconds

    def maybe() -> None:
        nonlocal last
        with lock:
            at = time.monotonic()
            if at - last < seconds:
                return
            last = at
        ring()

    return maybe
