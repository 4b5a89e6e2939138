"""Problem sets over HTTP: what is asked. Never what is expected: hidden examples, references,
wrong solutions and checks stay behind.
"""

import json
import threading
from dataclasses import fields
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response, UploadFile

from api import uploads
from api.failures import BUSY, Refused
from api.tags import NOT_MODIFIED, Known, tagged
from api.wiring import Cursor, House, Limit, Shown, opened, page, problem_answers
from judge.store import problem_sets
from judge.verdicts.audit import complete
from problems.problem import (
    Class,
    Examined,
    Function,
    Parameter,
    Problem,
    Program,
)

router = APIRouter(prefix="/v1/problem-sets", tags=["problem sets"])
_importing = threading.Lock()


class SetShown(Shown):
    """A set: its newest version, and how many problems that has."""

    name: str
    digest: str
    problems: int
    updated_at: datetime


class SetPage(Shown):
    """Some sets, by name."""

    items: list[SetShown]
    next_cursor: str | None


class VersionShown(Shown):
    """One immutable version of a set."""

    digest: str
    problems: int
    created_at: datetime


class VersionDetail(VersionShown):
    """A version with the slugs of its problems, in its order."""

    name: str
    slugs: list[str]


class SetDetail(SetShown):
    """A set with every version kept of it, newest first."""

    versions: list[VersionShown]


class FaultShown(Shown):
    """A problem whose own reference did not hold in the sandbox."""

    slug: str
    verdict: str
    reason: str


class SetImported(Shown):
    """What an import came to; problems without a usable check are left out of the set."""

    name: str
    digest: str
    problems: int
    faults: list[FaultShown]


class ProblemBrief(Shown):
    """One problem in a list."""

    slug: str
    title: str
    kind: str
    difficulty: str
    tags: list[str]
    date: str
    tests: int
    digest: str


class ProblemPage(Shown):
    """Some problems, in the set's order."""

    items: list[ProblemBrief]
    next_cursor: str | None


class ExampleShown(Shown):
    """A test that everybody may see; values as the codec's JSON."""

    arguments: Any
    accepted: list[Any]


class ProblemShown(ProblemBrief):
    """What a model is told of a problem, and its limits."""

    statement: str
    entry: dict[str, Any]
    starter: str
    examples: list[ExampleShown]
    limits: dict[str, float]
    original_id: str


@router.get("", operation_id="list_problem_sets")
def list_sets(
    house: House, request: Request, response: Response, limit: Limit = 50, cursor: Cursor = ""
) -> SetPage:
    """Every set, by name."""
    after = opened(cursor)
    with house.database.reading() as tx:
        rows = [row for row in problem_sets.listed(tx) if row.name > after]
    shown, following = page(rows, limit, lambda row: row.name, request, response)
    return SetPage(items=[SetShown.model_validate(row) for row in shown], next_cursor=following)


@router.post(
    "",
    operation_id="import_problem_set",
    status_code=201,
    responses=problem_answers(415),
)
def import_set(
    house: House,
    response: Response,
    file: UploadFile,
    name: Annotated[str, Form(max_length=200)] = "",
) -> SetImported:
    """Import a set from a JSONL file in any known format. Every reference solution is run in the
    sandbox before the set is stored; all of it is stored or nothing. The same file again changes
    nothing."""
    if not _importing.acquire(blocking=False):
        raise Refused(BUSY, "another set is being imported; try again in a while")
    try:
        read = uploads.read_set(file, name)
        audited = complete(read, house.sandbox, speed=house.speed)
    finally:
        _importing.release()
    kept = audited.problem_set
    with house.database.transaction() as tx:
        problem_sets.keep(tx, kept, audited.references)
    response.headers["Location"] = f"/v1/problem-sets/{kept.name}"
    return SetImported(
        name=kept.name,
        digest=kept.digest,
        problems=len(kept.problems),
        faults=[
            FaultShown(slug=fault.slug, verdict=fault.verdict, reason=fault.reason[:300])
            for fault in audited.faults
        ],
    )


@router.get(
    "/{name}",
    operation_id="read_problem_set",
    response_model=SetDetail,
    responses={**NOT_MODIFIED, **problem_answers(404)},
)
def read_set(house: House, name: str, known: Known = "") -> Response:
    """One set and its versions."""
    with house.database.reading() as tx:
        versions = problem_sets.versions_of(tx, name)
        row = next(row for row in problem_sets.listed(tx) if row.name == name)
    detail = SetDetail(
        name=row.name,
        digest=row.digest,
        problems=row.problems,
        updated_at=row.updated_at,
        versions=[VersionShown.model_validate(version) for version in versions],
    )
    return tagged(detail, known)


@router.get(
    "/{name}/versions/{digest}", operation_id="read_version", responses=problem_answers(404)
)
def read_version(house: House, name: str, digest: str) -> VersionDetail:
    """One version: it never changes, and stays when a newer one comes."""
    with house.database.reading() as tx:
        digest = problem_sets.digest_of(tx, name, digest)
        version = next(each for each in problem_sets.versions_of(tx, name) if each.digest == digest)
        slugs = list(problem_sets.slugs(tx, digest))
    return VersionDetail(
        name=name,
        digest=digest,
        problems=version.problems,
        created_at=version.created_at,
        slugs=slugs,
    )


@router.get("/{name}/problems", operation_id="list_problems", responses=problem_answers(404))
def list_problems(
    house: House,
    request: Request,
    response: Response,
    name: str,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> ProblemPage:
    """The problems of a set's newest version."""
    after = opened(cursor)
    with house.database.reading() as tx:
        slugs = problem_sets.slugs(tx, problem_sets.digest_of(tx, name))
        order = list(slugs)
        start = order.index(after) + 1 if after in slugs else 0
        wanted = order[start : start + limit + 1]
        found = problem_sets.problems_by_digest(tx, {slugs[slug] for slug in wanted})
    problems = [found[slugs[slug]] for slug in wanted]
    shown, following = page(problems, limit, lambda problem: problem.slug, request, response)
    items = [ProblemBrief.model_validate(_brief(problem)) for problem in shown]
    return ProblemPage(items=items, next_cursor=following)


@router.get("/{name}/problems/{slug}", operation_id="read_problem", responses=problem_answers(404))
def read_problem(house: House, name: str, slug: str) -> ProblemShown:
    """One problem, as a model is told it."""
    with house.database.reading() as tx:
        problem = problem_sets.problem(tx, name, slug)
    return ProblemShown(
        **_brief(problem),
        statement=problem.statement,
        entry=_entry(problem),
        starter=problem.starter,
        examples=[
            ExampleShown(
                arguments=json.loads(example.arguments),
                accepted=[json.loads(answer) for answer in example.accepted],
            )
            for example in problem.examples
            if example.shown
        ],
        limits={each.name: getattr(problem.limits, each.name) for each in fields(problem.limits)},
        original_id=problem.original_id,
    )


def _brief(problem: Problem) -> dict[str, Any]:
    return {
        "slug": problem.slug,
        "title": problem.title,
        "kind": type(problem.entry).__name__.lower(),
        "difficulty": problem.difficulty,
        "tags": list(problem.tags),
        "date": problem.date,
        "tests": len(problem.examples),
        "digest": problem.digest,
    }


def _entry(problem: Problem) -> dict[str, Any]:
    """How a solution is called. An examined problem's check and names are not part of it."""
    match problem.entry:
        case Function() as function:
            return _signature(function)
        case Class() as class_:
            return {
                "name": class_.name,
                "parameters": [_parameter(each) for each in class_.parameters],
                "methods": [_signature(method) for method in class_.methods],
            }
        case Examined() as examined:
            return {"name": examined.name}
        case Program():
            return {}


def _signature(function: Function) -> dict[str, Any]:
    return {
        "name": function.name,
        "owner": function.owner,
        "parameters": [_parameter(each) for each in function.parameters],
        "returns": function.returns,
    }


def _parameter(parameter: Parameter) -> dict[str, str]:
    return {"name": parameter.name, "type": parameter.type}
