"""Models over HTTP: who can be asked.

Whoever names a model's endpoint or file decides what this host connects to and reads, and who is
shown its OPENAI_API_KEY. So without keys only the models that are bundled with judge can be added
here; with the scope `admin` endpoints can, at OpenAI or at hosts that JUDGE_MODEL_HOSTS
names (judge/models/addresses.py). Files are for the command line alone.
"""

from dataclasses import replace
from pathlib import PurePath
from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from api.failures import NOT_OVER_HTTP, Refused
from api.tags import NOT_MODIFIED, Known, Meant, check_meant, tagged
from api.wiring import (
    Body,
    Cursor,
    House,
    JsonRoute,
    Limit,
    Name,
    Shown,
    opened,
    page,
    problem_answers,
)
from judge.models import open_model
from judge.models.addresses import check_listed
from judge.models.base import ModelSpec
from judge.settings import Settings
from judge.store import models

BUNDLED = {("llama_local", "smollm2-135m")}
ENDPOINTS = ("openai_chat", "openai_completions")

Price = Annotated[float | None, Field(ge=0, le=1e6)]
Cutoff = Annotated[str, Field(pattern=r"^(\d{4}-\d{2}-\d{2})?$", max_length=10)]

router = APIRouter(prefix="/v1/models", tags=["models"], route_class=JsonRoute)


class ModelShown(Shown):
    """A model; prices are US dollars per million tokens. Keys are never stored. Of a recorded
    model's file only the name is shown, not where it lies."""

    name: str
    backend: str
    id: str
    base_url: str
    base_model: str
    quantisation: str
    style: str
    cutoff: str
    input_price: float | None
    output_price: float | None


class ModelPage(Shown):
    """Some models, by name."""

    items: list[ModelShown]
    next_cursor: str | None


class NewModel(Body):
    """A model to register. Over HTTP: backend `llama_local` with id `smollm2-135m`, and with keys
    on `openai_chat` and `openai_completions`."""

    name: Name
    backend: Annotated[str, Field(max_length=40)]
    id: Annotated[str, Field(max_length=400)]
    base_url: Annotated[str, Field(max_length=400)] = ""
    base_model: Annotated[str, Field(max_length=200)] = ""
    quantisation: Annotated[str, Field(max_length=200)] = ""
    style: Literal["chat", "completion"] = "chat"
    cutoff: Cutoff = ""
    input_price: Price = None
    output_price: Price = None


class ModelChange(Body):
    """What of a model may be corrected; who is asked never changes under a name."""

    cutoff: Cutoff
    input_price: Price
    output_price: Price


@router.get("", operation_id="list_models")
def list_models(
    house: House, request: Request, response: Response, limit: Limit = 50, cursor: Cursor = ""
) -> ModelPage:
    """Every model, by name."""
    after = opened(cursor)
    with house.database.reading() as tx:
        specs = [spec for spec in models.listed(tx) if spec.name > after]
    shown, following = page(specs, limit, lambda spec: spec.name, request, response)
    return ModelPage(items=[_shown(spec) for spec in shown], next_cursor=following)


@router.post("", operation_id="add_model", status_code=201, responses=problem_answers(403, 409))
def add_model(house: House, response: Response, body: NewModel) -> ModelShown:
    """Register a model. The same again changes nothing."""
    spec = ModelSpec(**body.model_dump())
    _check(spec, house.settings)
    with house.database.transaction() as tx:
        models.keep(tx, spec)
    response.headers["Location"] = f"/v1/models/{spec.name}"
    return _shown(spec)


@router.get(
    "/{name}",
    operation_id="read_model",
    response_model=ModelShown,
    responses={**NOT_MODIFIED, **problem_answers(404)},
)
def read_model(house: House, name: str, known: Known = "") -> Response:
    """One model. Its `ETag` is what a change must name."""
    with house.database.reading() as tx:
        return tagged(_shown(models.read(tx, name)), known)


@router.put(
    "/{name}",
    operation_id="change_model",
    response_model=ModelShown,
    responses=problem_answers(404, 412, 428),
)
def change_model(house: House, name: str, body: ModelChange, meant: Meant = "") -> Response:
    """Correct a model's prices or cutoff date, if nobody else did since it was read."""
    with house.database.transaction() as tx:
        spec = models.read(tx, name)
        check_meant(_shown(spec), meant)
        changed = replace(spec, **body.model_dump())
        models.keep(tx, changed)
    return tagged(_shown(changed))


def _check(spec: ModelSpec, settings: Settings) -> None:
    """Raise Refused or UsageError for what HTTP may not add."""
    if (spec.backend, spec.id) in BUNDLED and not spec.base_url:
        return
    if not (settings.needs_keys and spec.backend in ENDPOINTS):
        raise Refused(
            NOT_OVER_HTTP,
            "over HTTP bundled models (backend llama_local, id smollm2-135m, no base_url) can be "
            f"added and, where JUDGE_AUTH is on, {' and '.join(ENDPOINTS)}; add others on the "
            "host with `judge models add`",
        )
    if spec.base_url:
        check_listed(spec.base_url, settings.listed_hosts)
    open_model(spec).close()  # says what it lacks, a key or another style


def _shown(spec: ModelSpec) -> ModelShown:
    public = PurePath(spec.id).name if spec.backend == "recorded" else spec.id
    return ModelShown.model_validate(replace(spec, id=public))
