"""What becomes of a fault that is not the solution's: told in one line, tried again later."""

import random
from collections.abc import Sequence
from contextlib import suppress

from judge.errors import JudgeError
from judge.store import leases
from judge.store.database import Database
from judge.store.leases import Work

BACKOFF_SECONDS = 2.0
BACKOFF_MOST = 300.0
GIVEN_UP = "given up: begun {} times, and each time the worker was lost"


def backoff(failures: int) -> float:
    """Seconds until the next try, doubling, with some chance in it so that retries spread."""
    return min(BACKOFF_MOST, BACKOFF_SECONDS * 2.0**failures) * random.uniform(0.75, 1.25)  # noqa: S311 - no secret hangs on it


def told(error: Exception) -> str:
    """One line for a row; an exception that is not judge's own gets its type."""
    text = " ".join(str(error).split())[:500]
    return text if isinstance(error, JudgeError) else f"{type(error).__name__}: {text}"


def release(database: Database, table: Work, token: str, begun: Sequence[str] = ()) -> None:
    """Give back what is left of a claim, whatever else went wrong."""
    with suppress(JudgeError), database.transaction() as tx:  # a lease runs out by itself
        leases.release(tx, table, token, begun)
