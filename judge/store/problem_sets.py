"""Problem sets: immutable versions by digest; a name points to the newest one kept under it."""

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from sqlalchemy import bindparam, func, select, update

from judge.errors import UnknownName
from judge.store.database import Tx, insert_or, now
from judge.store.tables import members, problem_sets, problems, versions
from judge.verdicts.timing import Reference
from problems.errors import MalformedProblem, UnknownProblem
from problems.files import from_row
from problems.problem import Problem, ProblemSet, slug_of, to_row


@dataclass(frozen=True, slots=True)
class SetRow:
    """A set as listed: its newest version, how many problems that has, and since when."""

    name: str
    digest: str
    problems: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One immutable version of a set."""

    name: str
    digest: str
    problems: int
    created_at: datetime


def keep(
    tx: Tx, problem_set: ProblemSet, references: Mapping[str, Reference] | None = None
) -> None:
    """Store this version, and let the name point to it. Identical problems are stored once.
    `references` are the times of its references by problem digest; the latest ones count."""
    if not problem_set.problems:
        raise MalformedProblem(f"the set {problem_set.name!r} has no problems")
    if not problem_set.name or slug_of(problem_set.name) != problem_set.name:
        raise MalformedProblem(
            f"{problem_set.name!r} is no name for a set: "
            "lower case letters, digits, '-', '_' and '.' are"
        )
    at, digest, name = now(), problem_set.digest, problem_set.name
    _keep_members(tx, problem_set)
    tx.execute(
        insert_or(tx, versions).on_conflict_do_nothing(),
        [
            {
                "name": name,
                "digest": digest,
                "problems": len(problem_set.problems),
                "created_at": at,
            }
        ],
    )
    pointed = insert_or(tx, problem_sets).values(name=name, digest=digest, updated_at=at)
    tx.execute(
        pointed.on_conflict_do_update(
            index_elements=["name"], set_={"digest": digest, "updated_at": at}
        )
    )
    if references:
        tx.execute(
            update(problems)
            .where(problems.c.digest == bindparam("problem"))
            .values(
                reference_cpu_seconds=bindparam("whole"),
                reference_example_cpu_seconds=bindparam("slowest"),
            ),
            [
                {"problem": key, "whole": each.cpu_seconds, "slowest": each.example_cpu_seconds}
                for key, each in sorted(references.items())
            ],
        )


def _keep_members(tx: Tx, problem_set: ProblemSet) -> None:
    digest = problem_set.digest
    if tx.scalar(select(members.c.slug).where(members.c.set_digest == digest).limit(1)):
        return
    for each in problem_set.problems:
        content = json.dumps(to_row(each), ensure_ascii=True, separators=(",", ":"))
        tx.execute(
            insert_or(tx, problems).on_conflict_do_nothing(),
            [{"digest": each.digest, "content": content}],
        )
    tx.execute(
        insert_or(tx, members).on_conflict_do_nothing(),
        [
            {
                "set_digest": digest,
                "slug": each.slug,
                "position": position,
                "problem_digest": each.digest,
            }
            for position, each in enumerate(problem_set.problems)
        ],
    )


def digest_of(tx: Tx, name: str, digest: str = "") -> str:
    """The newest version's digest, or the one asked for if the set has it. Raises UnknownName."""
    if digest:
        wanted = select(versions.c.digest).where(
            versions.c.name == name, versions.c.digest == digest
        )
        fault = f"the set {name!r} has no version {digest[:12]!r}"
    else:
        wanted = select(problem_sets.c.digest).where(problem_sets.c.name == name)
        fault = f"no problem set is named {name!r}; `judge problems list` shows those there are"
    found = tx.scalar(wanted)
    if found is None:
        raise UnknownName(fault)
    return str(found)


def read(tx: Tx, name: str, digest: str = "") -> ProblemSet:
    """A version of a set, the newest unless a digest is given. Raises UnknownName."""
    digest = digest_of(tx, name, digest)
    rows = tx.execute(
        select(problems.c.digest, problems.c.content)
        .join(members, members.c.problem_digest == problems.c.digest)
        .where(members.c.set_digest == digest)
        .order_by(members.c.position)
    )
    return ProblemSet(name, tuple(_parsed(*row) for row in rows))


def slugs(tx: Tx, digest: str) -> dict[str, str]:
    """The slugs of a version in its order, each with its problem's digest."""
    rows = tx.execute(
        select(members.c.slug, members.c.problem_digest)
        .where(members.c.set_digest == digest)
        .order_by(members.c.position)
    )
    return {row.slug: row.problem_digest for row in rows}


def listed(tx: Tx) -> list[SetRow]:
    """Every set by name."""
    rows = tx.execute(
        select(problem_sets, versions.c.problems)
        .join(
            versions,
            (versions.c.name == problem_sets.c.name) & (versions.c.digest == problem_sets.c.digest),
        )
        .order_by(problem_sets.c.name)
    )
    return [SetRow(row.name, row.digest, row.problems, row.updated_at) for row in rows]


def versions_of(tx: Tx, name: str) -> list[VersionRow]:
    """Every version kept under a name, newest first. Raises UnknownName."""
    digest_of(tx, name)
    rows = tx.execute(
        select(versions).where(versions.c.name == name).order_by(versions.c.created_at.desc())
    )
    return [VersionRow(*row) for row in rows]


def problem(tx: Tx, name: str, slug: str, digest: str = "") -> Problem:
    """One problem of a set by slug or original id. Raises UnknownName, UnknownProblem."""
    row = tx.execute(
        select(problems.c.digest, problems.c.content)
        .join(members, members.c.problem_digest == problems.c.digest)
        .where(
            members.c.set_digest == digest_of(tx, name, digest),
            members.c.slug.in_([slug, slug_of(slug)]),
        )
    ).first()
    if row is None:
        raise UnknownProblem(f"the set {name!r} has no problem {slug!r}")
    return _parsed(*row)


def problems_by_digest(tx: Tx, digests: set[str]) -> dict[str, Problem]:
    """The problems of these digests, from memory where they were used lately."""
    found = _lately.get(digests)
    missing = digests - found.keys()
    if missing:
        rows = tx.execute(
            select(problems.c.digest, problems.c.content).where(problems.c.digest.in_(missing))
        )
        fresh = {digest: _parsed(digest, content) for digest, content in rows}
        _lately.put(fresh)
        found |= fresh
    return found


def references(tx: Tx, digests: set[str]) -> dict[str, Reference]:
    """How long the references of these problems take, of those that were measured."""
    rows = tx.execute(
        select(
            problems.c.digest,
            problems.c.reference_cpu_seconds,
            func.coalesce(problems.c.reference_example_cpu_seconds, 0.0),
        ).where(problems.c.digest.in_(digests), problems.c.reference_cpu_seconds.is_not(None))
    )
    return {digest: Reference(whole, slowest) for digest, whole, slowest in rows}


def count(tx: Tx, digest: str) -> int:
    """How many problems a version has."""
    return int(
        tx.scalar(select(func.count()).select_from(members).where(members.c.set_digest == digest))
        or 0
    )


def _parsed(digest: str, content: str) -> Problem:
    return from_row(json.loads(content), f"stored problem {digest[:12]}")


class _Lately:
    """The last problems used; they are immutable, so their digest is all there is to check."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = Lock()
        self._kept: OrderedDict[str, Problem] = OrderedDict()

    def get(self, digests: set[str]) -> dict[str, Problem]:
        with self._lock:
            found = {each: self._kept[each] for each in digests if each in self._kept}
            for each in found:
                self._kept.move_to_end(each)
            return found

    def put(self, fresh: dict[str, Problem]) -> None:
        with self._lock:
            self._kept |= fresh
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)


_lately = _Lately(256)
