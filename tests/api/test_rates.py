"""Requests are counted by all processes together, and a Redis that is down keeps nobody out."""

import asyncio

from api.rates import Rates


def test_two_processes_count_together(redis):
    async def come():
        one, other = (Rates("3/minute", redis.url) for _ in range(2))
        waits = [await each.wait_of("caller") for each in (one, other, one, other)]
        waits.append(await other.wait_of("somebody else"))
        await one.close()
        await other.close()
        return waits

    *free, wait, another = asyncio.run(come())
    assert free == [0, 0, 0]
    assert 1 <= wait <= 60
    assert another == 0


def test_a_redis_that_is_down_lets_everybody_through(caplog):
    async def come():
        rates = Rates("1/minute", "redis://127.0.0.1:1/0")
        waits = [await rates.wait_of("caller") for _ in range(3)]
        await rates.close()
        return waits

    assert asyncio.run(come()) == [0, 0, 0]
    assert "requests are not counted" in caplog.text


def test_without_a_rate_nothing_is_counted():
    assert asyncio.run(Rates("", "redis://127.0.0.1:1/0").wait_of("caller")) == 0
