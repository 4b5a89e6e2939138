"""Who may draw the same lots again, and who must not."""

import random
import sys


def draw_alike() -> None:
    """Solutions draw the same lots in every child, so that a replay sees what the first run saw."""
    _seed(0)


def draw_afresh() -> None:
    """A check that draws arguments must not be foreseen."""
    _seed(None)


def _seed(seed: int | None) -> None:
    random.seed(seed)
    if numpy := sys.modules.get("numpy"):  # which, unlike random, is not reseeded by a fork
        numpy.random.seed(seed)
