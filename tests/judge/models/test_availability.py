"""Whether a model is there, and until when, by a real endpoint on loopback."""

import pytest

from judge.errors import ModelRefused, ModelUnavailable
from judge.models import openai_client
from judge.models.availability import shutdown_date
from judge.models.base import ModelSpec


@pytest.fixture
def spec(endpoint):
    return ModelSpec("m", "openai_chat", "some-model", base_url=endpoint.url)


@pytest.mark.parametrize(
    ("said", "date"),
    [
        ("2027-01-14", "2027-01-14"),
        ("2027-01-14T00:00:00Z", "2027-01-14"),
        (None, ""),
        ("soon", ""),
        (20270114, ""),
        (["2027-01-14"], ""),
    ],
)
def test_the_provider_tells_the_last_day(endpoint, spec, said, date):
    endpoint.usual = {"reply": {"id": "some-model", "object": "model", "shutdown_date": said}}
    assert shutdown_date(spec) == date
    assert endpoint.asked == [("/v1/models/some-model", None)]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_model_or_key_that_is_not_known_is_refused(endpoint, spec, status):
    endpoint.usual = {"status": status, "reply": {"error": {"message": "no such thing"}}}
    with pytest.raises(ModelRefused, match="no such thing"):
        shutdown_date(spec)


@pytest.mark.parametrize("raw", [b"<html>", b"[" * 100_000, b"null", b"[]"])
def test_nonsense_is_no_answer_and_no_crash(endpoint, spec, raw):
    endpoint.usual = {"raw": raw}
    if raw in (b"null", b"[]"):
        assert shutdown_date(spec) == ""
    else:
        with pytest.raises(ModelRefused, match="lists no models"):
            shutdown_date(spec)


def test_an_answer_without_measure_is_refused(endpoint, spec, monkeypatch):
    monkeypatch.setattr(openai_client, "MAX_REPLY", 1000)
    endpoint.usual = {"reply": {"id": "x" * 5000}}
    with pytest.raises(ModelRefused, match="over"):
        shutdown_date(spec)


def test_nobody_there_is_unavailable():
    with pytest.raises(ModelUnavailable):
        shutdown_date(ModelSpec("m", "openai_chat", "x", base_url="http://127.0.0.1:9/v1"))
