"""Something is killed every two seconds, and nothing is lost, doubled or left lying.

On Redis and PostgreSQL with three workers, and on the embedded service. Each draw that was bought
again was in flight when its process was killed; verdicts are those of an undisturbed run.
JUDGE_CHAOS_SEEDS names the seeds; `make chaos` runs five.
"""

import os
import random
import time
from collections import Counter

import pytest

from judge import batches
from tests.journeys import provider as providers
from tests.journeys.chaos import DRAWS, PROBLEMS, answer, embedded, opened, production, verdicts
from tests.journeys.fleet import adopted_orphans, below

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(600), pytest.mark.usefixtures("sandbox")]
SEEDS = [int(seed) for seed in os.environ.get("JUDGE_CHAOS_SEEDS", "1").split(",")]
EVERY_SECONDS = 2.0
MODEL_SECONDS = 2.0
END_SECONDS = 420


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("staged", [production, embedded])
def test_whatever_is_killed_every_sample_ends_once(
    staged, seed, folder, problem_set, undisturbed, request
):
    url = request.getfixturevalue("postgres_url") if staged is production else ""
    chance = random.Random(seed)
    with adopted_orphans() as before:
        survive(staged, seed, chance, folder, url, problem_set, undisturbed)
        left = {pid: line for pid, line in below(os.getpid()).items() if pid not in before}
        assert left == {}
    # Celery's pool of processes makes a folder that nobody removes after a SIGKILL; it is empty.
    assert [path for path in (folder / "tmp").rglob("*") if not path.match("tmp/pymp-*")] == []


def survive(staged, seed, chance, folder, url, problem_set, undisturbed):
    """Kill until the batch has ended; then everything is as if nobody had."""
    with (
        providers.running(answer, MODEL_SECONDS) as provider,
        staged(folder, url, provider, problem_set) as stage,
    ):
        with stage.fleet.at_work():
            kills, excused = attack(stage, provider, chance)
        batch = batches.list_batches(stage.database)[0]
        print(f"\n{staged.__name__}, seed {seed}: {kills}; {provider.billed.total()} bought")
        assert (batch.state, batch.errors) == ("finished", ())
        assert (batch.samples, batch.judged) == (PROBLEMS * DRAWS, PROBLEMS * DRAWS)
        assert verdicts(stage.database, batch.id) == undisturbed
        assert (batch.tokens_in, batch.tokens_out) == (
            batch.samples * providers.PROMPT_TOKENS,
            batch.samples * providers.COMPLETION_TOKENS,
        )
        unexcused = {
            draw: times for draw, times in provider.begun.items() if times > 1 + excused[draw]
        }
        assert unexcused == {}
        assert sum(map(len, kills.values())) >= 5


def attack(stage, provider, chance):
    """Open the batch, kill until it has ended; the kills by kind, and how often each draw was in
    flight when the process that asks was killed: only that excuses a second purchase."""
    batch = opened(stage.address)
    kills, excused = {}, Counter()
    order, next_kill = [], time.monotonic() + EVERY_SECONDS
    deadline = time.monotonic() + END_SECONDS
    while batches.read_batch(stage.database, batch).open:
        assert time.monotonic() < deadline, "the batch did not end"
        time.sleep(0.1)
        stage.fleet.tend()
        if time.monotonic() < next_kill:
            continue
        order = order or chance.sample(stage.kinds, len(stage.kinds))
        kind = order.pop()
        at = round(END_SECONDS - (deadline - time.monotonic()), 1)
        if victim := stage.strike(kind, chance):
            kills.setdefault(victim, []).append(at)
            if victim == stage.asker:
                kept = set(verdicts(stage.database, batch))
                with provider.lock:
                    excused.update(set(provider.begun) - kept)
        next_kill = time.monotonic() + EVERY_SECONDS
    return kills, excused
