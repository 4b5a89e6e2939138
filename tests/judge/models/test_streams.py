"""Replies that come token by token, from a real server that does so well or badly."""

import tracemalloc

import pytest

from judge.errors import ModelRefused, ModelUnavailable
from judge.models import open_model, openai_client, openai_replies
from judge.models.base import Message, ModelSpec, Prompt, Sampling

PROMPT = Prompt("add", (Message("user", "Write add."),), "chat@1")
END = {"choices": [{"delta": {}, "finish_reason": "stop"}]}
USED = {"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 3}}
DONE = b"data: [DONE]\n\n"


@pytest.fixture
def chat(endpoint, monkeypatch):
    monkeypatch.setattr(openai_client, "RETRIES", 0)
    backend = open_model(ModelSpec("tester", "openai_chat", "m", base_url=endpoint.url))
    yield backend
    backend.close()


def drawn(endpoint, chat, *events):
    endpoint.steps.append({"stream": events})
    [completion] = chat.complete(PROMPT, Sampling(max_tokens=50), 1)
    return completion


def test_a_stream_gives_text_usage_and_the_time_of_its_first_token(endpoint, chat):
    role = {"choices": [{"delta": {"role": "assistant"}, "finish_reason": None}]}
    said = drawn(endpoint, chat, role, 0.3, "def ", "add", 0.3, "()", END, USED, DONE)
    assert (said.text, said.finish) == ("def add()", "stop")
    assert (said.usage.input_tokens, said.usage.output_tokens) == (11, 3)
    assert not said.usage.estimated
    assert 0.3 <= said.first_token_seconds <= said.seconds - 0.3


def test_a_reply_in_one_piece_has_no_first_token(endpoint, chat):
    [completion] = chat.complete(PROMPT, Sampling(), 1)
    assert completion.first_token_seconds is None


def test_a_stream_of_text_completions_is_read_alike(endpoint):
    spec = ModelSpec("t", "openai_completions", "m", base_url=endpoint.url, style="completion")
    backend = open_model(spec)
    parts = [{"choices": [{"text": part, "finish_reason": None}]} for part in ("a", "b")]
    last = {"choices": [{"text": "", "finish_reason": "length"}]}
    endpoint.steps.append({"stream": [*parts, last, DONE]})
    [said] = backend.complete(PROMPT, Sampling(), 1)
    backend.close()
    assert (said.text, said.finish, said.usage.estimated) == ("ab", "length", True)


@pytest.mark.parametrize(
    "events",
    [
        (),
        (DONE,),
        ("def ",),
        ("def ", 0.1),
        ("def ", {"error": {"message": "overloaded"}}),
        ("def ", b"data: {broken\n\n"),
        (b": a remark\n\n",),
        ("def ", b"data: [1]\n\n"),
    ],
    ids=str,
)
def test_a_stream_that_was_cut_is_worth_trying_again(endpoint, chat, events):
    with pytest.raises(ModelUnavailable, match="tester"):
        drawn(endpoint, chat, *events)


def test_how_a_stream_is_cut_into_chunks_does_not_matter():
    events = b'data: {"choices":[{"delta":{"content":"a\\nb"}}]}\r\n\r\n: x\n\ndata:{"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]'
    for size in range(1, len(events) + 1):
        chunks = [events[at : at + size] for at in range(0, len(events), size)]
        reply = openai_replies.read_stream(chunks, 0.0)
        assert (reply.text, reply.finish) == ("a\nb", "stop")


def test_a_line_without_end_in_small_pieces_costs_no_more_than_its_length():
    tracemalloc.start()
    with pytest.raises(openai_replies.BadReply):
        openai_replies.read_stream((b"x" * 64 for _ in range(50_000)), 0.0)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 20_000_000


def test_a_stream_without_measure_is_refused(endpoint, chat, monkeypatch):
    monkeypatch.setattr(openai_client, "MAX_REPLY", 100_000)
    with pytest.raises(ModelRefused, match="over"):
        drawn(endpoint, chat, *(["x" * 1000] * 200), END, DONE)


def test_an_endpoint_that_cannot_stream_is_asked_for_whole_replies_from_then_on(endpoint, chat):
    said = {"error": {"message": "stream_options: extra fields not permitted"}}
    endpoint.steps.append({"status": 400, "reply": said})
    chat.complete(PROMPT, Sampling(), 1)
    chat.complete(PROMPT, Sampling(), 1)
    assert ["stream" in body for _, body in endpoint.asked] == [True, False, False]


def test_another_bad_request_is_no_reason_to_ask_again(endpoint, chat):
    endpoint.usual = {"status": 400, "reply": {"error": {"message": "unknown model"}}}
    with pytest.raises(ModelRefused):
        chat.complete(PROMPT, Sampling(), 1)
    assert len(endpoint.asked) == 1


def test_a_filtered_prompt_is_said_to_be_one(endpoint, chat):
    error = {"message": "triggered the policy", "code": "content_filter"}
    endpoint.usual = {"status": 400, "reply": {"error": error}}
    with pytest.raises(ModelRefused, match="content filter"):
        chat.complete(PROMPT, Sampling(), 1)


def test_what_comes_after_a_stop_string_is_cut_whoever_left_it(endpoint, chat):
    prompt = Prompt("p", PROMPT.messages, "chat@1", stop=("#", "END"))
    for text in ("code END # more", "code # END", "code #"):
        endpoint.steps.append(
            {"stream": (text, {"choices": [{"delta": {}, "finish_reason": "length"}]}, DONE)}
        )
        [said] = chat.complete(prompt, Sampling(max_tokens=50), 1)
        assert (said.text, said.finish) == ("code ", "stop")


def test_a_lone_surrogate_in_a_prompt_can_be_said(endpoint, chat):
    odd = Prompt("p", (Message("user", "a \ud800 b"),), "chat@1")
    assert chat.complete(odd, Sampling(), 1)
    assert endpoint.asked[0][1]["messages"][0]["content"] == "a ? b"
