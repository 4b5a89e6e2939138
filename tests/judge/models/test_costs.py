import socket

import pytest

from judge.models.base import ModelSpec, Usage
from judge.models.costs import cost_of

USAGE = Usage(1_000_000, 500_000)


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*parts):
        raise AssertionError("the price list must work offline")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def spec(backend="openai_chat", model="gpt-4o-mini", **fields):
    return ModelSpec("m", backend, model, **fields)


def test_own_prices_come_first():
    assert cost_of(spec(input_price=2.0, output_price=8.0), USAGE) == pytest.approx(6.0)
    assert cost_of(spec(input_price=0.0, output_price=0.0), USAGE) == 0.0


def test_half_a_price_is_no_price():
    assert cost_of(spec(model="unheard-of", input_price=2.0), USAGE) is None


def test_known_models_have_public_prices():
    assert cost_of(spec(), USAGE) == pytest.approx(0.15 + 0.30)
    tuned = cost_of(spec(model="ft:gpt-4o-mini-2024-07-18:org::id"), USAGE)
    assert tuned == pytest.approx(0.30 + 0.60)


def test_an_unknown_model_or_endpoint_has_no_price():
    assert cost_of(spec(model="unheard-of"), USAGE) is None
    assert cost_of(spec(base_url="http://127.0.0.1:8000/v1"), USAGE) is None


def test_models_on_this_machine_cost_nothing():
    assert cost_of(spec("llama_local", "smollm2-135m"), USAGE) == 0.0
    assert cost_of(spec("recorded", "answers.jsonl"), USAGE) == 0.0


def test_nothing_used_costs_nothing():
    assert cost_of(spec(), Usage()) == 0.0
