"""Any model that transformers can load, on this machine: a folder or a hub's repository at a commit.

Backends of the same weights in one process share one engine (batching.py), also when they lay
different adapters over them: a base and its fine-tuned children are asked in the same way by the
same code, from one copy in memory. torch and transformers are loaded with the weights, by the first
question.
"""

import os
import threading
from collections.abc import Callable, Sequence
from weakref import WeakValueDictionary

from judge.errors import ModelError
from judge.models.base import Completion, ModelSpec, Prompt, Sampling
from judge.models.batching import Engine
from judge.models.rows import Call
from judge.models.weights import Weights, weights_of

_ENGINES: WeakValueDictionary[tuple[int, Weights], Engine] = WeakValueDictionary()
_OPENING = threading.Lock()


class TransformersLocal:
    """Asks a model by its chat template or by continuing a text, in batches with whatever else is
    asked of the same weights."""

    def __init__(self, spec: ModelSpec) -> None:
        """Raises UsageError for weights that cannot or may not be loaded; loads none."""
        self._spec = spec
        self._weights = weights_of(spec)
        self._engine: Engine | None = None
        self._pid = 0

    def complete(
        self,
        prompt: Prompt,
        sampling: Sampling,
        n: int,
        *,
        first: int = 0,
        keep: Callable[[Completion], None] | None = None,
    ) -> Sequence[Completion]:
        """Draw n completions, in the order they end. Their `seconds` run from the batch's begin,
        waiting for its turn not counted; the `machine_seconds` of a batch add up to what it took."""
        call = Call(prompt, self._spec.style, self._spec.adapter, sampling)
        try:
            return self._running().ask(call, range(first, first + n), keep)
        except ModelError as error:
            raise type(error)(f"model {self._spec.name!r}: {error}") from None

    def close(self) -> None:
        """Let go of the engine; the last backend to do so frees its memory."""
        self._engine = None

    def _running(self) -> Engine:
        """The process's engine; a forked child starts its own, for threads do not survive a fork."""
        with _OPENING:
            if self._engine is None or self._pid != os.getpid():
                key = (os.getpid(), self._weights)
                self._engine = _ENGINES.get(key) or Engine(self._weights)
                _ENGINES[key] = self._engine
                self._pid = os.getpid()
            return self._engine
