import json

import pytest

from judge.errors import ModelRefused, UnknownName, UsageError
from judge.models import mending, open_model, wording
from judge.models.asking import ask, storable
from judge.models.base import Completion, ModelSpec, Sampling, Usage
from judge.models.mending import Mend
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


# --- conversations -------------------------------------------------------------------------------


class Talking:
    """Gives the replies of each draw in turn, and remembers what it was told."""

    def __init__(self, *replies):
        self.replies, self.told = replies, []

    def complete(self, prompt, sampling, n, *, first=0, keep=None):
        assert n == 1
        before = sum(index == first for index, _ in self.told)
        self.told.append((first, prompt.messages))
        reply = self.replies[min(before, len(self.replies) - 1)]
        finish = "length" if reply == "cut" else "stop"
        usage = Usage(10, 5, cached_tokens=1)
        return [Completion(reply, finish, usage, 2.0, first, first_token_seconds=before)]


SPEC = ModelSpec("m", "recorded", "x", input_price=1e6, output_price=0.0)


def test_each_call_of_a_cascade_sees_the_turns_before_and_the_last_reply_is_the_answer():
    backend = Talking("The plan.", "```python\ndef add(a, b): return 0\n```", REPLY)
    kept = []
    solutions = ask(
        PROBLEM, SPEC, backend, Sampling(), 2, template="steps", first=3, keep=kept.append
    )
    assert kept == list(solutions)
    assert [index for index, _ in backend.told] == [3, 3, 3, 4, 4, 4]
    (_, first), (_, second), (_, third) = backend.told[:3]
    assert (second[:1], third[:3]) == (first, second)
    assert [each.role for each in third] == ["user", "assistant"] * 2 + ["user"]
    assert second[1].content == "The plan."
    one = solutions[0]
    assert (one.source, one.completion.text) == ("def add(a, b):\n    return a + b\n", REPLY)
    assert (one.completion.index, one.completion.finish, one.cost) == (3, "stop", 30.0)
    assert one.completion.usage == Usage(30, 15, cached_tokens=3)
    assert (one.completion.seconds, one.completion.first_token_seconds) == (6.0, 0)


def test_a_cascade_with_a_reply_that_was_cut_off_says_so():
    [solution] = ask(PROBLEM, SPEC, Talking("cut", REPLY), Sampling(), 1, template="steps")
    assert solution.completion.finish == "length"


def test_what_was_only_thought_and_what_is_endless_is_not_said_again():
    backend = Talking("<think>secret</think>plan", "x" * 100_000, "", REPLY)
    ask(PROBLEM, SPEC, backend, Sampling(), 1, template="steps")
    last = backend.told[-1][1]
    assert last[1].content == "plan"
    assert len(last[3].content) < 21_000


RUN = "Let me see.\n```run\nprint(1 + 1)\n```\n"


def test_a_model_may_have_programs_run_and_sees_what_they_print():
    backend, ran = Talking(RUN + "```stdin\n3 4\n```", REPLY), []

    def run(source, stdin):
        ran.append((source, stdin))
        return "2\n"

    [solution] = ask(PROBLEM, SPEC, backend, Sampling(), 1, template="tool", run=run)
    assert ran == [("print(1 + 1)\n", "3 4\n")]
    assert "```\n2\n```\nRuns left: 3." in backend.told[1][1][-1].content
    assert solution.rule == "fence" and solution.cost == 20.0


def test_a_model_that_only_asks_for_runs_is_stopped():
    backend, ran = Talking(RUN), []
    run = lambda *asked: ran.append(asked) or "```\nout" * 10_000  # noqa: E731
    [solution] = ask(PROBLEM, SPEC, backend, Sampling(), 1, template="tool", run=run)
    assert (len(ran), len(backend.told)) == (4, 5)
    last = backend.told[-1][1][-1].content
    assert "No more programs are run." in last
    assert "````\n```" in last and len(last) < 2_500
    assert solution.completion.usage.input_tokens == 50


@pytest.mark.parametrize(
    "reply", [REPLY, "```run\nprint(1)", "```run\n```", f"```run\n{'x' * 60_000}\n```", "run it"]
)
def test_what_asks_for_no_run_is_the_answer(reply):
    backend = Talking(reply)
    ask(PROBLEM, SPEC, backend, Sampling(), 1, template="tool", run=lambda *_: 1 / 0)
    assert len(backend.told) == 1


def test_without_a_sandbox_no_tool_is_offered():
    backend = Talking(REPLY)
    with pytest.raises(UsageError, match="wants a sandbox"):
        ask(PROBLEM, SPEC, backend, Sampling(), 1, template="tool")
    assert backend.told == []


def test_a_mend_is_one_call_whatever_the_template():
    backend = Talking(REPLY)
    mend = Mend("<think>no</think>Mine.", "add(1, 2)", "3", "returned ```4```")
    ask(PROBLEM, SPEC, backend, Sampling(), 1, template="steps", first=2, mend=mend)
    [(index, said)] = backend.told
    assert (index, [each.role for each in said]) == (2, ["user", "assistant", "user"])
    assert said[1].content == "Mine."
    assert "````\nreturned ```4```\n````" in said[2].content


def test_one_version_mends_in_one_text():
    """When this fails on purpose, raise wording.RENDERING and put the new text here."""
    said = mending.said(Mend("", "add(1, 2)", "3", "returned 4"), program=False)
    assert wording.RENDERING == "1"
    assert said == (
        "Your solution fails this example:\n```\nadd(1, 2)\n```\nExpected:\n```\n3\n```\n"
        "Your solution:\n```\nreturned 4\n```\nFind the mistake and mend it.\n"
        "Answer with one ```python code block that holds the whole corrected solution. "
        "No tests, no prints."
    )
