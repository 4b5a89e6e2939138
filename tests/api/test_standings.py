"""A leaderboard is not sent twice, and never an old one: nothing of it outlives a change."""

from judge.store import tallies
from judge.store.database import Database
from tests.api.conftest import SMALL

BOARD = "/v1/leaderboards/small"


def judged(app, **sums):
    """One more sample, judged by another process."""
    counted = {"drawn": 1, "accepted": 1, "priced": 1, "cost": 0.0} | sums
    tally = tallies.Tally(
        SMALL.digest, "reference", "plain", "double", **counted, input_tokens=1, output_tokens=1
    )
    other = Database(app.state.judge.settings.store_url)
    with other.transaction() as tx:
        tallies.add(tx, [tally])
    other.close()


def test_a_judged_sample_is_in_the_very_next_answer(app, filled):
    tags = set()
    for samples in (1, 2, 3):
        judged(app, accepted=samples % 2)
        answer = filled.get(BOARD)
        [row] = answer.json()["rows"]
        assert (row["samples"], row["accepted"]) == (samples, (samples + 1) // 2)
        tag = answer.headers["etag"]
        assert tag.startswith('W/"')
        assert filled.get(BOARD, headers={"If-None-Match": tag}).status_code == 304
        for old in tags:
            assert filled.get(BOARD, headers={"If-None-Match": old}).status_code == 200
        assert tag not in tags
        tags.add(tag)


def test_what_is_not_there_is_not_known_to_be_unchanged(filled):
    for path in (BOARD.replace("small", "none"), f"{BOARD}?digest={'0' * 64}"):
        assert filled.get(path, headers={"If-None-Match": "*"}).status_code == 404
    named = filled.get(f"{BOARD}?digest={SMALL.digest}")
    newest = filled.get(BOARD)
    assert named.json() == newest.json()
