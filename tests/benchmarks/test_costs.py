"""What one job costs against the number of its examples, the size of its answers, and the workers.

Prints Markdown tables with the constants of a straight line (least squares), and asserts that the
costs are linear: what the last step of a ladder adds per unit is within a factor of what a step in
its middle adds. Ratios only, never times. What is compared is CPU time, the solution's and the
host's, since it minds a busy machine least; wall time stands beside it. Each rung is the least of
several runs, taken in turns.
"""

import threading
import time
from statistics import median

import pytest

from judge.sandbox.base import Ending, Job
from problems.problem import Function, Limits
from problems.values import decode, encode
from tests.benchmarks.contenders import ROUNDS

pytestmark = [pytest.mark.benchmark, pytest.mark.sandbox, pytest.mark.timeout(1200)]
LIMITS = Limits(cpu_seconds=30.0, memory_mb=1024, output_bytes=(16 << 20) + (1 << 10))
EXAMPLES = (1, 10, 100, 1_000)
SIZES = (1 << 10, 10 << 10, 100 << 10, 1 << 20, 4 << 20, 16 << 20)
ANSWERS = {
    "str": "def f(size):\n    return 'a' * (size - 2)\n",
    "list[int]": "def f(size):\n    return [1_234_567] * (size // 8)\n",
}
LINEAR = 3.0
"""How much dearer per unit the end of a ladder may be than its middle. A step beyond a cache or a
buffer costs something once; what grows with the square costs ten times as much a rung."""


def job_of(source, inputs):
    return Job(source, Function("f"), tuple(encode([each]) for each in inputs), LIMITS)


def spent(sandbox, job):
    """CPU seconds, the solution's and this process's, and wall seconds until the answers are values
    on the host."""
    started, worked = time.perf_counter(), time.process_time()
    report = sandbox.run(job)
    for run in report.runs:
        assert run.ending is Ending.RETURNED, run
        decode(run.value)
    cpu = time.process_time() - worked + report.usage.cpu_seconds
    return cpu, time.perf_counter() - started


def ladder(sandbox, rungs):
    """The CPU seconds of each rung: the least of several runs in turns. Prints its table."""
    found = {rung: [] for rung in rungs}
    for job in rungs.values():
        spent(sandbox, job)
    for _ in range(max(ROUNDS, 3)):
        for rung, job in rungs.items():
            found[rung] += [spent(sandbox, job) for _ in range(3)]
    print("| | CPU ms | wall ms |\n|--:|--:|--:|")
    for rung, each in found.items():
        cpu, wall = (min(times) * 1e3 for times in zip(*each, strict=True))
        print(f"| {rung:,} | {cpu:.2f} | {wall:.2f} |")
    return {rung: min(cpu for cpu, _ in each) for rung, each in found.items()}


def marginal(seconds, low, high):
    """Seconds a unit between two rungs."""
    return max(seconds[high] - seconds[low], 1e-9) / (high - low)


def line(seconds):
    """What is paid once, and per unit: least squares of the relative error, so that the smallest
    rung counts as much as the largest."""
    weights = [1 / value**2 for value in seconds.values()]
    total = sum(weights)
    middle = sum(w * x for w, x in zip(weights, seconds, strict=True)) / total
    height = sum(w * y for w, y in zip(weights, seconds.values(), strict=True)) / total
    points = [
        (w, x - middle, y - height) for w, (x, y) in zip(weights, seconds.items(), strict=True)
    ]
    slope = sum(w * x * y for w, x, y in points) / sum(w * x * x for w, x, _ in points)
    return height - slope * middle, slope


@pytest.mark.parametrize("name", ["namespaces", "docker"])
def test_cost_is_linear_in_the_number_of_examples(name, backends):
    if name not in backends:
        pytest.skip(f"{name}: not on this machine")
    source = "def f(n):\n    return n + 1\n"
    rungs = {count: job_of(source, range(count)) for count in EXAMPLES}
    print(f"\n\n{name}: examples of one job, one process\n")
    seconds = ladder(backends[name](1), rungs)
    once, each = line(seconds)
    print(f"\n{once * 1e3:.2f} ms a job and {each * 1e6:.1f} µs an example")
    assert marginal(seconds, 100, 1_000) <= LINEAR * marginal(seconds, 1, 100), seconds


@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize("name", ["namespaces", "docker"])
def test_cost_is_linear_in_the_size_of_an_answer(name, kind, backends):
    if name not in backends:
        pytest.skip(f"{name}: not on this machine")
    sizes = [size for size in SIZES if kind == "str" or size < 8_000_000]  # a million items at most
    print(f"\n\n{name}: bytes of an answer, {kind}, decoded on the host\n")
    seconds = ladder(backends[name](1), {size: job_of(ANSWERS[kind], [size]) for size in sizes})
    once, each = line(seconds)
    print(f"\n{once * 1e3:.2f} ms a job and {each * 1e3 * (1 << 20):.1f} ms a MiB")
    *_, low, middle, high = sizes
    assert marginal(seconds, middle, high) <= LINEAR * marginal(seconds, low, middle), seconds


@pytest.mark.parametrize("name", ["namespaces", "docker"])
def test_workers_share_the_cores_and_more_of_them_cost_nothing(name, backends):
    if name not in backends:
        pytest.skip(f"{name}: not on this machine")
    job = job_of("def f(n):\n    return sorted(range(n, 0, -1))[:3]\n", [2_000] * 10)
    rates = {workers: [] for workers in (1, 2, 4)}
    for number in range(max(ROUNDS, 3)):
        for workers in list(rates)[number % 3 :] + list(rates)[: number % 3]:
            rates[workers].append(rate(backends[name](workers), job, 600))
    middles = {workers: median(each) for workers, each in rates.items()}
    print(f"\n\n{name}: workers\n\n| workers | jobs/s | times one worker |\n|--:|--:|--:|")
    for workers, middle in middles.items():
        print(f"| {workers} | {middle:,.0f} | {middle / middles[1]:.2f} |")
    assert middles[2] >= 1.4 * middles[1], middles  # with a second core to itself
    assert middles[4] >= 0.8 * middles[2], middles


def rate(sandbox, job, count):
    """Jobs a second, by as many threads as keep it busy."""
    left = iter(range(count))

    def work():
        for _ in left:
            spent(sandbox, job)

    for _ in range(sandbox.callers):
        sandbox.run(job)
    threads = [threading.Thread(target=work) for _ in range(sandbox.callers)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return count / (time.perf_counter() - started)


def test_a_ladder_that_grows_with_the_square_is_seen():
    seconds = {count: 1e-3 + 1e-6 * count**2 for count in EXAMPLES}
    assert marginal(seconds, 100, 1_000) > LINEAR * marginal(seconds, 1, 100)
    assert line({1: 3.0, 2: 5.0, 3: 7.0}) == pytest.approx((1.0, 2.0))
