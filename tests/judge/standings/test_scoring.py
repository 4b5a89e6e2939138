"""Scores against closed forms, by brute force where there is none."""

import math
from itertools import combinations
from statistics import NormalDist

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from judge.standings import scoring
from judge.standings.scoring import difference, holm, pass_at_1, pass_at_k, ranks, t_quantile

counts = st.integers(1, 12).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))
shares = st.dictionaries(st.sampled_from("abcdefghijkl"), st.sampled_from([0, 0.25, 0.5, 1]))
Z = NormalDist().inv_cdf(0.975)


@given(counts, st.integers(1, 12))
def test_pass_at_k_is_the_share_of_draws_with_a_success(pair, k):
    n, c = pair
    assume(k <= n)
    draws = list(combinations([True] * c + [False] * (n - c), k))
    assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, draws)) / len(draws))


@given(st.integers(1, 500), st.data())
def test_pass_at_1_is_the_share_and_pass_at_n_is_any(n, data):
    c = data.draw(st.integers(0, n))
    assert pass_at_k(n, c, 1) == pytest.approx(c / n)
    assert pass_at_k(n, c, n) == (c > 0)


@pytest.mark.parametrize(("n", "c", "k"), [(5, 6, 1), (5, -1, 1), (5, 1, 6), (5, 1, 0), (0, 0, 1)])
def test_pass_at_k_beyond_what_was_drawn_is_refused(n, c, k):
    with pytest.raises(ValueError, match="cannot be told"):
        pass_at_k(n, c, k)


def test_the_mean_of_pass_at_k_needs_enough_samples_of_every_problem():
    assert scoring.mean_pass_at_k([(4, 2), (2, 1)], 4) is None
    assert scoring.mean_pass_at_k([], 1) is None
    assert scoring.mean_pass_at_k([(4, 2), (2, 1)], 2) == pytest.approx((5 / 6 + 1) / 2)


@given(st.lists(st.integers(0, 1), min_size=1, max_size=300))
def test_one_sample_a_problem_gives_wilsons_interval(results):
    n, c = len(results), sum(results)
    found = pass_at_1([(1, each) for each in results])
    # Its bounds are the roots of (p - x)^2 = z^2 x (1 - x) / n.
    for bound in (found.low, found.high):
        assert (c / n - bound) ** 2 == pytest.approx(Z**2 * bound * (1 - bound) / n, abs=1e-9)
    assert found.value == pytest.approx(c / n)


@given(st.lists(counts, min_size=1, max_size=40))
def test_an_interval_holds_its_value_is_never_a_point_and_mirrors(tallies):
    found = pass_at_1(tallies)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.high - found.low > 0
    mirrored = pass_at_1([(n, n - c) for n, c in tallies])
    assert mirrored.low == pytest.approx(1 - found.high, abs=1e-9)
    assert mirrored.high == pytest.approx(1 - found.low, abs=1e-9)


@given(st.lists(st.integers(0, 1), min_size=1, max_size=40), st.integers(2, 50))
def test_the_same_answer_again_is_no_new_evidence(results, times):
    once = pass_at_1([(1, each) for each in results])
    often = pass_at_1([(times, times * each) for each in results])
    assert often.low == pytest.approx(once.low)
    assert often.high == pytest.approx(once.high)


def test_samples_that_vary_within_a_problem_do_count_but_not_as_problems():
    one = pass_at_1([(1, 1), (1, 0)] * 10)
    four = pass_at_1([(4, 3), (4, 1)] * 10)
    eighty = scoring.wilson(0.5, 80)
    assert eighty.high - eighty.low <= four.high - four.low < one.high - one.low


def test_nothing_and_everything_solved_leave_room_by_the_number_of_problems():
    z2 = Z * Z
    for n in (1, 20, 164):
        assert pass_at_1([(5, 5)] * n).low == pytest.approx(n / (n + z2))
        assert pass_at_1([(5, 0)] * n).high == pytest.approx(z2 / (n + z2))
    assert pass_at_1([]) == scoring.Interval(0.0, 0.0, 1.0)


def test_a_problem_without_samples_counts_as_unsolved():
    assert pass_at_1([(1, 1), (0, 0)]) == pass_at_1([(1, 1), (1, 0)])


@pytest.mark.parametrize(
    ("degrees", "quantile"),
    [
        (1, math.tan(math.pi * 0.475)),
        (2, 0.95 / math.sqrt(2 * 0.975 * 0.025)),
        (4, 2.7764451052),
        (10, 2.2281388520),
        (401, 1.9658971),
    ],
)
def test_students_t_has_its_known_quantiles(degrees, quantile):
    assert t_quantile(0.975, degrees) == pytest.approx(quantile, rel=1e-6)


@given(st.floats(0, 50), st.integers(1, 300))
def test_the_tails_of_t_agree_with_numerical_integration(t, degrees):
    scale = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2))
    scale /= math.sqrt(degrees * math.pi)
    steps = 2000
    inside = 0.0
    for index in range(steps + 1):  # Simpson's rule over [0, t]
        x = t * index / steps
        weight = 1 if index in (0, steps) else 4 if index % 2 else 2
        inside += weight * scale * (1 + x * x / degrees) ** (-(degrees + 1) / 2)
    inside *= t / steps / 3
    assert scoring.t_tails(t, degrees) == pytest.approx(1 - 2 * inside, abs=1e-4)


def paired(both, down, up, neither):
    baseline = [1.0] * both + [1.0] * down + [0.0] * up + [0.0] * neither
    candidate = [1.0] * both + [0.0] * down + [1.0] * up + [0.0] * neither
    return [{str(i): share for i, share in enumerate(each)} for each in (baseline, candidate)]


def test_the_worked_example_of_the_gate_comes_out():
    found = difference(*paired(231, 22, 17, 130), confidence=0.90)
    assert (found.up, found.down, found.problems) == (17, 22, 400)
    assert found.value == pytest.approx(-0.0125)
    assert found.low == pytest.approx(-0.0387, abs=5e-5)
    assert found.high == pytest.approx(0.0138, abs=5e-5)
    same = difference(*paired(164, 0, 0, 0), confidence=0.90)
    assert same.low == pytest.approx(-0.0141, abs=5e-5)


@given(shares, shares)
def test_a_difference_turns_its_sign_with_its_sides(a, b):
    one, other = difference(a, b), difference(b, a)
    assert one.value == pytest.approx(-other.value)
    assert one.low == pytest.approx(-other.high)
    assert one.p_value == pytest.approx(other.p_value)
    assert one.low <= one.value <= one.high
    assert 0 <= one.p_value <= 1


@given(shares, shares)
def test_the_p_value_and_the_interval_say_the_same(a, b):
    found = difference(a, b)
    assume(abs(found.p_value - 0.05) > 1e-6)
    assert (found.p_value < 0.05) == (found.low > 0 or found.high < 0)


def test_problems_of_one_family_are_weaker_evidence():
    baseline, candidate = paired(40, 0, 12, 48)
    alone = difference(baseline, candidate)
    families = {slug: str(int(slug) // 4) for slug in baseline}
    together = difference(baseline, candidate, clusters=families)
    assert together.high - together.low > alone.high - alone.low
    assert together.value == alone.value


@given(st.lists(st.floats(0, 1), max_size=12), st.floats(0.001, 0.2))
def test_holm_lies_between_bonferroni_and_no_correction(p_values, alpha):
    fallen = holm(p_values, alpha)
    for p, falls in zip(p_values, fallen, strict=True):
        assert falls or p > alpha / len(p_values)
        assert not falls or p <= alpha


@given(st.lists(shares, min_size=1, max_size=5))
def test_ranks_are_possible_and_equal_models_share_them(models):
    found = ranks([*models, models[0]])
    assert all(1 <= low <= high <= len(models) + 1 for low, high in found)
    assert found[-1] == found[0]


def test_a_clear_order_is_ranked_and_a_tie_is_left_open():
    strong, weak = [{str(i): float(i < solved) for i in range(200)} for solved in (190, 20)]
    assert ranks([strong, weak, strong]) == [(1, 2), (3, 3), (1, 2)]
    assert ranks([{}, strong]) == [(1, 2), (1, 2)]
    assert ranks([]) == []
