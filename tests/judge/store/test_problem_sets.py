import pytest
from sqlalchemy import text

from judge.errors import UnknownName
from judge.store import problem_sets
from judge.verdicts.timing import Reference
from problems.errors import MalformedProblem, UnknownProblem
from problems.importers import bundled, read_any
from problems.problem import ProblemSet


def test_a_set_comes_back_as_it_went_in(database):
    starter = bundled("starter")
    with database.transaction() as tx:
        problem_sets.keep(tx, starter)
        problem_sets.keep(tx, starter)
    with database.reading() as tx:
        kept = problem_sets.read(tx, "starter")
        assert kept == starter
        assert kept.digest == starter.digest
        assert [row.problems for row in problem_sets.listed(tx)] == [len(starter.problems)]
        assert len(problem_sets.versions_of(tx, "starter")) == 1


@pytest.mark.data
@pytest.mark.parametrize("name", ["humaneval", "mbpp-plus"])
def test_real_sets_come_back_as_they_went_in(database, data, name):
    given = read_any(next(each for each in sorted((data / name).iterdir()) if "jsonl" in each.name))
    with database.transaction() as tx:
        problem_sets.keep(tx, given)
    with database.reading() as tx:
        assert problem_sets.read(tx, given.name) == given


def test_versions_stay_and_the_name_points_to_the_newest(database, small_set):
    shorter = small_set.with_problems(small_set.problems[:3])
    with database.transaction() as tx:
        problem_sets.keep(tx, small_set)
        problem_sets.keep(tx, shorter)
        assert problem_sets.read(tx, "small") == shorter
        assert problem_sets.read(tx, "small", small_set.digest) == small_set
        assert {each.digest for each in problem_sets.versions_of(tx, "small")} == {
            small_set.digest,
            shorter.digest,
        }
        problem_sets.keep(tx, small_set)
        assert problem_sets.digest_of(tx, "small") == small_set.digest
        assert len(problem_sets.versions_of(tx, "small")) == 2


def test_identical_problems_are_stored_once(database, small_set):
    with database.transaction() as tx:
        problem_sets.keep(tx, small_set)
        problem_sets.keep(tx, ProblemSet("other", small_set.problems[2:]))
        assert tx.execute(text("SELECT count(*) FROM problems")).scalar() == 8
        assert problem_sets.read(tx, "other").problems == small_set.problems[2:]


def test_times_of_references_are_kept_beside_problems_and_out_of_their_digests(database, small_set):
    first, second, *_ = (each.digest for each in small_set.problems)
    with database.transaction() as tx:
        problem_sets.keep(tx, small_set, {first: Reference(1.5, 0.5), second: Reference(2.0)})
        assert problem_sets.read(tx, "small") == small_set
        assert problem_sets.read(tx, "small").digest == small_set.digest
        problem_sets.keep(tx, small_set)  # by somebody who did not measure
        problem_sets.keep(tx, ProblemSet("other", small_set.problems), {first: Reference(3.0)})
    with database.reading() as tx:
        every = {each.digest for each in small_set.problems}
        assert problem_sets.references(tx, every) == {
            first: Reference(3.0, 0.0),
            second: Reference(2.0, 0.0),
        }
        assert problem_sets.references(tx, {second, "nobody"}).keys() == {second}
        assert problem_sets.references(tx, set()) == {}


def test_what_is_not_there_is_named(database, small_set):
    with database.transaction() as tx:
        problem_sets.keep(tx, small_set)
        for look in (problem_sets.read, problem_sets.versions_of):
            with pytest.raises(UnknownName, match="nothing"):
                look(tx, "nothing")
        with pytest.raises(UnknownName):
            problem_sets.read(tx, "small", "0" * 64)
        with pytest.raises(UnknownProblem, match="no-such"):
            problem_sets.problem(tx, "small", "no-such")
        assert problem_sets.problem(tx, "small", "Add/3") == small_set.problems[3]


@pytest.mark.parametrize("name", ["", "Big", "a/b", "a b", "../x"])
def test_a_name_that_no_url_can_hold_is_refused(database, small_set, name):
    with pytest.raises(MalformedProblem), database.transaction() as tx:
        problem_sets.keep(tx, ProblemSet(name, small_set.problems))


def test_a_set_without_problems_is_refused(database):
    with pytest.raises(MalformedProblem, match="no problems"), database.transaction() as tx:
        problem_sets.keep(tx, ProblemSet("empty", ()))


def test_many_digests_are_read_at_once_and_again_from_memory(database, small_set):
    digests = {each.digest for each in small_set.problems}
    with database.transaction() as tx:
        problem_sets.keep(tx, small_set)
        first = problem_sets.problems_by_digest(tx, digests)
        again = problem_sets.problems_by_digest(tx, digests)
    assert first == {each.digest: each for each in small_set.problems}
    assert all(first[digest] is again[digest] for digest in digests)
