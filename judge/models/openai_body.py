"""What one request says in OpenAI's dialects: the same whether it is sent now or in a file.

Servers differ in what they refuse, so nothing is said that need not be: a parameter at the dialect's
default is left out, and a reasoning model is told neither how to sample nor where to stop.
"""

import re
from typing import Any

from judge.models.base import ModelSpec, Prompt, Sampling

CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
BACKENDS = ("openai_chat", "openai_completions")
MAX_STOPS = 4  # the dialect takes no more
_REASONING = re.compile(r"(?:ft:)?(?:o[1-9]|gpt-[5-9])(?!.*chat)")


def url_of(spec: ModelSpec) -> str:
    """The path a request to this model goes to, as files of requests write it."""
    return COMPLETIONS if spec.backend == "openai_completions" else CHAT


def body_of(
    spec: ModelSpec, prompt: Prompt, sampling: Sampling, *, official: bool
) -> dict[str, Any]:
    """The body of one request for one completion. `official` is OpenAI's own endpoint, which
    renamed `max_tokens` for chats."""
    if url_of(spec) == COMPLETIONS:
        return completions_body(spec, prompt, sampling)
    return chat_body(spec, prompt, sampling, official=official)


def chat_body(
    spec: ModelSpec, prompt: Prompt, sampling: Sampling, *, official: bool
) -> dict[str, Any]:
    """A body for `/chat/completions`: the prompt's messages as turns."""
    reasons = is_reasoning(spec.id)
    limit = "max_completion_tokens" if official or reasons else "max_tokens"
    return {
        "model": spec.id,
        "messages": [
            {"role": turn.role, "content": sayable(turn.content)} for turn in prompt.messages
        ],
        limit: sampling.max_tokens,
        **sampling_fields(sampling, reasons=reasons),
        **({} if reasons else stop_field(prompt)),
    }


def completions_body(spec: ModelSpec, prompt: Prompt, sampling: Sampling) -> dict[str, Any]:
    """A body for `/completions`: the prompt's text as it is."""
    return {
        "model": spec.id,
        "prompt": "".join(sayable(turn.content) for turn in prompt.messages),
        "max_tokens": sampling.max_tokens,
        **sampling_fields(sampling),
        **stop_field(prompt),
    }


def sayable(text: str) -> str:
    """The text as UTF-8 can say it: lone surrogates, which it cannot, become question marks."""
    return text.encode("utf-8", "replace").decode()


def is_reasoning(model: str) -> bool:
    """Whether the model of this id thinks before it answers, and refuses to be told how."""
    return _REASONING.match(model.lower().rsplit("/", 1)[-1]) is not None


def sampling_fields(sampling: Sampling, *, reasons: bool = False) -> dict[str, Any]:
    """How to sample, as far as it differs from the dialect's default."""
    fields: dict[str, Any] = {}
    if sampling.temperature != 1.0 and not reasons:
        fields["temperature"] = sampling.temperature
    if sampling.top_p != 1.0 and not reasons:
        fields["top_p"] = sampling.top_p
    if sampling.seed is not None:
        fields["seed"] = sampling.seed
    return fields


def stop_field(prompt: Prompt) -> dict[str, list[str]]:
    """Where to stop, if the prompt says so."""
    return {"stop": list(prompt.stop[:MAX_STOPS])} if prompt.stop else {}
