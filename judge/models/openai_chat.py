"""Chat models behind any OpenAI-compatible endpoint (`/chat/completions`)."""

from collections.abc import Callable, Sequence

from judge.models import openai_client
from judge.models.base import Completion, ModelSpec, Prompt, Sampling


class OpenAIChat:
    """Asks by turns of a chat; the key comes from OPENAI_API_KEY."""

    def __init__(self, spec: ModelSpec, seconds: float = openai_client.SECONDS) -> None:
        """`seconds` bounds one whole reply. Raises ModelRefused without a key."""
        self._connection = openai_client.Connection(spec, seconds)

    def complete(
        self,
        prompt: Prompt,
        sampling: Sampling,
        n: int,
        *,
        first: int = 0,
        keep: Callable[[Completion], None] | None = None,
    ) -> Sequence[Completion]:
        """Draw n replies at once, in the order they arrive."""
        return self._connection.draw(
            lambda drawn: self._one(prompt, drawn), sampling, n, first, keep
        )

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def _one(self, prompt: Prompt, sampling: Sampling) -> Completion:
        send = self._connection.client.chat.completions.with_streaming_response.create
        return self._connection.post(send, prompt, sampling)
