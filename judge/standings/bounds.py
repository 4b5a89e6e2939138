"""The ceiling and the floor of a leaderboard: a set's own solutions, replayed as recorded models."""

from judge.models.base import ModelSpec

_NAMES = {"reference": "ceiling", "wrong": "floor"}


def bound_of(spec: ModelSpec) -> str:
    """`ceiling` for recorded reference solutions, `floor` for recorded wrong ones, empty for every
    model that somebody asks; told by the names that `judge demo` gives them."""
    return _NAMES.get(spec.name, "") if spec.backend == "recorded" else ""
