"""Our own dated price list, for what the public one leaves out (prices.toml says which)."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

PROVIDERS = {"": "openai", "api.openai.com": "openai"}
"""By host of the endpoint, empty for the SDK's own."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens, in and out and trained on; `batch` is the Batch API's factor;
    `shutdown` an ISO date, or empty."""

    input: float
    output: float
    training: float
    batch: float = 1.0
    shutdown: str = ""


def listed(host: str, model: str) -> Price | None:
    """The price of a model at the endpoint of this host, if it is on the list."""
    prices = _prices().get(PROVIDERS.get(host, ""), {})
    names = [
        name for name in prices if model == name or model.startswith((f"{name}:", f"{name}-2"))
    ]
    return prices[max(names, key=len)] if names else None


def as_of() -> str:
    """The date of the list, ISO."""
    return str(_list()["as_of"])


@cache
def _prices() -> Mapping[str, Mapping[str, Price]]:
    return {
        provider: {name: Price(**fields) for name, fields in models.items()}
        for provider, models in _list().items()
        if isinstance(models, dict)
    }


@cache
def _list() -> Mapping[str, object]:
    return tomllib.loads(files("judge.models").joinpath("prices.toml").read_text("utf-8"))
