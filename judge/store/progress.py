"""How far a batch is: counts of its rows, read for many batches at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Label, and_, case, func, select

from judge.store.batches import BatchRequest, BatchRow
from judge.store.database import Tx
from judge.store.tables import deferrals, questions, samples
from judge.verdicts.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of one model in a batch. `asked` questions have all their samples, `failed` and
    `skipped` ones never will; `samples` are kept, `judged` have a verdict, `errors` ended as SE;
    `unpriced` samples are not in `spend_usd`. All these are of first turns; `repaired` are the samples
    of later ones, `mended` of them accepted. Money and tokens are those of every turn."""

    model: str
    questions: int = 0
    asked: int = 0
    failed: int = 0
    skipped: int = 0
    samples: int = 0
    judged: int = 0
    accepted: int = 0
    errors: int = 0
    spend_usd: float = 0.0
    unpriced: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    repaired: int = 0
    mended: int = 0


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """A batch and how far it is. `state` is `open`, `paused`, `finished`, `over_budget` or
    `cancelled`.

    `errors` are faults of ours or the models', each with how many questions or samples it ended;
    `waiting` those that will be tried again.
    """

    id: str
    state: str
    request: BatchRequest
    questions: int
    asked: int
    failed: int
    skipped: int
    samples: int
    judged: int
    accepted: int
    errors: tuple[tuple[str, int], ...]
    waiting: tuple[tuple[str, int], ...]
    spend_usd: float
    unpriced: int
    tokens_in: int
    tokens_out: int
    created_at: datetime
    finished_at: datetime | None
    by_model: tuple[Progress, ...]
    repaired: int
    mended: int

    @property
    def wanted(self) -> int:
        """How many samples the batch is to draw in all, repairs left out."""
        return self.questions * self.request.samples

    @property
    def open(self) -> bool:
        """Whether work goes on: not while it is paused."""
        return self.state == "open"


def statuses(tx: Tx, rows: Sequence[BatchRow]) -> list[BatchStatus]:
    """The status of each of these batches, in their order."""
    ids = [row.id for row in rows]
    counted: dict[tuple[str, str], dict[str, float]] = {}
    for row in _counts(tx, ids):
        fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
        key = (fields.pop("batch_id"), fields.pop("model"))
        counted.setdefault(key, {}).update(fields)
    texts = _texts(tx, ids)
    return [
        _status(
            row,
            [
                Progress(model, **counted.get((row.id, model), {}))  # type: ignore[arg-type]
                for model in row.request.models
            ],
            [(state, text, number) for batch, state, text, number in texts if batch == row.id],
        )
        for row in rows
    ]


def _status(
    row: BatchRow, models: list[Progress], texts: list[tuple[str, str, int]]
) -> BatchStatus:
    ended: dict[str, int] = {}
    waiting: dict[str, int] = {}
    for state, text, number in texts:
        group = ended if state in ("failed", "skipped") else waiting
        group[text] = group.get(text, 0) + number

    def total(name: str) -> int:
        return int(sum(getattr(each, name) for each in models))

    return BatchStatus(
        id=row.id,
        state=row.state,
        request=row.request,
        questions=total("questions"),
        asked=total("asked"),
        failed=total("failed"),
        skipped=total("skipped"),
        samples=total("samples"),
        judged=total("judged"),
        accepted=total("accepted"),
        errors=_most_first(ended),
        waiting=_most_first(waiting),
        spend_usd=sum(each.spend_usd for each in models),
        unpriced=total("unpriced"),
        tokens_in=total("tokens_in"),
        tokens_out=total("tokens_out"),
        created_at=row.created_at,
        finished_at=row.finished_at,
        by_model=tuple(models),
        repaired=total("repaired"),
        mended=total("mended"),
    )


def _most_first(counted: dict[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def _counts(tx: Tx, ids: list[str]) -> list[Any]:
    state, turn = questions.c.state, samples.c.turn
    accepted = samples.c.verdict == Verdict.AC.value
    posed = select(
        questions.c.batch_id,
        questions.c.model,
        func.count().label("questions"),
        *(_number(state == name, name) for name in ("asked", "failed", "skipped")),
    ).where(questions.c.repairs == "")
    drawn = select(
        samples.c.batch_id,
        samples.c.model,
        _number(turn == 0, "samples"),
        _number(and_(turn == 0, samples.c.state == "judged"), "judged"),
        _number(and_(turn == 0, samples.c.state == "failed"), "errors"),
        _number(and_(turn == 0, accepted), "accepted"),
        _number(turn > 0, "repaired"),
        _number(and_(turn > 0, accepted), "mended"),
        func.coalesce(func.sum(case((samples.c.reused == 0, samples.c.cost))), 0.0).label(
            "spend_usd"
        ),
        _number(samples.c.cost.is_(None), "unpriced"),
        func.sum(samples.c.input_tokens).label("tokens_in"),
        func.sum(samples.c.output_tokens).label("tokens_out"),
    )
    of_questions = posed.where(questions.c.batch_id.in_(ids)).group_by(
        questions.c.batch_id, questions.c.model
    )
    of_samples = drawn.where(samples.c.batch_id.in_(ids)).group_by(
        samples.c.batch_id, samples.c.model
    )
    return [*tx.execute(of_questions), *tx.execute(of_samples)]


def _number(condition: ColumnElement[bool], name: str) -> Label[int]:
    return func.sum(case((condition, 1), else_=0)).label(name)


def _texts(tx: Tx, ids: list[str]) -> list[tuple[str, str, str, int]]:
    """Batch, state, error and number of the rows that have an error."""
    found = []
    for table in (questions, samples):
        counted = (
            select(table.c.batch_id, table.c.state, table.c.error, func.count())
            .where(table.c.batch_id.in_(ids), table.c.error.is_not(None))
            .group_by(table.c.batch_id, table.c.state, table.c.error)
        )
        found += [(row[0], row[1], row[2], row[3]) for row in tx.execute(counted)]
    away = select(deferrals.c.batch_id, deferrals.c.state, deferrals.c.said, deferrals.c.requests)
    away = away.where(deferrals.c.batch_id.in_(ids), deferrals.c.state != "ended")
    return [*found, *((row[0], row[1], row[2], row[3]) for row in tx.execute(away))]
