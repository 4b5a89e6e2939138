"""`judge sandbox`: run one source sealed, replay a verdict, see what this host's seal holds."""

import json
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from judge.cli import console, replays
from judge.cli.proxy import proxy
from judge.errors import SandboxUnavailable, UsageError
from judge.sandbox import open_sandbox, selfcheck
from judge.sandbox.base import Job, Report, Run, Sandbox
from judge.settings import Settings, read_settings
from judge.verdicts import corpus
from judge.verdicts.bundles import read_bundle
from problems.problem import PACKAGES, Entry, Function, Limits, Program
from problems.values import Undecodable, Wire, decode

group = typer.Typer(
    help="The sandbox: run a source, replay evidence, check the host.", no_args_is_help=True
)

group.command()(proxy)

NOT_HELD = 1
"""Exit code of a replay with another verdict, and of a check with a case that was not held."""


class Kind(StrEnum):
    """The backends."""

    NAMESPACES = "namespaces"
    DOCKER = "docker"


Backend = Annotated[
    Kind | None, typer.Option(help="Which sandbox, instead of the one JUDGE_SANDBOX names.")
]


@group.command("exec")
def run_source(
    solution: Annotated[
        Path | None, typer.Argument(help="A Python file, run as a program or called.")
    ] = None,
    *,
    stdin: Annotated[
        str, typer.Option(metavar="FILE", help="What the program reads; - for this one's stdin.")
    ] = "",
    call: Annotated[str, typer.Option(metavar="NAME", help="A function to call instead.")] = "",
    args: Annotated[
        list[str] | None,
        typer.Option(metavar="JSON", help="One call's arguments, '[1, \"a\"]'; may be repeated."),
    ] = None,
    cpu_seconds: Annotated[float, typer.Option(min=0.05, max=3600)] = Limits().cpu_seconds,
    memory_mb: Annotated[int, typer.Option(min=32, max=65_536)] = Limits().memory_mb,
    output_bytes: Annotated[int, typer.Option(min=1, max=1 << 30)] = Limits().output_bytes,
    package: Annotated[
        list[str] | None, typer.Option(help="A package it may import; may be repeated.")
    ] = None,
    evidence: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Judge again what this file of `judge score --evidence` holds, under the recorded "
            "conditions and limits; exit 0 for the same verdict, 1 for another.",
        ),
    ] = None,
    backend: Backend = None,
    as_json: console.AsJson = False,
) -> None:
    """Run one source in the sandbox and show what came, how it ended and what it used."""
    if (solution is None) == (evidence is None):
        raise UsageError("name either a SOLUTION.py or --evidence FILE")
    settings = read_settings()
    if evidence:
        bundle = read_bundle(evidence)
        with closing(_opened(settings, backend)) as sandbox:
            same = replays.show(bundle, sandbox, settings, as_json=as_json)
        if not same:
            raise typer.Exit(NOT_HELD)
        return
    limits = Limits(cpu_seconds=cpu_seconds, memory_mb=memory_mb, output_bytes=output_bytes)
    assert solution is not None  # noqa: S101 - by the check above
    entry, inputs = _asked(call, args or [], stdin)
    job = Job(_source(solution), entry, inputs, limits, packages=_packages(package or []))
    with closing(_opened(settings, backend)) as sandbox:
        report = sandbox.run(job)
        fingerprint = sandbox.fingerprint
    if as_json:
        console.result_json(
            {
                "runs": [_row(run) for run in report.runs],
                "usage": report.usage,
                "limits": {**asdict(limits), "wall_seconds": limits.wall_seconds},
                "stdout": report.stdout,
                "stderr": report.stderr,
                "fingerprint": fingerprint,
            }
        )
    else:
        _print(job, report, fingerprint)


@group.command("evidence")
def write_evidence(
    sample: Annotated[str, typer.Argument(help="A judged sample of this host's database.")],
    *,
    out: Annotated[Path, typer.Option(help="The file to write, readable by you alone.")],
    as_json: console.AsJson = False,
) -> None:
    """Write what replays a stored verdict: `judge sandbox exec --evidence FILE`. The file holds
    expected answers."""
    judgement = import_module("judge.cli.stored").write_evidence(
        sample, out
    )  # the store is slow to load
    if as_json:
        console.result_json({"file": str(out), "sample": sample, "verdict": judgement.verdict})
    else:
        console.result(f"{out}: {judgement.verdict} {judgement.reason}".rstrip())


@group.command()
def check(
    *,
    full: Annotated[
        bool, typer.Option("--full", help="Run the whole corpus of hostile solutions as well.")
    ] = False,
    backend: Backend = None,
    as_json: console.AsJson = False,
) -> None:
    """Attack this host's sandbox and say how strong its seal is. Exit 0 when it holds, 5 with the
    remedy when it does not, 1 when a case of the corpus was not held."""
    refusal: SandboxUnavailable | None = None
    tier, cases = "", list[corpus.Finding]()
    with closing(_opened(read_settings(), backend, probed=False)) as sandbox:
        findings = selfcheck.probe(sandbox)
        try:
            tier = selfcheck.reached(findings)
        except SandboxUnavailable as error:
            refusal = error
        if full and not refusal:
            cases = _run_corpus(sandbox)
    if as_json:
        console.result_json({"tier": tier, "findings": findings, "cases": cases})
    else:
        _print_findings(findings, tier, sandbox.name)
        if cases:
            console.result(corpus.matrix(cases))
    if refusal:
        raise refusal
    lost = [case for case in cases if not case.held]
    for case in lost:
        console.note(f"not held: {case.case} as {case.kind}: {'; '.join(case.why_not)}")
    if lost:
        raise typer.Exit(NOT_HELD)


@group.command()
def build(
    *,
    tag: Annotated[str, typer.Option(help="What to call the image.")] = "",
    base: Annotated[
        str,
        typer.Option(metavar="IMAGE", help="Build on this Python image, such as python:3.11-slim."),
    ] = "",
    as_json: console.AsJson = False,
) -> None:
    """Make the Docker backend's image from the Python that runs judge, asking no registry, or on a
    base of yours."""
    try:
        images = import_module("judge.sandbox.image")
    except ModuleNotFoundError as error:
        raise UsageError(f"{error.name} is missing: pip install 'judge[docker]'") from None
    image = images.build(tag or None, base)
    if as_json:
        console.result_json(image)
    else:
        holds = ", ".join(image.packages) or "no packages"
        console.result(f"{image.tag}: {image.digest}, {image.megabytes:.0f} MB, {holds}")


def _opened(settings: Settings, backend: Kind | None, **more: Any) -> Sandbox:
    return open_sandbox(
        backend.value if backend else settings.sandbox, 1, **settings.sandbox_options, **more
    )


# --- exec ----------------------------------------------------------------------------------------


def _source(solution: Path) -> str:
    try:
        return solution.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{solution}: not UTF-8") from None


def _asked(call: str, args: Sequence[str], stdin: str) -> tuple[Entry, tuple[Wire, ...]]:
    """The entry and its inputs. Raises UsageError."""
    if call:
        if stdin:
            raise UsageError("a function reads no --stdin; give it --args")
        return Function(call), tuple(map(_arguments, args or ["[]"]))
    if args:
        raise UsageError("--args are for a function; name it with --call")
    content = b""
    if stdin:
        content = sys.stdin.buffer.read() if stdin == "-" else Path(stdin).read_bytes()
    return Program(), (Wire(json.dumps(content.decode("utf-8", "surrogateescape"))),)


def _arguments(text: str) -> Wire:
    try:
        content = json.loads(text)
        wire = json.dumps(content, allow_nan=False, separators=(",", ":"))
        decode(wire, types=True)
    except (ValueError, RecursionError, Undecodable) as error:
        raise UsageError(f"--args {text[:60]!r} cannot be read: {str(error)[:120]}") from None
    if not isinstance(content, list):
        raise UsageError(f"--args {text[:60]!r} is no list of arguments; write '[{text[:20]}]'")
    return Wire(wire)


def _packages(given: Sequence[str]) -> tuple[str, ...]:
    for name in given:
        if name not in PACKAGES:
            raise UsageError(f"--package {name!r}: there are {', '.join(PACKAGES)}")
    return tuple(given)


def _row(run: Run) -> dict[str, object]:
    """A run as JSON; its value as the codec's JSON, or as text where a solution wrote no such."""
    try:
        value = json.loads(run.value or "null")
    except (ValueError, RecursionError):
        value = run.value
    return {**asdict(run), "value": value}


def _print(job: Job, report: Report, fingerprint: str) -> None:
    """What came to stdout as it came, so that it can be used; how it ended to stderr."""
    for run in report.runs:
        if isinstance(job.entry, Program) and run.value:
            console.result(str(_row(run)["value"]).removesuffix("\n"))
        elif run.value:
            console.result(run.value)
        console.note(f"{run.ending} {run.detail} {run.message}".strip())
    shown = isinstance(job.entry, Program) and any(run.value for run in report.runs)
    for name, text in (("stdout", report.stdout), ("stderr", report.stderr)):
        if text and not (name == "stdout" and shown):
            console.note(f"{name}: {text}")
    usage = report.usage
    console.note(
        f"{usage.cpu_seconds:.3f} s CPU, {usage.wall_seconds:.3f} s, {usage.memory_mb:.1f} MB, "
        + (f"signal {usage.signal}" if usage.signal else f"exit {usage.exit_code}")
        + (f", killed by its {usage.killed_by} limit" if usage.killed_by else "")
    )
    console.note(fingerprint)


# --- check ---------------------------------------------------------------------------------------


def _print_findings(findings: Sequence[selfcheck.Finding], tier: str, name: str) -> None:
    lacks = [one for one in findings if not one.held]
    words = {one: "NOT HELD" if one.needed else "missing" for one in lacks}
    console.table(
        ("", "what", "seen"), [(words.get(one, "held"), one.name, one.detail) for one in findings]
    )
    for one in lacks:
        console.result(f"{one.name}: {one.remedy or 'no remedy is known'}")
    console.result(f"{name}: tier {tier}" if tier else f"{name}: no tier, solutions are refused")


def _run_corpus(sandbox: Sandbox) -> list[corpus.Finding]:
    cases = corpus.read_corpus(corpus.find_corpus())
    found = []
    with console.progress("hostile corpus", sum(len(case.kinds) for case in cases)) as bar:
        for finding in corpus.run_all(sandbox, cases):
            found.append(finding)
            bar.step()
    return found
