"""Comparisons over HTTP and as a page: hostile names stay text, and nothing is compared unpaired."""

import pytest

from judge.store import tallies
from judge.store.database import Database
from tests.api.conftest import SMALL

HOSTILE = "<img src=x onerror=alert(3)>"
ASKED = "baseline=reference&candidate=new&set=small"


@pytest.fixture
def two(app, filled):
    """Two models on the small set; the new one solves what the other does not."""
    other = Database(app.state.judge.settings.store_url)
    slugs = [each.slug for each in SMALL.problems]
    rows = [
        tallies.Tally(SMALL.digest, model, recipe, slug, 2, 2 * (n % 2 == model_n), 2, 0.02, 9, 9)
        for n, slug in enumerate(slugs)
        for model_n, (model, recipe) in enumerate(
            [("reference", "chat@1 t=0"), ("new", "chat@1 t=0"), (HOSTILE, HOSTILE)]
        )
    ]
    with other.transaction() as tx:
        tallies.add(tx, rows)
    other.close()
    return filled


def test_a_comparison_has_its_bounds_and_where_they_differ(two):
    found = two.get(f"/v1/comparisons?{ASKED}").json()
    difference = found["difference"]
    assert difference["problems"] == len(SMALL.problems)
    assert difference["low"] <= difference["value"] <= difference["high"]
    assert {each["slug"] for each in found["discordant"]} == {each.slug for each in SMALL.problems}
    assert found["cost_ratio"] == 1.0


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("baseline=reference&candidate=nobody&set=small", 404),
        ("baseline=reference&candidate=new&set=none", 404),
        ("baseline=reference&candidate=reference&set=small", 422),
        ("baseline=reference&set=small", 422),
        (f"{ASKED}&digest={'0' * 64}", 404),
    ],
)
def test_what_cannot_be_compared_is_refused_by_name(two, query, status):
    for path in ("/v1/comparisons", "/compare"):
        answer = two.get(f"{path}?{query}")
        assert answer.status_code == status, answer.text


def test_the_page_shows_every_text_as_text(two):
    page = two.get(
        "/compare", params={"baseline": "reference", "candidate": HOSTILE, "set": "small"}
    )
    assert page.status_code == 200
    assert HOSTILE not in page.text
    assert "&lt;img src=x" in page.text
    assert page.text.count("<svg") >= 1
