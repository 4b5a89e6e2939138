"""`judge keys`: shown once, listed without its secret, revoked."""

from judge.bootstrap import open_judge
from judge.store import keys


def test_a_key_is_added_listed_and_revoked(judge, home):
    made = judge("keys", "add", "ci", "--scopes", "read,submit", "--expires", 30, "--json").json()
    key = made["key"]
    assert key.startswith(f"jdg_{made['id']}_")
    with_it = open_judge()
    with with_it.database.reading() as tx:
        assert keys.holder(tx, key).scopes == ("read", "submit")
    listed = judge("keys", "list", "--json")
    assert key.rpartition("_")[2] not in listed.out
    assert [each["id"] for each in listed.json()] == [made["id"]]
    assert "live" in judge("keys", "list").out
    assert judge("keys", "revoke", made["id"]).code == 0
    assert "revoked" in judge("keys", "list").out
    with with_it.database.reading() as tx:
        assert keys.holder(tx, key) is None
    with_it.close()


def test_the_key_alone_is_the_result(judge):
    said = judge("keys", "add", "me")
    assert said.out.startswith("jdg_") and said.out.count("\n") == 1
    assert "not shown again" in said.err


def test_what_makes_no_key_is_named(judge):
    for words, named in (
        (("add", "x", "--scopes", "root"), "root"),
        (("add", "x", "--scopes", ","), "--scopes"),
        (("add", "x", "--expires", 0), "days"),
        (("revoke", "nobody"), "judge keys list"),
    ):
        said = judge("keys", *words)
        assert (said.code, said.err.count("\n")) == (2, 1)
        assert named in said.err
    assert "judge keys add" in judge("keys", "list").err
