"""How a service on loopback bears a million samples: what a board costs beside `GET /healthz`.

The service is `judge up` in a process of its own; one client with one connection asks everything in
turns, and ratios are of medians. Nothing of a board is kept between requests, so every answer
without `If-None-Match` is made from the database. Sizes: JUDGE_BENCH_BATCHES, each of about 10,000
samples (`1,10,100`), and JUDGE_BENCH_ASKED requests of each kind.
"""

import http.client
import json
import os
import statistics
import time
from contextlib import closing, contextmanager

import pytest
from sqlalchemy import create_engine, text

from judge.store.database import Database
from tests import services
from tests.benchmarks import crowd
from tests.journeys.fleet import Fleet

pytestmark = [pytest.mark.benchmark, pytest.mark.sandbox, pytest.mark.timeout(1800)]
BATCHES = [int(each) for each in os.environ.get("JUDGE_BENCH_BATCHES", "1,10,100").split(",")]
ASKED = int(os.environ.get("JUDGE_BENCH_ASKED", "100"))
BOARD, PAGE, HEALTH = f"/v1/leaderboards/{crowd.NAME}", f"/leaderboards/{crowd.NAME}", "/healthz"
COLD, KNOWN = 20, 2
"""How many times as long as /healthz a board may take, and one that has not changed."""


class Client:
    """One connection that stays open."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def get(self, path, status=200, **headers):
        """Seconds, the body and the ETag."""
        started = time.perf_counter()
        self.connection.request("GET", path, headers=headers)
        answer = self.connection.getresponse()
        body = answer.read()
        seconds = time.perf_counter() - started
        assert answer.status == status, body[:500]
        return seconds, body, answer.headers["ETag"]


@contextmanager
def served(folder, database_url):
    """A client of a service that has just begun."""
    folder.mkdir()
    port = services.free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JUDGE_")}
    variables = {"JUDGE_HOME": str(folder), "JUDGE_DATABASE_URL": database_url}
    fleet = Fleet(folder, kept | variables, {"service": ("up", "--port", str(port))})
    with fleet.at_work():
        deadline = time.monotonic() + 60
        while True:
            try:
                client = Client(port)
                client.get(HEALTH)
                break
            except OSError:
                assert time.monotonic() < deadline, fleet.logs()
                time.sleep(0.1)
        with closing(client.connection):
            yield client


def measured(client):
    """By name, the median seconds of each kind of request, asked in turns."""
    first, _, tag = client.get(BOARD)
    kinds = {
        "healthz": lambda: client.get(HEALTH)[0],
        "board": lambda: client.get(BOARD)[0],
        "board, known": lambda: client.get(BOARD, 304, **{"If-None-Match": tag})[0],
        "page": lambda: client.get(PAGE)[0],
    }
    times = {name: [] for name in kinds}
    for _ in range(ASKED):
        for name, ask in kinds.items():
            times[name].append(ask())
    return {name: statistics.median(each) for name, each in times.items()} | {"first": first}


def settled(url):
    """What PostgreSQL does by itself a minute after so many rows have come."""
    if url.startswith("postgresql"):
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("VACUUM ANALYZE"))
        engine.dispose()


def test_a_board_over_a_million_samples_answers_beside_healthz(database_url, tmp_path):
    database = Database(database_url)
    database.migrate()
    crowd.found(database)
    rows, first = {}, 0
    for last in BATCHES:
        crowd.grow(database, first, last)
        settled(database_url)
        first = last
        with served(tmp_path / f"service-{last}", database_url) as client:
            found = measured(client)
            samples = sum(row["samples"] for row in json.loads(client.get(BOARD)[1])["rows"])
        rows[samples] = found
    database.close()
    print(f"\n\n{database_url.partition(':')[0]}, {ASKED} of each in turns, medians in ms\n")
    print(
        "| samples | healthz | board | page | board, known | first of a process "
        "| board / healthz | known / healthz |\n|--:|--:|--:|--:|--:|--:|--:|--:|"
    )
    for samples, found in rows.items():
        healthz = found["healthz"]
        columns = [found[name] for name in ("healthz", "board", "page", "board, known", "first")]
        shown = " | ".join(f"{1000 * seconds:.2f}" for seconds in columns)
        cold, known = found["board"] / healthz, found["board, known"] / healthz
        print(f"| {samples:,} | {shown} | {cold:.1f} | {known:.2f} |")
    for samples, found in rows.items():
        assert found["board"] < COLD * found["healthz"], samples
        assert found["board, known"] < KNOWN * found["healthz"], samples
