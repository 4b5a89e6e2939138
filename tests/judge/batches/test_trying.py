"""The sandbox as a model's tool: what it asks to have run, and what it is told."""

import pytest

from judge import batches
from judge.batches.trying import runner
from judge.errors import SandboxError
from judge.models.base import Completion, ModelSpec, Sampling, Usage
from judge.store import models, problem_sets

RIGHT = "```python\ndef add(x):\n    return x + 0\n```"


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("source", "stdin", "said"),
    [
        ("print(input()[::-1])", "abc\n", "cba"),
        ("raise ValueError('no')", "", "ValueError: no"),
        ("while True: pass", "", "took more CPU time than it may"),
        ("print('x' * 10_000_000)", "", "printed more than it may"),
        ("import socket; socket.create_connection(('127.0.0.1', 80), 1)", "", "Error"),
        ("print(chr(0xd800).encode('utf-8', 'surrogatepass'))", "", "xed"),
        ("def f(:", "", "SyntaxError"),
        ("import sys; print('\ud800', file=sys.stderr)", "\ud800", ""),
    ],
    ids=range(8),
)
def test_a_program_is_run_sealed_and_what_came_is_told(sandbox, source, stdin, said):
    assert said in runner(lambda: sandbox)(source, stdin)


class Trying:
    """Asks for a run before each answer."""

    def __init__(self):
        self.told = []

    def complete(self, prompt, sampling, n, *, first=0, keep=None):
        self.told.append(prompt.messages)
        text = RIGHT if len(prompt.messages) > 1 else "```run\nprint(6 * 7)\n```"
        return [Completion(text, usage=Usage(1, 1), index=first)]

    def close(self):
        pass


@pytest.fixture
def trying(database, small_set):
    """A batch of one question asked with `tool`: (backend, model callable, batch)."""
    spec = ModelSpec("tries", "recorded", "nowhere")
    with database.transaction() as tx:
        problem_sets.keep(tx, small_set)
        models.keep(tx, spec)
    request = batches.BatchRequest(
        ("tries",), "small", 2, Sampling(0.0), ("tool",), problems=("add-0",)
    )
    backend = Trying()
    return backend, lambda _: (spec, backend), batches.open_batch(database, request).id


@pytest.mark.sandbox
def test_a_batch_lends_its_sandbox_to_the_model(database, sandbox, trying):
    backend, model, batch = trying
    status = batches.run_batch(database, model, sandbox, batch)
    assert (status.state, status.judged, status.accepted) == ("finished", 2, 2)
    assert "42" in backend.told[1][-1].content
    [one, _] = batches.list_samples(database, batch)
    assert (one.template.split("@")[0], one.input_tokens) == ("tool", 2)


def test_without_a_sandbox_the_question_is_put_off_and_says_what_is_missing(database, trying):
    _, model, batch = trying
    assert batches.ask_questions(database, model, batch=batch).put_off == 1
    [(reason, _)] = batches.read_batch(database, batch).waiting
    assert "no sandbox" in reason and "judge worker --queues ask,judge" in reason


def test_a_sandbox_that_breaks_is_tried_again(database, trying):
    class Broken:
        def run(self, job):
            raise SandboxError("the box broke")

    _, model, batch = trying
    asked = batches.ask_questions(database, model, batch=batch, sandbox=Broken)
    assert asked.put_off == 1
    assert batches.read_batch(database, batch).waiting == (("the box broke", 1),)
