"""Replies as models really write them, and as an attacker would."""

import ast
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.models.extraction import extract
from problems.problem import Class, Examined, Function, Parameter, Program

ADD = Function("add", (Parameter("a", "int"), Parameter("b", "int")), "int")
METHOD = Function("two_sum", owner="Solution")
STACK = Class("Stack")
CODE = "def add(a, b):\n    return a + b\n"
PREFIX = 'def add(a, b):\n    """Return the sum."""\n'


def fenced(code, tag="python", mark="```"):
    return f"{mark}{tag}\n{code}{mark}\n"


@pytest.mark.parametrize(
    ("reply", "rule"),
    [
        (fenced(CODE), "fence"),
        (f"Sure! Here it is:\n\n{fenced(CODE)}\nHope it helps.", "fence"),
        (fenced(CODE, tag=""), "fence"),
        (fenced(CODE, tag="Python3"), "fence"),
        (fenced(CODE, tag=" python "), "fence"),
        (fenced(CODE, tag="text"), "fence"),
        (fenced(CODE, mark="~~~"), "fence"),
        (fenced(CODE, mark="`````"), "fence"),
        (fenced(CODE).replace("\n", "\r\n"), "fence"),
        ("\ufeff" + fenced(CODE), "fence"),
        ("\x1b[32m" + fenced(CODE) + "\x1b[0m", "fence"),
        (f"```python\n{CODE}", "tail"),
        (f"```python\n{CODE}\nThis function adds", "tail"),
        (CODE, "bare"),
        (f"Here you go.\n\n{CODE}\nThis function adds two numbers.", "bare"),
        (f"The code: ```python\n{CODE}```", "fence"),
        (f"```python\n{CODE.rstrip()}```\nDone.", "fence"),
        ("```python def add(a, b): return a + b```", "fence"),
        (f"```python\n{CODE}\n```python\nprint(add(1, 2))\n```", "fence"),
        (f"<think>\n```python\ndef add(a, b): return 0\n```\n</think>\n{fenced(CODE)}", "fence"),
        (f"```python\ndef add(a, b): return 0\n```\n</think>\n{fenced(CODE)}", "fence"),
        (
            f"Wrong:\n{fenced('def add(a, b): return 0' + chr(10))}\nBetter:\n{fenced(CODE)}",
            "fence",
        ),
        (f"{fenced(CODE)}\nTest it:\n{fenced('print(add(1, 2))' + chr(10))}", "fence"),
        (f"{fenced(CODE)}\nRun it:\n{fenced('python add.py' + chr(10), tag='bash')}", "fence"),
    ],
)
def test_the_answer_is_found(reply, rule):
    found = extract(reply, ADD)
    assert found.rule == rule
    space = {}
    exec(found.source, space)
    assert space["add"](2, 3) == 5


def test_an_indented_fence_loses_its_indent():
    reply = "1. Write it:\n\n   ```python\n   def add(a, b):\n       return a + b\n   ```\n"
    assert extract(reply, ADD).source == CODE


def test_a_fence_in_a_list_item_counts():
    reply = "- ```python\n  def add(a, b):\n      return a + b\n  ```\n"
    assert extract(reply, ADD).source == CODE


def test_an_unclosed_think_is_no_answer():
    found = extract(f"<think>Let me see.\n{fenced(CODE)}", ADD)
    assert (found.source, found.rule) == ("", "unclosed_think")


def test_a_think_tag_inside_a_line_of_code_is_code():
    code = 'def add(a, b):\n    tag = "<think>"\n    return a + b\n'
    assert extract(fenced(code), ADD).source == code


def test_prose_is_no_code():
    for reply in ("", "   \n", "I cannot help with that.", "Hello", "add", "42", "```\n```"):
        assert extract(reply, ADD) == extract("", ADD)
    assert extract("", ADD).rule == "no_code"


def test_code_without_the_entry_point_is_kept_and_said_to_be():
    found = extract(fenced("def plus(a, b):\n    return a + b\n"), ADD)
    assert found.rule == "no_entry"
    assert "def plus" in found.source


def test_a_block_that_is_not_python_is_kept_and_said_to_be():
    found = extract(fenced("def add(a, b)\n    return a + b\n"), ADD)
    assert found.rule == "syntax"
    assert "def add(a, b)" in found.source


def test_a_closing_fence_and_prose_is_no_code():
    assert extract("```\n\nThe function returns the sum.", ADD, PREFIX).rule == "no_code"


def test_a_cut_off_answer_is_not_half_an_answer():
    reply = "```python\nimport math\n\ndef add(a, b):\n    if a:\n        return (a +"
    assert extract(reply, ADD).rule in {"no_entry", "syntax"}


def test_a_helper_in_an_earlier_block_is_joined():
    reply = fenced("def plus(a, b):\n    return a + b\n") + fenced(
        "def add(a, b):\n    return plus(a, b)\n"
    )
    found = extract(reply, ADD)
    assert found.rule == "fence+joined"
    space = {}
    exec(found.source, space)
    assert space["add"](2, 3) == 5


def test_a_block_that_runs_something_is_not_joined():
    reply = fenced("plus = 1\nassert add(1, 1) == 3\n") + fenced(
        "def add(a, b):\n    return plus\n"
    )
    assert extract(reply, ADD).rule == "fence"


@pytest.mark.parametrize(
    "trial",
    [
        "assert add(1, 2) == 4",
        "print(add(1, 2))",
        "add(1, 2)",
        "result = add(1, 2)\nprint(result)",
        "for case in [1, 2]:\n    print(add(case, case))",
        "main()",
        "import doctest\ndoctest.testmod()",
        '"""That is all."""',
        "x = add(1,\n        2)\nassert x == 4",
    ],
)
def test_trials_after_the_answer_are_cut_off(trial):
    found = extract(fenced(f"{CODE}\n{trial}\n"), ADD)
    assert found.rule == "fence+trimmed"
    assert not any(
        isinstance(n, ast.Assert | ast.Expr | ast.For) for n in ast.parse(found.source).body
    )


@pytest.mark.parametrize(
    "setup",
    [
        "import sys\nsys.setrecursionlimit(10**6)",
        "add = memo(add)",
        "table = fill(100)",
        "def other():\n    return add(1, 2)",
        "if __name__ == '__main__':\n    print(add(1, 2))",
    ],
)
def test_what_the_answer_may_need_stays(setup):
    code = f"{CODE}\n{setup}\n"
    assert extract(fenced(code), ADD).source == code


def test_an_object_the_answer_uses_is_not_taken_for_a_trial():
    code = "class Stack:\n    pass\n\nshared = Stack()\n\ndef use():\n    return shared\n"
    assert extract(fenced(code), STACK).source == code


def test_a_method_must_be_in_its_class():
    alone = fenced("def two_sum(nums, target):\n    return []\n")
    inside = fenced("class Solution:\n    def two_sum(self, nums, target):\n        return []\n")
    assert extract(alone, METHOD).rule == "no_entry"
    assert extract(inside + alone, METHOD).source.startswith("class Solution")


def test_a_class_is_found_by_its_name():
    reply = fenced("class Stack:\n    pass\n") + fenced("s = Stack()\n")
    assert extract(reply, STACK).source == "class Stack:\n    pass\n"


def test_an_examined_entry_may_be_assigned():
    entry = Examined("add", check="", names=("add",))
    assert extract(fenced("add = lambda a, b: a + b\n"), entry).rule == "fence"


def test_a_program_that_reads_is_preferred():
    program = "n = int(input())\nprint(n * 2)\n"
    reply = fenced(program) + "Sample:\n" + fenced("3\n", tag="") + fenced("print(6)\n")
    assert extract(reply, Program()).source == program
    assert extract(program, Program()).rule == "bare"
    assert extract("Sure:\n" + fenced(program), Program()).source == program


def test_a_programs_prints_stay():
    program = "def f(n):\n    return n\n\nprint(f(int(input())))\n"
    assert extract(fenced(program), Program()).source == program


def test_neither_prose_nor_a_value_is_a_program():
    for reply in ("Hello", "42", "None", fenced("3\n"), fenced("ls\n", tag="bash")):
        assert extract(reply, Program()).source == ""


def test_a_continuation_is_put_behind_its_prompt():
    found = extract("    return a + b\n", ADD, PREFIX)
    assert (found.source, found.rule) == (PREFIX + "    return a + b\n", "completion")


@pytest.mark.parametrize(
    "run_on",
    [
        "\ndef add(a, b):\n    return 0\n",
        "\nprint(add(1, 2))\n",
        "\nif __name__ == '__main__':\n    main()\n",
        "\nassert add(1, 2) == 4\n",
        "\n```\nThat is it.\n",
        "<|endoftext|>junk",
        "\ndef other(",
    ],
)
def test_a_continuation_ends_where_the_model_runs_on(run_on):
    found = extract(f"    return a + b\n{run_on}", ADD, PREFIX)
    assert found.source == PREFIX + "    return a + b\n"


def test_a_continuation_may_start_over():
    for reply in (CODE, f"import math\n\n{CODE}", f"\n{CODE}", fenced(CODE)):
        space = {}
        exec(extract(reply, ADD, PREFIX).source, space)
        assert space["add"](2, 3) == 5, reply


def test_a_helper_behind_a_continuation_stays():
    reply = "    return plus(a, b)\n\n\ndef plus(a, b):\n    return a + b\n"
    assert "def plus" in extract(reply, ADD, PREFIX).source


def test_the_prompt_alone_is_no_answer():
    assert extract("", ADD, PREFIX).source == ""
    assert extract("\n\n", ADD, PREFIX).source == ""
    assert extract("    # nothing yet\n", ADD, PREFIX).rule != "completion"


def test_an_open_signature_is_continued():
    assert extract("a, b):\n    return a + b\n", ADD, "def add(").rule == "completion"


def test_a_lost_first_indent_is_put_back():
    assert extract(" return a + b", ADD, PREFIX).source == PREFIX + "    return a + b\n"


MEGA = 1_000_000
HOSTILE = {
    "backticks": "`" * MEGA,
    "fences": "```\n" * (MEGA // 4),
    "python fences": "```python\n" * (MEGA // 10),
    "fence pairs": "```\nx\n```\n" * (MEGA // 10),
    "defs in fences": f"```python\n{CODE}x = (\n```\n" * (MEGA // 50),
    "tildes": "~~~ " * (MEGA // 4),
    "opening brackets": "```python\n" + "(" * MEGA,
    "closed brackets": "```python\nx = " + "[" * 90_000 + "]" * 90_000,
    "minus signs": f"```python\n{CODE}x = " + "-" * 200_000 + "1\n```",
    "attributes": f"```python\n{CODE}x = a" + ".a" * 100_000 + "\n```",
    "sums": f"```python\n{CODE}x = 1" + "+1" * 100_000 + "\n```",
    "not": f"```python\n{CODE}x = " + "not " * 60_000 + "1\n```",
    "digits": "```python\nx = " + "9" * MEGA + "\n```",
    "thoughts": "<think>" * (MEGA // 7),
    "closed thoughts": "\n<think></think>" * (MEGA // 16),
    "spaces": " " * MEGA,
    "spaced lines": " \n" * (MEGA // 2),
    "defs": "def f(\n" * (MEGA // 7),
    "assignments": "a = \n" * (MEGA // 5),
    "quotes": '"' * MEGA,
    "backslashes": "\\\n" * (MEGA // 2),
    "escapes": "\x1b[" * (MEGA // 2),
    "decorators": "@a\n" * (MEGA // 3),
    "inline": "a `" * (MEGA // 3) + "```",
    "NUL": f"```python\n{CODE}\0\n```",
    "surrogate": f"```python\n{CODE}# \ud800\n```",
    "carriage returns": "\r" * MEGA,
    "list items": "1. " * (MEGA // 3) + "```",
}


@pytest.mark.parametrize("reply", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("entry", [ADD, Program()], ids=["function", "program"])
def test_hostile_text_ends_quickly(reply, entry):
    begun = time.process_time()
    extract(reply, entry)
    extract(reply, entry, PREFIX)
    assert time.process_time() - begun < 20  # hung, quadratic: minutes


@given(st.text(alphabet="`~ \n\tpython def add(a,b):return\"'<think>/#=\\", max_size=300))
def test_no_text_raises(text):
    for entry in (ADD, METHOD, STACK, Program()):
        for prefix in ("", PREFIX):
            found = extract(text, entry, prefix)
            assert bool(found.source) == (found.rule not in {"no_code", "unclosed_think"})


def test_odd_escapes_in_strings_are_no_fault():
    code = 'def add(a, b):\n    pattern = "\\d"\n    return a + b\n'
    assert extract(fenced(code), ADD).rule == "fence"
