"""What the tests of the codec share."""

import time

import pytest


@pytest.fixture
def cpu():
    """CPU seconds of a call, the least of three."""

    def measure(call, times=3):
        found = []
        for _ in range(times):
            started = time.process_time()
            call()
            found.append(time.process_time() - started)
        return min(found)

    return measure
