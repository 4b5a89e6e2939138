"""Batches and the questions they pose: every change of state is one statement that names the state
it starts from, so that of two who change it at once only one does."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, exists, insert, or_, select, update

from judge.errors import Conflict, UnknownName, UsageError
from judge.models.base import Sampling
from judge.store import budgets, changes, models, problem_sets
from judge.store.database import Tx, new_id, now
from judge.store.tables import batches, questions, samples
from problems.errors import UnknownProblem
from problems.problem import slug_of

MAX_SAMPLES = 1_000
MAX_REPAIRS = 5
MAX_QUESTIONS = 1_000_000


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """What a batch is to draw: models x problem set x n samples, how, and for how much.

    `problem_set` names the newest version at opening, unless `digest` names one; `problems` are
    slugs or original ids, empty for all; `prompts` name templates, each of which every problem is
    asked with, empty for the default of each model's style; `budget_usd` None for no bound.
    `repairs` is how often a draw that fails a shown example may be mended; `deferred` asks through
    the provider's Batch API; `fresh` buys replies that are known already once more.
    """

    models: tuple[str, ...]
    problem_set: str
    samples: int = 1
    sampling: Sampling = Sampling()
    prompts: tuple[str, ...] = ()
    budget_usd: float | None = None
    problems: tuple[str, ...] = ()
    digest: str = ""
    repairs: int = 0
    deferred: bool = False
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A batch as stored. `state` is `open`, `paused`, `finished`, `over_budget` or `cancelled`."""

    id: str
    state: str
    request: BatchRequest
    created_at: datetime
    finished_at: datetime | None


def open_batch(tx: Tx, request: BatchRequest, key: str = "") -> str:
    """Store a batch with all its questions; the same key gives the same batch.

    Raises UnknownName or UnknownProblem for what is not there, UsageError for what makes no
    sense, Conflict for a key that opened another batch.
    """
    if key and (known := _by_key(tx, key)):
        if not _same(known.request, request):
            raise Conflict(f"the key {key!r} opened another batch; take a new key")
        return known.id
    digest, posing = chosen(tx, request)
    batch = new_id()
    tx.execute(
        insert(batches).values(
            id=batch,
            key=key or None,
            state="open",
            set_name=request.problem_set,
            set_digest=digest,
            samples=request.samples,
            prompts=",".join(request.prompts),
            **asdict(request.sampling),
            budget_usd=request.budget_usd,
            created_at=now(),
            models=json.dumps(request.models),
            problems=json.dumps(request.problems),
            repairs=request.repairs,
            deferred=int(request.deferred),
            fresh=int(request.fresh),
        )
    )
    posed = [
        {
            "id": new_id(),
            "batch_id": batch,
            "model": model,
            "prompt": prompt,
            "slug": slug,
            "problem_digest": problem_digest,
            "state": "open",
        }
        for slug, problem_digest in posing.items()
        for prompt in request.prompts or ("",)
        for model in request.models
    ]
    tx.execute(insert(questions), posed)
    return batch


def chosen(tx: Tx, request: BatchRequest) -> tuple[str, dict[str, str]]:
    """The digest of the version that is asked, and its chosen problems' digests by slug. Raises as
    `open_batch`."""
    _check(request)
    digest = problem_sets.digest_of(tx, request.problem_set, request.digest)
    for name in request.models:
        models.read(tx, name)
    return digest, _chosen(problem_sets.slugs(tx, digest), request)


def _check(request: BatchRequest) -> None:
    if not request.models:
        raise UsageError("a batch needs at least one model")
    if len(set(request.models)) < len(request.models):
        raise UsageError("a model is named twice; name each once and ask for more samples")
    if len(set(request.prompts)) < len(request.prompts):
        raise UsageError("a prompt is named twice; name each once and ask for more samples")
    if not 0 <= request.repairs <= MAX_REPAIRS:
        raise UsageError(f"repairs must be 0 to {MAX_REPAIRS}, not {request.repairs}")
    if not 1 <= request.samples <= MAX_SAMPLES:
        raise UsageError(f"samples must be 1 to {MAX_SAMPLES}, not {request.samples}")
    if request.budget_usd is not None and not 0 <= request.budget_usd < float("inf"):
        raise UsageError("the budget must be a number of US dollars, 0 or more")


def _chosen(slugs: dict[str, str], request: BatchRequest) -> dict[str, str]:
    wanted = {}
    for name in request.problems or slugs:
        slug = name if name in slugs else slug_of(name)
        if slug not in slugs:
            raise UnknownProblem(f"the set {request.problem_set!r} has no problem {name!r}")
        wanted[slug] = slugs[slug]
    if len(wanted) * len(request.models) * max(1, len(request.prompts)) > MAX_QUESTIONS:
        raise UsageError(f"a batch poses at most {MAX_QUESTIONS} questions; split it")
    return wanted


def _same(known: BatchRequest, request: BatchRequest) -> bool:
    fields = {**asdict(request), "digest": request.digest or known.digest}
    return asdict(known) == fields


def _by_key(tx: Tx, key: str) -> BatchRow | None:
    row = tx.execute(select(batches).where(batches.c.key == key)).first()
    return _row(row) if row else None


def _row(row: object) -> BatchRow:
    stored = row._mapping  # type: ignore[attr-defined]  # noqa: SLF001 - SQLAlchemy's public name
    sampling = Sampling(*(stored[name] for name in Sampling.__dataclass_fields__))
    request = BatchRequest(
        models=tuple(json.loads(stored["models"])),
        problem_set=stored["set_name"],
        samples=stored["samples"],
        sampling=sampling,
        prompts=tuple(filter(None, stored["prompts"].split(","))),
        budget_usd=stored["budget_usd"],
        problems=tuple(json.loads(stored["problems"])),
        digest=stored["set_digest"],
        repairs=stored["repairs"],
        deferred=bool(stored["deferred"]),
        fresh=bool(stored["fresh"]),
    )
    return BatchRow(
        stored["id"], stored["state"], request, stored["created_at"], stored["finished_at"]
    )


def read(tx: Tx, batch: str) -> BatchRow:
    """The batch of this id. Raises UnknownName."""
    row = tx.execute(select(batches).where(batches.c.id == batch)).first()
    if row is None:
        raise UnknownName(f"there is no batch {batch!r}")
    return _row(row)


def listed(tx: Tx, after: str = "", limit: int = 50) -> list[BatchRow]:
    """Batches, the newest first, older than the batch `after`."""
    wanted = select(batches).order_by(batches.c.id.desc()).limit(limit)
    if after:
        wanted = wanted.where(batches.c.id < after)
    return [_row(row) for row in tx.execute(wanted)]


def cancel(tx: Tx, batch: str) -> None:
    """Ask and judge nothing more; a batch that has ended stays as it is."""
    _change(tx, batch, ("open", "paused"), state="cancelled", finished_at=now())


def pause(tx: Tx, batch: str) -> None:
    """Begin nothing more of an open batch for now."""
    _change(tx, batch, ("open",), state="paused")


def resume(tx: Tx, batch: str) -> None:
    """Go on with a paused batch."""
    if _change(tx, batch, ("paused",), state="open"):
        close_finished(tx, batch)


def retry_errors(tx: Tx, batch: str) -> int:
    """Have everything that ended by a fault not the solution's asked or judged again; returns how
    many questions and samples. Raises Conflict for a cancelled batch."""
    if read(tx, batch).state == "cancelled":
        raise Conflict(f"batch {batch} was cancelled; open a new one")
    again: dict[str, object] = {"deliveries": 0, "failures": 0, "error": None, "run_after": None}
    failed = update(questions).where(questions.c.batch_id == batch, questions.c.state == "failed")
    number = tx.execute(failed.values(state="open", **again)).rowcount
    failed = update(samples).where(samples.c.batch_id == batch, samples.c.state == "failed")
    unjudged = {"state": "kept", "verdict": None, "reason": None, "judged_at": None}
    number += tx.execute(failed.values(**unjudged, **again)).rowcount
    if number:
        _change(tx, batch, ("finished", "over_budget"), state="open", finished_at=None)
        changes.note_batch(tx, batch)
    return number


def _change(tx: Tx, batch: str, states: tuple[str, ...], **values: object) -> bool:
    """Change a batch that is in one of these states; False where it was not."""
    read(tx, batch)
    changed = update(batches).where(batches.c.id == batch, batches.c.state.in_(states))
    return tx.execute(changed.values(**values)).rowcount == 1


def skip_unasked(tx: Tx, batch: str) -> None:
    """The budget is spent: leave out every question of the batch that nobody is asking now."""
    _lock_open(tx, batch)
    tx.execute(
        update(questions)
        .where(
            questions.c.batch_id == batch,
            questions.c.state == "open",
            questions.c.deferral == "",
            or_(questions.c.lease_until.is_(None), questions.c.lease_until < now()),
        )
        .values(state="skipped", error=budgets.OVER_BUDGET)
    )
    changes.note_batch(tx, batch)


def is_open(tx: Tx, batch: str) -> bool:
    """Whether work on the batch goes on."""
    return not stopped(tx, batch)


def stopped(tx: Tx, batch: str) -> str:
    """Why nothing more may be asked: a state other than `open`, or empty."""
    state = str(tx.scalar(select(batches.c.state).where(batches.c.id == batch)))
    return "" if state == "open" else state


def any_open(tx: Tx) -> bool:
    """Whether work on any batch goes on."""
    return tx.scalar(select(batches.c.id).where(batches.c.state == "open").limit(1)) is not None


def close_finished(tx: Tx, batch: str = "") -> int:
    """Close what has nothing left to ask or judge, each batch exactly once: the state it must
    have is in the statement. Returns how many closed."""
    _lock_open(tx, batch)
    skipped = _has(questions.c.state == "skipped", questions.c.batch_id == batches.c.id)
    done = update(batches).where(
        batches.c.state == "open",
        ~_has(questions.c.state == "open", questions.c.batch_id == batches.c.id),
        ~_has(samples.c.state == "kept", samples.c.batch_id == batches.c.id),
    )
    if batch:
        done = done.where(batches.c.id == batch)
    state = case((skipped, "over_budget"), else_="finished")
    return tx.execute(done.values(state=state, finished_at=now())).rowcount


def _lock_open(tx: Tx, batch: str = "") -> None:
    """Wait for others that end rows of the same batch: of two that end the last two rows at once,
    neither would see the other's, and the batch would stay open. Rows are locked before batches,
    everywhere; no stronger than an update does, as rows being inserted hold their batch's key."""
    wanted = select(batches.c.id).where(batches.c.state == "open").order_by(batches.c.id)
    if batch:
        wanted = wanted.where(batches.c.id == batch)
    tx.execute(wanted.with_for_update(key_share=True))


def _has(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(*conditions)
