"""Samples: completions committed as they arrive, and later the judgement on each."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, insert, select, update

from judge.errors import UnknownName
from judge.models.asking import storable
from judge.models.base import Solution
from judge.store import budgets, changes, judgements, leases, questions, replies, tallies
from judge.store.database import Database, Tx, new_id, now
from judge.store.questions import Question
from judge.store.tables import batches, samples
from judge.store.tables import questions as asked
from judge.store.tallies import Tally
from judge.verdicts.verdict import Judgement, Verdict


@dataclass(frozen=True, slots=True)
class SampleRow:
    """A sample as listed. `state` is `kept` (not judged yet), `judged`, or `failed`: the fault was
    ours, its verdict SE. `cost` is US dollars or None, `seconds` the model's, to the end and to the
    first token where that was seen; a `reused` reply was bought for an earlier sample. `turn` counts
    from 0; `repairs` is the sample of the turn before, which the model was asked to mend, or empty."""

    id: str
    batch: str
    model: str
    slug: str
    index: int
    state: str
    verdict: str | None
    reason: str | None
    rule: str
    template: str
    recipe: str
    finish: str
    input_tokens: int
    output_tokens: int
    cost: float | None
    seconds: float
    error: str | None
    created_at: datetime
    judged_at: datetime | None
    turn: int
    repairs: str
    first_token_seconds: float | None
    reused: bool


@dataclass(frozen=True, slots=True)
class SampleDetail:
    """A sample with its texts. `judgement.message` and `.stdout` may hold what is private."""

    sample: SampleRow
    problem_digest: str
    source: str
    text: str
    judgement: Judgement | None


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A claimed sample: what is judged, and what its tally needs. Of `turn` 0 up to `last_turn` it may
    be mended."""

    id: str
    batch: str
    set_digest: str
    model: str
    recipe: str
    slug: str
    problem_digest: str
    source: str
    cost: float | None
    input_tokens: int
    output_tokens: int
    deliveries: int
    failures: int
    turn: int
    last_turn: int


_LISTED = (
    *(samples.c[name] for name in ("id", "batch_id", "model", "slug", "index", "state")),
    *(samples.c[name] for name in ("verdict", "reason", "rule", "template", "recipe", "finish")),
    *(samples.c[name] for name in ("input_tokens", "output_tokens", "cost", "seconds", "error")),
    *(samples.c[name] for name in ("created_at", "judged_at", "turn", "repairs")),
    samples.c.first_token_seconds,
    (samples.c.reused != 0).label("reused"),
)


@dataclass(frozen=True, slots=True)
class Bought:
    """How a completion came about: the version of its template, the digest of its request where the
    reply may stand for another one, and what the request was promised of the budget."""

    template: str
    request: str = ""
    promised: float = 0.0


def keep(tx: Tx, token: str, question: Question, bought: Bought, solution: Solution) -> None:
    """Store one completion, and count its cost. Raises LeaseLost for a stale token."""
    held = tx.execute(
        update(asked)
        .where(asked.c.id == question.id, asked.c.lease == token)
        .where(asked.c.state == "open")
        .values(deliveries=1)  # it gets on: what was lost before it says nothing against it
    )
    if held.rowcount != 1:
        raise leases.LeaseLost(f"question {question.id} is asked by another worker now")
    add(tx, question, bought, solution)


def add(tx: Tx, question: Question, bought: Bought, solution: Solution) -> None:
    """Store one completion of a question that the caller holds, and count its cost."""
    sample = new_id()
    completion = solution.completion
    tx.execute(
        insert(samples).values(
            id=sample,
            question_id=question.id,
            batch_id=question.batch,
            model=question.model,
            slug=question.slug,
            problem_digest=question.problem_digest,
            index=completion.index,
            state="kept",
            rule=solution.rule,
            template=bought.template,
            recipe=tallies.recipe_of(bought.template, question.sampling),
            finish=completion.finish[:60],
            input_tokens=completion.usage.input_tokens,
            output_tokens=completion.usage.output_tokens,
            estimated=int(completion.usage.estimated),
            cost=solution.cost,
            seconds=completion.seconds,
            first_token_seconds=completion.first_token_seconds,
            reused=int(completion.reused),
            created_at=now(),
            turn=question.turn,
            repairs=question.repairs,
            source=storable(solution.source),
            text=storable(completion.text),
        )
    )
    if completion.reused:
        return
    if bought.request:
        replies.remember(tx, bought.request, sample)
    if question.budget_usd is not None:
        budgets.spend(tx, question.batch, question.id, solution.cost or 0.0, bought.promised)


def claim(
    tx: Tx, database: Database, limit: int, batch: str = ""
) -> tuple[leases.Claim, list[Unjudged]]:
    """Lease up to `limit` samples that wait for their judgement, of one batch or of all."""
    claimed = leases.claim(tx, database, samples, limit, batch)
    fields = [samples.c[name] for name in Unjudged.__dataclass_fields__ if name in samples.c]
    rows = tx.execute(
        select(
            *fields,
            samples.c.batch_id,
            batches.c.set_digest,
            batches.c.repairs.label("last_turn"),
        )
        .join(batches, batches.c.id == samples.c.batch_id)
        .where(samples.c.id.in_(claimed.ids))
        .order_by(samples.c.deliveries, samples.c.id)
    )
    found = []
    for row in rows:
        named = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
        found.append(Unjudged(batch=named.pop("batch_id"), **named))
    return claimed, found


def keep_judgements(
    tx: Tx,
    token: str,
    judged: Sequence[tuple[Unjudged, Judgement]],
    faulty: Collection[str] = (),
) -> list[Unjudged]:
    """Store judgements and their tallies, and open the questions that mend those in `faulty`; returns
    those stored. What the token no longer holds is left out: another worker judges it."""
    if not judged:
        return []
    ours = leases.ours(tx, samples, token, [sample.id for sample, _ in judged])
    kept = [(sample, judgement) for sample, judgement in judged if sample.id in ours]
    if not kept:
        return []
    at = now()
    judgements.keep(tx, [(sample.id, judgement) for sample, judgement in kept], at)
    tx.execute(
        update(samples)
        .where(samples.c.id == bindparam("row"))
        .values(
            state="judged",
            verdict=bindparam("said"),
            reason=bindparam("why"),
            judged_at=at,
            error=None,
            run_after=None,
            **leases.FREE,
        ),
        [{"row": s.id, "said": j.verdict.value, "why": storable(j.reason)} for s, j in kept],
    )
    questions.open_repairs(tx, ours & set(faulty))
    counted = [(s, j) for s, j in kept if j.verdict.value not in tallies.UNCOUNTED]
    ended = [s.id for s, _ in counted if s.last_turn and s.id not in faulty]
    drawn = [_tally(s, j) for s, j in counted if s.turn == 0]
    tallies.add(tx, [*drawn, *tallies.of_chains(tx, ended)])
    return [sample for sample, _ in kept]


def fail(tx: Tx, token: str, sample: str, reason: str) -> bool:
    """Give a sample up as SE, in no tally; False when the lease was lost."""
    changed = tx.execute(
        update(samples)
        .where(samples.c.id == sample, samples.c.lease == token, samples.c.state == "kept")
        .values(
            state="failed",
            verdict=Verdict.SE.value,
            reason="gave_up",
            error=reason,
            judged_at=now(),
            run_after=None,
            **leases.FREE,
        )
        .returning(samples.c.batch_id)
    ).scalar()
    if changed is None:
        return False
    changes.note_batch(tx, changed)
    return True


def listed(
    tx: Tx, batch: str, after: str = "", limit: int = 50, model: str = "", verdict: str = ""
) -> list[SampleRow]:
    """Samples of a batch, the oldest first, later than the sample `after`."""
    wanted = select(*_LISTED).where(samples.c.batch_id == batch, samples.c.id > after)
    if model:
        wanted = wanted.where(samples.c.model == model)
    if verdict:
        wanted = wanted.where(samples.c.verdict == verdict)
    return [SampleRow(*row) for row in tx.execute(wanted.order_by(samples.c.id).limit(limit))]


def read(tx: Tx, sample: str) -> SampleDetail:
    """One sample, whole. Raises UnknownName."""
    row = tx.execute(
        select(*_LISTED, samples.c.problem_digest, samples.c.source, samples.c.text).where(
            samples.c.id == sample
        )
    ).first()
    if row is None:
        raise UnknownName(f"there is no sample {sample!r}")
    return SampleDetail(
        sample=SampleRow(*row[: len(_LISTED)]),
        problem_digest=row.problem_digest,
        source=row.source,
        text=row.text,
        judgement=judgements.read(tx, [sample]).get(sample),
    )


def _tally(sample: Unjudged, judgement: Judgement) -> Tally:
    return Tally(
        set_digest=sample.set_digest,
        model=sample.model,
        recipe=sample.recipe,
        slug=sample.slug,
        drawn=1,
        accepted=int(judgement.verdict is Verdict.AC),
        priced=int(sample.cost is not None),
        cost=sample.cost or 0.0,
        input_tokens=sample.input_tokens,
        output_tokens=sample.output_tokens,
    )
