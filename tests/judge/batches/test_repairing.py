"""Self-repair: what is mended, how its chain counts, and above all what is never shown."""

import json
import threading
import time
from dataclasses import replace

import pytest

from judge import batches
from judge.batches import failures, repairing
from judge.errors import ModelRefused, SandboxError, UsageError
from judge.models import prompts
from judge.models.base import Completion, ModelSpec, Sampling, Usage
from judge.models.literals import literal, parts_of
from judge.sandbox.base import Ending, Report, Run
from judge.store import models, problem_sets, questions, tallies
from judge.store.database import Database
from judge.verdicts.evidence import NOWHERE, Evidence
from judge.verdicts.verdict import Judgement, Outcome, Verdict
from problems import importers
from problems.problem import Example, Function, Parameter, Problem, ProblemSet, Program, Slug
from problems.values import Wire, decode
from tests.conftest import migrated

HIDDEN = ("[70001]", "[80002]")


def adds(n):
    """A problem with one shown example between two hidden ones."""
    given = (HIDDEN[0], "[1]", HIDDEN[1])
    return Problem(
        Slug(f"add-{n}"),
        f"Add {n} to x.",
        Function("add", (Parameter("x", "int"),), "int"),
        tuple(Example(Wire(x), (Wire(str(int(x[1:-1]) + n)),), shown=x == "[1]") for x in given),
    )


SET = ProblemSet("mended", tuple(adds(n) for n in range(4)))


class Talking:
    """Says `say(slug, how often it was asked, index)` for one dollar, and remembers what it was told."""

    def __init__(self, say):
        self.say, self.told = say, []
        self._lock = threading.Lock()

    def complete(self, prompt, sampling, n, *, first=0, keep=None):
        drawn = []
        for index in range(first, first + n):
            with self._lock:
                turn = sum(each[0] == prompt.slug and each[2] == index for each in self.told)
                self.told.append((prompt.slug, turn, index, prompt.messages))
            text = self.say(prompt.slug, turn, index)
            drawn.append(Completion(text, "stop", Usage(10, 100), index=index))
            if keep is not None:
                keep(drawn[-1])
        return drawn

    def close(self):
        pass


class Pretend:
    """Adds what the source adds; a fault for a source that `breaks` says yes to."""

    name, workers, callers, fingerprint, tier = "pretend", 2, 2, "pretend", "none"
    host = NOWHERE

    def __init__(self, breaks=lambda source: False):
        self.breaks = breaks

    def run(self, job, *, alone=False, accept=None):
        if self.breaks(job.source):
            raise SandboxError("the box broke")
        given = [int(wire[1:-1]) for wire in job.inputs]
        added = int(job.source.split("+")[1].split()[0])
        only_shown = "shown" in job.source
        answers = [x + added - (x > 1 and only_shown) for x in given]
        return Report(tuple(Run(Ending.RETURNED, Wire(str(each))) for each in answers))


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(failures, "BACKOFF_SECONDS", 0.0)


def code(added, note=""):
    return f"```python\ndef add(x):\n    return x + {added}  # {note}\n```"


def right(slug):
    return code(slug.removeprefix("add-"))


def after(turns):
    """Right after so many turns, wrong before."""
    return lambda slug, turn, _: right(slug) if turn >= turns else code(1000 + turn)


@pytest.fixture
def play(database):
    """Open a batch of a model that says as told, and get (backend, step, batch); a step asks and
    judges what is open once."""

    def make(say, sandbox=None, *, name="talker", samples=1, problems=("add-0",), **fields):
        spec = ModelSpec(name, "recorded", "nowhere", input_price=0.0, output_price=10_000.0)
        with database.transaction() as tx:
            problem_sets.keep(tx, SET)
            models.keep(tx, spec)
        backend = Talking(say)
        sampling = Sampling(0.0, max_tokens=100)
        request = batches.BatchRequest(
            (name,), "mended", samples, sampling, problems=problems, **fields
        )
        batch = batches.open_batch(database, request).id
        box = sandbox or Pretend()

        def step():
            time.sleep(0.003)
            asked = batches.ask_questions(
                database, lambda _: (spec, backend), batch=batch, sandbox=lambda: box
            )
            return asked.claimed + batches.judge_samples(database, box, batch=batch)

        return backend, step, batch

    return make


def to_the_end(step):
    while step():
        pass


def counted(database):
    """Tallies by recipe, the same as rebuilt: (drawn, accepted, cost, tokens out)."""
    with database.reading() as tx:
        kept = tallies.read(tx, SET.digest)
    with database.transaction() as tx:
        tallies.rebuild(tx)
        assert tallies.read(tx, SET.digest) == kept
    found = {}
    for each in kept:
        key = "chain" if each.recipe.endswith(" repairs=2") else "first"
        assert each.recipe.startswith("chat@")
        sums = (each.drawn, each.accepted, each.cost, each.output_tokens)
        found[key] = tuple(map(sum, zip(found.get(key, (0, 0, 0, 0)), sums, strict=True)))
    return found


def test_an_answer_that_fails_a_shown_example_is_mended_and_its_chain_counts_once(database, play):
    _, step, batch = play(after(1), samples=2, repairs=2)
    step()
    status = batches.read_batch(database, batch)
    assert (status.state, status.judged, status.accepted) == ("open", 2, 0)
    assert counted(database) == {"first": (2, 0, 2.0, 200)}
    to_the_end(step)
    status = batches.read_batch(database, batch)
    assert (status.state, status.questions, status.asked, status.wanted) == ("finished", 1, 1, 2)
    assert (status.samples, status.judged, status.accepted) == (2, 2, 0)
    assert (status.repaired, status.mended, status.spend_usd) == (2, 2, 4.0)
    assert counted(database) == {"first": (2, 0, 2.0, 200), "chain": (2, 2, 4.0, 400)}
    rows = batches.list_samples(database, batch)
    by_id = {row.id: row for row in rows}
    assert sorted((row.turn, row.index, row.verdict) for row in rows) == [
        *((0, 0, "WA"), (0, 1, "WA")),
        *((1, 0, "AC"), (1, 1, "AC")),
    ]
    for row in rows:
        assert bool(row.repairs) == bool(row.turn)
        assert not row.turn or (by_id[row.repairs].turn, by_id[row.repairs].index) == (0, row.index)


def test_the_model_is_told_its_reply_and_the_example_with_what_it_came_to(play):
    backend, step, _ = play(after(1), repairs=1)
    to_the_end(step)
    [(_, _, _, first), (_, _, index, again)] = backend.told
    assert (index, again[0]) == (0, first[0])
    assert [each.role for each in again] == ["user", "assistant", "user"]
    assert again[1].content == code(1000)
    assert "add(1)" in again[2].content and "returned 1001" in again[2].content
    assert "Expected:\n```\n1\n```" in again[2].content


@pytest.mark.parametrize(
    ("turns", "chain"),
    [(0, (1, 1, 1.0, 100)), (2, (1, 1, 3.0, 300)), (9, (1, 0, 3.0, 300))],
)
def test_a_chain_ends_with_a_right_answer_or_with_its_last_turn(database, play, turns, chain):
    backend, step, batch = play(after(turns), repairs=2)
    to_the_end(step)
    first = (1, int(turns == 0), 1.0, 100)
    assert counted(database) == {"first": first, "chain": chain}
    assert len(backend.told) == chain[2]
    assert batches.read_batch(database, batch).state == "finished"


def test_without_repairs_nothing_is_mended_and_turns_count_as_ever(database, play):
    _, step, _ = play(after(1))
    to_the_end(step)
    assert counted(database) == {"first": (1, 0, 1.0, 100)}


def test_failing_hidden_examples_alone_opens_nothing(database, play):
    backend, step, _ = play(lambda slug, *_: code(0, "shown"), repairs=2)
    to_the_end(step)
    assert len(backend.told) == 1
    assert counted(database) == {"first": (1, 0, 1.0, 100), "chain": (1, 0, 1.0, 100)}


def test_a_chain_whose_last_turn_no_sandbox_can_judge_is_in_no_tally_until_it_can(database, play):
    broken = True
    sandbox = Pretend(lambda source: broken and "+ 0" in source)
    _, step, batch = play(after(1), sandbox, repairs=2)
    to_the_end(step)
    assert counted(database) == {"first": (1, 0, 1.0, 100)}
    status = batches.read_batch(database, batch)
    assert (status.state, status.errors) == ("finished", (("the box broke", 1),))
    broken = False
    assert batches.retry_errors(database, batch).open
    to_the_end(step)
    assert counted(database)["chain"] == (1, 1, 2.0, 200)


def test_a_repair_that_the_model_refuses_is_an_error_and_can_be_asked_again(database, play):
    refused = True

    def say(slug, turn, index):
        if turn and refused:
            raise ModelRefused("no such key")
        return after(1)(slug, turn, index)

    _, step, batch = play(say, samples=3, repairs=2)
    to_the_end(step)
    status = batches.read_batch(database, batch)
    assert (status.state, status.failed, status.errors) == ("finished", 0, (("no such key", 3),))
    assert counted(database) == {"first": (3, 0, 3.0, 300)}
    with database.reading() as tx:
        assert tallies.errors(tx, SET.digest) == {"talker": 3}
    refused = False
    batches.retry_errors(database, batch)
    to_the_end(step)
    assert counted(database)["chain"] == (3, 3, 6.0, 600)
    with database.reading() as tx:
        assert tallies.errors(tx, SET.digest) == {}


def test_a_paused_batch_mends_nothing_until_it_is_resumed(database, play):
    backend, step, batch = play(after(1), repairs=1)
    step()
    batches.pause_batch(database, batch)
    to_the_end(step)
    assert len(backend.told) == 1
    batches.resume_batch(database, batch)
    to_the_end(step)
    assert len(backend.told) == 2
    assert batches.read_batch(database, batch).state == "finished"


def test_a_cancelled_batch_mends_nothing_and_leaves_no_half_chain_in_a_tally(database, play):
    backend, step, batch = play(after(1), repairs=2)
    step()
    batches.cancel_batch(database, batch)
    to_the_end(step)
    assert len(backend.told) == 1
    assert counted(database) == {"first": (1, 0, 1.0, 100)}


def test_a_budget_covers_repairs_and_goes_on_when_it_is_raised(database, play):
    _, step, batch = play(after(2), repairs=2, budget_usd=2.0)
    to_the_end(step)
    status = batches.read_batch(database, batch)
    assert (status.state, status.spend_usd, status.skipped) == ("over_budget", 2.0, 0)
    assert counted(database) == {"first": (1, 0, 1.0, 100)}
    batches.change_budget(database, batch, 9.0)
    to_the_end(step)
    assert counted(database)["chain"] == (1, 1, 3.0, 300)
    assert batches.read_batch(database, batch).state == "finished"


def test_without_a_sandbox_a_model_is_told_how_it_failed_and_no_more(database, play):
    """Where workers are apart by queue, those that ask have none."""
    backend, step, batch = play(after(1), repairs=1)
    step()
    spec = ModelSpec("talker", "recorded", "nowhere")
    asked = batches.ask_questions(database, lambda _: (spec, backend), batch=batch)
    assert (asked.asked, asked.put_off) == (1, 0)
    *_, told = backend.told[-1][3]
    assert "something else" in told.content
    assert "1000" not in told.content


def test_a_question_that_mends_asks_for_the_draw_of_its_sample_and_no_other(database, play):
    _, step, batch = play(lambda slug, turn, index: code(1000 if index == 2 else 0), samples=4,
                          repairs=1)  # fmt: skip
    step()
    with database.transaction() as tx:
        _, [question] = questions.claim(tx, database, 9, batch)
    assert (question.missing, question.turn, question.template) == ((2,), 1, "")


def test_many_workers_open_each_repair_once(database, play):
    slugs = tuple(each.slug for each in SET.problems)
    _, _, batch = play(after(2), samples=6, repairs=2, problems=slugs)
    others = [Database(database.shown_url) for _ in range(3)]
    spec = ModelSpec("talker", "recorded", "nowhere", input_price=0.0, output_price=10_000.0)
    backend, box, faults = Talking(after(2)), Pretend(), []

    def work(own):
        try:
            while batches.read_batch(own, batch).open:
                batches.ask_questions(
                    own, lambda _: (spec, backend), 3, batch, threads=2, sandbox=lambda: box
                )
                batches.judge_samples(own, box, 3, batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test fails
            faults.append(error)

    threads = [threading.Thread(target=work, args=(own,)) for own in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for own in others:
        own.close()
    assert faults == []
    told = [each[:3] for each in backend.told]
    assert len(told) == len(set(told)) == 4 * 6 * 3
    assert counted(database) == {"first": (24, 0, 24.0, 2400), "chain": (24, 24, 72.0, 7200)}


def test_two_prompts_are_two_rows_over_the_same_problems(database, play):
    slugs = tuple(each.slug for each in SET.problems)
    _, step, _ = play(after(0), problems=slugs, prompts=("chat", "worked"), samples=2)
    to_the_end(step)
    with database.snapshot() as tx:
        one, other = tallies.standings(tx, SET.digest)
    assert one.recipe.startswith("chat@") and other.recipe.startswith("worked@")
    assert one.problems.keys() == other.problems.keys() == set(slugs)


def test_what_cannot_be_asked_is_refused_when_the_batch_is_opened(database):
    with database.transaction() as tx:
        problem_sets.keep(tx, SET)
        models.keep(tx, ModelSpec("base", "recorded", "x", style="completion"))
        models.keep(tx, ModelSpec("talker", "recorded", "x"))
    for model, fields, said in (
        ("base", {"repairs": 1}, "cannot be told of its mistakes"),
        ("base", {"prompts": ("think",)}, "ask it with one of completion"),
        ("talker", {"prompts": ("chat", "completion")}, "'talker': prompt 'completion' is for"),
        ("talker", {"prompts": ("nope",)}, "there is chat"),
    ):
        with pytest.raises(UsageError, match=said):
            batches.open_batch(database, batches.BatchRequest((model,), "mended", **fields))


# --- what is never shown -------------------------------------------------------------------------

THIEF = """
import gc, sys
SEEN = []
def add(x):
    SEEN.append(x)
    found = [repr(each)[:2000] for each in gc.get_objects() if isinstance(each, (list, tuple))][:400]
    frames, frame = [], sys._getframe()
    while frame:
        frames.append(repr(frame.f_locals)[:2000])
        frame = frame.f_back
    {how}
"""
WAYS = (
    "return SEEN",
    "return repr(SEEN) + repr(found) + repr(frames)",
    "raise ValueError(repr(SEEN) + repr(frames))",
    "raise type('E' + '_'.join(map(str, SEEN)), (Exception,), {})()",
    "print(SEEN); sys.stderr.write(repr(frames)); sys.exit(3)",
    "return {repr(SEEN): repr(frames)}",
)


@pytest.mark.sandbox
@pytest.mark.parametrize("how", WAYS)
def test_a_solution_that_collects_hidden_inputs_cannot_carry_them_into_the_next_prompt(
    play, sandbox, how
):
    source = THIEF.replace("{how}", how)
    backend, step, _ = play(lambda *_: f"```python\n{source}\n```", sandbox, repairs=2)
    to_the_end(step)
    assert len(backend.told) == 3
    told = [each[3] for each in backend.told]
    said = "".join(message.content for messages in told for message in messages)
    assert "add(1)" in said
    assert not [secret for secret in ("70001", "80002") if secret in said]


def judged(problem, verdict=Verdict.WA):
    outcomes = (Outcome(verdict, "answer"),) * len(problem.examples)
    evidence = Evidence(problem.digest, "", "", "", NOWHERE)
    return Judgement(verdict, "answer", outcomes, evidence, message="PRIVATE", stdout="PRINTED")


def texts(example):
    """By which its values would be recognised."""
    values = [decode(wire, types=True) for wire in (example.arguments, example.accepted[0])]
    return {text for value in values for text in (literal(value), str(value).strip("\n"))}


@pytest.mark.sandbox
def test_of_no_problem_of_ours_a_hidden_example_is_told(sandbox):
    """All examples failed; what is told is told of the first shown one alone."""
    told = 0
    for problem in importers.bundled("starter").problems:
        example = repairing.failed_example(problem, judged(problem))
        assert example.shown
        known = " ".join(text for each in problem.examples if each.shown for text in texts(each))
        hidden = (text for each in problem.examples if not each.shown for text in texts(each))
        secrets = {text for text in hidden if len(text) > 6 and text not in known}
        assert secrets
        for wrong in problem.wrong:
            if wrong.verdict in ("TLE", "MLE", "OLE"):
                continue
            got = repairing._got(problem, example, wrong.source, lambda: sandbox)
            given, expected = parts_of(problem, example)
            mend = repairing.Mend("(reply)", given, expected, got)
            said = prompts.conversation(problem, "chat", "", mend).first.messages[-1].content
            assert not [text for text in secrets if text in said], (problem.slug, said)
            assert "PRIVATE" not in said and "PRINTED" not in said
            told += 1
    assert told > 150


def test_what_is_no_fault_of_the_solution_is_not_mended():
    problem = SET.problems[0]
    for verdict in (Verdict.AC, Verdict.SE, Verdict.UNDECIDED):
        assert repairing.failed_example(problem, judged(problem, verdict)) is None
    for verdict in (Verdict.WA, Verdict.CE, Verdict.RE, Verdict.TLE, Verdict.MLE, Verdict.OLE):
        assert repairing.failed_example(problem, judged(problem, verdict)).arguments == "[1]"
    unshown = replace(problem, examples=tuple(replace(e, shown=False) for e in problem.examples))
    assert repairing.failed_example(unshown, judged(problem)) is None
    one = replace(judged(problem), outcomes=(Outcome(Verdict.WA),))
    assert repairing.failed_example(problem, one) is None


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def add(x):\n    return '```\\n\\x1b[31m' * 1_000\n", "more characters)"),
        ("def add(x):\n    a = []\n    for _ in range(900): a = [a]\n    return a\n", ""),
        ("def add(x):\n    return 10 ** 100_000\n", ""),
        ("def add(x):\n    raise KeyError('k')\n", "raised KeyError: 'k'"),
        ("def add(x:\n", "could not be started"),
        ("def sub(x):\n    return 1\n", "could not be started"),
        ("import os\ndef add(x):\n    os._exit(7)\n", "ended before it answered (exit:7)"),
        ("def add(x):\n    return add\n", "cannot be compared"),
        ("", "no code was found"),
    ],
)
def test_what_a_solution_came_to_is_told_bounded_and_clean(sandbox, source, said):
    problem = SET.problems[0]
    got = repairing._got(problem, problem.examples[1], source, lambda: sandbox)
    mend = repairing.Mend("x" * 500_000, "add(1)", "1", got)
    messages = prompts.conversation(problem, "chat", "", mend).first.messages
    assert len(messages[1].content) < 21_000 and len(messages[2].content) < 7_500
    assert said in messages[2].content
    assert "\x1b" not in messages[2].content
    assert messages[2].content.count("\n```\n") <= 6 or "````" in messages[2].content


@pytest.mark.sandbox
def test_a_program_is_told_its_input_and_its_output(sandbox):
    examples = (Example(Wire(json.dumps("3 4\n")), (Wire(json.dumps("7\n")),), shown=True),)
    problem = Problem(Slug("sum"), "Add.", Program(), examples)
    got = repairing._got(problem, examples[0], "print(input(), 12)\n", lambda: sandbox)
    assert got == "printed\n3 4 12\n"


@pytest.mark.sandbox
def test_an_answer_that_is_right_alone_is_told_as_such(sandbox):
    problem = SET.problems[2]
    source = "CALLS = []\ndef add(x):\n    CALLS.append(x)\n    return x + 1 + len(CALLS)\n"
    assert "among other calls" in repairing._got(
        problem, problem.examples[1], source, lambda: sandbox
    )


@pytest.mark.local
@pytest.mark.sandbox
def test_the_real_small_model_is_asked_to_mend_its_answer(tmp_path, sandbox, small_model):
    spec, backend = small_model
    with migrated(f"sqlite:///{tmp_path / 'judge.db'}") as database:
        with database.transaction() as tx:
            problem_sets.keep(tx, importers.bundled("starter"))
            models.keep(tx, spec)
        drawn = Sampling(0.0, 1.0, 120)
        asked = {"problems": ("tally-counter",), "repairs": 1}
        request = batches.BatchRequest((spec.name,), "starter", 1, drawn, **asked)
        opened = batches.open_batch(database, request)
        status = batches.run_batch(database, lambda _: (spec, backend), sandbox, opened.id)
        assert (status.state, status.errors, status.judged) == ("finished", (), 1)
        assert [row.turn for row in batches.list_samples(database, opened.id)] == [0, 1]
