"""How much an endpoint is asked at once: as much as it bears, found out by asking.

Theory of operation. Every connection of this process to one endpoint shares a Pace. Its limit of
requests in flight is doubled a round trip until the endpoint objects, and then grows by one a round
trip, and slower still where it objected last; it is cut once a round trip, by a quarter when the
endpoint says 429 and by a tenth when replies begin much later than they did when it was idle, which
is how servers object that queue instead of refusing. Several processes share an endpoint as
strangers share a network: each gives way until there is room for all.

An endpoint that names a time (`Retry-After`) is left alone until then, by everybody. A wait that is
short is waited out here; a longer one is raised as RateLimited, so that the row can say how long.
One that says that there is no money, or no such key, is not asked again for a while at all.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from weakref import WeakValueDictionary

from judge.errors import ModelRefused, ModelUnavailable, RateLimited

FIRST, MOST = 8.0, 256.0
"""Requests in flight: how many at first, and how many ever."""

CUT, SLOWED = 0.75, 0.9
NEAR, PROBING = 0.9, 0.1
"""From which share of the limit that was refused last it grows slower, and how much."""

LATE, LATE_LEAST = 2.5, 4.0
"""How many times the idle delay a reply may begin after, before that counts as an objection; and
the limit that is left to a server that queues, which does no harm."""

FORGOTTEN = 600.0
"""Seconds in which the least delay ever seen doubles: an endpoint may have become slower for good."""

PATIENCE = 2.0
"""Seconds that are waited out in place."""

BACKOFF, BACKOFF_MOST = 0.25, 30.0
NAMED_MOST = 3600.0
"""The longest wait that an endpoint may name, in seconds."""

STUCK = 900.0
"""Seconds without a single reply, after which a rate limit is taken for an endpoint that is down."""

DEAD = 15.0
"""Seconds for which nobody asks where the key is wrong or the money spent."""


class Pace:
    """The limit of one endpoint. Thread-safe."""

    def __init__(self, where: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = FIRST
        self.in_flight = 0
        self._where = where
        self._clock = clock
        self._changed = threading.Condition()
        self._refused_at = MOST
        self._growing = True
        self._cut_at = 0.0
        self._paused_until = 0.0
        self._refusals = 0
        self._answered_at = clock()
        self._idle = self._delay = 0.0
        self._dead: tuple[float, ModelRefused] | None = None

    @contextmanager
    def turn(self) -> Iterator[float]:
        """A place among those in flight, and the time it was got at. Raises RateLimited where the
        wait would be long, and what `bury` was given."""
        with self._changed:
            while (wait := self._wait()) > 0 or self.in_flight >= int(self.limit):
                self._changed.wait(min(wait, PATIENCE) if wait > 0 else None)
            self.in_flight += 1
        try:
            yield self._clock()
        finally:
            with self._changed:
                self.in_flight -= 1
                self._changed.notify_all()

    def answered(self, delay: float | None) -> None:
        """A reply came; it began `delay` seconds after it was asked for, None if nobody saw that."""
        with self._changed:
            since = self._clock() - self._answered_at
            self._answered_at, self._refusals = self._clock(), 0
            if delay is not None:
                idle = self._idle * 2.0 ** min(since / FORGOTTEN, 10.0)
                self._idle = min(idle, delay) if self._idle else delay
                self._delay = 0.8 * self._delay + 0.2 * delay if self._delay else delay
                if self._delay > LATE * self._idle + 0.05:
                    self._lower(SLOWED, LATE_LEAST, self._clock() - self._delay)
                    return
            if self.in_flight > 0.7 * self.limit:  # a limit that nobody reaches says nothing
                step = (
                    1 / self.limit if self.limit < NEAR * self._refused_at else PROBING / self.limit
                )
                self.limit = min(MOST, self.limit + (1 if self._growing else step))
                self._changed.notify_all()

    def refused(self, asked_at: float, named: float | None) -> None:
        """A 429 to a request that was sent at `asked_at`; `named` is the wait in seconds that came
        with it, if any. Raises RateLimited or ModelUnavailable where that is too long to wait."""
        with self._changed:
            now = self._clock()
            over = self.limit
            if self._lower(CUT, 1.0, asked_at):
                self._refusals, self._refused_at = self._refusals + 1, over
            wait = min(BACKOFF_MOST, BACKOFF * 2.0 ** min(self._refusals - 1, 10))
            wait = wait * random.uniform(0.75, 1.25) if named is None else min(named, NAMED_MOST)  # noqa: S311 - no secret hangs on it
            self._paused_until = max(self._paused_until, now + wait)
            self._changed.notify_all()
            if now - self._answered_at > STUCK:
                raise ModelUnavailable(
                    f"{self._where}: nothing but rate limits for {STUCK / 60:.0f} minutes"
                )
            self._wait()

    def bury(self, error: ModelRefused) -> None:
        """Ask nobody there for a while: nothing can come of it."""
        with self._changed:
            self._dead = (self._clock() + DEAD, error)
            self._changed.notify_all()

    def _wait(self) -> float:
        now = self._clock()
        if self._dead is not None:
            until, error = self._dead
            if now < until:
                raise type(error)(str(error))
            self._dead = None
        if (wait := self._paused_until - now) > PATIENCE:
            until_then = datetime.now(UTC) + timedelta(seconds=wait)
            raise RateLimited(
                f"{self._where}: waiting for the rate limit until {until_then:%H:%M:%S} UTC",
                until_then,
            )
        return wait

    def _lower(self, factor: float, least: float, asked_at: float) -> bool:
        """Once a round trip: what was sent before the last cut says nothing about the new limit."""
        if asked_at < self._cut_at:
            return False
        self._cut_at, self._growing = self._clock(), False
        self.limit = max(min(self.limit, least), self.limit * factor)
        return True


_PACES: WeakValueDictionary[tuple[str, str], Pace] = WeakValueDictionary()
_LOOKING = threading.Lock()


def pace_of(base_url: str, key: str, where: str) -> Pace:
    """The Pace of an endpoint under a key, one a process."""
    with _LOOKING:
        pace = _PACES.get((base_url, key)) or Pace(where)
        _PACES[base_url, key] = pace
        return pace
