import pytest

from tests.conftest import missing


def test_a_model_is_added_listed_and_shown(judge):
    added = judge("models", "add", "gpt", "--backend", "openai_chat", "--id", "gpt-5", "--json")
    assert added.code == 0
    assert added.json()["id"] == "gpt-5"
    assert [row["name"] for row in judge("models", "list", "--json").json()] == ["gpt"]
    assert "gpt-5" in judge("models", "show", "gpt").out


def test_the_same_model_again_changes_nothing_but_another_is_a_conflict(judge):
    words = ("models", "add", "gpt", "--backend", "openai_chat", "--id")
    assert judge(*words, "gpt-5").code == 0
    assert judge(*words, "gpt-5").code == 0
    said = judge(*words, "gpt-6")
    assert said.code == 2
    assert "another name" in said.err


def test_no_key_is_stored_or_shown(judge, home, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    shown = judge("models", "add", "gpt", "--backend", "openai_chat", "--id", "gpt-5")
    listed = judge("models", "list")
    assert "sk-very-secret" not in shown.out + shown.err + listed.out + listed.err
    assert all(
        b"sk-very-secret" not in file.read_bytes() for file in home.rglob("*") if file.is_file()
    )


@pytest.mark.parametrize("price", ["-1", "free"])
def test_a_price_is_a_number_of_dollars(judge, price):
    said = judge(
        "models", "add", "m", "--backend", "openai_chat", "--id", "x", "--input-price", price
    )
    assert said.code == 2


def test_prices_by_the_hour_and_the_name_of_a_key_are_kept_and_no_key_is(judge, monkeypatch):
    monkeypatch.setenv("THEIR_KEY", "sk-very-secret")
    words = ("models", "add", "gpu", "--backend", "openai_chat", "--id", "x", "--key-env")
    added = judge(*words, "THEIR_KEY", "--hour-price", "2.5", "--json")
    assert (added.json()["key_env"], added.json()["hour_price"]) == ("THEIR_KEY", 2.5)
    assert "sk-very-secret" not in added.out + judge("models", "show", "gpu").out


def test_a_check_says_of_each_endpoint_whether_the_model_is_there(judge):
    assert "no model has an endpoint" in judge("models", "check").err
    address = "http://127.0.0.1:9/v1"
    words = ("models", "add", "far", "--backend", "openai_chat", "--id", "x", "--base-url")
    judge(*words, address)
    said = judge("models", "check", "--json")
    assert said.code == 0
    assert "far" in said.json()["far"]


def test_a_local_file_is_added_by_its_absolute_path(judge, tmp_path, monkeypatch):
    (tmp_path / "any.gguf").write_bytes(b"GGUF")
    monkeypatch.chdir(tmp_path)
    words = ("models", "add", "m", "--backend", "llama_local", "--id", "any.gguf")
    added = judge(*words, "--adapter", "any.gguf", "--json")
    if added.code == 2 and "not installed" in added.err:
        missing(added.err)
    assert added.json()["id"] == added.json()["adapter"] == str(tmp_path / "any.gguf")
    assert judge("models", "show", "m").out.count(str(tmp_path)) == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("openai_chat", "--id", "x", "--adapter", "a"), "--revision and --adapter are for"),
        (("recorded", "--id", "x", "--revision", "a"), "--revision and --adapter are for"),
        (("llama_local", "--id", "smollm2-135m", "--revision", "a"), "knows no revision"),
        (("llama_local", "--id", "none.gguf"), "none.gguf: No such file"),
        (("transformers_local", "--id", "org/name"), "give the commit as revision"),
        (("transformers_local", "--id", "/none"), "no such folder"),
    ],
)
def test_weights_that_cannot_be_loaded_are_not_added(judge, words, says):
    said = judge("models", "add", "m", "--backend", *words)
    if "not installed" in said.err:
        missing(said.err)
    assert (said.code, says in said.err) == (2, True), said.err
    assert judge("models", "list", "--json").json() == []
