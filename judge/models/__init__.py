"""What is said to a model and heard from it. The door: `open_model` picks the kind of backend."""

from judge.errors import UsageError
from judge.models.base import ModelBackend, ModelSpec

BACKENDS = ("openai_chat", "openai_completions", "llama_local", "recorded", "transformers_local")
WEIGHTS = ("llama_local", "transformers_local")
"""Those that hold a model's weights in this process."""


def open_model(spec: ModelSpec) -> ModelBackend:
    """The backend that reaches this model; nothing is asked and no weights are loaded yet.

    Raises UsageError (unknown backend, missing extra, unreadable recording, a style the backend
    cannot speak) or ModelRefused (no key for an endpoint that wants one).
    """
    match spec.backend:
        case "openai_chat":
            from judge.models.openai_chat import OpenAIChat

            _want_style(spec, "chat", "openai_completions")
            return OpenAIChat(spec)
        case "openai_completions":
            from judge.models.openai_completions import OpenAICompletions

            _want_style(spec, "completion", "openai_chat")
            return OpenAICompletions(spec)
        case "llama_local":
            from judge.models.llama_local import LlamaLocal

            return LlamaLocal(spec)
        case "recorded":
            from judge.models.recorded import Recorded

            return Recorded(spec)
        case "transformers_local":
            from judge.models.transformers_local import TransformersLocal

            return TransformersLocal(spec)
        case _:
            raise UsageError(
                f"model {spec.name!r}: no backend {spec.backend!r}; use one of {', '.join(BACKENDS)}"
            )


def _want_style(spec: ModelSpec, style: str, other: str) -> None:
    if spec.style != style:
        raise UsageError(
            f"model {spec.name!r}: {spec.backend} speaks the {style} style only; "
            f"use backend {other} or style {style!r}"
        )
