"""Tokens to money, one request at a time: tiered prices make a sum of tokens cost too much.

Three sources, in this order: the model's own prices, as its owner gave them; our dated list
(prices.toml); the public price list, by the endpoint's address. A model on a machine that is paid
by the hour costs the machine's time. Everything works offline.
"""

from urllib.parse import urlsplit

from genai_prices import Usage as PricedUsage
from genai_prices import calc_price

from judge.models import prices, tokens
from judge.models.base import ModelSpec, Prompt, Sampling, Usage

FREE = frozenset({"llama_local", "transformers_local", "recorded"})
MILLION = 1_000_000
AFTER_TOKENS = 2_000
"""What may be said after a reply, in a cascade or of a mistake."""

BATCH_FACTOR = 0.5
"""What the Batch API takes of a price that its owner gave."""


def cost_of(
    spec: ModelSpec, usage: Usage, seconds: float = 0.0, *, deferred: bool = False
) -> float | None:
    """US dollars for one request, or None where no price is known.

    `seconds` is the machine's time that the request took, which counts where the model has an
    `hour_price`; of prices per token both must be given. `deferred` is the Batch API's price.
    """
    if spec.input_price is not None and spec.output_price is not None:
        whole = _by_tokens(usage, spec.input_price, spec.output_price)
        return whole * (BATCH_FACTOR if deferred else 1.0)
    if spec.hour_price is not None:
        return spec.hour_price * seconds / 3600
    if spec.backend in FREE:
        return 0.0
    if (listed := prices.listed(_host(spec), spec.id)) is not None:
        whole = _by_tokens(usage, listed.input, listed.output)
        return whole * (listed.batch if deferred else 1.0)
    return _public(spec, usage, deferred=deferred)


def most_of(
    spec: ModelSpec, prompt: Prompt, sampling: Sampling, calls: int = 1, *, deferred: bool = False
) -> float | None:
    """The price of one draw whose answers are all as long as allowed, `calls` of them, each of which
    hears all before. None where it is unknown before the request, as it is on a machine that is
    paid by the hour."""
    if spec.hour_price is not None and spec.input_price is None:
        return None
    asked, longest = prompt_tokens(spec, prompt), sampling.max_tokens
    prices = [
        cost_of(spec, Usage(asked + call * (longest + AFTER_TOKENS), longest), deferred=deferred)
        for call in range(calls)
    ]
    known = [price for price in prices if price is not None]
    return sum(known) if len(known) == len(prices) else None


def prompt_tokens(spec: ModelSpec, prompt: Prompt) -> int:
    """Tokens of a prompt with the frame of a chat, counted or estimated."""
    said = "\n".join(message.content for message in prompt.messages)
    return tokens.count_tokens(said, spec.id).tokens + 4 * len(prompt.messages) + 3


def shutdown_of(spec: ModelSpec) -> str:
    """The ISO date after which nobody answers for this model, as far as it is known; or empty."""
    if spec.shutdown:
        return spec.shutdown
    listed = prices.listed(_host(spec), spec.id) if spec.backend not in FREE else None
    return listed.shutdown if listed is not None else ""


def _by_tokens(usage: Usage, asked: float, heard: float) -> float:
    return (usage.input_tokens * asked + usage.output_tokens * heard) / MILLION


def _public(spec: ModelSpec, usage: Usage, *, deferred: bool) -> float | None:
    priced = PricedUsage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cached_tokens,
    )
    how = {"processing": "batch"} if deferred else None
    try:
        if spec.base_url:
            price = calc_price(priced, spec.id, provider_api_url=spec.base_url, price_context=how)
        else:
            price = calc_price(priced, spec.id, provider_id="openai", price_context=how)
    except LookupError:
        return None
    return float(price.total_price)


def _host(spec: ModelSpec) -> str:
    try:
        return urlsplit(spec.base_url).hostname or ""
    except ValueError:
        return spec.base_url
