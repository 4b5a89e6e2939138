"""Both OpenAI dialects against a real server on a loopback port."""

import threading
from dataclasses import replace

import pytest

from judge.errors import ModelRefused, ModelUnavailable, UsageError
from judge.models import open_model, openai_client
from judge.models.base import Message, ModelSpec, Prompt, Sampling
from judge.models.openai_chat import OpenAIChat

PROMPT = Prompt(
    "add", (Message("user", "Write add."),), "chat@1", stop=("@a", "@b", "@c", "@d", "@e")
)
SECRET = "hf_" + "verysecretkey0123456789"


def answer(text="hello", **extra):
    return {"choices": [{"finish_reason": "stop", "message": {"content": text}}], **extra}


@pytest.fixture
def spec(endpoint):
    return ModelSpec("tester", "openai_chat", "some-model", base_url=endpoint.url)


@pytest.fixture
def chat(spec, monkeypatch):
    monkeypatch.setattr(openai_client, "RETRIES", 0)
    backend = open_model(spec)
    yield backend
    backend.close()


def test_a_completion_comes_with_its_usage(endpoint, chat):
    [completion] = chat.complete(PROMPT, Sampling(0.2, 0.95, 77), 1)
    assert "def add" in completion.text
    assert completion.finish == "stop"
    assert (completion.usage.input_tokens, completion.usage.output_tokens) == (10, 5)
    assert not completion.usage.estimated
    assert completion.seconds > 0
    path, body = endpoint.asked[0]
    assert path == "/v1/chat/completions"
    assert body == {
        "model": "some-model",
        "messages": [{"role": "user", "content": "Write add."}],
        "temperature": 0.2,
        "top_p": 0.95,
        "max_tokens": 77,
        "stop": ["@a", "@b", "@c", "@d"],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_defaults_of_the_dialect_are_left_unsaid(endpoint, chat):
    chat.complete(PROMPT, Sampling(1.0, 1.0, 5), 1)
    assert not {"temperature", "top_p", "seed"} & set(endpoint.asked[0][1])


def test_usage_that_is_missing_or_nonsense_is_estimated(endpoint, chat):
    for usage in (
        *(None, {}, "x", {"prompt_tokens": -1, "completion_tokens": 2}),
        *({"prompt_tokens": 9, "completion_tokens": n} for n in (0, 10**9, True, 2.5)),
    ):
        endpoint.steps.append({"reply": answer("hello world", usage=usage)})
        [completion] = chat.complete(PROMPT, Sampling(), 1)
        assert completion.usage.estimated
        assert completion.usage.output_tokens == 4  # 11 characters


def test_samples_are_drawn_at_once_and_kept_as_they_arrive(endpoint, chat):
    endpoint.gate = threading.Barrier(4, timeout=30)  # opens only when four are in flight
    kept = []
    drawn = chat.complete(PROMPT, Sampling(), 4, keep=kept.append)
    assert kept == list(drawn)
    assert len(drawn) == 4


def test_seeds_count_on(endpoint, chat):
    chat.complete(PROMPT, Sampling(seed=100), 3, first=2)
    assert sorted(body["seed"] for _, body in endpoint.asked) == [102, 103, 104]


def test_what_arrived_is_kept_when_another_fails(endpoint, chat):
    endpoint.steps.extend([{}, {"status": 500, "reply": {}}, {}])
    kept = []
    with pytest.raises(ModelUnavailable, match="HTTP 500"):
        chat.complete(PROMPT, Sampling(), 3, keep=kept.append)
    assert 1 <= len(kept) <= 2


def test_a_fault_while_keeping_is_raised(endpoint, chat):
    def keep(completion):
        raise UsageError("lease lost")

    with pytest.raises(UsageError, match="lease lost"):
        chat.complete(PROMPT, Sampling(), 3, keep=keep)


@pytest.mark.parametrize("status", [408, 409, 500, 502, 503, 504, 529])
def test_passing_faults_are_worth_trying_again(endpoint, chat, status):
    endpoint.usual = {"status": status, "reply": {"error": {"message": "busy"}}}
    with pytest.raises(ModelUnavailable, match=f"HTTP {status}, busy"):
        chat.complete(PROMPT, Sampling(), 1)


@pytest.mark.parametrize("status", [302, 307, 400, 401, 403, 404, 422, 501])
def test_lasting_faults_are_not(endpoint, chat, status):
    endpoint.usual = {
        "status": status,
        "reply": {"error": {"message": "no"}},
        "headers": {"Location": f"{endpoint.url}/elsewhere"},
    }
    with pytest.raises(ModelRefused, match=f"HTTP {status}"):
        chat.complete(PROMPT, Sampling(), 1)
    assert len(endpoint.asked) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (429, {"message": "no", "code": "insufficient_quota"}),
        (429, {"message": "no", "type": "insufficient_quota"}),
        (429, {"message": "Your credit balance is too low"}),
        (429, {"message": "no", "code": "billing_hard_limit_reached"}),
        (402, {"message": "no"}),
        (403, {"message": "no", "code": "spend_limit_reached"}),
        (401, {"message": "wrong key"}),
    ],
)
def test_without_money_or_key_nobody_asks_a_second_time(endpoint, spec, chat, status, error):
    endpoint.usual = {"status": status, "reply": {"error": error}}
    sibling = open_model(replace(spec, name="sibling", id="another"))
    for backend in (chat, chat, sibling):
        with pytest.raises(ModelRefused, match=r"add some|check OPENAI_API_KEY"):
            backend.complete(PROMPT, Sampling(), 1)
    sibling.close()
    assert len(endpoint.asked) == 1


def test_another_key_of_the_same_endpoint_is_not_to_blame(endpoint, spec, chat, monkeypatch):
    endpoint.steps.append({"status": 402, "reply": {}})
    with pytest.raises(ModelRefused):
        chat.complete(PROMPT, Sampling(), 1)
    monkeypatch.setenv("OTHER_KEY", SECRET)
    other = open_model(replace(spec, key_env="OTHER_KEY"))
    assert len(other.complete(PROMPT, Sampling(), 1)) == 1
    other.close()
    assert endpoint.keys[-1] == f"Bearer {SECRET}"


@pytest.mark.parametrize(
    "step",
    [
        {"drop": True},
        {"short": 100},
        {"raw": b"<html>gateway</html>"},
        {"raw": b"[" * 100_000},
        {"reply": {"choices": []}},
        {"reply": {"choices": ["x"]}},
        {"reply": []},
        {"reply": None},
    ],
    ids=str,
)
def test_broken_replies_are_worth_trying_again(endpoint, chat, step):
    endpoint.usual = step if step != {"reply": None} else {"raw": b"null"}
    with pytest.raises(ModelUnavailable, match="tester"):
        chat.complete(PROMPT, Sampling(), 1)


@pytest.mark.parametrize("fault", ["stall", "drip"])
def test_a_reply_that_never_ends_is_given_up(endpoint, spec, monkeypatch, fault):
    monkeypatch.setattr(openai_client, "RETRIES", 0)
    endpoint.usual = {fault: True}
    backend = OpenAIChat(spec, seconds=0.3)
    with pytest.raises(ModelUnavailable):
        backend.complete(PROMPT, Sampling(), 1)
    backend.close()


def test_a_reply_without_measure_is_refused(endpoint, chat, monkeypatch):
    monkeypatch.setattr(openai_client, "MAX_REPLY", 100_000)
    endpoint.usual = {"reply": answer("x" * 200_000)}
    with pytest.raises(ModelRefused, match="over"):
        chat.complete(PROMPT, Sampling(), 1)


def test_a_passing_fault_is_tried_again_in_place(endpoint, spec):
    endpoint.steps.append({"status": 500, "reply": {}})
    backend = open_model(spec)
    assert len(backend.complete(PROMPT, Sampling(), 1)) == 1
    backend.close()
    assert len(endpoint.asked) == 2


def test_nobody_there_is_unavailable(monkeypatch):
    monkeypatch.setattr(openai_client, "RETRIES", 0)
    spec = ModelSpec("tester", "openai_chat", "m", base_url="http://127.0.0.1:9/v1")
    backend = open_model(spec)
    with pytest.raises(ModelUnavailable):
        backend.complete(PROMPT, Sampling(), 1)
    backend.close()


@pytest.mark.parametrize("status", [400, 401, 500])
def test_the_key_is_sent_and_never_said(endpoint, spec, monkeypatch, status):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setattr(openai_client, "RETRIES", 0)
    said = f"Incorrect API key {SECRET}, sk-other0123456789 and Bearer abcdefgh"
    endpoint.usual = {"status": status, "reply": {"error": {"message": said}}}
    backend = open_model(spec)
    with pytest.raises((ModelRefused, ModelUnavailable)) as caught:
        backend.complete(PROMPT, Sampling(), 1)
    backend.close()
    assert endpoint.keys == [f"Bearer {SECRET}"]
    text = str(caught.value)
    assert "***" in text
    assert SECRET not in text
    assert "other0123456789" not in text
    assert "abcdefgh" not in text
    assert caught.value.__cause__ is None
    assert SECRET not in repr(backend)


def test_a_password_in_the_address_is_never_said(endpoint, monkeypatch):
    monkeypatch.setattr(openai_client, "RETRIES", 0)
    address = endpoint.url.replace("http://", "http://user:hunter2@")
    backend = open_model(ModelSpec("tester", "openai_chat", "m", base_url=address))
    endpoint.usual = {"status": 404, "reply": {}}
    with pytest.raises(ModelRefused) as caught:
        backend.complete(PROMPT, Sampling(), 1)
    backend.close()
    assert "hunter2" not in str(caught.value)


def test_without_a_key_only_near_endpoints_are_asked(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    for address in ("", "https://api.example.com/v1", "https://8.8.8.8/v1"):
        with pytest.raises(ModelRefused, match="set OPENAI_API_KEY"):
            open_model(ModelSpec("m", "openai_chat", "m", base_url=address))
    for address in ("http://localhost:1/v1", "http://10.0.0.7/v1", "http://vllm:8000/v1"):
        open_model(ModelSpec("m", "openai_chat", "m", base_url=address)).close()


def test_a_message_without_content_is_empty(endpoint, chat):
    for message in ({"content": None}, {}, {"content": [1]}, None):
        endpoint.steps.append({"reply": {"choices": [{"finish_reason": None, "message": message}]}})
        [completion] = chat.complete(PROMPT, Sampling(), 1)
        assert (completion.text, completion.finish) == ("", "stop")


def test_a_cut_off_or_filtered_reply_says_so(endpoint, chat):
    for theirs, ours in (("length", "length"), ("content_filter", "filter")):
        choice = {"finish_reason": theirs, "message": {"content": "def"}}
        endpoint.steps.append({"reply": {"choices": [choice]}})
        [completion] = chat.complete(PROMPT, Sampling(), 1)
        assert completion.finish == ours


def test_completion_style_continues_the_text(endpoint):
    spec = ModelSpec("t", "openai_completions", "base", base_url=endpoint.url, style="completion")
    endpoint.usual = {"reply": {"choices": [{"text": "    return 1\n", "finish_reason": "length"}]}}
    backend = open_model(spec)
    prompt = Prompt("add", (Message("user", "def add(a, b):\n"),), "completion@1", stop=("\ndef ",))
    [completion] = backend.complete(prompt, Sampling(max_tokens=9), 1)
    backend.close()
    path, body = endpoint.asked[0]
    assert path == "/v1/completions"
    assert (body["prompt"], body["max_tokens"], body["stop"]) == ("def add(a, b):\n", 9, ["\ndef "])
    assert (completion.text, completion.finish) == ("    return 1\n", "length")


def test_openai_itself_is_told_the_new_name_of_the_limit(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    official = openai_client.Connection(ModelSpec("m", "openai_chat", "gpt-5"))
    assert official.official
    official.close()


def test_a_backend_refuses_a_style_it_cannot_speak(endpoint):
    for backend, style in (("openai_chat", "completion"), ("openai_completions", "chat")):
        with pytest.raises(UsageError, match="style"):
            open_model(ModelSpec("m", backend, "m", base_url=endpoint.url, style=style))


def test_an_unknown_backend_is_named_with_the_known_ones():
    with pytest.raises(UsageError, match="openai_chat, openai_completions, llama_local, recorded"):
        open_model(ModelSpec("m", "telepathy", "m"))
