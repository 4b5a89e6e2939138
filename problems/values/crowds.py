"""Crowds: members of a set, or keys of a dict, whose hashes were made to be equal.

A table compares all members of one hash with each other, so n of them cost n² comparisons; and as
members may be sets in their turn, crowds within crowds multiply. Honest values have small crowds:
-1 and -2 have one hash, and so have (-1, x) and (-2, x).
"""

from collections import Counter
from typing import Any

from problems.values.form import Undecodable

_FACTOR = 50
_ALWAYS = 8_000
_INNER_CROWD = 4


def refuse_crowds(items: list[Any], hashes: list[int]) -> None:
    """Raises Undecodable when building a table of the items, whose hashes are not all different,
    would cost more than a few times what an honest one does."""
    crowds = Counter(hashes)
    work, honest = 0, len(items)
    for item, hashed in zip(items, hashes, strict=True):
        crowd = crowds[hashed]
        if crowd > 1:
            weight = _weight(item)
            work += crowd * weight
            honest += weight
    if work > _FACTOR * honest + _ALWAYS:
        raise Undecodable("members whose hashes collide")


def _weight(item: Any) -> int:
    """What one comparison of the item costs at most, in comparisons of small values."""
    weight, beneath = 0, [item]
    while beneath:
        part = beneath.pop()
        kind = type(part)
        weight += 1
        if kind is tuple:
            beneath += part
        elif kind is frozenset:
            _refuse_inner_crowds(part)
            weight += _INNER_CROWD * len(part)
            beneath += part
        elif kind is int:
            weight += part.bit_length() >> 10
        elif kind is str or kind is bytes:
            weight += len(part) >> 7
    return weight


def _refuse_inner_crowds(members: frozenset[Any]) -> None:
    """Of small values a few may collide, of containers none: those could hold crowds again."""
    crowds = Counter(map(hash, members))
    if max(crowds.values(), default=0) > _INNER_CROWD:
        raise Undecodable("members whose hashes collide, within members whose hashes collide")
    for part in members:
        if type(part) in (tuple, frozenset) and crowds[hash(part)] > 1:
            raise Undecodable(
                "containers whose hashes collide, within members whose hashes collide"
            )
