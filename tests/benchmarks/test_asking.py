"""How fast a batch is asked, beside a loop that asks one after the other and one that asks 64 at once.

The provider bears 24 requests at once and refuses more; it runs in a process of its own. The loops
use the SDK as one would, with its own retries, and only fetch texts; ours stores every completion in
a database as well. Prints answers a second as ratios to the sequential loop, and requests an answer.
"""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from judge import batches
from judge.store.database import Database
from tests.conftest import adders
from tests.journeys.test_moody import moody, opened, stats

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]
QUESTIONS, ALONE, BEARS, ROUNDS = 600, 20, 24, 3
SECONDS = 0.4
"""About how long an answer takes; models take longer still."""


def loop(threads, number):
    """Ask `number` questions by so many threads; answers a second and requests an answer."""
    with moody(limit=BEARS, seconds=SECONDS) as client:
        sdk = openai.OpenAI(api_key="x", base_url=f"{client.base_url}/v1", max_retries=100)

        def ask(n):
            said = [{"role": "user", "content": f"Add {n} to x."}]
            return sdk.chat.completions.create(model="m", messages=said).choices[0].message.content

        begun = time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            assert all(pool.map(ask, range(number)))
        return number / (time.perf_counter() - begun), stats(client)["asked"].total() / number


def ours(folder, turn):
    database = Database(f"sqlite:///{folder}/asking-{turn}.db")
    database.migrate()
    with moody(limit=BEARS, seconds=SECONDS) as client:
        backend, _, model = opened(database, client, adders(QUESTIONS, "many"), seconds=30.0)
        begun = time.perf_counter()
        deadline = begun + 300
        while (left := batches.list_batches(database)[0]).asked < QUESTIONS:
            assert time.perf_counter() < deadline, left
            batches.ask_questions(database, model, limit=64, threads=64, seconds=30.0)
        took = time.perf_counter() - begun
        backend.close()
        found = stats(client)
    database.close()
    flights = [flight for at, flight in found["seen"]][len(found["seen"]) // 2 :]
    return QUESTIONS / took, found["asked"].total() / QUESTIONS, statistics.mean(flights)


def test_a_batch_is_asked_about_as_fast_as_the_provider_bears(tmp_path):
    rows = {"one after the other": [], "64 at once": [], "judge": []}
    for turn in range(ROUNDS):
        rows["one after the other"].append(loop(1, ALONE))
        rows["64 at once"].append(loop(64, QUESTIONS))
        rows["judge"].append(ours(tmp_path, turn))
    base = statistics.median(rate for rate, *_ in rows["one after the other"])
    print("\n| | answers/s | to one after the other | requests an answer |\n|--|--:|--:|--:|")
    found = {}
    for name, each in rows.items():
        rate = statistics.median(one[0] for one in each)
        asked = statistics.median(one[1] for one in each)
        found[name] = rate
        print(f"| {name} | {rate:.1f} | {rate / base:.1f} | {asked:.2f} |")
    flight = statistics.median(one[2] for one in rows["judge"])
    print(f"in flight in the second half of ours: {flight:.1f} of {BEARS} that the provider bears")
    assert found["judge"] > 8 * base
    assert found["judge"] > 0.6 * found["64 at once"]
    assert 0.5 * BEARS <= flight <= 1.2 * BEARS
