"""Tallies to numbers, never without their uncertainty. Pure functions, standard library only.

The problem is the unit: samples of one problem share its difficulty, so they are one cluster, and
what is estimated is how a model does on *problems like these*. Ten samples of one problem do not
count as ten problems.

- One model: Wilson's interval, with as many trials as the spread between problems is worth. With
  one sample a problem that is Wilson's own; where every problem came out alike (0 % or 100 %) each
  problem counts as one trial, so the interval never shrinks to a point.
- Two models: paired by problem, cluster-robust, with two pseudo-problems that went one way each
  (Bonett and Price's adjustment, for k samples and clusters), and Student's t.
- Many models: a rank interval; model by model, Holm over its comparisons.
"""

import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate in [0, 1] and the bounds of its two-sided interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """Candidate minus baseline over shared problems: the plain mean, the bounds of its two-sided
    interval, the two-sided p-value of no difference, on how many problems it went up or down, and
    the standard error."""

    value: float
    low: float
    high: float
    p_value: float
    problems: int
    up: int
    down: int
    error: float = 1.0


def pass_at_k(n: int, c: int, k: int) -> float:
    """The chance that at least one of k samples is accepted, unbiased, from c accepted of n.

    Raises ValueError unless 0 <= c <= n and 1 <= k <= n.
    """
    if not (0 <= c <= n and 1 <= k <= n):
        raise ValueError(f"pass@{k} cannot be told from {c} of {n} samples")
    return 1.0 - math.comb(n - c, k) / math.comb(n, k)


_ways = lru_cache(1 << 14)(math.comb)
"""Of hundreds these are long numbers, and the problems and models of a board share most of them."""


def mean_pass_at_k(tallies: Sequence[tuple[int, int]], k: int) -> float | None:
    """The mean of pass@k over problems, or None where some problem has fewer than k samples."""
    if not tallies or min(n for n, _ in tallies) < k:
        return None
    ways = {each: _ways(each, k) for each in {n for n, _ in tallies} | {n - c for n, c in tallies}}
    return math.fsum(1.0 - ways[n - c] / ways[n] for n, c in tallies) / len(tallies)


def pass_at_1(tallies: Sequence[tuple[int, int]], confidence: float = 0.95) -> Interval:
    """The mean share of accepted samples over problems, given as (n drawn, c accepted) each.

    A problem without samples counts as 0: leave it out where it should not. No problems at all
    say nothing: 0 within [0, 1].
    """
    if not tallies:
        return Interval(0.0, 0.0, 1.0)
    shares = [c / n if n else 0.0 for n, c in tallies]
    problems = len(shares)
    mean = math.fsum(shares) / problems
    variance = math.fsum((share - mean) ** 2 for share in shares) / problems**2
    trials = float(problems)
    if 0.0 < mean < 1.0:
        drawn = sum(max(n, 1) for n, _ in tallies)
        worth = mean * (1.0 - mean) / variance if variance > 0.0 else math.inf
        trials = min(max(worth, trials), float(drawn))
    return wilson(mean, trials, confidence)


def wilson(share: float, trials: float, confidence: float = 0.95) -> Interval:
    """Wilson's score interval for a share of (not necessarily whole) trials."""
    z2 = NormalDist().inv_cdf((1.0 + confidence) / 2.0) ** 2
    middle = (share + z2 / (2.0 * trials)) / (1.0 + z2 / trials)
    half = math.sqrt(z2 * (share * (1.0 - share) / trials + z2 / (4.0 * trials**2)))
    half /= 1.0 + z2 / trials
    # The exact bounds hold the share; the clamps only undo rounding at 0 and 1.
    return Interval(share, min(max(middle - half, 0.0), share), max(min(middle + half, 1.0), share))


def difference(
    baseline: Mapping[str, float],
    candidate: Mapping[str, float],
    *,
    confidence: float = 0.95,
    clusters: Mapping[str, str] | None = None,
) -> Difference:
    """Compare two models on the problems both have; values are shares of accepted samples.

    `clusters` names the family of problems that are not independent of each other. Without a
    shared problem nothing is known: 0 within [-1, 1], p-value 1.
    """
    shared = sorted(baseline.keys() & candidate.keys())
    if not shared:
        return Difference(0.0, -1.0, 1.0, 1.0, 0, 0, 0)
    steps = {slug: candidate[slug] - baseline[slug] for slug in shared}
    groups: dict[str, list[float]] = {}
    for slug, step in steps.items():
        groups.setdefault(clusters[slug] if clusters else slug, []).append(step)
    sums = [math.fsum(group) for group in groups.values()]
    middle, error = _middle(sums, [len(group) for group in groups.values()], len(shared))
    degrees = len(groups) + 1
    reach = t_quantile((1.0 + confidence) / 2.0, degrees) * error
    return Difference(
        value=math.fsum(steps.values()) / len(shared),
        low=max(middle - reach, -1.0),
        high=min(middle + reach, 1.0),
        p_value=t_tails(middle / error, degrees),
        problems=len(shared),
        up=sum(step > 0 for step in steps.values()),
        down=sum(step < 0 for step in steps.values()),
        error=error,
    )


def sign_test(up: int, down: int) -> float:
    """The exact two-sided p-value of so many ups and downs if both were equally likely; with one
    sample a problem this is McNemar's test."""
    number = up + down
    whole = math.lgamma(number + 1) - number * math.log(2.0)
    ways = (
        math.exp(whole - math.lgamma(each + 1) - math.lgamma(number - each + 1))
        for each in range(min(up, down) + 1)
    )
    return min(1.0, 2.0 * math.fsum(ways))


def detectable(found: Difference, power: float = 0.8, confidence: float = 0.95) -> float | None:
    """The smallest difference that as many problems, differing as these do, would show with this
    power; None where there was no problem."""
    if not found.problems:
        return None
    z = NormalDist().inv_cdf
    return min(1.0, (z((1.0 + confidence) / 2.0) + z(power)) * found.error)


def _middle(sums: Sequence[float], sizes: Sequence[int], problems: int) -> tuple[float, float]:
    """The mean step and its standard error, two pseudo-problems included, from each cluster's sum
    of steps and number of problems."""
    count, size = problems + 2, len(sums) + 2
    middle = math.fsum(sums) / count  # the two cancel here
    apart = [
        step - number * middle for step, number in zip([*sums, 1, -1], [*sizes, 1, 1], strict=True)
    ]
    squares = math.fsum(map(operator.mul, apart, apart))
    return middle, math.sqrt(size / (size - 1) * squares) / count


def ranks(shares: Sequence[Mapping[str, float]], confidence: float = 0.95) -> list[tuple[int, int]]:
    """Each model's best and worst rank: one after those shown to be better, and before those
    shown to be worse. `shares` holds each model's share of accepted samples by problem."""
    count = len(shares)
    compared = {
        (a, b): _compared(shares[a], shares[b]) for a in range(count) for b in range(a + 1, count)
    }
    found = []
    for model in range(count):
        others = [other for other in range(count) if other != model]
        pairs = [compared[min(model, other), max(model, other)] for other in others]
        shown = holm([p_value for _, p_value in pairs], 1.0 - confidence)
        better = worse = 0
        for other, (step, _), certain in zip(others, pairs, shown, strict=True):
            ahead = step > 0 if other > model else step < 0
            better += certain and ahead
            worse += certain and not ahead
        found.append((1 + better, count - worse))
    return found


def _compared(baseline: Mapping[str, float], candidate: Mapping[str, float]) -> tuple[float, float]:
    """The mean step and the p-value that `difference` gives without clusters. Boards need no more,
    for every two models, and mostly of the same problems in the same order."""
    if list(baseline) == list(candidate):
        steps = list(map(operator.sub, candidate.values(), baseline.values()))
    else:
        steps = [candidate[slug] - baseline[slug] for slug in baseline.keys() & candidate.keys()]
    if not steps:
        return 0.0, 1.0
    middle, error = _middle(steps, [1] * len(steps), len(steps))
    return math.fsum(steps) / len(steps), t_tails(middle / error, len(steps) + 1)


def holm(p_values: Sequence[float], alpha: float) -> list[bool]:
    """Which of several hypotheses fall, with at most `alpha` chance of one falling wrongly."""
    fallen = [False] * len(p_values)
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    for step, index in enumerate(order):
        if p_values[index] > alpha / (len(p_values) - step):
            break
        fallen[index] = True
    return fallen


def t_tails(t: float, degrees: int) -> float:
    """P(|T| >= |t|) for Student's t with a whole number of degrees of freedom, 1 or more."""
    angle = math.atan(abs(t) / math.sqrt(degrees))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = degrees % 2 == 1
    term = cosine if odd else 1.0
    total = 0.0 if degrees == 1 else term
    for power in range(3 if odd else 2, degrees - 1, 2):
        term *= cosine * cosine * (power - 1) / power
        total += term
    inside = (angle + sine * total) * 2.0 / math.pi if odd else sine * total
    return min(max(1.0 - inside, 0.0), 1.0)


@lru_cache(4096)
def t_quantile(p: float, degrees: int) -> float:
    """The value that Student's t stays below with chance p, for 0.5 <= p < 1."""
    tails, low, high = 2.0 * (1.0 - p), 0.0, 1.0
    while t_tails(high, degrees) > tails:
        low, high = high, 2.0 * high
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if t_tails(middle, degrees) > tails else (low, middle)
    return (low + high) / 2.0
