"""Answers a second of the real small model: transformers in batches, one by one, and llama.cpp.

Prints a Markdown table and asserts ratios only. Every contender draws the same greedy answers to the
starter set, up to 32 tokens each; tokens are those that were drawn, EOS included. The best of two
rounds in turns counts. Quantisation differs (llama.cpp has 4 bits, torch on a CPU 32), and so does
what it costs to move the weights past the cores once a token, which a batch does once for all.
"""

import time
from importlib.util import find_spec

import pytest

from judge.models import open_model, prompts
from judge.models.base import ModelSpec, Sampling
from problems.files import read_set
from tests import services, small_models
from tests.conftest import ROOT, missing

pytestmark = [pytest.mark.benchmark, pytest.mark.local, pytest.mark.timeout(1200)]
SAMPLING = Sampling(temperature=0.0, top_p=1.0, max_tokens=32)
ROUNDS = 2
DRAWS = 4


@pytest.fixture(scope="module")
def folder(request):
    try:
        return small_models.smollm2(request.config.cache.mkdir("weights"))
    except services.Missing as error:
        missing(str(error))


def types():
    """The types of weights to measure: what a CPU takes, and CUDA's where there is one."""
    if find_spec("torch") is None:
        return ["float32"]
    import torch

    return ["float32", "bfloat16"] if torch.cuda.is_available() else ["float32"]


def one_by_one(backend, asked):
    return [backend.complete(each, SAMPLING, 1)[0] for each in asked for _ in range(DRAWS)]


def at_once(backend, asked):
    """As judge asks: a thread a question."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(len(asked)) as pool:
        heard = pool.map(lambda each: backend.complete(each, SAMPLING, DRAWS), asked)
        return [answer for answers in heard for answer in answers]


def test_a_batch_answers_more_a_second_than_one_by_one(folder):
    problems = read_set(ROOT / "problems/sets/starter.jsonl").problems[:8]
    asked = [prompts.render(problem, "chat") for problem in problems]
    contenders = {"llama.cpp, Q4_1": (ModelSpec("l", "llama_local", "smollm2-135m"), one_by_one)}
    for kind in types():
        spec = ModelSpec("t", "transformers_local", str(folder), quantisation=kind)
        contenders[f"transformers, {kind}, one by one"] = (spec, one_by_one)
        contenders[f"transformers, {kind}, in batches"] = (spec, at_once)
    found = {name: [] for name in contenders}
    backends = {name: open_model(spec) for name, (spec, _) in contenders.items()}
    for backend in backends.values():
        backend.complete(asked[0], SAMPLING, 1)
    for _ in range(ROUNDS):
        for name, (_, way) in contenders.items():
            begun = time.monotonic()
            heard = way(backends[name], asked)
            took = time.monotonic() - begun
            tokens = sum(answer.usage.output_tokens for answer in heard)
            found[name].append((tokens / took, tokens, took, sorted(a.text for a in heard)))
    for backend in backends.values():
        backend.close()
    print(f"\n\n{len(asked)} questions, {DRAWS} draws each\n")
    print("| | tokens/s | tokens | seconds |\n|---|--:|--:|--:|")
    best = {name: max(rounds) for name, rounds in found.items()}
    for name, (rate, tokens, took, _) in best.items():
        print(f"| {name} | {rate:,.0f} | {tokens:,} | {took:.1f} |")
    for kind in types():
        alone, batched = (
            best[f"transformers, {kind}, {way}"] for way in ("one by one", "in batches")
        )
        same = sum(a == b for a, b in zip(alone[3], batched[3], strict=True))
        print(
            f"\n{kind}: {batched[0] / alone[0]:.1f} times; {same} of {len(alone[3])} answers alike"
        )
        assert batched[0] >= 2 * alone[0]
