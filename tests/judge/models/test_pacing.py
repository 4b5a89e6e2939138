"""How much an endpoint is asked at once, with a clock that the test moves, and against a real server."""

import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest

from judge.errors import ModelRefused, ModelUnavailable, RateLimited
from judge.models import open_model, pacing
from judge.models.base import Message, ModelSpec, Prompt, Sampling
from judge.models.pacing import Pace

PROMPT = Prompt("add", (Message("user", "Write add."),), "chat@1")


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def rounds(pace, clock, number, bears=10**9, delay=lambda flight: 0.1):
    """Round trips with as much in flight as the pace allows; returns the highest limit seen, and
    how often the endpoint had to object."""
    most, objections = 0.0, 0
    for _ in range(number):
        flight = int(pace.limit)
        most = max(most, flight)
        sent = clock.now
        pace.in_flight = flight
        clock.now += delay(flight)
        for _ in range(min(flight, bears)):
            pace.answered(delay(flight))
        for _ in range(flight - bears):
            objections += 1
            pace.refused(sent, 0.0)
        pace.in_flight = 0
        clock.now += 0.01
    return most, objections


def test_the_limit_is_found_in_few_round_trips_and_kept_near():
    clock = Clock()
    pace = Pace("m", clock)
    most, _ = rounds(pace, clock, 6, bears=40)
    assert most > 40
    rounds(pace, clock, 20, bears=40)
    limits = []
    objections = 0
    for _ in range(100):
        objections += rounds(pace, clock, 1, bears=40)[1]
        limits.append(int(pace.limit))
    assert min(limits) >= 26
    assert max(limits) <= 44
    assert sum(limits) / 100 > 32
    assert objections < 0.02 * sum(limits)


def test_an_endpoint_that_queues_instead_of_refusing_is_given_way_too():
    clock = Clock()
    pace = Pace("m", clock)
    rounds(pace, clock, 200, delay=lambda flight: 0.1 * max(1.0, flight / 16))
    assert 12 <= pace.limit <= 60


def test_a_limit_that_nobody_reaches_does_not_grow():
    clock = Clock()
    pace = Pace("m", clock)
    pace.in_flight = 2
    for _ in range(1000):
        pace.answered(0.1)
    assert pace.limit == pacing.FIRST


def test_one_round_trip_full_of_refusals_cuts_once():
    clock = Clock()
    pace = Pace("m", clock)
    for _ in range(8):
        pace.refused(clock.now - 1, 0.0)
    assert pace.limit == pacing.FIRST * pacing.CUT


def test_a_long_wait_is_said_with_its_end_and_holds_for_everybody():
    clock = Clock()
    pace = Pace("model 'm'", clock)
    with pytest.raises(RateLimited, match=r"waiting for the rate limit until ..:..:.. UTC") as said:
        pace.refused(clock.now, 40.0)
    assert timedelta(seconds=38) < said.value.until - datetime.now(UTC) <= timedelta(seconds=40)
    with pytest.raises(RateLimited), pace.turn():
        pass
    clock.now += 41
    with pace.turn():
        assert pace.in_flight == 1


def test_no_endpoint_can_name_a_wait_for_ever():
    clock = Clock()
    pace = Pace("m", clock)
    with pytest.raises(RateLimited) as said:
        pace.refused(clock.now, 1e12)
    assert said.value.until - datetime.now(UTC) <= timedelta(seconds=pacing.NAMED_MOST)


def test_waits_that_are_not_named_grow_until_there_is_a_reply():
    clock = Clock()
    pace = Pace("m", clock)
    waits = []
    for _ in range(6):
        with suppress(RateLimited):
            pace.refused(clock.now, None)
        waits.append(pace._paused_until - clock.now)
        clock.now = pace._paused_until + 0.01
    assert all(later > 1.1 * earlier for earlier, later in pairwise(waits))
    pace.answered(0.1)
    pace.refused(clock.now, None)
    assert pace._paused_until - clock.now < 1


def test_rate_limits_and_nothing_else_for_long_are_no_rate_limit():
    clock = Clock()
    pace = Pace("m", clock)
    clock.now += pacing.STUCK + 1
    with pytest.raises(ModelUnavailable, match="nothing but rate limits") as said:
        pace.refused(clock.now, 40.0)
    assert not isinstance(said.value, RateLimited)


def test_what_is_buried_is_tried_again_later():
    clock = Clock()
    pace = Pace("m", clock)
    pace.bury(ModelRefused("no money"))
    with pytest.raises(ModelRefused, match="no money"), pace.turn():
        pass
    clock.now += pacing.DEAD + 0.1
    with pace.turn():
        pass


def test_no_more_are_in_flight_than_the_limit_says():
    pace = Pace("m")
    pace.limit = 3.0
    seen, going = [], threading.Barrier(12)

    def ask():
        going.wait()
        with pace.turn():
            seen.append(pace.in_flight)
            time.sleep(0.02)

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(seen) == 3
    assert len(seen) == 12
    assert pace.in_flight == 0


@pytest.fixture
def chat(endpoint):
    backend = open_model(ModelSpec("tester", "openai_chat", "m", base_url=endpoint.url))
    yield backend
    backend.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "1"},
        {"retry-after-ms": "400"},
        {},
        {"Retry-After": "soon"},
        {"Retry-After": "nan"},
        {"Retry-After": "-5"},
    ],
    ids=str,
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_short_wait_is_waited_out(endpoint, chat, status, headers):
    endpoint.steps.append({"status": status, "reply": {}, "headers": headers})
    begun = time.monotonic()
    assert len(chat.complete(PROMPT, Sampling(), 1)) == 1
    assert len(endpoint.asked) == 2
    if "Retry-After" in headers and headers["Retry-After"] == "1":
        assert time.monotonic() - begun >= 1


def test_a_long_wait_is_left_to_the_caller_whether_it_is_a_number_or_a_date(endpoint, chat):
    later = datetime.now(UTC) + timedelta(seconds=70)
    endpoint.steps.append(
        {
            "status": 429,
            "reply": {},
            "headers": {"Retry-After": format_datetime(later, usegmt=True)},
        }
    )
    for _ in range(3):
        with pytest.raises(RateLimited) as said:
            chat.complete(PROMPT, Sampling(), 1)
        assert abs(said.value.until - later) < timedelta(seconds=5)
    assert len(endpoint.asked) == 1


def test_two_models_at_one_endpoint_share_its_pace(endpoint):
    specs = [ModelSpec(name, "openai_chat", name, base_url=endpoint.url) for name in "ab"]
    one, two = (open_model(spec) for spec in specs)
    assert one._connection.pace is two._connection.pace
    one.close()
    two.close()
