"""Questions as work: what a claimed one needs to be asked, and how it ends."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, select, update

from judge.models import WEIGHTS
from judge.models.base import Sampling
from judge.store import changes, leases
from judge.store.database import Database, Tx, new_id, now
from judge.store.tables import batches, models, questions, samples


@dataclass(frozen=True, slots=True)
class Share:
    """Which questions a worker asks: of one `model`, of models whose `weights` the worker holds, or
    of those that are asked elsewhere; by default all."""

    model: str = ""
    weights: bool | None = None


ALL, HOSTED, LOCAL = Share(), Share(weights=False), Share(weights=True)


@dataclass(frozen=True, slots=True)
class Question:
    """One model, one problem, one batch. `missing` are the indices of its samples that are not
    stored yet, rising: only these are asked, each with the seed that is its own; `deliveries`
    and `failures` are as they were before this try. `repairs` is the sample that it mends, whose
    turn is the one before `turn`; empty for a question that is asked the first time. `fresh` buys
    what is known already once more."""

    id: str
    batch: str
    model: str
    slug: str
    problem_digest: str
    missing: tuple[int, ...]
    sampling: Sampling
    template: str
    budget_usd: float | None
    deliveries: int
    failures: int
    repairs: str = ""
    turn: int = 0
    fresh: bool = False


def claim(
    tx: Tx, database: Database, limit: int, batch: str = "", token: str = "", share: Share = ALL
) -> tuple[leases.Claim, list[Question]]:
    """Lease up to `limit` questions of a share, of one batch or of all, under `token` or a new one."""
    claimed = leases.claim(tx, database, questions, limit, batch, token, _only(share))
    return claimed, read(tx, claimed.ids)


def any_claimable(tx: Tx, share: Share = ALL) -> bool:
    """Whether there is a question of this share to be asked now."""
    return leases.any_claimable(tx, questions, _only(share))


def next_local(tx: Tx, warm: str = "") -> str:
    """Whose questions to ask on a host that holds one model's weights at a time: the `warm` model's
    while it has some, then those of the model that waits longest; empty for none."""
    if warm and any_claimable(tx, Share(model=warm)):
        return warm
    first = (
        select(questions.c.model)
        .join(batches, batches.c.id == questions.c.batch_id)
        .where(leases.claimable(questions, now()), *_only(LOCAL))
        .order_by(questions.c.deliveries, questions.c.id)
        .limit(1)
    )
    return tx.scalar(first) or ""


def _only(share: Share) -> list[ColumnElement[bool]]:
    only = [questions.c.model == share.model] if share.model else []
    if share.weights is not None:
        held = select(models.c.name).where(models.c.backend.in_(WEIGHTS))
        only.append(
            questions.c.model.in_(held) if share.weights else questions.c.model.not_in(held)
        )
    return only


def read(tx: Tx, ids: tuple[str, ...]) -> list[Question]:
    """The questions of these ids, never begun and oldest first."""
    drawn: dict[str, set[int]] = {}
    kept = select(samples.c.question_id, samples.c.index).where(samples.c.question_id.in_(ids))
    for question, index in tx.execute(kept):
        drawn.setdefault(question, set()).add(index)
    mended = samples.alias("mended")
    rows = tx.execute(
        select(
            questions,
            mended.c.turn,
            mended.c["index"].label("mended_index"),
            batches.c.samples,
            batches.c.budget_usd,
            batches.c.fresh,
            *(batches.c[name] for name in Sampling.__dataclass_fields__),
        )
        .join(batches, batches.c.id == questions.c.batch_id)
        .outerjoin(mended, mended.c.id == questions.c.repairs)
        .where(questions.c.id.in_(ids))
        .order_by(questions.c.deliveries, questions.c.id)
    )
    return [
        Question(
            id=row.id,
            batch=row.batch_id,
            model=row.model,
            slug=row.slug,
            problem_digest=row.problem_digest,
            missing=tuple(sorted(_wanted(row) - drawn.get(row.id, set()))),
            sampling=Sampling(row.temperature, row.top_p, row.max_tokens, row.seed),
            template=row.prompt,
            budget_usd=row.budget_usd,
            deliveries=row.deliveries,
            failures=row.failures,
            repairs=row.repairs,
            turn=row.turn + 1 if row.repairs else 0,
            fresh=bool(row.fresh),
        )
        for row in rows
    ]


def open_repairs(tx: Tx, faulty: Collection[str]) -> None:
    """Have each of these samples mended: a question of its batch that is asked like all others."""
    if not faulty:
        return
    names = ("batch_id", "model", "prompt", "slug", "problem_digest")
    asked = (
        select(samples.c.id.label("repairs"), *(questions.c[name] for name in names))
        .join(questions, questions.c.id == samples.c.question_id)
        .where(samples.c.id.in_(faulty))
        .order_by(samples.c.id)
    )
    rows = [dict(row) for row in tx.execute(asked).mappings()]
    tx.execute(insert(questions), [{"id": new_id(), "state": "open", **row} for row in rows])


def close(tx: Tx, token: str, question: str, state: str, error: str = "") -> bool:
    """End a question as `asked`, `failed` or `skipped`; False when the lease was lost."""
    changed = tx.execute(
        update(questions)
        .where(questions.c.id == question, questions.c.lease == token, questions.c.state == "open")
        .values(state=state, error=error or None, run_after=None, **leases.FREE)
        .returning(questions.c.batch_id)
    ).scalar()
    if changed is not None and state == "failed":
        changes.note_batch(tx, changed)
    return changed is not None


def _wanted(row: Row[Any]) -> set[int]:
    """The draws that a question asks for; one that mends a sample asks for that draw again."""
    return {row.mended_index} if row.repairs else set(range(row.samples))
