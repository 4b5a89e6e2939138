"""Values of dataclasses as JSON objects, read back strictly: what was written elsewhere, or may
have been changed, is taken for what it says only where every name is known and every type exact."""

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin

T = TypeVar("T")


def built(kind: type[T], row: object) -> T:
    """A dataclass from the JSON object that `asdict` made of one. Raises ValueError naming the
    field that does not fit."""
    if not isinstance(row, Mapping):
        raise ValueError(f"{kind.__name__} is no object")  # noqa: TRY004 - one error to catch
    named = {each.name: each for each in fields(kind)}  # type: ignore[arg-type] # a dataclass
    if unknown := sorted(str(name) for name in row if name not in named):
        raise ValueError(f"{kind.__name__} has no field {unknown[0][:60]!r}")
    for name, each in named.items():
        if name not in row and each.default is MISSING:
            raise ValueError(f"{kind.__name__} lacks the field {name!r}")
    return kind(**{name: _value(named[name].type, name, value) for name, value in row.items()})


def _value(type_: Any, name: str, value: object) -> Any:
    if is_dataclass(type_) and isinstance(type_, type):
        return built(type_, value)
    if get_origin(type_) is tuple:
        if not isinstance(value, list | tuple):
            raise ValueError(f"the field {name!r} is no list")
        return tuple(_value(get_args(type_)[0], name, item) for item in value)
    if get_origin(type_) is Literal:
        if value not in get_args(type_):
            raise ValueError(f"the field {name!r} is none of {', '.join(get_args(type_))}")
        return value
    if get_origin(type_) is UnionType:
        return None if value is None else _value(_something(type_), name, value)
    if isinstance(type_, type) and issubclass(type_, Enum):
        return type_(value)
    return _plain(type_, name, value)


def _something(union: Any) -> Any:
    """`T` of `T | None`."""
    return next(each for each in get_args(union) if each is not NoneType)


def _plain(type_: type, name: str, value: object) -> Any:
    if type_ is float and type(value) is int:
        value = float(value)
    if type(value) is not type_:
        raise ValueError(f"the field {name!r} is no {type_.__name__}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"the field {name!r} is no finite number")
    return value
