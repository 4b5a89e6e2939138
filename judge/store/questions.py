"""Questions as work: what a claimed one needs to be asked, and how it ends."""

from dataclasses import dataclass

from sqlalchemy import select, update

from judge.models.base import Sampling
from judge.store import changes, leases
from judge.store.database import Database, Tx
from judge.store.tables import batches, questions, samples


@dataclass(frozen=True, slots=True)
class Question:
    """One model, one problem, one batch. `missing` are the indices of its samples that are not
    stored yet, rising: only these are asked, each with the seed that is its own; `deliveries`
    and `failures` are as they were before this try; `fresh` buys what is known already once more."""

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
    fresh: bool = False


def claim(
    tx: Tx, database: Database, limit: int, batch: str = "", token: str = ""
) -> tuple[leases.Claim, list[Question]]:
    """Lease up to `limit` questions, of one batch or of all, under `token` or a new one."""
    claimed = leases.claim(tx, database, questions, limit, batch, token)
    return claimed, read(tx, claimed.ids)


def read(tx: Tx, ids: tuple[str, ...]) -> list[Question]:
    """The questions of these ids, never begun and oldest first."""
    drawn: dict[str, set[int]] = {}
    kept = select(samples.c.question_id, samples.c.index).where(samples.c.question_id.in_(ids))
    for question, index in tx.execute(kept):
        drawn.setdefault(question, set()).add(index)
    rows = tx.execute(
        select(
            questions,
            batches.c.samples,
            batches.c.budget_usd,
            batches.c.fresh,
            *(batches.c[name] for name in Sampling.__dataclass_fields__),
        )
        .join(batches, batches.c.id == questions.c.batch_id)
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
            missing=tuple(sorted(set(range(row.samples)) - drawn.get(row.id, set()))),
            sampling=Sampling(row.temperature, row.top_p, row.max_tokens, row.seed),
            template=row.prompt,
            budget_usd=row.budget_usd,
            deliveries=row.deliveries,
            failures=row.failures,
            fresh=bool(row.fresh),
        )
        for row in rows
    ]


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
