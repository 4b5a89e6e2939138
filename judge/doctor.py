"""What `judge doctor` looks at: each part of an installation, what was seen, and what to do about it.

A *fault* keeps judge from working or loses work; a *warning* costs something or bears a risk. No
check changes anything, prints a key, or waits longer than a few seconds, the sandbox's probes apart.
"""

import importlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import redis

from judge.errors import JudgeError
from judge.models import open_model
from judge.sandbox import open_sandbox, selfcheck
from judge.settings import Settings
from judge.store import models, soundness
from judge.store.database import Database

REDIS_SECONDS = 5
OLDEST_REDIS = (6, 2)
LITTLE_MB, SCARCE_MB = 200, 2_000
CLOCK_SECONDS = 2.0
REMOTE = ("nfs", "cifs", "smb", "9p", "ceph", "gluster", "lustre", "afs", "fuse.")
"""How the kinds of file systems begin on which SQLite's locks do not hold."""


class State(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One part: its state, what was seen, and the remedy where it is not ok."""

    part: str
    state: State
    seen: str
    remedy: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Look at every part of the installation that these settings describe."""
    checks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        _combination,
        _broker,
        _database,
        _engine,
        _sandbox,
        _disk,
    )
    return [finding for check in checks for finding in check(settings)]


def _combination(settings: Settings) -> Iterator[Finding]:
    broker, shared = (
        settings.broker_url.partition(":")[0],
        not settings.store_url.startswith("sqlite"),
    )
    seen = f"{broker} with {'PostgreSQL' if shared else 'SQLite'}"
    if broker not in ("memory", "redis", "rediss", "redis+socket"):
        yield Finding(
            "parts", State.FAULT, seen, "set JUDGE_BROKER_URL to memory:// or redis://HOST"
        )
    elif broker != "memory" and not shared:
        remedy = "keep every worker on this host, or set JUDGE_DATABASE_URL to a PostgreSQL"
        yield Finding("parts", State.WARNING, seen, remedy)
    else:
        yield Finding("parts", State.OK, seen)


# --- Redis ---------------------------------------------------------------------------------------


def _broker(settings: Settings) -> Iterator[Finding]:
    if not settings.broker_url.startswith("redis"):
        return
    url = settings.broker_url.replace("redis+socket:", "unix:")
    try:
        with closing(redis.Redis.from_url(url, socket_timeout=REDIS_SECONDS)) as client:
            said = client.info()
            saves = client.config_get("save").get("save", "") if not said.get("aof_enabled") else ""
    except (redis.RedisError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        yield Finding("Redis", State.FAULT, reason, "start it, or correct JUDGE_BROKER_URL")
        return
    version = str(said["redis_version"])
    if tuple(map(int, version.split(".")[:2])) < OLDEST_REDIS:
        yield Finding("Redis", State.FAULT, f"version {version}", "use Redis 6.2 or newer")
    else:
        yield Finding("Redis", State.OK, f"version {version}")
    policy = said.get("maxmemory_policy", "unknown")
    if policy == "noeviction":
        yield Finding("Redis memory", *_room(said))
    else:
        yield Finding(
            "Redis memory",
            State.FAULT,
            f"maxmemory-policy {policy}",
            "set maxmemory-policy noeviction: another one throws queues away",
        )
    if said.get("aof_enabled") or saves:
        yield Finding(
            "Redis persistence",
            State.OK,
            "append-only file" if said["aof_enabled"] else "snapshots",
        )
    else:
        yield Finding(
            "Redis persistence",
            State.WARNING,
            "none",
            "set appendonly yes; without it a restart loses rings, and work waits for the next poll",
        )


def _room(said: dict[str, object]) -> tuple[State, str, str]:
    used, most = int(str(said.get("used_memory", 0))), int(str(said.get("maxmemory", 0)))
    seen = f"noeviction, {used >> 20} of {most >> 20 if most else 'unbounded'} MiB"
    if most and used > 0.9 * most:
        return State.WARNING, seen, "raise maxmemory: a full Redis takes no rings"
    return State.OK, seen, ""


# --- the database --------------------------------------------------------------------------------


def _database(settings: Settings) -> Iterator[Finding]:
    try:
        if not settings.database_url and not (settings.home / "judge.db").exists():
            yield Finding(
                "database", State.OK, f"none yet in {settings.home}; the first command makes it"
            )
            return
        with closing(Database(settings.store_url)) as database:
            seen = soundness.look(database)
            yield from _tables(seen)
            if seen.file:
                yield _file(seen)
            yield _clock(seen.clock_off, settings.lease_seconds)
            if seen.revision == seen.head:
                yield from _keys(database)
    except JudgeError as error:
        yield Finding(
            "database", State.FAULT, str(error), "start it, or correct JUDGE_DATABASE_URL"
        )


def _tables(seen: soundness.Seen) -> Iterator[Finding]:
    if seen.revision == seen.head:
        yield Finding("database", State.OK, f"{seen.kind}, revision {seen.revision}")
    elif seen.revision and not seen.known:
        remedy = "use the judge that made it, or a newer one"
        yield Finding("database", State.FAULT, f"unknown revision {seen.revision}", remedy)
    else:
        shown = f"revision {seen.revision or 'none'}, not {seen.head}"
        yield Finding("database", State.FAULT, shown, "run `judge db upgrade`")


def _file(seen: soundness.Seen) -> Finding:
    kind = file_system(Path(seen.file))
    if kind.startswith(REMOTE):
        remedy = "set JUDGE_HOME to a folder on a local disk, or use PostgreSQL"
        return Finding("database file", State.FAULT, f"on {kind}", remedy)
    if seen.journal != "wal":
        return Finding(
            "database file", State.FAULT, f"journal mode {seen.journal}", "use a local disk"
        )
    return Finding("database file", State.OK, f"on {kind}, write-ahead log")


def _clock(off: float, lease_seconds: float) -> Finding:
    """Leases end by each worker's own clock, so clocks must agree."""
    shown, remedy = f"{off:+.1f} s from the database's", "synchronise the clocks (chrony, ntp)"
    if abs(off) > lease_seconds / 3:
        return Finding("clock", State.FAULT, shown, remedy)
    return Finding(
        "clock",
        *((State.WARNING, shown, remedy) if abs(off) > CLOCK_SECONDS else (State.OK, shown)),
    )


def _keys(database: Database) -> Iterator[Finding]:
    with database.reading() as tx:
        specs = models.listed(tx)
    for spec in specs:
        if not spec.backend.startswith("openai"):
            continue
        try:
            open_model(spec).close()
        except JudgeError as error:
            yield Finding(
                f"model {spec.name}", State.WARNING, str(error), "set its key where asking runs"
            )
        else:
            yield Finding(f"model {spec.name}", State.OK, "its key is set, or none is needed")


# --- the sandbox ---------------------------------------------------------------------------------


def _engine(settings: Settings) -> Iterator[Finding]:
    if settings.sandbox != "docker":
        return
    try:
        engine = importlib.import_module("judge.sandbox.engine")
    except ModuleNotFoundError as error:
        yield Finding(
            "engine", State.FAULT, f"{error.name} is missing", "pip install 'judge[docker]'"
        )
        return
    try:
        with closing(engine.connect()) as client, engine.understood("cannot be asked"):
            yield Finding("engine", State.OK, f"Docker {client.version()['Version']}")
    except JudgeError as error:
        yield Finding("engine", State.FAULT, *_split(str(error)))


def _sandbox(settings: Settings) -> Iterator[Finding]:
    try:
        opened = open_sandbox(settings.sandbox, 1, probed=False, **settings.sandbox_options)
        with closing(opened) as sandbox:
            findings = selfcheck.probe(sandbox)
            tier = selfcheck.reached(findings)
    except JudgeError as error:
        yield Finding("sandbox", State.FAULT, *_split(str(error)))
        return
    lacking = [one for one in findings if not one.held]
    if lacking:
        remedy = "; ".join(one.remedy for one in lacking if one.remedy)
        yield Finding("sandbox", State.WARNING, f"{settings.sandbox}, tier {tier}", remedy)
    else:
        yield Finding("sandbox", State.OK, f"{settings.sandbox}, tier {tier}")


def _split(text: str) -> tuple[str, str]:
    """An error's line to what was seen and the remedy behind the semicolon."""
    seen, _, remedy = text.partition("; ")
    return seen, remedy or "`judge sandbox check` shows everything"


# --- the disk ------------------------------------------------------------------------------------


def _disk(settings: Settings) -> Iterator[Finding]:
    for what, folder in (("home", settings.home), ("channels", settings.sandbox_channels)):
        if folder is None:
            continue
        there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        free = shutil.disk_usage(there).free >> 20
        seen, remedy = f"{free} MiB free at {folder}", "make room there, or name another folder"
        least = LITTLE_MB if what == "home" else 1
        if free < least:
            yield Finding(f"disk ({what})", State.FAULT, seen, remedy)
        elif what == "home" and free < SCARCE_MB:
            yield Finding(f"disk ({what})", State.WARNING, seen, remedy)
        else:
            yield Finding(f"disk ({what})", State.OK, seen)


def file_system(path: Path) -> str:
    """The kind of file system that holds a path; `unknown` where the kernel does not say."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "unknown"
    best, kind, whole = "", "unknown", path.resolve()
    for line in mounts.splitlines():
        front, _, back = line.partition(" - ")
        point = front.split()[4].replace("\\040", " ")
        if whole.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, back.split()[0]
    return kind
