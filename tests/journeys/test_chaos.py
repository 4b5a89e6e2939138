"""Something is killed every two seconds, and nothing is lost, doubled or left lying.

On Redis and PostgreSQL with three workers, and on the embedded service. Each draw that was bought
again was in flight when its process was killed; verdicts are those of an undisturbed run.
JUDGE_CHAOS_SEEDS names the seeds; `make chaos` runs five.
"""

import os
import random
import re
import shutil
import signal
import time
from contextlib import contextmanager, suppress
from hashlib import sha256

import httpx2
import pytest

from judge import batches
from judge.models import open_model
from judge.models.base import ModelSpec, Sampling
from judge.store import models, problem_sets
from judge.store.database import Database
from problems.problem import Example, Function, Limits, Parameter, Problem, ProblemSet, Slug
from problems.values import Wire
from tests import services
from tests.conftest import served
from tests.journeys import provider as providers
from tests.journeys.fleet import Fleet, adopt_orphans, below

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(400), pytest.mark.usefixtures("sandbox")]
SEEDS = [int(seed) for seed in os.environ.get("JUDGE_CHAOS_SEEDS", "1").split(",")]
PROBLEMS, DRAWS = 30, 10
EVERY_SECONDS = 2.0
LEASE_SECONDS = "3"
MODEL_SECONDS = 1.0
END_SECONDS = 240
ASKERS = ("worker", "child", "service")
"""Who may have a request in flight: only their death excuses a second purchase."""


@pytest.fixture(scope="module")
def problem_set():
    def problem(n):
        return Problem(
            Slug(f"add-{n}"),
            f"Add {n} to x.",
            Function("add", (Parameter("x", "int"),), "int"),
            tuple(Example(Wire(f"[{x}]"), (Wire(str(x + n)),)) for x in (1, 5)),
            limits=Limits(cpu_seconds=0.2),
        )

    return ProblemSet("chaos", tuple(problem(n) for n in range(PROBLEMS)))


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


@pytest.fixture(scope="module")
def undisturbed(problem_set, sandbox, tmp_path_factory):
    """The verdicts of every draw, judged in one quiet process."""
    folder = tmp_path_factory.mktemp("quiet")
    with providers.running(answer) as provider:
        database, spec = prepared(f"sqlite:///{folder / 'judge.db'}", problem_set, provider)
        batch = batches.open_batch(database, REQUEST)
        backend = open_model(spec)
        batches.run_batch(database, lambda _: (spec, backend), sandbox, batch.id)
        found = verdicts(database, batch.id)
        backend.close()
        database.close()
    assert set(found.values()) == {"AC", "WA", "RE", "TLE", "CE"}
    return found


class Stage:
    """A service under attack: its processes, servers and database."""

    def __init__(self, fleet, database, address, redis, kinds):
        self.fleet, self.database, self.address = fleet, database, address
        self.redis, self.kinds = redis, kinds

    def strike(self, kind, chance):
        """Kill one of that kind; False where there is none just now."""
        fleet = self.fleet
        workers = [name for name in fleet.commands if name != "upkeep"]
        workers = [name for name in workers if name.startswith("worker")] or workers
        if kind == "redis":
            self.redis.kill()
            time.sleep(chance.uniform(0.0, 1.0))
            self.redis.start()
        elif kind in ("child", "sandbox"):
            pids = fleet.children(chance.choice(workers), sandbox=kind == "sandbox")
            if not pids:
                return False
            with suppress(ProcessLookupError):
                os.kill(chance.choice(pids), signal.SIGKILL)
        elif kind == "worker":
            fleet.kill(chance.choice(workers))
        else:
            fleet.kill(kind)
        return True


def environment(home, **more):
    """Of a service with everything in `home`, its temporary files too."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JUDGE_")}
    temporary = home / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    return kept | {
        "JUDGE_HOME": str(home),
        "JUDGE_LEASE_SECONDS": LEASE_SECONDS,
        "JUDGE_SANDBOX_WORKERS": "1",
        "TMPDIR": str(temporary),
        **more,
    }


@contextmanager
def production(folder, postgres_url, provider, problem_set):
    with served(services.Redis) as redis:
        port = services.free_port()
        variables = environment(folder, JUDGE_DATABASE_URL=postgres_url, JUDGE_BROKER_URL=redis.url)
        workers = {f"worker-{n}": ("worker", "--concurrency", "2") for n in (1, 2, 3)}
        commands = {"service": ("up", "--port", str(port)), **workers}
        database, _ = prepared(postgres_url, problem_set, provider)
        kinds = ("worker", "child", "service", "redis", "sandbox")
        address = f"http://127.0.0.1:{port}"
        yield Stage(Fleet(folder, variables, commands), database, address, redis, kinds)
        database.close()


@contextmanager
def embedded(folder, _, provider, problem_set):
    port = services.free_port()
    variables = environment(folder)
    database, _ = prepared(f"sqlite:///{folder / 'judge.db'}", problem_set, provider)
    fleet = Fleet(folder, variables, {"service": ("up", "--port", str(port))})
    yield Stage(
        fleet, database, f"http://127.0.0.1:{port}", None, ("service", "sandbox", "sandbox")
    )
    database.close()


@pytest.fixture
def folder(tmp_path):
    made = services.folder_for("chaos")
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("staged", [production, embedded])
def test_whatever_is_killed_every_sample_ends_once(
    staged, seed, folder, problem_set, undisturbed, request
):
    url = request.getfixturevalue("postgres_url") if staged is production else ""
    adopt_orphans()
    before = set(below(os.getpid()))
    chance = random.Random(seed)
    with (
        providers.running(answer, MODEL_SECONDS) as provider,
        staged(folder, url, provider, problem_set) as stage,
    ):
        try:
            kills, excused = attack(stage, provider, chance)
            stage.fleet.stop()
        except BaseException:
            print(stage.fleet.logs())
            raise
        finally:
            stage.fleet.end()
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
    left = {pid: line for pid, line in below(os.getpid()).items() if pid not in before}
    assert left == {}
    # Celery's pool of processes makes a folder that nobody removes after a SIGKILL; it is empty.
    assert [path for path in (folder / "tmp").rglob("*") if not path.match("tmp/pymp-*")] == []


def attack(stage, provider, chance):
    """Open the batch, kill until it has ended; the kills by kind, and how often each draw was in
    flight when somebody who asks was killed."""
    from collections import Counter

    stage.fleet.tend()
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
        if stage.strike(kind, chance):
            kills.setdefault(kind, []).append(at)
            if kind in ASKERS:
                kept = set(verdicts(stage.database, batch))
                with provider.lock:
                    excused.update(set(provider.begun) - kept)
        next_kill = time.monotonic() + EVERY_SECONDS
    return kills, excused


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
