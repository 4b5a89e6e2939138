"""`judge score`: judge answers made elsewhere, without a server."""

from collections import Counter
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from judge.cli import console, results
from judge.errors import UsageError
from judge.models.answers import read_answers
from judge.sandbox import open_sandbox
from judge.sandbox.base import Sandbox, Stop
from judge.settings import read_settings
from judge.standings import scoring
from judge.verdicts.audit import AuditedSet, complete_once, lacks_answers
from judge.verdicts.conditions import REFERENCE_FACTOR, Conditions
from judge.verdicts.scoring_files import ScoredAnswer, Tally, refuse_doubles, score_answers, tallies
from judge.verdicts.timing import Timing, host_speed, keep_references, read_references
from problems.importers import BUNDLED, bundled, read_any
from problems.problem import ProblemSet

COMMON_PREAMBLE = """import math,re,sys,copy,datetime,itertools,collections,heapq,functools,hashlib,string,random
from typing import *
from collections import *
"""


class Duplicates(StrEnum):
    """A repeated row is a mistake, or a second sample."""

    REFUSE = "refuse"
    KEEP = "keep"


class Helpers(StrEnum):
    """See Conditions.helpers."""

    PROBLEM = "problem"
    SOLUTION = "solution"


def score(
    samples: Annotated[
        Path, typer.Argument(help="A JSONL file (plain or gz) or a folder of .py files.")
    ],
    problems: Annotated[
        str, typer.Option(help="A bundled set, or a file in any importable format.")
    ],
    column: Annotated[
        str, typer.Option(help="The field that holds the answers, if not the usual one.")
    ] = "",
    preamble: Annotated[
        str, typer.Option(help="Code run before each solution: none, common (imports), or a file.")
    ] = "none",
    prefix_prompt: Annotated[
        bool, typer.Option("--prefix-prompt", help="Put the problem's prompt before each solution.")
    ] = False,
    helpers: Annotated[
        Helpers, typer.Option(help="Whose helpers a check calls where the prompt defines some.")
    ] = Helpers.PROBLEM,
    duplicates: Annotated[
        Duplicates, typer.Option(help="What to make of a row that is there twice.")
    ] = Duplicates.REFUSE,
    examiner: Annotated[
        bool,
        typer.Option("--examiner", help="Examine checks that could be judged as data, too."),
    ] = False,
    cpu_seconds: Annotated[
        float | None, typer.Option(help="CPU limit instead of the problem's.", min=0.05)
    ] = None,
    memory_mb: Annotated[
        int | None, typer.Option(help="Memory limit instead of the problem's.", min=32)
    ] = None,
    k: Annotated[
        list[int] | None, typer.Option("-k", help="Report pass@k as well; may be repeated.")
    ] = None,
    process_per_example: Annotated[
        bool, typer.Option("--process-per-example", help="Give every example its own process.")
    ] = False,
    stop: Annotated[
        Stop,
        typer.Option(
            help="When the rest of the examples is left out: once a limit was met, at the first "
            "failure, or never."
        ),
    ] = Stop.LIMIT,
    reference_factor: Annotated[
        float,
        typer.Option(
            help="Give at least so many times the reference's CPU time, where an audit measured "
            "it; 0 for the limit as it is.",
            min=0,
            max=100,
        ),
    ] = REFERENCE_FACTOR,
    workers: Annotated[
        int | None, typer.Option(help="Solutions run at once; one a core by default.", min=1)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where the results go; beside the samples by default.")
    ] = None,
    evidence: Annotated[
        Path | None,
        typer.Option(
            help="A folder for what replays each verdict (`judge sandbox exec --evidence`); its "
            "files hold expected answers and are readable by you alone."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Judge a file of answers and print pass@1 with its interval."""
    settings = read_settings()
    target = out or results.beside(samples)
    results.check_writable(target)
    if evidence:
        results.make_folder(evidence)
    answers = read_answers(samples, column)
    if duplicates is Duplicates.REFUSE:
        refuse_doubles(answers)
    problem_set = bundled(problems) if problems in BUNDLED else read_any(Path(problems))
    conditions = Conditions(
        preamble=_preamble(preamble),
        prefix_prompt=prefix_prompt,
        examiner=examiner,
        helpers=helpers.value,
        cpu_seconds=cpu_seconds,
        memory_mb=memory_mb,
        process_per_example=process_per_example,
        stop=stop,
        reference_factor=reference_factor,
    )
    sandbox = open_sandbox(
        settings.sandbox, workers or settings.sandbox_workers, **settings.sandbox_options
    )
    try:
        home = settings.make_home()
        speed = host_speed(sandbox, home)
        audited = _audited(problem_set, sandbox, home, speed)
        problem_set, timing = audited.problem_set, Timing(speed, read_references(home))
        with console.progress("judging", len(answers)) as bar:
            scored = score_answers(
                answers, problem_set, sandbox, conditions, lambda _: bar.step(), timing
            )
        fingerprint = (
            f"{problem_set.digest[:16]} {sandbox.fingerprint} {conditions.fingerprint}".strip()
        )
    finally:
        sandbox.close()
    results.write_results(scored, target)
    if evidence:
        results.write_evidence(scored, conditions, evidence)
    found = tallies(scored, problem_set)
    result = _summary(scored, found, problem_set, k or [1])
    result |= {"fingerprint": fingerprint, "results": str(target)}
    raised = {one.problem.slug for one in scored if one.judgement.evidence.raised}
    unstable = [one.answer.where for one in scored if one.judgement.unstable]
    result |= {"limits_raised": len(raised)} if raised else {}
    result |= {"unstable": unstable} if unstable else {}
    result |= {"evidence": str(evidence)} if evidence else {}
    if audited.faults:
        result["unsealable"] = [asdict(fault) for fault in audited.faults]
    if as_json:
        console.result_json(result)
    else:
        _print(result)


def _audited(problem_set: ProblemSet, sandbox: Sandbox, home: Path, speed: float) -> AuditedSet:
    """The set with the answers it lacks; shown only where there is something to compute."""
    if not any(map(lacks_answers, problem_set.problems)):
        return AuditedSet(problem_set, ())
    with console.progress("computing the set's answers", len(problem_set.problems)) as bar:
        audited = complete_once(problem_set, sandbox, home / "audited", bar.at, speed=speed)
    keep_references(home, audited.references)
    return audited


def _summary(
    scored: list[ScoredAnswer], found: list[Tally], problem_set: ProblemSet, ks: list[int]
) -> dict[str, object]:
    answered = {one.problem.slug for one in scored}
    estimate = scoring.pass_at_1([(tally.n, tally.c) for tally in found])
    fewest = min((tally.n for tally in found if tally.slug in answered), default=0)
    return {
        "set": problem_set.name,
        "problems": len(found),
        "answers": len(scored),
        "covered": len(answered),
        "pass@1": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        **{
            f"pass@{k}": sum(scoring.pass_at_k(t.n, t.c, k) if t.n >= k else 0.0 for t in found)
            / len(found)
            for k in ks
            if 1 < k <= fewest
        },
        "verdicts": dict(Counter(one.judgement.verdict.value for one in scored)),
    }


def _print(result: dict[str, object]) -> None:
    rate, low, high = (
        f"{100 * float(str(result[key])):.1f} %" for key in ("pass@1", "low", "high")
    )
    console.result(f"{result['set']}: pass@1 {rate} (95 % interval {low} to {high})")
    for key, value in result.items():
        if key.startswith("pass@") and key != "pass@1":
            console.result(f"  {key} {100 * float(str(value)):.1f} %")
    console.result(
        f"  {result['answers']} answers to {result['covered']} of {result['problems']} problems"
        + (
            ""
            if result["covered"] == result["problems"]
            else "; the missing ones count as failures"
        )
    )
    verdicts = result["verdicts"]
    counts = verdicts.items() if isinstance(verdicts, dict) else ()
    console.result("  " + " · ".join(f"{verdict} {count}" for verdict, count in sorted(counts)))
    faults = result.get("unsealable")
    for fault in faults if isinstance(faults, list) else ():
        console.result(f"  not judged: {fault['slug']} ({fault['reason']})")
    if raised := result.get("limits_raised"):
        console.result(
            f"  {raised} problems had more CPU time than their limit, for their reference"
        )
    for where in result.get("unstable", ()):  # type: ignore[attr-defined] # a list of ours
        console.result(
            f"  unstable: {where} came to another verdict in its second run, which counts"
        )
    console.result(f"  judged under {result['fingerprint']}")
    console.result(f"  results in {result['results']}")
    if folder := result.get("evidence"):
        console.result(f"  evidence in {folder}, with expected answers: keep it to yourself")


def _preamble(given: str) -> str:
    match given:
        case "none" | "":
            return ""
        case "common":
            return COMMON_PREAMBLE
        case _:
            try:
                return Path(given).read_text("utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise UsageError(
                    f"--preamble {given!r} is neither none, common nor a readable file ({error})"
                ) from None
