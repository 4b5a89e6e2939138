from dataclasses import replace

import pytest

from judge.errors import Conflict, UnknownName, UsageError
from judge.models.base import ModelSpec
from judge.store import models

SPEC = ModelSpec("m", "openai_chat", "id", "http://127.0.0.1:1/v1", "base", "q4", "chat", "2026-01")


def test_a_model_comes_back_as_it_went_in(database):
    with database.transaction() as tx:
        models.keep(tx, SPEC)
        models.keep(tx, SPEC)
        assert models.listed(tx) == [SPEC]
        assert models.read(tx, "m") == SPEC


@pytest.mark.parametrize(
    "field", ["backend", "id", "base_url", "base_model", "quantisation", "style"]
)
def test_a_name_never_comes_to_mean_another_model(database, field):
    with database.transaction() as tx:
        models.keep(tx, SPEC)
        with pytest.raises(Conflict, match=field):
            models.keep(tx, replace(SPEC, **{field: "other"}))
        assert models.read(tx, "m") == SPEC


def test_prices_may_be_corrected(database):
    priced = replace(SPEC, input_price=1.0, output_price=2.0)
    with database.transaction() as tx:
        models.keep(tx, SPEC)
        models.keep(tx, priced)
        assert models.read(tx, "m") == priced


@pytest.mark.parametrize("name", ["", "a/b", "a\nb", "x" * 201])
def test_a_name_that_no_url_can_hold_is_refused(database, name):
    with pytest.raises(UsageError), database.transaction() as tx:
        models.keep(tx, replace(SPEC, name=name))


def test_an_unknown_model_is_named(database):
    with database.reading() as tx, pytest.raises(UnknownName, match="nobody"):
        models.read(tx, "nobody")
