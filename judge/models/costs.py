"""Tokens to money, one request at a time: tiered prices make a sum of tokens cost too much."""

from genai_prices import Usage as PricedUsage
from genai_prices import calc_price

from judge.models.base import ModelSpec, Usage

FREE = frozenset({"llama_local", "transformers_local", "recorded"})
MILLION = 1_000_000


def cost_of(spec: ModelSpec, usage: Usage) -> float | None:
    """US dollars for one request, or None where no price is known.

    The spec's own prices come first (both must be given), then nothing for models on this machine,
    then the public price list, by the endpoint's address. Works offline.
    """
    if spec.input_price is not None and spec.output_price is not None:
        dollars = usage.input_tokens * spec.input_price + usage.output_tokens * spec.output_price
        return dollars / MILLION
    if spec.backend in FREE:
        return 0.0
    priced = PricedUsage(input_tokens=usage.input_tokens, output_tokens=usage.output_tokens)
    try:
        if spec.base_url:
            price = calc_price(priced, spec.id, provider_api_url=spec.base_url)
        else:
            price = calc_price(priced, spec.id, provider_id="openai")
    except LookupError:
        return None
    return float(price.total_price)
