"""Files of requests and replies, as the Batch API and `vllm run-batch` write them."""

import io
import json

import pytest

from judge.models import deferred
from judge.models.base import Message, ModelSpec, Prompt, Sampling, Usage
from judge.models.deferred import Draw, Fault, Reply, read_replies, request_line

QUESTION = "0198c0de-0000-7000-8000-000000000001"
PROMPT = Prompt("add", (Message("user", "Añade\n1"),), "chat@12345678")
BODY = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "length"}
    ],
    "usage": {"prompt_tokens": 7, "total_tokens": 9, "completion_tokens": 2},
}


def read(*lines, known=(QUESTION,)):
    content = b"\n".join(
        line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines
    )
    return list(read_replies(io.BytesIO(content), known))


def line(response=None, error=None, custom_id=f"{QUESTION}:3:12345678"):
    return {"id": "batch_req", "custom_id": custom_id, "response": response, "error": error}


def fault(*args, **fields):
    [reply] = read(line(*args, **fields))
    assert isinstance(reply.came, Fault), reply
    return reply.came


def test_a_request_is_one_line_with_its_own_seed():
    spec = ModelSpec("m", "openai_chat", "some-model")
    draw = Draw(QUESTION, 3, "12345678")
    text = request_line(draw, spec, PROMPT, Sampling(0.5, 1.0, 9, seed=100))
    assert text.count(b"\n") == 1 and text.isascii()
    assert json.loads(text) == {
        "custom_id": f"{QUESTION}:3:12345678",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {
            "model": "some-model",
            "messages": [{"role": "user", "content": "Añade\n1"}],
            "temperature": 0.5,
            "seed": 103,
            "max_tokens": 9,
        },
    }
    base = ModelSpec("m", "openai_completions", "davinci-002", style="completion")
    asked = json.loads(request_line(draw, base, PROMPT, Sampling(), official=True))
    assert (asked["url"], asked["body"]["prompt"]) == ("/v1/completions", "Añade\n1")
    assert len(draw.custom_id) < 64


def test_a_reply_of_vllm_is_read():
    said = {"status_code": 200, "request_id": "vllm-batch-1", "body": BODY}
    [reply] = read({**line(said), "id": "vllm-1"})
    assert isinstance(reply, Reply)
    assert reply.draw == Draw(QUESTION, 3, "12345678")
    assert (reply.came.text, reply.came.finish, reply.came.usage) == ("hi", "length", Usage(7, 2))


def test_a_reply_of_a_base_model_is_read():
    body = {**BODY, "choices": [{"text": "x + 1", "finish_reason": "stop"}], "usage": None}
    [reply] = read(line({"status_code": 200, "body": body}))
    assert (reply.came.text, reply.came.usage) == ("x + 1", Usage(estimated=True))


@pytest.mark.parametrize(
    ("response", "error", "lasting"),
    [
        ({"status_code": 400, "body": {"error": {"message": "long", "code": "x"}}}, None, True),
        ({"status_code": 404, "body": None}, None, True),
        ({"status_code": 501, "body": None}, None, True),
        ({"status_code": 429, "body": {"error": {"code": "insufficient_quota"}}}, None, True),
        ({"status_code": 429, "body": {"error": {"code": "rate_limit"}}}, None, False),
        ({"status_code": 408, "body": None}, None, False),
        ({"status_code": 409, "body": None}, None, False),
        ({"status_code": 500, "body": None}, None, False),
        (None, {"code": "batch_expired", "message": "late"}, False),
        (None, {"code": "invalid_request", "message": "bad"}, True),
        (None, {"object": "error", "message": "vllm says no", "code": 400}, True),
        (None, {"error": {"message": "vllm is busy", "code": 503}}, False),
        (None, "just text", True),
        ({"status_code": 200, "body": {**BODY, "choices": []}}, None, False),
        ({"status_code": 200, "body": None}, None, False),
        ({"status_code": 200, "body": "text"}, None, False),
        ({"status_code": "200", "body": BODY}, None, True),
        ("text", None, False),
        (None, None, False),
    ],
)
def test_faults_are_passing_or_lasting(response, error, lasting):
    assert fault(response, error).lasting is lasting


def test_a_reason_is_one_short_line():
    said = fault(None, {"code": "no\ngood", "message": "x" * 10_000 + "\n\x1b"})
    assert len(said.reason) <= 300 and "\n" not in said.reason


@pytest.mark.parametrize(
    "custom_id",
    [
        *(None, 5, "", "x", QUESTION, f"{QUESTION}:", f"{QUESTION}:-1", f"{QUESTION}:1e3"),
        *(
            f"{QUESTION}:1234567",
            f"{QUESTION}:\u0661",
            f"{QUESTION}:1:x y",
            f"{QUESTION}:1:12345678:",
        ),
        *("0198c0de-0000-7000-8000-000000000002:1", ["a"], f"{QUESTION}:1\n"),
    ],
)
def test_a_line_of_no_question_of_ours_is_unknown(custom_id):
    assert read(line({"status_code": 200, "body": BODY}, custom_id=custom_id)) == ["unknown"]


def test_a_bad_line_costs_no_good_one(monkeypatch):
    monkeypatch.setattr(deferred, "MAX_LINE", 1000)
    good = line({"status_code": 200, "body": BODY})
    found = read(
        *(b"\xef\xbb\xbf{", b"nonsense", b"", b"  ", b"[]", b"7", b"[" * 900, b"x" * 10_000),
        *(json.dumps(good).encode() + b"\r", b"\0", b'{"custom_id": "' + b"\xff" * 5, good),
    )
    assert [each for each in found if each != "garbage"] == [found[6], found[-1]]
    assert isinstance(found[-1], Reply)
    assert len(found) == 10


def test_a_last_line_without_an_end_and_one_cut_off_are_told_apart():
    good = json.dumps(line({"status_code": 200, "body": BODY})).encode()
    assert isinstance(read(good)[0], Reply)
    assert read(good[:-5]) == ["garbage"]
