"""The shape of live objects: what a container holds, and what a structure comes to written out.

Everything here is read through the methods of the builtin bases, never through an object's own, and
no question is put to a metaclass: a class that lies about its length, its iteration, its class or
its equality is not asked.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from problems.values.form import Unencodable

_empty: dict[int, int] = {}
KEYS, VALUES, ITEMS = type(_empty.keys()), type(_empty.values()), type(_empty.items())
_BASES = (list, tuple, dict, set, frozenset, deque)
_CONTAINERS = frozenset(map(id, (*_BASES, KEYS, VALUES, ITEMS)))
_INERT = frozenset((int, str, float, bool, type(None), bytes, complex))
_INERT_IDS = frozenset(map(id, _INERT))
_ENDLESS = 10**18
_OPEN = -1
_ALL = slice(None)
_name: Any = type.__dict__["__name__"].__get__


def name_of(kind: type) -> str:
    """The name a class was made with, whatever its metaclass says."""
    return str(_name(kind))


def is_container(kind: type) -> bool:
    """Whether `members` knows how to read objects of that class."""
    return id(kind) in _CONTAINERS or issubclass(kind, _BASES)


def members(value: Any) -> Sequence[Any]:
    """What a container holds, in its order; keys, then values, of a dict."""
    kind = type(value)
    if kind is list or kind is tuple:
        return value  # type: ignore[no-any-return]
    if issubclass(kind, list):
        return list.__getitem__(value, _ALL)
    if issubclass(kind, tuple):
        return tuple.__getitem__(value, _ALL)
    if issubclass(kind, dict):
        return [*dict.keys(value), *dict.values(value)]
    for base in (set, frozenset, deque):
        if issubclass(kind, base):
            return list(base.__iter__(value))
    return list(value)  # a view of a dict


@dataclass(slots=True)
class _Open:
    """A container between the root and where the walk stands; `total` counts what is seen of it."""

    value: object
    inner: Iterator[Any]
    total: int


def unfolded(root: object) -> tuple[int, int, str]:
    """How many items `root` has when every container is written out as often as it is met, how many
    it holds, and the name of a container that was met twice.

    Takes time and memory in proportion to what is held. Iterators count as nothing, and containers
    of plain values are not recognised when met again. Raises Unencodable for a container that holds
    itself, however far below.
    """
    sizes: dict[int, int] = {}
    fresh: list[Sequence[Any]] = []  # made by members(); kept, lest their ids are given again
    held, shared = 0, ""

    def opened(value: object) -> _Open:
        nonlocal held
        sizes[id(value)] = _OPEN
        parts = members(value)
        if type(value) is ITEMS:
            fresh.append(parts)
        total, inner = len(parts), []
        for part in () if _holds_no_container(parts) else parts:
            if id(type(part)) not in _INERT_IDS and is_container(type(part)):
                beneath = members(part)
                if _holds_no_container(beneath):
                    total += len(beneath)
                else:
                    inner.append(part)
        held += total
        return _Open(value, iter(inner), total)

    if not is_container(type(root)):
        return 0, 0, ""
    path = [opened(root)]
    while True:
        here = path[-1]
        for part in here.inner:
            size = sizes.get(id(part))
            if size is None:
                path.append(opened(part))
                break
            if size == _OPEN:
                raise Unencodable(f"cyclic {name_of(type(part))}")
            shared = shared or name_of(type(part))
            here.total += size
        else:
            total = sizes[id(here.value)] = min(here.total, _ENDLESS)
            path.pop()
            if not path:
                return total, held, shared
            path[-1].total += total


def _holds_no_container(parts: Sequence[Any]) -> bool:
    try:
        if _INERT.issuperset(map(type, parts)):
            return True
    except Exception:  # noqa: BLE001, S110 - a metaclass may refuse to be hashed
        pass
    return not any(map(is_container, map(type, parts)))
