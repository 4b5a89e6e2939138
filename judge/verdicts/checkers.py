"""How a claimed answer is compared with the accepted ones, outside every sandbox.

A checker takes the claimed value and one accepted value, both rebuilt by the codec and so of exact
builtin types, and says whether they match. `matches` is the door: it tries every accepted answer.
"""

import math
from collections.abc import Callable
from typing import Any

from problems.problem import Checker
from problems.values import Undecodable, Wire, decode, digest
from problems.values.reading import Digest

UNDECIDED = "undecided"
"""A checker's name for problems whose several right answers nobody has written a checker for."""


def matches(checker: Checker, claimed: Wire, accepted: tuple[Wire, ...]) -> bool:
    """Whether the claim is one of the accepted answers. Raises Undecodable for a forged claim."""
    if claimed in accepted and '"$float":"nan"' not in claimed:
        return True  # the same text is the same value, and NaN alone differs from itself
    value = decode(claimed)
    compare = CHECKERS[checker.name]
    try:
        if isinstance(value, Digest):
            wanted = map(decode, accepted)
            return any(digest(each) == claimed for each in wanted if not isinstance(each, Digest))
        return any(compare(value, decode(text), checker) for text in accepted)
    except (RecursionError, ValueError, TypeError, ArithmeticError, MemoryError) as error:
        raise Undecodable(f"beyond comparison: {type(error).__name__}") from None


def exact(claimed: Any, accepted: Any, _: Checker) -> bool:
    """Python's `==`; NaN matches nothing."""
    return bool(claimed == accepted)


def floats(claimed: Any, accepted: Any, checker: Checker) -> bool:
    """Equal, or numbers within the absolute or the relative tolerance, however nested. Integers
    and everything else compare exactly; a program's text is compared token by token."""
    if isinstance(claimed, str) and isinstance(accepted, str) and claimed != accepted:
        return _float_tokens(claimed.split(), accepted.split(), checker)
    if isinstance(claimed, list | tuple) and type(claimed) is type(accepted):
        return len(claimed) == len(accepted) and all(
            floats(one, other, checker) for one, other in zip(claimed, accepted, strict=True)
        )
    if isinstance(claimed, dict) and isinstance(accepted, dict):
        return claimed.keys() == accepted.keys() and all(
            floats(value, accepted[key], checker) for key, value in claimed.items()
        )
    if _is_number(claimed) and _is_number(accepted):
        return _close(claimed, accepted, checker)
    return bool(claimed == accepted)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | complex) and not isinstance(value, bool)


def _close(claimed: Any, accepted: Any, checker: Checker) -> bool:
    if claimed == accepted:
        return True
    if isinstance(claimed, int) and isinstance(accepted, int):
        return False  # a tolerance is for floats: 10**17 and 10**17 + 1 differ
    try:
        distance = abs(claimed - accepted)
        bound = max(checker.absolute, checker.relative * abs(accepted))
    except OverflowError:
        return False
    return math.isfinite(bound) and distance <= bound


def _float_tokens(claimed: list[str], accepted: list[str], checker: Checker) -> bool:
    return len(claimed) == len(accepted) and all(
        one == other or _close_text(one, other, checker)
        for one, other in zip(claimed, accepted, strict=True)
    )


def _close_text(claimed: str, accepted: str, checker: Checker) -> bool:
    try:
        return _close(float(claimed), float(accepted), checker)
    except ValueError:
        return False


def unordered(claimed: Any, accepted: Any, checker: Checker) -> bool:
    """The outer `depth` levels of lists and tuples are compared as multisets; within them floats
    may have a tolerance."""
    return _unordered(claimed, accepted, checker, max(checker.depth, 1))


def _unordered(claimed: Any, accepted: Any, checker: Checker, depth: int) -> bool:
    if depth == 0 or type(claimed) is not type(accepted) or not isinstance(claimed, list | tuple):
        return floats(claimed, accepted, checker)
    if len(claimed) != len(accepted):
        return False
    if not checker.absolute and not checker.relative:
        return sorted(_keys(claimed, depth - 1)) == sorted(_keys(accepted, depth - 1))
    rest = list(accepted)  # with a tolerance there is no key to sort by; such lists are short
    for item in claimed:
        found = next(
            (i for i, other in enumerate(rest) if _unordered(item, other, checker, depth - 1)), -1
        )
        if found < 0:
            return False
        del rest[found]
    return True


def _keys(items: Any, depth: int) -> list[str]:
    return [_key(item, depth) for item in items]


def _key(value: Any, depth: int) -> str:
    """A text that is equal for values that `==` takes for equal; order is dropped `depth` levels."""
    if isinstance(value, list | tuple):
        inner = _keys(value, max(depth - 1, 0))
        opening = "[" if isinstance(value, list) else "("
        return opening + ",".join(sorted(inner) if depth > 0 else inner) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(sorted(f"{_key(k, 0)}:{_key(v, 0)}" for k, v in value.items())) + "}"
    if isinstance(value, set | frozenset):
        return "<" + ",".join(sorted(_keys(value, 0))) + ">"
    if isinstance(value, bool | int):
        return hex(value)
    if isinstance(value, float):
        return hex(int(value)) if value.is_integer() else repr(value)
    return repr(value)


def tokens(claimed: Any, accepted: Any, _: Checker) -> bool:
    """Text by words: any white space separates."""
    return _text(claimed).split() == _text(accepted).split()


def lines(claimed: Any, accepted: Any, _: Checker) -> bool:
    """Text by lines: trailing white space and trailing blank lines do not count."""
    return _lines(_text(claimed)) == _lines(_text(accepted))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]


def members(claimed: Any, accepted: Any, _: Checker) -> bool:
    """EvalPlus's oracle for order-free MBPP tasks: equal as sets, repetitions ignored."""
    kinds = (list, tuple, set, frozenset)
    if not isinstance(claimed, kinds) or not isinstance(accepted, kinds):
        return False
    return set(claimed) == set(accepted)


def presence(claimed: Any, accepted: Any, _: Checker) -> bool:
    """EvalPlus's oracle for match-or-None MBPP tasks: a bool as such, anything else by being there."""
    return (claimed if isinstance(claimed, bool) else claimed is not None) == (
        accepted if isinstance(accepted, bool) else accepted is not None
    )


def evalplus(claimed: Any, accepted: Any, checker: Checker) -> bool:
    """EvalPlus's rule: `==`, or floats alike in shape and type within the tolerances."""
    if claimed == accepted:
        return True
    if not checker.absolute and not _all_floats(accepted):
        return False
    loose = checker if checker.absolute else Checker("floats", 1e-6, checker.relative)
    return type(claimed) is type(accepted) and _added_tolerance(claimed, accepted, loose)


def _all_floats(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(item, float) for item in value)
    return isinstance(value, float)


def _added_tolerance(claimed: Any, accepted: Any, checker: Checker) -> bool:
    """numpy.allclose's form, |a - b| <= absolute + relative * |b|, over nested numbers."""
    if isinstance(claimed, list | tuple) and isinstance(accepted, list | tuple):
        return len(claimed) == len(accepted) and all(
            _added_tolerance(one, other, checker)
            for one, other in zip(claimed, accepted, strict=True)
        )
    if not isinstance(claimed, int | float) or not isinstance(accepted, int | float):
        return False
    if claimed == accepted:
        return True
    try:
        if not math.isfinite(claimed) or not math.isfinite(accepted):
            return False
        return abs(claimed - accepted) <= checker.absolute + checker.relative * abs(accepted)
    except OverflowError:
        return False


CHECKERS: dict[str, Callable[[Any, Any, Checker], bool]] = {
    "exact": exact,
    "floats": floats,
    "unordered": unordered,
    "tokens": tokens,
    "lines": lines,
    "members": members,
    "presence": presence,
    "evalplus": evalplus,
}
