"""Importers tell formats apart, name what is wrong, and leave nothing half-imported."""

import json

import pytest

from problems.errors import ImportFailed, MalformedProblem
from problems.importers import bundled, read_any
from problems.importers.literal_checks import as_examples
from problems.names import defined_names, imports_for
from problems.problem import Examined, Function, Program
from problems.values import decode

HUMANEVAL = {
    "task_id": "HumanEval/7",
    "prompt": 'from typing import List\n\ndef f(x: int) -> int:\n    """Double."""\n',
    "entry_point": "f",
    "canonical_solution": "    return 2 * x\n",
    "test": "METADATA = {}\n\ndef check(candidate):\n    assert candidate(1) == 2\n    assert candidate(-3) == -6, 'no'\n",
}
MBPP = {
    "task_id": 601,
    "text": "Find the longest chain.",
    "code": "class Pair(object):\r\n    pass\r\ndef longest(arr, n):\r\n    return n\r\n",
    "test_setup_code": "",
    "test_list": ["assert longest([Pair()], 4) == 4"],
    "challenge_test_list": [],
}
EVALPLUS = {
    "task_id": "HumanEval/7",
    "prompt": HUMANEVAL["prompt"],
    "entry_point": "f",
    "canonical_solution": "    return 2 * x\n",
    "base_input": [[1]],
    "plus_input": [[2], [3]],
    "atol": 0,
}
APPS = {
    "problem_id": 5,
    "question": "Add one.",
    "input_output": json.dumps({"inputs": ["1\n", ["2", "3"]], "outputs": ["2\n", ["3", "4"]]}),
    "solutions": json.dumps(["print(int(input()) + 1)"]),
    "difficulty": "interview",
    "starter_code": "",
}
SELECTED = {
    "name": "9",
    "id": 9,
    "description": "Say yes.",
    "difficulty": "introductory",
    "sample_io": [{"input": "a", "output": ["yes"]}],
    "test_list": [{"input": "a", "output": ["yes", 1]}, {"input": "b", "output": [True]}],
    "starter_code": "",
}


@pytest.fixture
def imported(tmp_path):
    def read(*rows):
        path = tmp_path / "Rows_1.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return read_any(path)

    return read


def test_humaneval_becomes_an_examined_problem(imported):
    found = imported(HUMANEVAL)
    problem = found.problem("HumanEval/7")
    assert (found.name, problem.slug, problem.original_id) == (
        "rows_1",
        "humaneval-7",
        "HumanEval/7",
    )
    assert isinstance(problem.entry, Examined) and problem.entry.names == ("f",)
    assert [example.arguments for example in problem.examples] == ["[1]", "[-3]"]
    assert "check" not in problem.statement and problem.reference.endswith("return 2 * x\n")


def test_mbpp_names_what_the_asserts_may_reach(imported):
    problem = imported(MBPP).problem("601")
    assert problem.entry.names == ("Pair", "longest") and problem.entry.name == "longest"
    assert problem.examples == ()


def test_mbpp_asserts_of_literals_are_read_as_data(imported):
    row = MBPP | {"code": "def f(x): return x", "test_list": ["assert f({1, 2}) == (1, 2)"]}
    assert [example.accepted for example in imported(row).problems[0].examples] == [
        ('{"$tuple":[1,2]}',)
    ]


def test_evalplus_leaves_answers_to_the_reference(imported):
    problem = imported(EVALPLUS).problems[0]
    assert isinstance(problem.entry, Function) and len(problem.examples) == 3
    assert all(example.from_reference and not example.accepted for example in problem.examples)
    assert problem.checker.name == "evalplus"


@pytest.mark.parametrize(
    ("number", "given", "wanted"),
    [
        (2, [[1, 2], [3]], [(1, 2), (3,)]),
        (63, [[[1, 2]]], [[(1, 2)]]),
        (115, [[[1], []]], [[{1}, {}]]),
        (124, ["1", "2+3j"], [1.0, 2 + 3j]),
        (252, ["1j"], [1j]),
        (580, [[1, [2]]], [(1, (2,))]),
        (722, [{"a": [1, 2]}, 3], [{"a": (1, 2)}, 3]),
        (3, [[1, 2]], [[1, 2]]),
    ],
)
def test_mbpp_plus_inputs_get_their_types_back(imported, number, given, wanted):
    row = EVALPLUS | {"task_id": f"Mbpp/{number}", "base_input": [given], "plus_input": []}
    assert decode(imported(row).problems[0].examples[0].arguments) == wanted


def test_apps_becomes_a_program_in_both_shapes(imported):
    problem = imported(APPS).problems[0]
    assert (
        isinstance(problem.entry, Program)
        and problem.slug == "apps-5"
        and problem.difficulty == "medium"
    )
    assert [decode(example.arguments) for example in problem.examples] == ["1\n", "2\n3"]
    chosen = imported(SELECTED).problems[0]
    assert [decode(text) for text in chosen.examples[0].accepted] == ["yes", "1"]
    assert [example.shown for example in chosen.examples] == [True, False]


def test_apps_with_a_function_name_becomes_a_function(imported):
    tests = json.dumps({"fn_name": "g", "inputs": [[1, [2]]], "outputs": [[3]]})
    problem = imported(APPS | {"input_output": tests}).problems[0]
    assert problem.entry == Function("g") and problem.examples[0].accepted == ("3",)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (HUMANEVAL | {"test": 3}, "test"),
        (HUMANEVAL | {"test": "def check(:"}, "test"),
        (HUMANEVAL | {"prompt": "def f(x"}, "prompt"),
        (HUMANEVAL | {"entry_point": None}, "entry_point"),
        (MBPP | {"test_list": "assert"}, "test_list"),
        (MBPP | {"test_list": ["assert 1 == 1"]}, "test_list"),
        (MBPP | {"code": "def f(:"}, "code"),
        (EVALPLUS | {"base_input": 3}, "base_input"),
        (EVALPLUS | {"task_id": "Mbpp/124", "base_input": [["a", "b"]]}, "plus_input"),
        (EVALPLUS | {"atol": "0"}, "atol"),
        (APPS | {"input_output": "{"}, "input_output"),
        (APPS | {"input_output": json.dumps({"inputs": ["1"], "outputs": []})}, "input_output"),
        (SELECTED | {"test_list": [{"input": 3, "output": []}]}, "input"),
    ],
)
def test_a_malformed_row_names_file_line_and_field(imported, row, field):
    with pytest.raises(MalformedProblem) as caught:
        imported(HUMANEVAL if "canonical_solution" in row and "test" in row else row, row)
    assert "Rows_1.jsonl:" in str(caught.value) and repr(field) in str(caught.value)


def test_the_same_row_twice_is_one_problem_and_another_of_its_name_is_refused(imported):
    assert len(imported(SELECTED, SELECTED).problems) == 1
    with pytest.raises(MalformedProblem, match=r":2: a second, different problem '9'"):
        imported(SELECTED, SELECTED | {"description": "Say no."})


def test_what_is_no_problem_set_is_refused(imported, tmp_path):
    with pytest.raises(ImportFailed, match="known format"):
        imported({"task_id": "x", "completion": "y"})
    (tmp_path / "empty").write_text("")
    with pytest.raises(ImportFailed, match="empty"):
        read_any(tmp_path / "empty")
    with pytest.raises(ImportFailed, match="starter"):
        bundled("nobody")


@pytest.mark.parametrize(
    "check",
    [
        "for n in [1]:\n    assert f(n) == n",
        "x = 3\nassert f(1) == 1",
        "assert f(1) == g(1)",
        "assert g(1) == 1",
        "assert f(g(1)) == 1",
        "assert f(x=1) == 1",
        "assert f(*[1]) == 1",
        "assert f(1) is True",
        "assert f(1) != 1",
        "assert f(1) == 1 == 1",
        "assert not f(1)",
        "assert abs(f(1) - 1) < 1",
        "assert f(int) == 1",
        "assert 1 == f(1)",
        "import os\nassert f(1) == 1",
        "assert False\nassert f(1) == 1",
    ],
)
def test_a_check_that_is_more_than_literals_is_left_to_the_examiner(check):
    assert as_examples(check, "f", calls_check=False) == ()
    body = "".join(f"    {line}\n" for line in check.replace("f(", "candidate(").splitlines())
    assert as_examples(f"def check(candidate):\n{body}", "f", calls_check=True) == ()


def test_a_check_with_anything_beside_its_function_is_left_to_the_examiner():
    check = "def check(candidate):\n    assert candidate(1) == 1\n"
    assert as_examples(check, "f", calls_check=True)
    for extra in ("import sys\n", "check = None\n", "@print\n"):
        assert as_examples(extra + check, "f", calls_check=True) == ()


def test_names_are_found_without_running_anything():
    import ast

    code = "import re\nfrom math import pi as p\nA, (b, *c) = 1, (2, 3)\nclass K: x = 1\ndef g(): inner = 1\n"
    assert defined_names(ast.parse(code)) == {"A", "b", "c", "K", "g"}
    assert (
        imports_for([ast.parse("math.pi + re.x\nimport re\nsys = 3\nsys\nlen")]) == "import math\n"
    )


@pytest.mark.data
@pytest.mark.parametrize(
    ("file", "problems", "examples"),
    [
        ("humaneval/HumanEval.jsonl.gz", 164, 0),
        ("mbpp/mbpp.jsonl.gz", 974, 0),
        ("humaneval-plus/HumanEvalPlus.jsonl.gz", 164, 120_000),
        ("mbpp-plus/MbppPlus.jsonl.gz", 378, 40_000),
        ("apps-150/selected150.jsonl.gz", 128, 1_500),
    ],
)
def test_the_real_sets_are_read_whole(data, file, problems, examples):
    found = read_any(data / file).problems
    assert len(found) == problems and sum(len(problem.examples) for problem in found) >= examples
