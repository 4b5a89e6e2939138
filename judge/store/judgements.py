"""Judgements as rows, and which of them holds for the same code judged again."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Row, insert, select

from judge.models.asking import storable
from judge.store.database import Tx, insert_or
from judge.store.tables import judged, judgements
from judge.verdicts import evidence as evidences
from judge.verdicts.verdict import Judgement, Outcome, Verdict

_OF_EVIDENCE = (
    *("problem", "solution", "sandbox", "judge_version", "settings"),
    *("cpu_seconds", "wall_seconds", "memory_mb"),
)
"""What of the evidence has a column of its own; the rest is one JSON object beside them."""


def keep(tx: Tx, made: Sequence[tuple[str, Judgement]], at: datetime) -> None:
    """Store judgements of samples; each that stands for itself may be reused from now on."""
    tx.execute(insert(judgements), [_row(sample, judgement, at) for sample, judgement in made])
    fresh = {
        evidences.key_of(judgement.evidence): sample
        for sample, judgement in reversed(made)
        if not judgement.evidence.reused and not judgement.unstable
    }
    if fresh:
        rows = [{"key": key, "sample_id": sample} for key, sample in sorted(fresh.items())]
        tx.execute(insert_or(tx, judged).on_conflict_do_nothing(), rows)


def read(tx: Tx, samples: Collection[str]) -> dict[str, Judgement]:
    """The judgements of these samples, by sample; what is not judged is left out."""
    rows = tx.execute(select(judgements).where(judgements.c.sample_id.in_(samples)))
    return {row.sample_id: _judgement(row) for row in rows}


def known(tx: Tx, keys: Collection[str]) -> Mapping[str, tuple[str, Judgement]]:
    """By key (`evidence.key_of`), the sample that was judged first, and its judgement."""
    found = tx.execute(select(judged.c.sample_id, judged.c.key).where(judged.c.key.in_(keys)))
    key_of = {row.sample_id: row.key for row in found}
    return {key_of[sample]: (sample, made) for sample, made in read(tx, key_of).items()}


def _row(sample: str, judgement: Judgement, at: datetime) -> dict[str, object]:
    outcomes = [[o.verdict.value, o.reason, round(o.cpu_seconds, 6)] for o in judgement.outcomes]
    rest = evidences.to_row(judgement.evidence)
    columns = {name: rest.pop(name) for name in _OF_EVIDENCE}
    return {
        "sample_id": sample,
        "verdict": judgement.verdict.value,
        "reason": storable(judgement.reason),
        "created_at": at,
        "outcomes": json.dumps(outcomes, separators=(",", ":")),
        "message": storable(judgement.message),
        "stdout": storable(judgement.stdout),
        "evidence": json.dumps(rest, separators=(",", ":")),
        **columns,
    }


def _judgement(row: Row[tuple[object, ...]]) -> Judgement:
    outcomes = json.loads(row.outcomes)
    columns = {name: getattr(row, name) for name in _OF_EVIDENCE}
    rest = {"host": asdict(evidences.NOWHERE), **json.loads(row.evidence)}
    return Judgement(
        verdict=Verdict(row.verdict),
        reason=row.reason,
        outcomes=tuple(Outcome(Verdict(said), why, cpu) for said, why, cpu in outcomes),
        evidence=evidences.evidence_from({**columns, **rest}),
        message=row.message,
        stdout=row.stdout,
    )
