"""A service to be disturbed: its processes and servers, a model that answers by chance, one batch."""

import os
import re
import signal
import time
from contextlib import contextmanager, suppress
from hashlib import sha256

import httpx2

from judge import batches
from judge.models.base import ModelSpec, Sampling
from judge.store import models, problem_sets
from judge.store.database import Database
from tests import services
from tests.conftest import served
from tests.journeys.fleet import Fleet

PROBLEMS, DRAWS = 30, 10
LEASE_SECONDS = "3"


def answer(prompt, seed):
    """One of several endings, by chance that hangs on the draw alone."""
    n = int(re.search(r"Add (\d+) to x", prompt)[1])
    chance = int(sha256(f"{n} {seed}".encode()).hexdigest(), 16) % 100
    body = f"return x + {n}"
    if chance < 15:
        body = f"return x + {n + 1}"
    elif chance < 20:
        body = "raise ValueError(x)"
    elif chance < 22:
        body = "while True: pass"
    elif chance < 25:
        return f"add-{n}", "I do not know."
    return f"add-{n}", f"```python\ndef add(x):\n    # draw {seed}\n    {body}\n```"


def prepared(url, problem_set, provider):
    """A database with the set and the model."""
    database = Database(url)
    database.migrate()
    spec = ModelSpec("chaotic", "openai_chat", "chaotic-1", provider.url)
    with database.transaction() as tx:
        problem_sets.keep(tx, problem_set)
        models.keep(tx, spec)
    return database, spec


REQUEST = batches.BatchRequest(("chaotic",), "chaos", DRAWS, Sampling(seed=0))


def verdicts(database, batch):
    found, after = {}, ""
    while page := batches.list_samples(database, batch, after, 100):
        found |= {(row.slug, row.index): row.verdict for row in page}
        after = page[-1].id
    return found


class Stage:
    """A service under attack: its processes, servers and database."""

    def __init__(self, fleet, database, address, redis, kinds, asker):
        self.fleet, self.database, self.address = fleet, database, address
        self.redis, self.kinds, self.asker = redis, kinds, asker

    def strike(self, kind, chance):
        """Kill one of that kind; the name of what was killed, empty where there is none just now."""
        fleet = self.fleet
        workers = [name for name in fleet.commands if name.startswith("worker")] or ["service"]
        if kind == "redis":
            self.redis.kill()
            time.sleep(chance.uniform(0.0, 1.0))
            self.redis.start()
        elif kind in ("child", "sandbox"):
            pids = [
                pid for name in workers for pid in fleet.children(name, sandbox=kind == "sandbox")
            ]
            if not pids:
                return ""
            with suppress(ProcessLookupError):
                os.kill(chance.choice(pids), signal.SIGKILL)
        else:
            kind = chance.choice(workers) if kind == "worker" else kind
            fleet.kill(kind)
        return kind


def environment(home, **more):
    """Of a service with everything in `home`, its temporary files too."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JUDGE_")}
    temporary = home / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    return kept | {
        "JUDGE_HOME": str(home),
        "JUDGE_LEASE_SECONDS": LEASE_SECONDS,
        "JUDGE_ASK_THREADS": "8",  # so that it takes long enough to be killed in many ways
        "JUDGE_POLL_SECONDS": "1",
        "JUDGE_UPKEEP_SECONDS": "1",
        "JUDGE_SANDBOX_WORKERS": "1",
        "TMPDIR": str(temporary),
        **more,
    }


@contextmanager
def production(folder, postgres_url, provider, problem_set):
    with served(services.Redis) as redis:
        port = services.free_port()
        variables = environment(folder, JUDGE_DATABASE_URL=postgres_url, JUDGE_BROKER_URL=redis.url)
        judging = ("worker", "--queues", "judge", "--concurrency", "1")
        commands = {
            "service": ("up", "--port", str(port)),
            "worker-ask": ("worker", "--queues", "ask"),
            "worker-judge-1": judging,
            "worker-judge-2": judging,
            "upkeep": ("upkeep",),
        }
        database, _ = prepared(postgres_url, problem_set, provider)
        kinds = ("worker", "child", "service", "redis", "sandbox", "upkeep")
        address = f"http://127.0.0.1:{port}"
        yield Stage(
            Fleet(folder, variables, commands), database, address, redis, kinds, "worker-ask"
        )
        database.close()


@contextmanager
def embedded(folder, _, provider, problem_set):
    port = services.free_port()
    variables = environment(folder)
    database, _ = prepared(f"sqlite:///{folder / 'judge.db'}", problem_set, provider)
    fleet = Fleet(folder, variables, {"service": ("up", "--port", str(port))})
    yield Stage(
        fleet,
        database,
        f"http://127.0.0.1:{port}",
        None,
        ("service", "sandbox", "sandbox", "sandbox"),
        "service",
    )
    database.close()


def opened(address):
    """The batch, asked for until the service is there; the same key opens it once."""
    body = {
        "models": ["chaotic"],
        "problem_set": "chaos",
        "samples": DRAWS,
        "sampling": {"seed": 0},
    }
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(httpx2.TransportError):
            answer = httpx2.post(
                f"{address}/v1/batches", json=body, headers={"Idempotency-Key": "chaos"}
            )
            assert answer.status_code == 202, answer.text
            return answer.json()["id"]
        time.sleep(0.2)
    raise AssertionError("the service did not come up")
