"""Whether the workers of this host live: each process touches a file of its own after it has polled
the database, and a health check looks how long ago that was.
"""

import os
import time

from judge.settings import Settings
from judge.store.database import is_dead, owner_of

FRESH_SECONDS = 60.0


def beat(settings: Settings) -> None:
    """Say that this process has just read the database."""
    folder = settings.make_home() / "alive"
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / owner_of(os.getpid()).replace("/", ",")).touch()


def ages(settings: Settings) -> dict[str, float]:
    """Seconds since the last beat of each living process of this host; files of the dead go."""
    found: dict[str, float] = {}
    host = owner_of(os.getpid()).partition("/")[0]
    for path in sorted((settings.home / "alive").glob(f"{host},*")):
        owner = path.name.replace(",", "/")
        if is_dead(owner):
            path.unlink(missing_ok=True)
        else:
            found[owner] = time.time() - path.stat().st_mtime
    return found


def fresh_seconds(settings: Settings) -> float:
    """How old a beat may be."""
    return max(FRESH_SECONDS, 2 * settings.poll_seconds)
