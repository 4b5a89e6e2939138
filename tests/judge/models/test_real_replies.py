"""Real chat replies beside the code that their own harness took from them."""

import ast
from collections import Counter

import pytest

from judge.models.extraction import extract
from problems import importers
from problems.files import read_rows
from problems.problem import Program

BODY_ONLY = {f"HumanEval/{number}" for number in (2, 14, 23, 28, 48)}
"""Replies that hold no function, only its body; their harness failed them, too."""


def tree_of(source):
    try:
        return ast.dump(ast.parse(source))
    except SyntaxError:
        return source.strip()


def compare(data, folder, entry_of):
    path = data / "answers" / folder / "answers.jsonl.gz"
    differ, rules = set(), Counter()
    for _, row in read_rows(path):
        task = row["task_id"] if entry_of else row["name"]
        entry = entry_of(task) if entry_of else Program()
        for reply, theirs in zip(row["responses"], row["source_codes"], strict=True):
            found = extract(reply, entry)
            rules[found.rule] += 1
            if tree_of(found.source) != tree_of(theirs):
                differ.add(task)
    return differ, rules


@pytest.mark.data
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_human_eval_replies_give_the_code_their_harness_took(data):
    humaneval = importers.read_any(data / "humaneval" / "HumanEval.jsonl.gz")
    differ, rules = compare(
        data, "mapcoder-chatgpt-cot-humaneval", lambda task: humaneval.problem(task).entry
    )
    assert differ == BODY_ONLY
    assert rules == {"fence": 106, "bare": 53, "no_entry": 5}


@pytest.mark.data
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_program_replies_give_the_code_their_harness_took(data):
    differ, rules = compare(data, "mapcoder-chatgpt-direct-apps", None)
    assert differ == set()
    assert rules == {"fence": 104, "bare": 46}
