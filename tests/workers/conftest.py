"""No test is silent because another one lost a ring."""

import pytest

from workers import dispatch


@pytest.fixture(autouse=True)
def _ringing(monkeypatch):
    monkeypatch.setattr(dispatch, "_silent_until", 0.0)
