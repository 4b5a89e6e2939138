"""Models by name. Who is asked never changes under a name; prices and dates may be corrected."""

from dataclasses import asdict

from sqlalchemy import select, update

from judge.errors import Conflict, UnknownName, UsageError
from judge.models.base import ModelSpec
from judge.store import changes
from judge.store.database import Tx, insert_or, now
from judge.store.tables import models

_IDENTITY = (
    *("backend", "id", "base_url", "base_model", "quantisation", "style"),
    *("revision", "adapter"),
)
_FIELDS = tuple(models.c[name] for name in ModelSpec.__dataclass_fields__)


def keep(tx: Tx, spec: ModelSpec) -> None:
    """Store a model. The same again changes nothing; other prices or another cutoff replace the
    old ones. Raises Conflict when the name stands for another model."""
    if not spec.name or len(spec.name) > 200 or not spec.name.isprintable() or "/" in spec.name:
        raise UsageError(f"{spec.name!r} is no name for a model: 1 to 200 characters without '/'")
    fields = asdict(spec)
    added = insert_or(tx, models).values(**fields, created_at=now()).on_conflict_do_nothing()
    if tx.scalar(added.returning(models.c.name)) is not None:
        changes.note(tx, [changes.EVERY])  # boards name bounds by their models
    kept = read(tx, spec.name)
    for name in _IDENTITY:
        if getattr(kept, name) != getattr(spec, name):
            raise Conflict(
                f"the name {spec.name!r} stands for a model with {name} {getattr(kept, name)!r}; "
                "take another name"
            )
    if kept != spec:
        tx.execute(update(models).where(models.c.name == spec.name).values(**fields))
        changes.note(tx, [changes.EVERY])


def read(tx: Tx, name: str) -> ModelSpec:
    """The model of this name. Raises UnknownName."""
    row = tx.execute(select(*_FIELDS).where(models.c.name == name)).first()
    if row is None:
        raise UnknownName(f"no model is named {name!r}; `judge models list` shows those there are")
    return ModelSpec(*row)


def listed(tx: Tx) -> list[ModelSpec]:
    """Every model by name."""
    return [ModelSpec(*row) for row in tx.execute(select(*_FIELDS).order_by(models.c.name))]
