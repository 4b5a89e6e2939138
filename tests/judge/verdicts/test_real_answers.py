"""Real answers of real models get the verdicts that were recorded when they were made."""

import csv

import pytest

from judge.cli.score import COMMON_PREAMBLE
from judge.models.answers import read_answers
from judge.verdicts.audit import complete
from judge.verdicts.judging import Conditions
from judge.verdicts.scoring_files import score_answers
from problems.importers import bundled, read_any
from problems.problem import ProblemSet

pytestmark = [pytest.mark.sandbox, pytest.mark.data]
AS_RECORDED = Conditions(preamble=COMMON_PREAMBLE, helpers="solution")


@pytest.fixture(scope="module")
def humaneval(data):
    return read_any(data / "humaneval/HumanEval.jsonl.gz")


def scored(path, problem_set, sandbox, conditions, column=""):
    return score_answers(read_answers(path, column), problem_set, sandbox, conditions)


@pytest.mark.parametrize(
    ("file", "column", "passes"),
    [
        ("ldb-humaneval/gpt-3.5-turbo-0613.jsonl.gz", "", 121),
        ("ldb-humaneval/starcoder.jsonl.gz", "", 64),
        ("mapcoder-chatgpt-cot-humaneval/answers.jsonl.gz", "source_codes", 113),
        ("mapcoder-chatgpt-cot-humaneval/answers.jsonl.gz", "", 113),
    ],
)
def test_every_recorded_verdict_is_given_again(data, humaneval, sandbox, file, column, passes):
    found = scored(data / "answers" / file, humaneval, sandbox, AS_RECORDED, column)
    disagreements = {
        one.answer.task: (one.judgement.verdict, one.judgement.reason)
        for one in found
        if one.answer.row["is_solved"] != (one.judgement.verdict == "AC")
    }
    assert disagreements == {}
    assert sum(one.judgement.verdict == "AC" for one in found) == passes


def test_published_figures_come_out_within_one_task(data, humaneval, sandbox):
    folder = data / "answers/llm-humaneval-8"
    with (folder / "published.csv").open() as rows:
        published = {row["file"]: float(row["humaneval_pass1"]) for row in csv.DictReader(rows)}
    for file, rate in published.items():
        found = scored(folder / file, humaneval, sandbox, Conditions())
        passes = sum(one.judgement.verdict == "AC" for one in found)
        assert abs(passes - rate * 1.64) <= 1.01, file


def test_a_check_as_data_and_in_the_examiner_agree_on_every_answer(data, humaneval, sandbox):
    path = data / "answers/ldb-humaneval/gpt-3.5-turbo-0613.jsonl.gz"
    ways = [scored(path, humaneval, sandbox, Conditions(examiner=way)) for way in (False, True)]
    passed = [[one.judgement.verdict == "AC" for one in way] for way in ways]
    assert passed[0] == passed[1]


@pytest.mark.parametrize("file", ["humaneval/HumanEval.jsonl.gz", "mbpp/mbpp.jsonl.gz"])
@pytest.mark.parametrize("examiner", [False, True])
def test_every_canonical_solution_holds_sealed(data, sandbox, file, examiner):
    problem_set = read_any(data / file)
    answers = [(problem, problem.reference) for problem in problem_set.problems]
    from concurrent.futures import ThreadPoolExecutor

    from judge.verdicts.judging import judge

    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda pair: judge(*pair, sandbox, Conditions(examiner=examiner)), answers)
        failed = [
            problem.slug
            for (problem, _), one in zip(answers, found, strict=True)
            if one.verdict != "AC"
        ]
    assert failed == []


@pytest.mark.parametrize(
    "file", ["humaneval-plus/HumanEvalPlus.jsonl.gz", "mbpp-plus/MbppPlus.jsonl.gz"]
)
def test_plus_sets_are_completed_by_their_canonical_solutions(data, sandbox, file):
    whole = read_any(data / file)
    slow = {"mbpp-255", "mbpp-599", "humaneval-15", "humaneval-130", "humaneval-139"}
    some = tuple(p for p in whole.problems if p.slug not in slow)[::6]  # all of them: make bench
    audited = complete(ProblemSet(whole.name, some), sandbox)
    assert audited.faults == () and len(audited.problem_set.problems) == len(some)


@pytest.mark.parametrize(
    "cheat",
    [
        "class A:\n    def __eq__(self, o): return True\n    __hash__ = None\ndef {name}(*a, **k): return A()\n",
        "class A(list):\n    def __eq__(self, o): return True\n    __hash__ = None\ndef {name}(*a, **k): return A()\n",
        "import sys\ndef {name}(*a, **k): sys.exit(0)\n",
        "import os\nos._exit(0)\n",
        "import sys\nprint('passed')\ndef {name}(*a, **k):\n    print('passed')\n",
        "import sys\ndef {name}(*a, **k):\n    frame = sys._getframe()\n    while frame:\n        frame.f_globals['check'] = lambda c: None\n        frame = frame.f_back\n",
    ],
)
def test_no_cheat_passes_under_any_importer(data, sandbox, cheat):
    from judge.verdicts.judging import judge

    sets = [read_any(data / "humaneval/HumanEval.jsonl.gz"), read_any(data / "mbpp/mbpp.jsonl.gz")]
    sets += [read_any(data / "apps-150/selected150.jsonl.gz"), bundled("starter")]
    for problem_set in sets:
        for problem in problem_set.problems[:: max(1, len(problem_set.problems) // 25)]:
            source = cheat.format(name=getattr(problem.entry, "name", "main"))
            for conditions in (Conditions(), Conditions(examiner=True)):
                found = judge(problem, source, sandbox, conditions)
                assert found.verdict not in ("AC", "SE"), (problem.slug, found)
