"""Prompt templates over HTTP: what models can be asked with."""

from fastapi import APIRouter

from api.wiring import Shown
from judge.models import wording

router = APIRouter(prefix="/v1", tags=["prompts"])


class PromptShown(Shown):
    """A template: `version` is its name with a hash of its text, `style` the models it can be asked
    of, `calls` how often one is called for one draw, at most."""

    name: str
    version: str
    style: str
    calls: int


class PromptList(Shown):
    """Every template by name."""

    items: list[PromptShown]


@router.get("/prompts", operation_id="list_prompts")
def list_prompts() -> PromptList:
    """The templates of this service, its own and those of its owner."""
    found = (wording.wording(name) for name in wording.names())
    return PromptList(items=[PromptShown.model_validate(each) for each in found])
