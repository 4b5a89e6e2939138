"""What the bundled set promises on paper; tests of the judge run its solutions."""

import json
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

import problems
from problems.files import read_set
from problems.problem import Class, Example, Function, Problem, ProblemSet, Program, slug_of, to_row
from problems.values import decode

STARTER = Path(problems.__file__).parent / "sets" / "starter.jsonl"


@pytest.fixture(scope="module")
def starter() -> ProblemSet:
    return read_set(STARTER)


def hidden(problem: Problem) -> list[Example]:
    return [example for example in problem.examples if not example.shown]


def shown(problem: Problem) -> list[Example]:
    return [example for example in problem.examples if example.shown]


def arguments(problem: Problem) -> list:
    return [decode(example.arguments) for example in problem.examples]


def answers(problem: Problem) -> list:
    return [decode(text) for example in problem.examples for text in example.accepted]


def leaves(value) -> list:
    """Every scalar of a nested value, dict keys included."""
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list | tuple | set | frozenset):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


def types(problem: Problem) -> str:
    """All types that the signature of a function names."""
    if not isinstance(problem.entry, Function):
        return ""
    return " ".join(
        [*(parameter.type for parameter in problem.entry.parameters), problem.entry.returns]
    )


def test_there_are_enough_problems_of_each_difficulty(starter):
    counts = Counter(problem.difficulty for problem in starter.problems)
    assert len(starter.problems) >= 62
    assert counts["easy"] >= 20
    assert counts["medium"] >= 26
    assert counts["hard"] >= 16
    assert sum(counts.values()) == counts["easy"] + counts["medium"] + counts["hard"]


def test_there_are_enough_problems_of_each_kind(starter):
    counts = Counter(type(problem.entry) for problem in starter.problems)
    methods = [p for p in starter.problems if getattr(p.entry, "owner", "") == "Solution"]
    assert set(counts) == {Function, Class, Program}
    assert counts[Function] > counts[Class] + counts[Program]
    assert counts[Class] >= 8
    assert counts[Program] >= 10
    assert len(methods) >= 5


def test_slugs_and_titles_are_there_once(starter):
    for names in ([p.slug for p in starter.problems], [p.title for p in starter.problems]):
        assert all(names)
        assert len(set(names)) == len(names)
    assert all(problem.slug == slug_of(problem.slug) for problem in starter.problems)


def test_every_problem_has_two_shown_and_ten_hidden_examples(starter):
    for problem in starter.problems:
        assert len(shown(problem)) >= 2, problem.slug
        assert len(hidden(problem)) >= 10, problem.slug
        assert all(example.accepted for example in problem.examples), problem.slug


def test_no_example_is_given_twice(starter):
    for problem in starter.problems:
        inputs = [example.arguments for example in problem.examples]
        assert len(set(inputs)) == len(inputs), problem.slug


def test_shown_examples_come_first_so_that_a_page_and_a_report_agree(starter):
    for problem in starter.problems:
        order = [example.shown for example in problem.examples]
        assert order == sorted(order, reverse=True), problem.slug


def test_every_problem_has_a_reference_and_two_wrong_solutions(starter):
    for problem in starter.problems:
        assert problem.reference.strip(), problem.slug
        assert len(problem.wrong) >= 2, problem.slug
        sources = {wrong.source for wrong in problem.wrong} | {problem.reference}
        assert len(sources) == len(problem.wrong) + 1, problem.slug
        assert all(wrong.note for wrong in problem.wrong), problem.slug


def test_references_compile_and_only_declared_compile_errors_do_not_start(starter):
    for problem in starter.problems:
        compile(problem.reference, problem.slug, "exec")
        for wrong in problem.wrong:
            if wrong.verdict != "CE":
                compile(wrong.source, problem.slug, "exec")


def test_every_way_to_fail_is_planted(starter):
    counts = Counter(wrong.verdict for problem in starter.problems for wrong in problem.wrong)
    assert set(counts) == {"WA", "TLE", "RE", "CE", "OLE", "MLE"}
    assert counts["WA"] > sum(counts.values()) / 2
    assert counts["TLE"] >= 5
    assert counts["RE"] >= 5
    assert counts["CE"] >= 2


def test_dates_are_real_days_of_autumn_2026(starter):
    for problem in starter.problems:
        assert date(2026, 10, 1) <= date.fromisoformat(problem.date) <= date(2026, 11, 30)


def test_every_problem_has_tags(starter):
    assert all(problem.tags and all(problem.tags) for problem in starter.problems)


def test_a_statement_names_what_must_be_written(starter):
    for problem in starter.problems:
        entry, text = problem.entry, " ".join(problem.statement.split())
        if isinstance(entry, Program):
            assert "tandard input" in text, problem.slug
            assert "print" in text.lower() or "draw" in text.lower(), problem.slug
            continue
        assert f"`{entry.name}" in text, problem.slug
        names = [m.name for m in entry.methods] if isinstance(entry, Class) else []
        assert all(f"`{name}(" in text for name in names), problem.slug
        parameters = [p for m in entry.methods for p in m.parameters] if names else entry.parameters
        assert all(f"{p.name}: {p.type}" in text for p in parameters), problem.slug
        if isinstance(entry, Function) and entry.owner:
            assert f"class `{entry.owner}`" in text, problem.slug
        if isinstance(entry, Function) and entry.in_place is not None:
            assert "in place" in text, problem.slug


def test_starters_are_code_that_lacks_only_a_body(starter):
    for problem in starter.problems:
        entry = problem.entry
        if isinstance(entry, Program):
            assert problem.starter == ""
            continue
        compile(problem.starter, problem.slug, "exec")
        word = "class" if isinstance(entry, Class) else "def"
        assert f"{word} {entry.name}" in problem.starter, problem.slug
        assert "pass" in problem.starter
        assert problem.starter.strip() not in problem.reference


def test_class_examples_call_known_methods_and_answer_each_call(starter):
    for problem in starter.problems:
        if not isinstance(problem.entry, Class):
            continue
        methods = {m.name: len(m.parameters) for m in problem.entry.methods}
        methods[problem.entry.name] = len(problem.entry.parameters)
        for example in problem.examples:
            operations = decode(example.arguments)
            assert operations[0][0] == problem.entry.name
            assert all(len(given) == methods[name] for name, given in operations)
            assert all(len(decode(text)) == len(operations) for text in example.accepted)


def test_function_examples_fill_every_parameter(starter):
    for problem in starter.problems:
        if isinstance(problem.entry, Function):
            count = len(problem.entry.parameters)
            assert all(len(given) == count for given in arguments(problem)), problem.slug


def test_program_examples_are_text_in_and_text_out(starter):
    for problem in starter.problems:
        if isinstance(problem.entry, Program):
            assert all(isinstance(text, str) for text in arguments(problem) + answers(problem))


def test_every_checker_is_used(starter):
    of_programs = Counter(p.checker.name for p in starter.problems if isinstance(p.entry, Program))
    of_others = Counter(
        p.checker.name for p in starter.problems if not isinstance(p.entry, Program)
    )
    assert of_programs.keys() == {"tokens", "lines", "floats"}
    assert min(of_programs.values()) >= 2
    assert of_others.keys() == {"exact", "floats", "unordered"}
    assert min(of_others.values()) >= 3
    depths = {p.checker.depth for p in starter.problems if p.checker.name == "unordered"}
    assert depths == {1, 2}


@pytest.mark.parametrize("kind", ["ListNode", "TreeNode", "tuple[", "set[", "dict[", "list[list["])
def test_every_kind_of_value_is_asked_for_more_than_once(starter, kind):
    assert sum(kind in types(problem) for problem in starter.problems) >= 2


def test_integers_beyond_64_bits_occur_in_and_out(starter):
    def huge(values) -> bool:
        return any(isinstance(leaf, int) and leaf.bit_length() > 64 for leaf in leaves(values))

    assert sum(huge(arguments(problem)) for problem in starter.problems) >= 4
    assert sum(huge(answers(problem)) for problem in starter.problems) >= 4


def test_no_integer_is_too_long_for_a_page_to_print(starter):
    for problem in starter.problems:
        for leaf in leaves([arguments(problem), answers(problem)]):
            str(leaf)  # over 4,300 digits Python refuses


@pytest.mark.parametrize("piece", ["\\", "\n", '"', "'", "é", "日"])
def test_awkward_characters_occur_in_arguments(starter, piece):
    functions = [p for p in starter.problems if not isinstance(p.entry, Program)]
    having = [
        problem.slug
        for problem in functions
        if any(isinstance(leaf, str) and piece in leaf for leaf in leaves(arguments(problem)))
    ]
    assert len(having) >= 3


def test_some_answers_are_left_in_an_argument(starter):
    in_place = [p for p in starter.problems if getattr(p.entry, "in_place", None) is not None]
    assert len(in_place) >= 3


def test_some_problems_accept_several_answers(starter):
    several = [p for p in starter.problems if any(len(e.accepted) > 1 for e in p.examples)]
    assert len(several) >= 3
    for problem in several:
        for example in problem.examples:
            assert len(set(example.accepted)) == len(example.accepted)


def test_a_problem_and_the_set_stay_small(starter):
    assert STARTER.stat().st_size < 1_500_000
    for problem in starter.problems:
        assert len(json.dumps(to_row(problem), ensure_ascii=False).encode()) < 60_000, problem.slug
