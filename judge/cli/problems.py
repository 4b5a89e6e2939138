"""`judge problems`: bring problem sets in, look at them, write out their known answers."""

import json
from collections.abc import Mapping
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from judge.bootstrap import open_judge
from judge.cli import console
from judge.errors import UsageError
from judge.settings import BadSetting, Settings
from judge.store import problem_sets
from judge.verdicts.audit import complete
from judge.verdicts.timing import Reference, keep_references
from problems.importers import BUNDLED, bundled, read_any
from problems.problem import Problem

group = typer.Typer(help="Problem sets: import, list, show.", no_args_is_help=True)

SetName = Annotated[str, typer.Argument(metavar="SET", help="The set's name.")]


class Which(StrEnum):
    """The solutions a set brings along."""

    REFERENCE = "reference"
    WRONG = "wrong"


@group.command("import")
def import_set(
    file: Annotated[str, typer.Argument(help="A file in any known format, or a bundled set.")],
    *,
    name: Annotated[str, typer.Option(help="What to call it; from the file if not given.")] = "",
    as_json: console.AsJson = False,
) -> None:
    """Run every reference solution in the sandbox, then store the set, whole or not at all."""
    read = bundled(file) if file in BUNDLED else read_any(Path(file), name)
    if name:
        read = type(read)(name, read.problems)
    with closing(open_judge()) as judge:
        with console.progress(f"auditing {read.name}", len(read.problems)) as bar:
            audited = complete(read, judge.sandbox, bar.at, speed=judge.speed)
        kept = audited.problem_set
        with judge.database.transaction() as tx:
            problem_sets.keep(tx, kept, audited.references)
        _note_times(judge.settings, audited.references)
    if as_json:
        console.result_json(
            {
                "name": kept.name,
                "digest": kept.digest,
                "problems": len(kept.problems),
                "faults": audited.faults,
            }
        )
        return
    console.result(f"{kept.name}: {len(kept.problems)} problems, version {kept.digest[:12]}")
    for fault in audited.faults:
        console.note(f"  {fault.slug}: its own reference got {fault.verdict} ({fault.reason})")


def _note_times(settings: Settings, references: Mapping[str, Reference]) -> None:
    """The database has them; `judge score` reads them from judge's home."""
    try:
        keep_references(settings.make_home(), references)
    except (BadSetting, OSError) as error:
        console.note(f"`judge score` will not know how long the references take: {error}")


@group.command("list")
def list_sets(*, as_json: console.AsJson = False) -> None:
    """Every set that was imported."""
    with closing(open_judge()) as judge, judge.database.reading() as tx:
        rows = problem_sets.listed(tx)
    if as_json:
        console.result_json(rows)
    elif rows:
        console.table(
            ("set", "problems", "version", "since"),
            [
                (row.name, row.problems, row.digest[:12], f"{row.updated_at:%Y-%m-%d %H:%M}")
                for row in rows
            ],
            right=("problems",),
        )
    else:
        console.note("no sets yet; `judge problems import starter` brings one in")


@group.command()
def show(
    name: SetName,
    slug: Annotated[str, typer.Argument(help="One problem; all of them if not given.")] = "",
    *,
    as_json: console.AsJson = False,
) -> None:
    """A set's problems, or what a model is told of one. Hidden tests are counted, not shown."""
    with closing(open_judge()) as judge, judge.database.reading() as tx:
        if slug:
            found: tuple[Problem, ...] = (problem_sets.problem(tx, name, slug),)
        else:
            found = problem_sets.read(tx, name).problems
    if as_json:
        shown = [{**_brief(one), **(_told(one) if slug else {})} for one in found]
        console.result_json(shown[0] if slug else shown)
    elif slug:
        _print(found[0])
    else:
        console.table(
            ("problem", "kind", "difficulty", "tests", "tags"),
            [(p.slug, _kind(p), p.difficulty, len(p.examples), " ".join(p.tags)) for p in found],
            right=("tests",),
        )


@group.command()
def answers(
    name: SetName,
    *,
    which: Annotated[Which, typer.Option(help="The references, or the known wrong solutions.")],
    out: Annotated[Path, typer.Option(help="The file to write.")],
    samples: Annotated[int, typer.Option("-n", help="Answers a problem.", min=1)] = 1,
    as_json: console.AsJson = False,
) -> None:
    """Write a set's own solutions as recorded answers: the ceiling and the floor of a leaderboard."""
    with closing(open_judge()) as judge, judge.database.reading() as tx:
        problem_set = problem_sets.read(tx, name)
    written = write_answers(problem_set.problems, which, out, samples)
    if not written:
        raise UsageError(f"the set {name!r} brings no {which.value} solutions along")
    missing = len(problem_set.problems) - written
    if as_json:
        console.result_json({"file": str(out), "problems": written, "missing": missing})
    else:
        console.result(f"{out}: {which.value} solutions to {written} problems")
        if missing:
            console.note(f"{missing} problems have none; asking for those will fail")


def write_answers(found: tuple[Problem, ...], which: Which, out: Path, samples: int = 1) -> int:
    """Write the file that backend `recorded` replays; how many problems had an answer. A problem
    with fewer wrong solutions than samples starts over with the first."""
    lines = []
    for problem in found:
        sources = (
            [problem.reference] if which is Which.REFERENCE else [w.source for w in problem.wrong]
        )
        given = [sources[index % len(sources)] for index in range(samples)] if sources[:1] else []
        if any(given):
            lines.append(json.dumps({"task_id": problem.slug, "solution": given}) + "\n")
    partial = out.with_name(f".{out.name}.partial")
    try:
        partial.write_text("".join(lines), encoding="utf-8")
        partial.replace(out)
    except OSError as error:
        raise UsageError(f"{out}: {error.strerror}; name another place with --out") from None
    finally:
        partial.unlink(missing_ok=True)
    return len(lines)


def _kind(problem: Problem) -> str:
    return type(problem.entry).__name__.lower()


def _brief(problem: Problem) -> dict[str, object]:
    return {
        "slug": problem.slug,
        "kind": _kind(problem),
        "title": problem.title,
        "difficulty": problem.difficulty,
        "tags": problem.tags,
        "date": problem.date,
        "tests": len(problem.examples),
        "digest": problem.digest,
    }


def _told(problem: Problem) -> dict[str, object]:
    return {
        "statement": problem.statement,
        "starter": problem.starter,
        "limits": problem.limits,
        "original_id": problem.original_id,
        "examples": [
            {
                "arguments": json.loads(example.arguments),
                "accepted": [json.loads(answer) for answer in example.accepted],
            }
            for example in problem.examples
            if example.shown
        ],
    }


def _print(problem: Problem) -> None:
    about = [_kind(problem), problem.difficulty, *problem.tags, problem.date]
    console.result(f"{problem.title or problem.slug}  ({', '.join(filter(None, about))})\n")
    console.result(problem.statement.rstrip() + "\n")
    for example in problem.examples:
        if example.shown:
            console.result(f"  {example.arguments} -> {' or '.join(example.accepted)}")
    limits = problem.limits
    console.result(
        f"\n{len(problem.examples)} tests, {limits.cpu_seconds:g} s CPU, {limits.memory_mb} MB; "
        f"version {problem.digest[:12]}"
    )
