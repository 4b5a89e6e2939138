"""Models over HTTP: who can be asked.

Whoever names a model's endpoint or file decides what this host connects to and reads; until there
are admin keys, HTTP can only register the models that are bundled with judge.
"""

from dataclasses import replace
from pathlib import PurePath
from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from api.failures import NOT_OVER_HTTP, Refused
from api.wiring import Body, Cursor, House, Limit, Name, Shown, opened, page, problem_answers
from judge.models.base import ModelSpec
from judge.store import models

OVER_HTTP = {("llama_local", "smollm2-135m")}

router = APIRouter(prefix="/v1/models", tags=["models"])


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
    """A model to register. Over HTTP: backend `llama_local`, id `smollm2-135m`."""

    name: Name
    backend: Annotated[str, Field(max_length=40)]
    id: Annotated[str, Field(max_length=400)]
    base_url: Annotated[str, Field(max_length=400)] = ""
    base_model: Annotated[str, Field(max_length=200)] = ""
    quantisation: Annotated[str, Field(max_length=200)] = ""
    style: Literal["chat", "completion"] = "chat"
    cutoff: Annotated[str, Field(pattern=r"^(\d{4}-\d{2}-\d{2})?$")] = ""
    input_price: Annotated[float | None, Field(ge=0, le=1e6)] = None
    output_price: Annotated[float | None, Field(ge=0, le=1e6)] = None


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


@router.post(
    "", operation_id="add_model", status_code=201, responses=problem_answers(403, 409, 422)
)
def add_model(house: House, response: Response, body: NewModel) -> ModelShown:
    """Register a model. The same again changes nothing."""
    if (body.backend, body.id) not in OVER_HTTP or body.base_url:
        raise Refused(
            NOT_OVER_HTTP,
            "only bundled models (backend llama_local, id smollm2-135m, no base_url) can be added "
            "over HTTP; add others on the host with `judge models add`",
        )
    spec = ModelSpec(**body.model_dump())
    with house.database.transaction() as tx:
        models.keep(tx, spec)
    response.headers["Location"] = f"/v1/models/{spec.name}"
    return _shown(spec)


@router.get("/{name}", operation_id="read_model", responses=problem_answers(404))
def read_model(house: House, name: str) -> ModelShown:
    """One model."""
    with house.database.reading() as tx:
        return _shown(models.read(tx, name))


def _shown(spec: ModelSpec) -> ModelShown:
    public = PurePath(spec.id).name if spec.backend == "recorded" else spec.id
    return ModelShown.model_validate(replace(spec, id=public))
