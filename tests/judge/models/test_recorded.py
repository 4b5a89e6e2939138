import gzip
import json

import pytest

from judge.errors import ModelRefused, UsageError
from judge.models import open_model
from judge.models.base import Message, ModelSpec, Prompt, Sampling, Usage


def opened(tmp_path, *rows, name="answers.jsonl"):
    path = tmp_path / name
    text = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return open_model(ModelSpec("tape", "recorded", str(path)))


def ask(backend, slug, n=1, first=0, keep=None):
    prompt = Prompt(slug, (Message("user", "?"),), "chat@1")
    return backend.complete(prompt, Sampling(), n, first=first, keep=keep)


def test_rows_of_one_problem_are_its_samples_in_order(tmp_path):
    backend = opened(
        tmp_path,
        {"task_id": "HumanEval/0", "completion": "one"},
        {"task_id": "HumanEval/1", "completion": "other"},
        {"task_id": "HumanEval/0", "completion": "two"},
    )
    kept = []
    drawn = ask(backend, "humaneval-0", 2, keep=kept.append)
    assert [completion.text for completion in drawn] == ["one", "two"]
    assert kept == drawn
    assert all(completion.usage == Usage() for completion in drawn)


@pytest.mark.parametrize("field", ["completion", "solution", "response"])
@pytest.mark.parametrize("name", ["answers.jsonl", "answers.jsonl.gz"])
def test_every_known_field_is_read(tmp_path, field, name):
    assert ask(opened(tmp_path, {"slug": "a", field: "x"}, name=name), "a")[0].text == "x"


def test_a_list_holds_several_samples(tmp_path):
    backend = opened(tmp_path, {"slug": "a", "responses": ["x", "y"]})
    assert [completion.text for completion in ask(backend, "a", 2)] == ["x", "y"]


def test_a_resumed_question_goes_on_where_it_was(tmp_path):
    backend = opened(tmp_path, {"slug": "a", "responses": ["x", "y", "z"]})
    assert [completion.text for completion in ask(backend, "a", 2, first=1)] == ["y", "z"]


def test_asking_beyond_the_recording_is_refused_by_name(tmp_path):
    backend = opened(tmp_path, {"slug": "a", "solution": "x"})
    kept = []
    with pytest.raises(ModelRefused, match=r"1 answers for 'a', 2 are asked for"):
        ask(backend, "a", 2, keep=kept.append)
    assert [completion.text for completion in kept] == ["x"]
    with pytest.raises(ModelRefused, match="'b'"):
        ask(backend, "b")


@pytest.mark.parametrize(
    "row", [{"slug": "a"}, {"solution": "x"}, {"slug": "a", "solution": 3}, {"slug": None}]
)
def test_a_row_that_is_no_answer_is_named(tmp_path, row):
    with pytest.raises(UsageError, match=r"answers\.jsonl:2"):
        opened(tmp_path, {"slug": "a", "solution": "x"}, row)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        open_model(ModelSpec("tape", "recorded", str(tmp_path / "none.jsonl")))
