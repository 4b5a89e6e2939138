import socket
from decimal import Decimal

import pytest

from judge.models.base import Message, ModelSpec, Prompt, Sampling, Usage
from judge.models.costs import cost_of, most_of, shutdown_of

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


@pytest.mark.parametrize(
    ("model", "dollars"),
    [
        ("ft:gpt-4.1-2025-04-14:org::id", 3.00 + 6.00),
        ("ft:gpt-4.1-mini-2025-04-14:org::id", 0.80 + 1.60),
        ("ft:gpt-4.1-mini", 0.80 + 1.60),
        ("ft:davinci-002:org::id", 12.00 + 6.00),
    ],
)
def test_fine_tuned_models_are_on_our_own_list(model, dollars):
    assert cost_of(spec(model=model), USAGE) == pytest.approx(dollars)
    assert cost_of(spec(model=model), USAGE, deferred=True) == pytest.approx(dollars / 2)
    official = spec(model=model, base_url="https://api.openai.com/v1")
    assert cost_of(official, USAGE) == pytest.approx(dollars)
    assert cost_of(spec(model=model, base_url="http://127.0.0.1:1/v1"), USAGE) is None


def test_a_name_that_only_begins_alike_is_another_model():
    assert cost_of(spec(model="ft:gpt-4.1-minimal:org::id"), USAGE) is None
    assert cost_of(spec(model="ft:gpt-4omega"), USAGE) is None


def test_the_batch_api_is_half_the_price_whoever_names_it():
    assert cost_of(spec(), USAGE, deferred=True) == pytest.approx((0.15 + 0.30) / 2)
    own = spec(input_price=2.0, output_price=8.0)
    assert cost_of(own, USAGE, deferred=True) == pytest.approx(3.0)


def test_what_the_provider_knew_already_costs_less():
    known = Usage(1_000_000, 500_000, cached_tokens=600_000)
    assert cost_of(spec(), known) == pytest.approx(0.4 * 0.15 + 0.6 * 0.075 + 0.30)


def test_a_machine_paid_by_the_hour_costs_its_time():
    gpu = spec("transformers_local", "/models/x", hour_price=3.60)
    assert cost_of(gpu, USAGE, 20.0) == pytest.approx(0.02)
    assert cost_of(spec("transformers_local", "/models/x"), USAGE, 20.0) == 0.0
    served = spec(base_url="http://gpu:8000/v1", hour_price=3.60)
    assert cost_of(served, USAGE, 20.0) == pytest.approx(0.02)


def test_every_request_is_priced_by_itself_and_a_run_is_their_sum():
    """A tiered price of the sum would be another one."""
    tiered = spec(model="gpt-6-luna")
    many = [Usage(100_000, 10_000)] * 10
    apart = sum(cost_of(tiered, each) for each in many)
    together = cost_of(tiered, Usage(1_000_000, 100_000))
    assert together > 1.3 * apart


def test_the_most_a_request_can_cost_is_above_what_it_does_cost():
    prompt = Prompt("p", (Message("user", "Write add. " * 40),), "chat@1")
    most = most_of(spec(input_price=1.0, output_price=10.0), prompt, Sampling(max_tokens=100))
    assert most > cost_of(spec(input_price=1.0, output_price=10.0), Usage(120, 100))
    assert most < cost_of(spec(input_price=1.0, output_price=10.0), Usage(400, 100))
    assert most_of(spec(model="unheard-of"), prompt, Sampling()) is None
    assert most_of(spec(hour_price=3.0), prompt, Sampling()) is None


def test_the_last_day_of_a_model_is_known_where_somebody_says_it():
    assert shutdown_of(spec(model="ft:gpt-4o-mini:org::id")) == "2027-01-14"
    assert shutdown_of(spec(model="ft:gpt-4o-mini:org::id", shutdown="2026-12-01")) == "2026-12-01"
    assert shutdown_of(spec("recorded", "ft:gpt-4o-mini:org::id")) == ""
    assert shutdown_of(spec()) == ""


def test_an_unknown_model_or_endpoint_has_no_price():
    assert cost_of(spec(model="unheard-of"), USAGE) is None
    assert cost_of(spec(base_url="http://127.0.0.1:8000/v1"), USAGE) is None


def test_models_on_this_machine_cost_nothing():
    assert cost_of(spec("llama_local", "smollm2-135m"), USAGE) == 0.0
    assert cost_of(spec("recorded", "answers.jsonl"), USAGE) == 0.0


def test_nothing_used_costs_nothing():
    assert cost_of(spec(), Usage()) == 0.0


REQUESTS = """input,cached,output
1200,0,350
840,512,1024
20000,16384,77
3,0,1
128000,0,16384
"""


def test_a_known_file_of_requests_costs_what_it_costs_by_hand():
    """gpt-4o-mini: 0.15 a million in, 0.075 where it was cached, 0.60 out."""
    rows = [[int(cell) for cell in line.split(",")] for line in REQUESTS.split()[1:]]
    usages = [Usage(asked, heard, cached_tokens=cached) for asked, cached, heard in rows]
    # 133,147 anew, 16,896 from the cache, 17,836 out.
    by_hand = Decimal("0.01997205") + Decimal("0.0012672") + Decimal("0.0107016")
    assert [sum(column) for column in zip(*rows, strict=True)] == [150_043, 16_896, 17_836]
    run = sum(cost_of(spec(), usage) for usage in usages)
    assert abs(Decimal(run) - by_hand) < Decimal("0.000000001")
