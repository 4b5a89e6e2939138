"""Sample files of the field are read as they are, or refused with file, line and field."""

import gzip
import json

import pytest

from judge.models.answers import Form, read_answers
from problems.errors import ImportFailed


@pytest.fixture
def written(tmp_path):
    def write(*rows):
        path = tmp_path / "samples.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return write


@pytest.mark.parametrize(
    ("row", "form"),
    [
        ({"task_id": "A/1", "completion": "x"}, Form.COMPLETION),
        ({"task_id": "A/1", "solution": "x"}, Form.SOLUTION),
        ({"task_id": "A/1", "response": "x"}, Form.REPLY),
        ({"name": "A/1", "responses": ["x"], "source_codes": ["y"]}, Form.REPLY),
        ({"slug": "A/1", "source_codes": ["x"]}, Form.SOLUTION),
    ],
)
def test_the_form_is_told_by_the_field(written, row, form):
    (answer,) = read_answers(written(row))
    assert (answer.task, answer.form, answer.text) == ("A/1", form, "x")


def test_a_list_is_several_samples_in_order(written):
    answers = read_answers(
        written({"task_id": 3, "responses": ["a", "b"]}, {"task_id": 3, "responses": ["c"]})
    )
    assert [answer.text for answer in answers] == ["a", "b", "c"] and answers[0].task == "3"


def test_a_column_may_be_chosen(written):
    row = {"task_id": "A/1", "completion": "x", "fixed": "y", "source_codes": ["z"]}
    assert read_answers(written(row), "fixed")[0].text == "y"
    assert read_answers(written(row), "source_codes")[0].form is Form.SOLUTION


def test_a_folder_of_files_is_a_sample_file(tmp_path):
    (tmp_path / "HumanEval_0").mkdir()
    (tmp_path / "HumanEval_0" / "0.py").write_text("a")
    (tmp_path / "HumanEval_0" / "1.py").write_text("b")
    (tmp_path / "add-two.py").write_text("c")
    found = {(answer.task, answer.text) for answer in read_answers(tmp_path)}
    assert found == {("HumanEval/0", "a"), ("HumanEval/0", "b"), ("add-two", "c")}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "no answers"),
        ([{"task_id": "A/1"}], ":1: no answer here"),
        ([{"completion": "x"}], ":1: no task here"),
        ([{"task_id": "A/1", "completion": 3}], ":1: field 'completion'"),
        (
            [{"task_id": "A/1", "completion": "x"}, {"task_id": [], "completion": "x"}],
            ":2: no task",
        ),
    ],
)
def test_a_bad_file_is_refused_whole_with_its_line(written, rows, words):
    with pytest.raises(ImportFailed, match=words):
        read_answers(written(*rows))


def test_a_truncated_gz_and_an_empty_folder_are_refused(tmp_path):
    path = tmp_path / "s.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"task_id": "A/1", "completion": "x"}\n' * 99)[:-9])
    with pytest.raises(ImportFailed, match="cut off"):
        read_answers(path)
    (tmp_path / "d").mkdir()
    with pytest.raises(ImportFailed, match=r"no \.py files"):
        read_answers(tmp_path / "d")


def test_a_file_that_is_no_text_is_refused_by_name(tmp_path):
    (tmp_path / "a.py").write_bytes(b"\xff\xfe")
    with pytest.raises(ImportFailed, match=r"a\.py: not UTF-8"):
        read_answers(tmp_path)
