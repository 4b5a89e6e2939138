"""`judge doctor`: what is wrong with this installation, and what to do about it."""

import typer

from judge import doctor as checks
from judge.cli import console
from judge.doctor import State
from judge.settings import read_settings

FAULTY = 1


def doctor(*, as_json: console.AsJson = False) -> None:
    """Look at broker, database, clock, engine, sandbox, disk and keys. Exit 1 for a fault."""
    findings = checks.examine(read_settings())
    if as_json:
        console.result_json(findings)
    else:
        rows = [(one.state.value, one.part, one.seen, one.remedy) for one in findings]
        console.table(("", "part", "seen", "remedy"), rows)
    if any(one.state is State.FAULT for one in findings):
        raise typer.Exit(FAULTY)
