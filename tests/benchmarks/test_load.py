"""Batches of recorded answers through the whole service, beside the same jobs in a bare sandbox.

Everything is real: batches come over HTTP to a service on PostgreSQL and Redis, one worker draws the
recorded answers, and then 1, 2 and 4 worker processes of one slot each judge a share of what waits,
with every other row still open. In turns with them one process judges the same samples through a
sandbox of as many slots and nothing else. The judgement cache is off. Sizes: JUDGE_BENCH_LOAD batches
of 1,000 samples (100), JUDGE_BENCH_SHARE samples judged in each turn (a twentieth of all), JUDGE_BENCH_TURNS (3).
"""

import json
import os
import statistics
import threading
import time
from contextlib import closing

import httpx2
import pytest
from sqlalchemy import create_engine, text

from judge.models.answers import read_answers
from judge.models.base import ModelSpec
from judge.sandbox import open_sandbox
from judge.store import models, problem_sets
from judge.store.database import Database
from judge.verdicts.judging import judge
from judge.verdicts.timing import Timing, host_speed
from problems.importers import read_any
from problems.problem import slug_of
from tests import services
from tests.journeys.fleet import Fleet

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.data,
    pytest.mark.sandbox,
    pytest.mark.timeout(6000),
]
LOAD = int(os.environ.get("JUDGE_BENCH_LOAD", "100"))
SHARE = int(os.environ.get("JUDGE_BENCH_SHARE", str(50 * LOAD)))
TURNS = int(os.environ.get("JUDGE_BENCH_TURNS", "3"))
WORKERS = (1, 2, 4)
PROBLEMS, DRAWS = 125, 8
RECORDED = ("gpt-3.5-turbo-0613.jsonl.gz", "starcoder.jsonl.gz")
COSTS = 0.25
"""The share of the bare sandbox's pace that the service may take."""


@pytest.fixture
def problem_set(data):
    return read_any(data / "humaneval/HumanEval.jsonl.gz")


@pytest.fixture
def answers(data, problem_set, tmp_path):
    """A file with eight answers to each problem: what models wrote, and the canonical one."""
    written = {}
    for name in RECORDED:
        for answer in read_answers(data / "answers/ldb-humaneval" / name):
            written.setdefault(slug_of(answer.task), []).append(answer.text)
    path = tmp_path / "answers.jsonl"
    with path.open("w") as lines:
        for problem in problem_set.problems[:PROBLEMS]:
            mixed = written.get(problem.slug, [])[:2] + [problem.reference] * DRAWS
            for each in mixed[:DRAWS]:
                lines.write(json.dumps({"task_id": problem.slug, "solution": each}) + "\n")
    return path


class Service:
    """The processes, and what the database says of their work."""

    def __init__(self, folder, url, broker_url):
        self.port = services.free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        kept = {name: each for name, each in os.environ.items() if not name.startswith("JUDGE_")}
        self.variables = kept | {
            "JUDGE_HOME": str(folder),
            "JUDGE_DATABASE_URL": url,
            "JUDGE_BROKER_URL": broker_url,
            "JUDGE_SANDBOX_WORKERS": "1",
            "JUDGE_CACHE": "off",
        }
        self.folder = folder
        self.engine = create_engine(url, isolation_level="AUTOCOMMIT")

    def running(self, **commands):
        return Fleet(self.folder, self.variables, commands).at_work()

    def count(self, state):
        with self.engine.connect() as connection:
            counted = text("SELECT count(*) FROM samples WHERE state = :state")
            return connection.scalar(counted, {"state": state})

    def reaches(self, state, number, fleet):
        """The time when so many samples are in that state."""
        deadline = time.monotonic() + 3000
        while self.count(state) < number:
            assert time.monotonic() < deadline, fleet.logs()
            time.sleep(0.1)
        return time.perf_counter()


def submitted(service):
    """Open the batches over HTTP; returns their ids and the seconds of each request."""
    body = {"models": ["recorded"], "problem_set": "humaneval", "samples": DRAWS}
    ids, times = [], []
    with httpx2.Client(base_url=service.address, timeout=60) as client:
        slugs = [each["slug"] for each in _listed(client)][:PROBLEMS]
        for number in range(LOAD):
            started = time.perf_counter()
            key = {"Idempotency-Key": f"load-{number}"}
            answer = client.post("/v1/batches", json=body | {"problems": slugs}, headers=key)
            times.append(time.perf_counter() - started)
            assert answer.status_code == 202, answer.text
            ids.append(answer.json()["id"])
    return ids, times


def _listed(client):
    found, path = [], "/v1/problem-sets/humaneval/problems?limit=200"
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    found += answer.json()["items"]
    return found


def by_service(service, workers, share):
    """Samples a second of so many worker processes, once they are all at work."""
    command = ("worker", "--queues", "judge", "--concurrency", "1")
    before = service.count("judged")
    with service.running(**{f"worker-{n}": command for n in range(workers)}) as fleet:
        service.reaches("judged", before + share // 5, fleet)
        begun, started = service.count("judged"), time.perf_counter()
        ended = service.reaches("judged", before + share, fleet)
        rate = (service.count("judged") - begun) / (ended - started)
        fleet.end()  # asked politely they would finish their claims, and the samples run out
        return rate


def by_sandbox(service, workers, share, posed, timing):
    """Samples a second of a sandbox with so many slots, on samples of the same batches."""
    with service.engine.connect() as connection:
        jobs = connection.execute(
            text("SELECT problem_digest, source FROM samples ORDER BY id LIMIT :share"),
            {"share": share + 8 * workers},
        ).all()
    sandbox = open_sandbox("namespaces", workers)
    left = iter(jobs)
    lock = threading.Lock()

    def work(most):
        for _ in range(most):
            with lock:
                job = next(left, None)
            if job is None:
                return
            judge(posed[job[0]], job[1], sandbox, timing=timing)

    def together(most):
        threads = [threading.Thread(target=work, args=(most,)) for _ in range(sandbox.callers)]
        started = time.perf_counter()
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        return time.perf_counter() - started

    together(max(1, 8 * workers // sandbox.callers))
    seconds = together(share)
    sandbox.close()
    return share / seconds


def test_the_service_costs_little_of_a_bare_sandbox(
    problem_set, answers, postgres_url, redis, tmp_path
):
    redis.client().flushall()
    database = Database(postgres_url)
    database.migrate()
    with database.transaction() as tx:
        problem_sets.keep(tx, problem_set)
        models.keep(tx, ModelSpec("recorded", "recorded", str(answers)))
    service = Service(tmp_path, postgres_url, redis.url)
    with service.running(service=("up", "--port", str(service.port))) as fleet:
        _up(service, fleet)
        ids, times = submitted(service)
        with service.running(asking=("worker", "--queues", "ask", "--concurrency", "1")) as asking:
            started = time.perf_counter()
            drawn = service.reaches("kept", LOAD * PROBLEMS * DRAWS, asking) - started
        with database.reading() as tx:
            digests = {each.digest for each in problem_set.problems}
            posed = problem_sets.problems_by_digest(tx, digests)
            references = problem_sets.references(tx, digests)
        with closing(open_sandbox("namespaces", 1)) as sandbox:
            timing = Timing(host_speed(sandbox, tmp_path), references)
        found = {workers: [] for workers in WORKERS}
        polls = []
        with httpx2.Client(base_url=service.address, timeout=60) as client:
            for _ in range(TURNS):
                for workers in WORKERS:
                    bare = by_sandbox(service, workers, SHARE // 2, posed, timing)
                    served = by_service(service, workers, SHARE)
                    started = time.perf_counter()
                    assert client.get(f"/v1/batches/{ids[0]}").status_code == 200
                    polls.append(time.perf_counter() - started)
                    found[workers].append((bare, served))
    database.close()
    service.engine.dispose()
    print(f"\n\n{LOAD} batches opened over HTTP, {1000 * statistics.median(times):.0f} ms each;")
    print(f"{LOAD * PROBLEMS * DRAWS / drawn:,.0f} recorded answers a second drawn and kept;")
    print(f"progress of one batch over HTTP {1000 * statistics.median(polls):.1f} ms\n")
    print("| workers | bare sandbox, samples/s | service, samples/s | the service costs | turns |")
    print("|--:|--:|--:|--:|:--|")
    costs = {}
    for workers, pairs in found.items():
        bare, served = (statistics.median(column) for column in zip(*pairs, strict=True))
        costs[workers] = statistics.median(1 - served / bare for bare, served in pairs)
        turns = ", ".join(f"{1 - served / bare:.0%}" for bare, served in pairs)
        print(f"| {workers} | {bare:,.0f} | {served:,.0f} | {costs[workers]:.0%} | {turns} |")
    assert all(each < COSTS for each in costs.values()), costs


def _up(service, fleet):
    deadline = time.monotonic() + 60
    while True:
        try:
            answer = httpx2.get(f"{service.address}/healthz")
        except httpx2.TransportError:
            assert time.monotonic() < deadline, fleet.logs()
            time.sleep(0.1)
            continue
        assert answer.status_code == 200
        return
