"""Whatever a user gets wrong is one line, a code that is not 0, and never a traceback."""

import gzip
import json

import pytest

from judge.cli import models


def one_line(said, code=2):
    assert said.code == code
    assert said.out == ""
    assert said.err.startswith("judge: error: ")
    assert said.err.count("\n") == 1, said.err
    assert "Traceback" not in said.err
    return said.err


def test_an_unknown_verb_is_a_usage_error(judge):
    assert "frobnicate" in one_line(judge("frobnicate"))


def test_an_unknown_option_is_a_usage_error(judge):
    assert "--colour" in one_line(judge("problems", "list", "--colour"))


def test_a_missing_option_is_named(judge):
    assert "--problems" in one_line(judge("run", "--models", "a"))


def test_no_words_at_all_show_the_help(judge):
    said = judge()
    assert "leaderboard" in said.out + said.err


def test_an_unknown_set_names_the_remedy(judge):
    assert "judge problems list" in one_line(judge("problems", "show", "nowhere"))
    assert "judge problems list" in one_line(
        judge("run", "--models", "a", "--problems", "b", "--limit", 1)
    )


def test_an_unknown_model_names_the_remedy(judge):
    assert "judge models list" in one_line(judge("models", "show", "nobody"))


def test_a_file_that_is_not_there_is_named(judge, tmp_path):
    assert "none.jsonl: no such file" in one_line(
        judge("problems", "import", tmp_path / "none.jsonl")
    )


def test_a_truncated_gz_imports_nothing(judge, tmp_path, small_set):
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(gzip.compress(small_set.read_bytes())[:-20])
    assert "cut off" in one_line(judge("problems", "import", cut))
    assert judge("problems", "list", "--json").json() == []


def test_a_row_that_breaks_the_form_is_named_by_line_and_field(judge, tmp_path, small_set):
    lines = small_set.read_text().splitlines()
    row = json.loads(lines[2])
    del row["statement"]
    bad = tmp_path / "bad.jsonl"
    bad.write_text("\n".join([*lines[:2], json.dumps(row)]) + "\n")
    err = one_line(judge("problems", "import", bad))
    assert "bad.jsonl:3" in err
    assert "'statement'" in err


def test_an_unknown_backend_lists_those_there_are(judge):
    err = one_line(judge("models", "add", "m", "--backend", "telepathy", "--id", "x"))
    assert "openai_chat" in err


def test_a_recording_that_is_not_there_is_refused_when_it_is_added(judge, tmp_path):
    one_line(judge("models", "add", "m", "--backend", "recorded", "--id", tmp_path / "none.jsonl"))
    assert judge("models", "list", "--json").json() == []


def test_a_worker_cannot_join_a_queue_in_memory(judge):
    assert "JUDGE_BROKER_URL" in one_line(judge("worker"))


def test_a_bad_setting_is_named(judge, monkeypatch):
    monkeypatch.setenv("JUDGE_PORT", "teapot")
    assert "JUDGE_PORT" in one_line(judge("up"))


def test_a_home_that_cannot_be_made_is_named(judge, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("JUDGE_HOME", str(tmp_path / "file" / "home"))
    assert "JUDGE_HOME" in one_line(judge("problems", "list"))


def test_a_service_that_is_not_there_is_out_of_reach(judge):
    one_line(judge("leaderboard", "starter", "--server", "http://127.0.0.1:9"), code=5)


@pytest.mark.parametrize("address", ["127.0.0.1:9", "file:///etc/passwd", "ftp://host/x"])
def test_what_is_no_address_of_a_service_is_refused(judge, address):
    assert "no address" in one_line(judge("leaderboard", "starter", "--server", address))


def test_a_fault_of_ours_is_one_line_that_says_where_to_look(judge, monkeypatch):
    monkeypatch.setattr(models, "open_judge", lambda: 1 / 0)
    assert "JUDGE_TRACEBACK" in one_line(judge("models", "list"), code=70)


def test_an_interrupt_is_130(judge, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(models, "open_judge", interrupted)
    one_line(judge("models", "list"), code=130)


def test_an_error_cannot_drive_the_terminal(judge, tmp_path):
    said = judge("problems", "import", tmp_path / "\x1b[2Jgone\x07\u202e\nx")
    assert one_line(said)
    assert not {"\x1b", "\x07", "\u202e"} & set(said.err)
