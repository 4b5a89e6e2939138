"""What goes to stdout is the result, and what goes to stderr stays out of its way."""

import pytest

from judge.cli import console
from judge.errors import UsageError


def test_without_a_terminal_a_progress_is_one_line_at_its_end(capsys):
    with console.progress("working", 3) as bar:
        bar.step()
        bar.step(2)
        bar.figures(errors=2, spend_usd=1.5)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("working: 3/3 in ")
    assert "2 errors" in err
    assert "$1.50 spent" in err


def test_a_progress_that_ends_in_a_fault_still_says_how_far_it_came(capsys):
    def broken():
        with console.progress("working", 3) as bar:
            bar.step()
            raise KeyError

    with pytest.raises(KeyError):
        broken()
    assert "1/3" in capsys.readouterr().err


def test_what_was_done_before_is_no_rate(capsys):
    with console.progress("going on", 500) as bar:
        bar.at(500, 500)
    assert "/s" not in capsys.readouterr().err


def test_on_a_terminal_the_bar_is_drawn_on_stderr(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with console.progress("[red]working", 3) as bar:
        bar.step(3)
    out, err = capsys.readouterr()
    assert out == ""
    assert "[red]working" in err
    assert "3/3" in err


def test_a_table_in_a_file_is_as_wide_as_it_needs(capsys):
    console.table(("name", "n"), [("x" * 300, 1), ("[b]y[/b]\x1b[2J", 22)], right=("n",))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert "x" * 300 in lines[1]
    assert "[b]y[/b]" in lines[2]
    assert "\x1b" not in lines[2]


def test_names_are_told_apart_by_commas_and_counted_once():
    assert console.names(" a,b ,, a", "--models") == ("a", "b")
    with pytest.raises(UsageError, match="--models"):
        console.names(",", "--models")


def test_money_has_the_digits_it_deserves():
    assert [console.money(usd) for usd in (None, 0.0, 0.00123, 12.3456)] == [
        "-",
        "$0.00",
        "$0.0012",
        "$12.35",
    ]


def test_what_it_waits_for_is_said_beside_the_bar_in_one_short_line(capsys):
    with console.progress("asking", 4) as bar:
        bar.figures(waiting="waiting for the rate limit until 12:03:20 UTC\x1b[2J" + "x" * 500)
    said = capsys.readouterr().err
    assert "waiting for the rate limit until 12:03:20 UTC" in said
    assert "\x1b" not in said
    assert len(said) < 200
