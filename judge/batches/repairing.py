"""Self-repair: which samples a model is asked to mend, and what it is shown of them.

Theory of operation. A sample whose own fault it is, and that fails an example marked as shown, is
mended in a question of its own, opened in the transaction of its judgement. When that is asked, the
example is run once more with nothing beside it. Nothing of the judged run is shown, not even what
it answered: hidden inputs were in that process, and a solution can collect them and return them as
its answer to the shown one. Covered: no hidden example, checker, reference or private message is in
what a model is told. Not covered: that a sample failed at all says something of no hidden example,
since failing those opens nothing.
"""

from dataclasses import replace

from judge.batches.trying import GetSandbox, answer_of, ending_of
from judge.errors import JudgeError, SandboxUnavailable
from judge.models.literals import literal, parts_of
from judge.models.mending import Mend
from judge.store import samples
from judge.store.database import Database
from judge.store.questions import Question
from judge.store.samples import Unjudged
from judge.verdicts.conditions import Conditions
from judge.verdicts.deciding import outcomes_of
from judge.verdicts.judging import job_of
from judge.verdicts.verdict import Judgement, Verdict
from problems.problem import Examined, Example, Problem, Program
from problems.values import Undecodable

_NO_FAULT = (Verdict.AC, Verdict.UNDECIDED, Verdict.SKIP, Verdict.SE)


def is_faulty(problem: Problem, sample: Unjudged, judgement: Judgement) -> bool:
    """Whether this sample is to be mended."""
    return sample.turn < sample.last_turn and failed_example(problem, judgement) is not None


def failed_example(problem: Problem, judgement: Judgement) -> Example | None:
    """The first shown example that the judged solution fails by its own fault."""
    outcomes = judgement.outcomes
    if judgement.verdict in _NO_FAULT or isinstance(problem.entry, Examined):
        return None  # an examiner has one outcome for all its checks, none of them shown
    if len(outcomes) != len(problem.examples):
        return None
    return next(
        (
            example
            for example, outcome in zip(problem.examples, outcomes, strict=True)
            if example.shown and example.accepted and outcome.verdict not in _NO_FAULT
        ),
        None,
    )


def mend_of(
    database: Database, question: Question, problem: Problem, sandbox: GetSandbox
) -> Mend | None:
    """What to ask for in a question that mends a sample; None for any other. Where there is no
    sandbox the model is told how its solution failed, and not what it gave. Raises SandboxError."""
    if not question.repairs:
        return None
    with database.reading() as tx:
        faulty = samples.read(tx, question.repairs)
    example = failed_example(problem, faulty.judgement) if faulty.judgement else None
    if example is None or faulty.judgement is None:
        raise JudgeError(f"the sample {question.repairs} fails no shown example")
    given, expected = parts_of(problem, example)
    try:
        got = _got(problem, example, faulty.source, sandbox)
    except SandboxUnavailable:
        got = _IN_A_WORD[faulty.judgement.outcomes[problem.examples.index(example)].verdict]
    return Mend(faulty.text, given, expected, got)


_IN_A_WORD = {
    Verdict.WA: "something else",
    Verdict.TLE: "nothing within the time it may take",
    Verdict.MLE: "nothing within the memory it may take",
    Verdict.OLE: "more output than it may give",
    Verdict.RE: "an error",
    Verdict.CE: "nothing: the code cannot be run",
}


def _got(problem: Problem, example: Example, source: str, sandbox: GetSandbox) -> str:
    """What the solution comes to with this example alone."""
    if not source.strip():
        return "no code was found in the answer"
    alone = replace(problem, examples=(example,))
    job = job_of(alone, source, Conditions(), problem.limits)
    report = sandbox().run(job)
    run = report.runs[0]
    if said := ending_of(run):
        return said
    gave = "printed" if isinstance(problem.entry, Program) else "returned"
    try:
        answer = answer_of(run)
        text = str(answer) if isinstance(problem.entry, Program) else literal(answer)
    except (Undecodable, ValueError, RecursionError):
        text = "an answer too large to show"
    [outcome] = outcomes_of(alone, report, job)
    if outcome.verdict is Verdict.AC:
        return f"{gave} {text}\nThat is right, but among other calls it was not."
    return f"{gave}\n{text}" if "\n" in text else f"{gave} {text}"
