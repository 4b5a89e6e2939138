"""The command line: one file a verb.

stdout is the result, stderr the progress. Exit codes: 0 done · 1 a replay or check that came out
otherwise · 2 usage or bad input · 5 a service, model or sandbox out of reach · 70 a fault of ours · 130 interrupted.

A verb's file holds a function of its own name; a group's file holds a `typer.Typer` named `group`.
Only the file that was asked for is imported, so that `judge score` does not wait for the rest.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import Annotated

import typer

from judge.errors import JudgeError, UsageError
from judge.settings import BadSetting
from problems.errors import ProblemError

VERBS = ("up", "worker", "upkeep", "doctor", "demo", "run", "score", "leaderboard", "compare")
GROUPS = ("problems", "models", "prompts", "batches", "keys", "sandbox", "db")

USAGE, UNREACHABLE, BUG, INTERRUPTED = 2, 5, 70, 130


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point: run one command and exit with its code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = call(given)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output has left: nothing more to say
        _drop_output()
        code = 0
    except OSError as error:
        _drop_output()
        code = _complain(f"the result could not be written: {error.strerror or error}", USAGE)
    sys.exit(code)


def call(arguments: Sequence[str]) -> int:
    """Run one command; the exit code. Every error is one line on stderr."""
    try:
        code = _app(arguments)(list(arguments), prog_name="judge", standalone_mode=False)
    except typer.TyperException as error:
        return _complain(error.format_message().rstrip(".") + "; see --help", USAGE)
    except (UsageError, ProblemError, BadSetting) as error:
        return _complain(str(error), USAGE)
    except JudgeError as error:
        return _complain(str(error), UNREACHABLE)
    except (KeyboardInterrupt, typer.Abort):
        return _complain("interrupted", INTERRUPTED)
    except BrokenPipeError:
        raise
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        return _complain(f"{name}{error.strerror or error}", USAGE)
    except Exception as error:
        if os.environ.get("JUDGE_TRACEBACK"):
            raise
        what = f"{type(error).__name__}: {str(error)[:300]}"
        return _complain(f"a fault of judge's: {what} (JUDGE_TRACEBACK=1 shows where)", BUG)
    if code == INTERRUPTED:  # typer's word for a KeyboardInterrupt
        return _complain("interrupted", INTERRUPTED)
    return code if isinstance(code, int) else 0


def _app(arguments: Sequence[str]) -> typer.Typer:
    """The commands, or the one that was asked for."""
    app = typer.Typer(
        name="judge",
        help="Asks models for code, runs it where it can do no harm, says which model is better.",
        no_args_is_help=True,
        invoke_without_command=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_version)
    asked = next((word for word in arguments if not word.startswith("-")), "")
    wanted = [name for name in (*VERBS, *GROUPS) if name == asked] or [*VERBS, *GROUPS]
    for name in wanted:
        if find_spec(f"judge.cli.{name}") is None:
            continue
        module = import_module(f"judge.cli.{name}")
        if name in GROUPS:
            app.add_typer(module.group, name=name)
        else:
            app.command(name)(getattr(module, name))
    return app


def _version(
    *, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    if version:
        sys.stdout.write(f"judge {metadata.version('judge')}\n")
        raise typer.Exit(0)


def _drop_output() -> None:
    """Send what is still unwritten to nowhere, so that the end of the process is quiet."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _complain(text: str, code: int) -> int:
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    sys.stderr.write(f"judge: error: {line}\n")
    return code
