"""How often one caller may come: a sliding window, in the broker's Redis where there is one."""

import math
import time

from limits import parse
from limits.aio.storage import Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from limits.storage import storage_from_string

from judge.telemetry import logger

REDIS_SECONDS = 1.0

log = logger(__name__)


class Rates:
    """Counts requests by caller against one rate, such as `600/minute`; an empty one lets
    everything through. Several processes count together over Redis. A Redis that is down lets
    everything through as well: it is there to share the load, not to keep anybody out."""

    def __init__(self, rate: str, broker_url: str) -> None:
        self._rate = parse(rate) if rate else None
        self._url = broker_url
        self._limiter: SlidingWindowCounterRateLimiter | None = None

    async def wait_of(self, caller: str) -> int:
        """Count one request; 0, or how many seconds the caller must wait first."""
        if self._rate is None:
            return 0
        if self._limiter is None:  # in the loop that will use it
            self._limiter = SlidingWindowCounterRateLimiter(_storage(self._url))
        try:
            if await self._limiter.hit(self._rate, caller):
                return 0
            window = await self._limiter.get_window_stats(self._rate, caller)
        except StorageError as error:
            log.warning("requests are not counted", reason=str(error)[:200])
            return 0
        return max(1, math.ceil(window.reset_time - time.time()))


def _storage(broker_url: str) -> Storage:
    if broker_url.startswith("memory:"):
        storage = storage_from_string("async+memory://")
    else:
        storage = storage_from_string(
            f"async+{broker_url}",
            implementation="redispy",
            wrap_exceptions=True,
            socket_timeout=REDIS_SECONDS,
            socket_connect_timeout=REDIS_SECONDS,
        )
    assert isinstance(storage, Storage)  # noqa: S101 - async+ asks for this kind
    return storage
