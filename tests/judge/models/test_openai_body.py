"""What one request says, in either dialect."""

import pytest

from judge.models import openai_body
from judge.models.base import Message, ModelSpec, Prompt, Sampling

PROMPT = Prompt("add", (Message("user", "Write add."),), "chat@1", stop=("a", "b", "c", "d", "e"))
SAMPLING = Sampling(0.2, 0.95, 77, 5)


def body(id_="some-model", backend="openai_chat", *, official=False, sampling=SAMPLING):
    spec = ModelSpec("m", backend, id_)
    return openai_body.body_of(spec, PROMPT, sampling, official=official)


def test_a_chat_is_told_everything_that_is_no_default():
    assert body() == {
        "model": "some-model",
        "messages": [{"role": "user", "content": "Write add."}],
        "temperature": 0.2,
        "top_p": 0.95,
        "seed": 5,
        "max_tokens": 77,
        "stop": ["a", "b", "c", "d"],
    }
    assert set(body(sampling=Sampling(1.0, 1.0, 9))) == {"model", "messages", "max_tokens", "stop"}


def test_a_base_model_continues_the_text():
    found = body(backend="openai_completions", official=True)
    assert (found["prompt"], found["max_tokens"]) == ("Write add.", 77)
    assert "messages" not in found


def test_the_official_endpoint_has_another_word_for_the_limit():
    found = body("gpt-4o", official=True)
    assert found["max_completion_tokens"] == 77
    assert "max_tokens" not in found
    assert found["temperature"] == 0.2


@pytest.mark.parametrize(
    "id_",
    ["o1", "o1-mini", "o3", "o4-mini", "gpt-5", "gpt-5-mini", "openai/gpt-5.1", "ft:o4-mini:x"],
)
def test_a_reasoning_model_is_told_neither_how_to_sample_nor_where_to_stop(id_):
    found = body(id_)
    assert not {"temperature", "top_p", "stop", "max_tokens"} & set(found)
    assert found["max_completion_tokens"] == 77


@pytest.mark.parametrize(
    "id_", ["gpt-4o", "gpt-5-chat-latest", "olmo-7b", "gpt-oss-20b", "o-model"]
)
def test_other_models_are(id_):
    assert {"temperature", "top_p", "stop"} <= set(body(id_))
