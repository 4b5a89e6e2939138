"""Two sides on the problems both were asked, never unpaired and never without bounds."""

from dataclasses import replace

import pytest

from judge.errors import UnknownName, UsageError
from judge.standings import comparison, scoring
from judge.store import problem_sets, tallies
from judge.store.tallies import Tally
from tests.conftest import adders

CHAT, THINK = "chat@1 temperature=0", "think@2 temperature=0"
SET = replace(
    adders(40, "many"),
    problems=tuple(
        replace(each, difficulty="easy" if n < 30 else "hard", tags=("odd",) if n % 2 else ())
        for n, each in enumerate(adders(40, "many").problems)
    ),
)


@pytest.fixture
def judged(database):
    """Store outcomes: for a model and recipe, how many of how many samples of each problem."""
    with database.transaction() as tx:
        problem_sets.keep(tx, SET)

    def make(model, recipe, accepted, drawn=1, cost=0.0, *, priced=True):
        rows = [
            Tally(
                *(SET.digest, model, recipe, f"add-{n}"),
                *(drawn, each, drawn if priced else 0, cost * drawn, 10, 10),
            )
            for n, each in enumerate(accepted)
        ]
        with database.transaction() as tx:
            tallies.add(tx, rows)

    return make


def test_a_difference_is_that_of_the_pairs_and_says_what_it_shows(database, judged):
    judged("old", CHAT, [1] * 10 + [0] * 30, cost=0.01)
    judged("new", CHAT, [0] * 2 + [1] * 24 + [0] * 14, cost=0.03)
    found = comparison.compare(database, "many", "old", "new")
    one = {f"add-{n}": float(n < 10) for n in range(40)}
    other = {f"add-{n}": float(2 <= n < 26) for n in range(40)}
    assert found.difference == scoring.difference(one, other)
    assert found.difference.value == pytest.approx(14 / 40)
    assert (found.difference.up, found.difference.down) == (16, 2)
    assert found.sign_p == pytest.approx(2 * (1 + 18 + 153) / 2**18)
    assert found.verdict == "better"
    table = found.table
    assert (table.both, table.only_baseline, table.only_candidate, table.neither) == (8, 2, 16, 14)
    assert found.cost_ratio == pytest.approx(3.0)
    assert len(found.discordant) == 18
    assert (found.baseline.pass_at_1, found.candidate.pass_at_1) == (0.25, 0.6)
    back = comparison.compare(database, "many", "new", "old")
    assert back.difference.value == -found.difference.value
    assert back.verdict == "worse"


def test_only_problems_that_both_were_asked_count(database, judged):
    judged("old", CHAT, [1] * 40)
    judged("new", CHAT, [1] * 12)
    found = comparison.compare(database, "many", "old", "new")
    assert (found.difference.problems, found.candidate.samples) == (12, 12)
    assert found.verdict == "no difference shown"
    assert found.discordant == ()
    assert found.difference.low < 0 < found.difference.high


def test_the_same_question_in_the_same_way_is_what_a_bare_name_means(database, judged):
    judged("old", CHAT, [1] * 40)
    judged("new", CHAT, [0] * 40)
    judged("new", THINK, [1] * 40)
    found = comparison.compare(database, "many", "old", "new")
    assert (found.baseline.recipe, found.candidate.recipe) == (CHAT, CHAT)
    for named in ("new/think", f"new/{THINK}", "new/think@2"):
        assert comparison.compare(database, "many", "old", named).candidate.recipe == THINK
    prompts = comparison.compare(database, "many", "new/chat", "new/think")
    assert prompts.difference.value == 1.0


@pytest.mark.parametrize(
    ("baseline", "candidate", "error", "said"),
    [
        ("old", "nobody", UnknownName, "judge leaderboard many"),
        ("old/steps", "new", UnknownName, "old/steps"),
        ("new", "new", UsageError, "2 ways"),
        ("old", "old", UsageError, "same samples"),
        ("old/chat", "new", UsageError, "think@2"),
    ],
)
def test_a_side_that_is_not_there_or_could_be_several_is_refused(
    database, judged, baseline, candidate, error, said
):
    judged("old", CHAT, [1] * 40)
    judged("new", "chat@1 temperature=1", [0] * 40)
    judged("new", THINK + " repairs=1", [1] * 40)
    judged("new", THINK, [1] * 40)
    with pytest.raises(error, match=said):
        comparison.compare(database, "many", baseline, candidate)


def test_sides_without_a_common_problem_are_not_compared(database, judged):
    judged("old", CHAT, [1] * 3)
    with database.transaction() as tx:
        tallies.add(tx, [Tally(SET.digest, "new", CHAT, "add-9", 1, 1, 1, 0.0, 1, 1)])
    with pytest.raises(UsageError, match="no problem in common"):
        comparison.compare(database, "many", "old", "new")


def test_a_slice_is_certain_only_if_it_is_so_among_all_that_were_looked_at(database, judged):
    judged("old", CHAT, [1] * 30 + [0] * 10)
    judged("new", CHAT, [1] * 30 + [1] * 10)
    found = {each.name: each for each in comparison.compare(database, "many", "old", "new").slices}
    assert set(found) == {"difficulty easy", "difficulty hard", "tag odd"}
    assert found["difficulty hard"].alert
    assert not found["difficulty easy"].alert
    assert found["difficulty hard"].difference.problems == 10
    assert found["difficulty easy"].difference.value == 0.0


def test_an_unknown_price_gives_no_ratio(database, judged):
    judged("old", CHAT, [1] * 40, cost=0.01)
    judged("new", CHAT, [1] * 40, cost=0.03, priced=False)
    judged("free", CHAT, [1] * 40)
    assert comparison.compare(database, "many", "old", "new").cost_ratio is None
    assert comparison.compare(database, "many", "free", "old").cost_ratio is None
    assert comparison.compare(database, "many", "old", "free").cost_ratio == 0.0


@pytest.mark.parametrize(
    ("up", "down", "p"),
    [(0, 0, 1.0), (5, 5, 1.0), (0, 5, 0.0625), (17, 22, 0.5224), (10**5, 10**5, 1)],
)
def test_the_sign_test_is_exact(up, down, p):
    assert scoring.sign_test(up, down) == pytest.approx(p, abs=1e-4)
    assert scoring.sign_test(up, down) == scoring.sign_test(down, up)


def test_what_would_be_seen_shrinks_with_the_problems():
    def made(number):
        one = {str(n): float(n % 2) for n in range(number)}
        return scoring.difference(one, {key: 1.0 - each for key, each in one.items()})

    few, many = (scoring.detectable(made(number)) for number in (40, 160))
    assert few == pytest.approx(2 * many, rel=0.1)
    assert scoring.detectable(scoring.difference({}, {})) is None
