"""Deferrals: questions that a provider's Batch API, or a file, has for some time.

`gathered` rows hold questions that are to be sent, `submitted` ones are at the provider, which calls
them `job`; `exported` ones are in a file and come back with `judge batches replies`. A gathered
row's `job` is the file that was uploaded: from then on a job may exist. Whoever works on a row holds its
lease, and every write names it. A question in a deferral has no lease and is claimed by nobody.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Update, and_, exists, insert, or_, select, update

from judge.models.base import Solution
from judge.store import changes, leases, samples
from judge.store.database import Database, Tx, new_id, now
from judge.store.leases import LeaseLost
from judge.store.questions import Question
from judge.store.tables import batches, deferrals, questions
from judge.store.tables import samples as kept_samples

DEFERRALS: leases.Work = deferrals
LIVE = ("gathered", "submitted")


@dataclass(frozen=True, slots=True)
class Deferral:
    """A claimed deferral, whose lease is `token`. `batch_state` is as it was when it was claimed,
    `budget_usd` the batch's, in US dollars, None for no bound."""

    id: str
    batch: str
    model: str
    state: str
    job: str
    requests: int
    created_at: datetime
    failures: int
    batch_state: str
    budget_usd: float | None
    token: str


@dataclass(frozen=True, slots=True)
class Ended:
    """What becomes of a question that leaves its deferral: `asked`, `failed` with an error, or
    `open` again, where `failed_once` counts a failure and `again_in` are seconds to wait."""

    question: str
    state: str
    error: str = ""
    failed_once: bool = False
    again_in: float = 0.0


def _due(table: leases.Work, at: datetime) -> ColumnElement[bool]:
    return and_(
        or_(table.c.lease_until.is_(None), table.c.lease_until < at),
        or_(table.c.run_after.is_(None), table.c.run_after <= at),
    )


def _gatherable(tx: Tx, batch: str = "") -> list[str]:
    """The open deferred batches of which something may be gathered: with a budget there is one
    deferral after the other, so that what the last one cost is known."""
    live = deferrals.c.state.in_(LIVE) & (deferrals.c.batch_id == batches.c.id)
    may = or_(batches.c.budget_usd.is_(None), ~exists().where(live))
    found = select(batches.c.id).where(batches.c.state == "open", batches.c.deferred == 1, may)
    return list(tx.scalars(found.where(batches.c.id == batch) if batch else found))


def _claimable(at: datetime) -> ColumnElement[bool]:
    """Deferrals to look at, but for those of a paused batch that were never sent; and what a
    reader of a file that is gone had lent."""
    unsent = (deferrals.c.state == "gathered") & (deferrals.c.job == "")
    live = deferrals.c.state.in_(LIVE) & ~(unsent & (batches.c.state == "paused"))
    lent = (deferrals.c.state == "exported") & (deferrals.c.job == "")
    return and_(or_(live, lent), _due(deferrals, at))


def any_due(tx: Tx) -> bool:
    """Whether there is something to gather, to send or to look at."""
    at = now()
    joined = select(deferrals.c.id).join(batches, batches.c.id == deferrals.c.batch_id)
    if tx.scalar(joined.where(_claimable(at)).limit(1)) is not None:
        return True
    return bool(wanting(tx))


def wanting(tx: Tx, batch: str = "") -> list[tuple[str, str]]:
    """Batches and models that have questions to gather, the oldest first."""
    if not (ids := _gatherable(tx, batch)):
        return []
    key = (questions.c.batch_id, questions.c.model)
    found = select(*key).where(questions.c.batch_id.in_(ids), _unasked(), _due(questions, now()))
    return [(row[0], row[1]) for row in tx.execute(found.distinct().order_by(*key))]


def gather(tx: Tx, batch: str, model: str, most: int) -> bool:
    """Put open questions of a batch and model into a new deferral, of `most` requests or fewer;
    False where there were none."""
    # Of two that gather at once the second waits here, and sees what the first one took.
    tx.execute(select(batches.c.id).where(batches.c.id == batch).with_for_update())
    if not _gatherable(tx, batch):
        return False
    return bool(_gather(tx, batch, model, most, _due(questions, now()), "gathered", ""))


def export(tx: Tx, batch: str, model: str, file: str, most: int) -> str:
    """Put every open question of a batch and model that nobody asks into a deferral for a file,
    those of earlier files too; its id, or empty where there are none."""
    former = deferrals.c.batch_id == batch, deferrals.c.model == model
    earlier = select(deferrals.c.id).where(*former, deferrals.c.state == "exported")
    ids = tx.scalars(earlier.with_for_update()).all()  # deferrals are locked before batches
    tx.execute(select(batches.c.id).where(batches.c.id == batch).with_for_update())
    if ids:
        tx.execute(update(questions).where(questions.c.deferral.in_(ids)).values(deferral=""))
        ended = update(deferrals).where(deferrals.c.id.in_(ids))
        tx.execute(ended.values(state="ended", ended_at=now(), said="exported anew", lease=None))
    return _gather(tx, batch, model, most, _unleased(), "exported", file)


def lend(tx: Tx, batch: str, model: str, most: int) -> None:
    """Put every open question that nobody has, of a batch and model, into a deferral for as long as
    a file of replies is read."""
    tx.execute(select(batches.c.id).where(batches.c.id == batch).with_for_update())
    _gather(tx, batch, model, most, _unleased(), "exported", "")


def exported(tx: Tx, batch: str) -> list[str]:
    """The batch's deferrals that are in files."""
    of_it = deferrals.c.batch_id == batch, deferrals.c.state == "exported"
    return list(tx.scalars(select(deferrals.c.id).where(*of_it)))


def _unasked() -> ColumnElement[bool]:
    return and_(questions.c.state == "open", questions.c.deferral == "")


def _unleased() -> ColumnElement[bool]:
    """Whenever they would be asked."""
    return or_(questions.c.lease_until.is_(None), questions.c.lease_until < now())


def _gather(
    tx: Tx, batch: str, model: str, most: int, free: ColumnElement[bool], state: str, job: str
) -> str:
    each = tx.scalar(select(batches.c.samples).where(batches.c.id == batch)) or 1
    wanted = select(questions.c.id).where(_unasked(), free, questions.c.batch_id == batch)
    wanted = wanted.where(questions.c.model == model)
    wanted = wanted.order_by(questions.c.id).limit(max(1, most // each))
    id_ = new_id()
    taken = update(questions).where(
        questions.c.id.in_(wanted.with_for_update(of=questions, skip_locked=True))
    )
    number = tx.execute(taken.values(deferral=id_, error=None, **leases.FREE)).rowcount
    if not number:
        return ""
    tx.execute(
        insert(deferrals).values(
            id=id_,
            batch_id=batch,
            model=model,
            state=state,
            job=job[:200],
            requests=number,
            created_at=now(),
            failures=0,
            said=f"in the file {job}"[:300] if state == "exported" else "to be sent",
        )
    )
    return id_


def claim(tx: Tx, database: Database, batch: str = "") -> Deferral | None:
    """Lease one deferral that is to be sent or looked at, the oldest first."""
    at = now()
    wanted = [_claimable(at), *([deferrals.c.batch_id == batch] if batch else [])]
    return _claim(tx, database, at, wanted)


def claim_exported(tx: Tx, database: Database, batch: str, id_: str = "") -> Deferral | None:
    """Lease one of the batch's deferrals that are in files, or the one named."""
    at = now()
    wanted = [deferrals.c.state == "exported", deferrals.c.batch_id == batch, _due(deferrals, at)]
    return _claim(tx, database, at, [*wanted, *([deferrals.c.id == id_] if id_ else [])])


def _claim(
    tx: Tx, database: Database, at: datetime, wanted: Iterable[ColumnElement[bool]]
) -> Deferral | None:
    found = select(deferrals, batches.c.state.label("batch_state"), batches.c.budget_usd)
    found = found.join(batches, batches.c.id == deferrals.c.batch_id).where(*wanted)
    found = found.order_by(deferrals.c.id).limit(1)
    row = tx.execute(found.with_for_update(of=deferrals, skip_locked=True)).first()
    if row is None:
        return None
    token, until = new_id(), at + timedelta(seconds=database.lease_seconds)
    taken = update(deferrals).where(deferrals.c.id == row.id)
    tx.execute(taken.values(lease=token, lease_until=until))
    named = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
    same = {name: named[name] for name in Deferral.__dataclass_fields__ if name in named}
    return Deferral(batch=row.batch_id, token=token, **same)


def hold(tx: Tx, deferral: Deferral) -> str:
    """Lock the row until the transaction ends; the batch's state now. Raises LeaseLost."""
    held = deferrals.c.id == deferral.id, deferrals.c.lease == deferral.token
    row = select(deferrals.c.id).where(*held, deferrals.c.state != "ended").with_for_update()
    if tx.scalar(row) is None:
        raise LeaseLost(f"deferral {deferral.id} is looked after by another worker now")
    return str(tx.scalar(select(batches.c.state).where(batches.c.id == deferral.batch)))


def question_ids(tx: Tx, deferral: str) -> list[str]:
    """The questions it has, oldest first."""
    of_it = select(questions.c.id).where(questions.c.deferral == deferral, *_of_open(tx, deferral))
    return list(tx.scalars(of_it.order_by(questions.c.id)))


def _of_open(tx: Tx, deferral: str) -> list[ColumnElement[bool]]:
    """What finds its questions by an index: they are open, and of its batch."""
    batch = tx.scalar(select(deferrals.c.batch_id).where(deferrals.c.id == deferral))
    return [questions.c.state == "open", questions.c.batch_id == batch]


def uploaded(tx: Tx, deferral: Deferral, file: str, requests: int) -> str:
    """The requests are at the provider; a job may exist from now on. Returns the batch's state."""
    state = hold(tx, deferral)
    tx.execute(_of(deferral).values(job=file, requests=requests))
    return state


def submitted(tx: Tx, deferral: Deferral, job: str, said: str, seconds: float) -> None:
    """The provider works on it; look again in `seconds`."""
    hold(tx, deferral)
    again = now() + timedelta(seconds=seconds)
    kept = {"state": "submitted", "job": job, "said": said, "failures": 0, "run_after": again}
    tx.execute(_of(deferral).values(**kept, lease=None, lease_until=None))


def put_off(tx: Tx, deferral: Deferral, said: str, seconds: float, *, failed: bool = False) -> None:
    """Look again in `seconds`; `said` is shown meanwhile, `failed` counts a failure of this look."""
    hold(tx, deferral)
    failures = deferral.failures + 1 if failed else 0
    again = now() + timedelta(seconds=seconds)
    kept = {"said": said[:500], "failures": failures, "run_after": again}
    tx.execute(_of(deferral).values(**kept, lease=None, lease_until=None))


def keep(tx: Tx, deferral: Deferral, drawn: Sequence[tuple[Question, str, Solution]]) -> int:
    """Store completions, each with its question and its template's version; how many were new."""
    hold(tx, deferral)
    ids = {question.id for question, _, _ in drawn}
    key = kept_samples.c.question_id, kept_samples.c.index
    there = {(row[0], row[1]) for row in tx.execute(select(*key).where(key[0].in_(ids)))}
    fresh = 0
    for question, template, solution in drawn:
        draw = question.id, solution.completion.index
        if draw not in there:
            there.add(draw)
            samples.add(tx, question, samples.Bought(template), solution)
            fresh += 1
    return fresh


def leave(tx: Tx, deferral: Deferral, ended: Sequence[Ended]) -> None:
    """Let questions go from a deferral that has them."""
    hold(tx, deferral)
    at = now()
    for each in ended:
        row = questions.c.id == each.question, questions.c.deferral == deferral.id
        left: dict[str, object] = {"state": each.state, "deferral": "", "error": each.error or None}
        left["run_after"] = at + timedelta(seconds=each.again_in) if each.again_in else None
        if each.failed_once:
            left["failures"] = questions.c.failures + 1
        tx.execute(update(questions).where(*row, questions.c.state == "open").values(**left))
    if any(each.state == "failed" for each in ended):
        changes.note_batch(tx, deferral.batch)


def end(tx: Tx, deferral: Deferral, said: str) -> None:
    """Nothing more will come of it."""
    hold(tx, deferral)
    ended = {"state": "ended", "ended_at": now(), "said": said[:500]}
    tx.execute(_of(deferral).values(**ended, lease=None, lease_until=None))


def free(tx: Tx, deferral: Deferral) -> None:
    """Give the lease back; it stays as it is."""
    hold(tx, deferral)
    tx.execute(_of(deferral).values(lease=None, lease_until=None))


def _of(deferral: Deferral) -> Update:
    return update(deferrals).where(deferrals.c.id == deferral.id)
