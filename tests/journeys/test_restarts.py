"""Servers that are killed in mid batch and come back: everything goes on, nothing is bought twice."""

import time

import pytest

from judge import batches
from judge.errors import DatabaseAway
from tests import services
from tests.conftest import served
from tests.journeys import provider as providers
from tests.journeys.chaos import DRAWS, PROBLEMS, answer, opened, production, verdicts

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300), pytest.mark.usefixtures("sandbox")]
AWAY_SECONDS = 3.0


def test_servers_that_are_killed_and_come_back_cost_no_completion(folder, problem_set, undisturbed):
    with (
        served(services.Postgres) as postgres,
        providers.running(answer, 0.5) as provider,
        production(folder, postgres.database("judge"), provider, problem_set) as stage,
    ):
        left = {40: postgres, 120: stage.redis, 200: postgres}
        with stage.fleet.at_work():
            batch = opened(stage.address)
            until = time.monotonic() + 200
            while (status := read(stage.database, batch)).open:
                assert time.monotonic() < until, status
                if left and status.samples >= min(left):
                    server = left.pop(min(left))
                    server.kill()
                    time.sleep(AWAY_SECONDS)
                    server.start()
                time.sleep(0.1)
        assert left == {}
        assert (status.state, status.errors) == ("finished", ())
        assert (status.samples, status.judged) == (PROBLEMS * DRAWS, PROBLEMS * DRAWS)
        assert verdicts(stage.database, batch) == undisturbed
        assert set(provider.begun.values()) == {1}


def read(database, batch):
    """The batch, once the database answers."""
    while True:
        try:
            return batches.read_batch(database, batch)
        except DatabaseAway:
            time.sleep(0.1)
