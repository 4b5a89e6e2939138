import json

import pytest

from judge.errors import ModelRefused, UnknownName
from judge.models import open_model
from judge.models.asking import ask, storable
from judge.models.base import ModelSpec, Sampling
from problems.problem import Function, Parameter, Problem, Slug

PROBLEM = Problem(
    Slug("add"), "Add two numbers.", Function("add", (Parameter("a"), Parameter("b")))
)
REPLY = "```python\ndef add(a, b):\n    return a + b\n```"


def recorded(tmp_path, *replies, style="chat"):
    path = tmp_path / "answers.jsonl"
    path.write_text(json.dumps({"slug": "add", "responses": list(replies)}) + "\n")
    spec = ModelSpec("tape", "recorded", str(path), style=style)
    return spec, open_model(spec)


def test_a_question_ends_in_solutions(tmp_path):
    spec, backend = recorded(tmp_path, REPLY, "Sorry.")
    kept = []
    solutions = ask(PROBLEM, spec, backend, Sampling(), 2, keep=kept.append)
    assert kept == list(solutions)
    assert [(s.source, s.rule, s.cost) for s in solutions] == [
        ("def add(a, b):\n    return a + b\n", "fence", 0.0),
        ("", "no_code", 0.0),
    ]
    assert solutions[0].completion.text == REPLY


def test_completion_style_is_put_behind_its_prompt(tmp_path):
    spec, backend = recorded(tmp_path, "    return a + b\n", style="completion")
    [solution] = ask(PROBLEM, spec, backend, Sampling(), 1)
    assert solution.rule == "completion"
    assert solution.source.startswith("def add(a, b):")


def test_what_arrived_before_a_fault_was_kept(tmp_path):
    spec, backend = recorded(tmp_path, REPLY)
    kept = []
    with pytest.raises(ModelRefused):
        ask(PROBLEM, spec, backend, Sampling(), 2, keep=kept.append)
    assert len(kept) == 1


def test_a_resumed_question_goes_on(tmp_path):
    spec, backend = recorded(tmp_path, "first", REPLY)
    [solution] = ask(PROBLEM, spec, backend, Sampling(), 1, first=1)
    assert solution.rule == "fence"


def test_an_unknown_template_is_refused_before_anything_is_asked(tmp_path):
    spec, backend = recorded(tmp_path, REPLY)
    kept = []
    with pytest.raises(UnknownName):
        ask(PROBLEM, spec, backend, Sampling(), 1, template="nope", keep=kept.append)
    assert kept == []


def test_a_reply_can_always_be_stored(tmp_path):
    spec, backend = recorded(tmp_path, "\ud800 \udc00\ud800 \0" + REPLY)
    [solution] = ask(PROBLEM, spec, backend, Sampling(), 1)
    assert "\0" not in solution.completion.text
    solution.completion.text.encode()
    assert solution.rule == "fence"
    assert storable("plain 🎉 \n") == "plain 🎉 \n"


def test_a_paid_endpoint_is_priced_by_the_request(endpoint):
    spec = ModelSpec(
        "m", "openai_chat", "x", base_url=endpoint.url, input_price=1e6, output_price=2e6
    )
    backend = open_model(spec)
    solutions = ask(PROBLEM, spec, backend, Sampling(), 2)
    backend.close()
    assert [solution.cost for solution in solutions] == [20.0, 20.0]  # 10 in, 5 out
    assert all(solution.rule == "fence" for solution in solutions)
    assert "Add two numbers." in endpoint.asked[0][1]["messages"][0]["content"]
