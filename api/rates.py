"""How often one caller may come: a sliding window, in the broker's Redis where there is one."""

import math
import time

from limits import parse
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from redis.asyncio import ConnectionPool

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
        self._connections: ConnectionPool | None = None

    async def wait_of(self, caller: str) -> int:
        """Count one request; 0, or how many seconds the caller must wait first."""
        if self._rate is None:
            return 0
        if self._limiter is None:  # in the loop that will use it
            self._limiter = SlidingWindowCounterRateLimiter(self._storage())
        try:
            if await self._limiter.hit(self._rate, caller):
                return 0
            window = await self._limiter.get_window_stats(self._rate, caller)
        except StorageError as error:
            log.warning("requests are not counted", reason=str(error)[:200])
            return 0
        return max(1, math.ceil(window.reset_time - time.time()))

    async def close(self) -> None:
        """Let go of the connections."""
        if self._connections is not None:
            await self._connections.aclose()
        self._limiter = self._connections = None

    def _storage(self) -> Storage:
        if self._url.startswith("memory:"):
            return MemoryStorage()
        self._connections = ConnectionPool.from_url(
            self._url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS
        )
        return RedisStorage(
            f"async+{self._url}",
            connection_pool=self._connections,  # type: ignore[arg-type]  # its options are typed too narrowly
            implementation="redispy",
            wrap_exceptions=True,
        )
