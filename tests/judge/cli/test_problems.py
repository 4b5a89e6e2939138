import json

import pytest

from judge.verdicts.timing import read_references

pytestmark = [pytest.mark.sandbox, pytest.mark.usefixtures("sandbox")]


def test_a_set_is_imported_listed_and_shown(judge, small_set):
    said = judge("problems", "import", small_set, "--json")
    assert said.code == 0, said.err
    assert said.json() | {"digest": ""} == {
        "name": "small",
        "digest": "",
        "problems": 2,
        "faults": [],
    }
    assert judge("problems", "list", "--json").json()[0]["problems"] == 2
    assert {row["slug"] for row in judge("problems", "show", "small", "--json").json()} == {
        "double",
        "square",
    }


def test_the_times_of_its_references_are_kept_for_judge_score(judge, small_set, home):
    judge("problems", "import", small_set)
    digests = {row["digest"] for row in judge("problems", "show", "small", "--json").json()}
    known = read_references(home)
    assert known.keys() == digests and all(each.cpu_seconds > 0 for each in known.values())


def test_a_set_can_be_given_another_name(judge, small_set):
    assert judge("problems", "import", small_set, "--name", "mine").code == 0
    assert judge("problems", "list", "--json").json()[0]["name"] == "mine"


def test_hidden_answers_references_and_wrong_solutions_are_not_shown(judge, small_set):
    judge("problems", "import", small_set)
    for said in (
        judge("problems", "show", "small", "double", "--json"),
        judge("problems", "show", "small", "double"),
    ):
        assert said.code == 0
        assert "80" not in said.out.replace(said.out[said.out.find("version") :], "")
        assert "return" not in said.out
    shown = judge("problems", "show", "small", "double", "--json").json()
    assert shown["examples"] == [{"arguments": [1], "accepted": [2]}]
    assert shown["tests"] == 2


def test_known_answers_are_written_for_the_recorded_backend(judge, small_set, tmp_path):
    judge("problems", "import", small_set)
    out = tmp_path / "wrong.jsonl"
    said = judge(
        "problems", "answers", "small", "--which", "wrong", "-n", 3, "--out", out, "--json"
    )
    assert said.json() == {"file": str(out), "problems": 2, "missing": 0}
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [len(row["solution"]) for row in rows] == [3, 3]


def test_answers_that_cannot_be_written_leave_nothing(judge, small_set, tmp_path):
    judge("problems", "import", small_set)
    said = judge("problems", "answers", "small", "--which", "wrong", "--out", tmp_path / "no" / "x")
    assert said.code == 2
    assert "--out" in said.err
