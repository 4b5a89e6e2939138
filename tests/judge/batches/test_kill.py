"""Kill -9 at random moments, start again: nothing lost, nothing bought twice."""

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from judge import batches
from judge.store import tallies

KILLS, THREADS, SAMPLES = 5, 3, 6


@pytest.mark.sandbox
@pytest.mark.usefixtures("sandbox")
def test_a_killed_process_loses_nothing_and_buys_nothing_twice(
    database, record, opened, small_set, tmp_path
):
    record(samples=SAMPLES)
    batch = opened(samples=SAMPLES, model="solver")
    log = tmp_path / "drawn"
    command = [
        sys.executable,
        str(Path(__file__).with_name("drive.py")),
        database.shown_url,
        str(log),
        "0.1",
    ]
    chance, kills = random.Random(7), 0
    while kills < KILLS:
        with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
            drawn = log.read_bytes() if log.exists() else b""
            while process.poll() is None and drawn == (log.read_bytes() if log.exists() else b""):
                time.sleep(0.01)  # the next run has begun to draw
            time.sleep(chance.uniform(0.0, 0.4))
            process.kill()
            process.wait()
            assert b"Traceback" not in process.stderr.read()
        kills += 1
        if not batches.read_batch(database, batch.id).open:
            break
    assert kills > 2
    done = subprocess.run(command, check=False, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()

    status = batches.read_batch(database, batch.id)
    wanted = 8 * SAMPLES
    assert (status.state, status.samples, status.errors) == ("finished", wanted, ())
    assert (status.judged, status.accepted) == (wanted, wanted)
    kept = batches.list_samples(database, batch.id, limit=200)
    assert len({(each.slug, each.index) for each in kept}) == wanted
    draws = Counter(log.read_text().splitlines())
    assert len(draws) == wanted
    assert draws.total() - wanted <= kills * THREADS  # those in flight at a kill
    with database.transaction() as tx:
        before = tallies.read(tx, small_set.digest)
        tallies.rebuild(tx)
        assert tallies.read(tx, small_set.digest) == before
