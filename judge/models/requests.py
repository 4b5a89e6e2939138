"""When two requests are the same, so that a reply bought once need not be bought again."""

import json
from dataclasses import asdict, replace
from hashlib import sha256

from judge.models.base import ModelSpec, Prompt, Sampling

VERSION = "1"  # raise it when a backend comes to ask the same question in another way
IDENTITY = ("backend", "id", "base_url", "quantisation", "style", "revision", "adapter")


def may_be_reused(spec: ModelSpec, sampling: Sampling) -> bool:
    """Whether the same request means the same reply: greedy, or drawn with a seed. What a file holds
    is read again: it costs nothing, and the file may have changed."""
    return spec.backend != "recorded" and (sampling.temperature == 0 or sampling.seed is not None)


def digest_of(spec: ModelSpec, prompt: Prompt, sampling: Sampling, index: int) -> str:
    """SHA-256 of everything that the reply to one draw depends on. Draws of one question are
    different requests, even greedy ones: whether they agree is worth knowing."""
    seed = None if sampling.seed is None else sampling.seed + index
    said = {
        "version": VERSION,
        "model": {name: getattr(spec, name) for name in IDENTITY},
        "messages": [asdict(message) for message in prompt.messages],
        "template": prompt.template,  # a cascade's later words are not in its first message
        "stop": prompt.stop,
        "sampling": asdict(replace(sampling, seed=seed)),
        "draw": index,
    }
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
