"""Kill -9 at every stage of a deferred batch: resumed after a restart, nothing bought twice."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from judge import batches
from judge.models.base import ModelSpec, Sampling
from judge.store import models, problem_sets
from tests.judge.batches import batch_provider
from tests.judge.batches.test_deferring import solve

KILLS = 6
SAMPLES = 40  # of eight questions: enough that taking them in lasts some transactions


@pytest.mark.sandbox
@pytest.mark.usefixtures("sandbox")
def test_a_killed_process_resumes_its_job_and_buys_nothing_twice(database, small_set):
    with batch_provider.running(solve) as provider:
        provider.script = ["validating", "in_progress", "completed"]
        with database.transaction() as tx:
            problem_sets.keep(tx, small_set)
            models.keep(tx, ModelSpec("far", "openai_chat", "m", provider.url))
        request = batches.BatchRequest(
            ("far",), "small", SAMPLES, Sampling(0.5, seed=1), deferred=True
        )
        batch = batches.open_batch(database, request)
        command = [
            *(sys.executable, str(Path(__file__).with_name("drive_deferred.py"))),
            database.shown_url,
        ]
        chance, kills = random.Random(7), 0
        for _ in range(KILLS):
            until = provider.calls.total() + chance.choice((1, 1, 2))  # requests of this run
            with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
                while process.poll() is None and provider.calls.total() < until:
                    time.sleep(0.002)
                time.sleep(chance.uniform(0.0, 0.03))
                kills += process.poll() is None
                process.kill()
                process.wait()
                assert b"Traceback" not in process.stderr.read()
            if not batches.read_batch(database, batch.id).open:
                break
        assert kills >= 4
        done = subprocess.run(command, check=False, capture_output=True, timeout=120)
        assert done.returncode == 0, done.stderr.decode()
        status = batches.read_batch(database, batch.id)
        wanted = 8 * SAMPLES
        assert (status.state, status.samples, status.errors) == ("finished", wanted, ())
        assert (status.judged, status.accepted) == (wanted, wanted)
        kept = batches.list_samples(database, batch.id, limit=1000)
        assert len({(each.slug, each.index) for each in kept}) == wanted
        assert len(provider.jobs) == 1
        assert len(provider.billed) == provider.billed.total() == wanted
