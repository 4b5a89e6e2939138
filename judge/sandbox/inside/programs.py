"""Programs: the source as `__main__` over real descriptors, ending the way a script ends."""

import atexit
import gc
import io
import os
import sys
from typing import Any

from judge.sandbox.inside.child import RESULTS, Refused, describe, load, one_line, take_job
from judge.sandbox.inside.jobs import Order

NOT_FLUSHED = 120
"""How an interpreter exits that could not push out what was printed."""


def main(order: Order, entry: dict[str, Any]) -> None:
    """Run the job on descriptor 4 on the stdin it was given. Never returns."""
    job = take_job(order, entry)
    sys.stdin = open(0, encoding="utf-8", errors="surrogateescape", newline="\n", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc]
    sys.argv = ["solution.py"]
    code = 0
    try:
        try:
            load(job, "__main__")
        finally:
            if "threading" in sys.modules:
                sys.modules["threading"]._shutdown()  # noqa: SLF001 - what the interpreter does
    except Refused as refused:
        _note(f"refused {one_line(str(refused))}")
        code = 1
    except SystemExit as leaving:
        code = _exit_code(leaving.code)
    except BaseException as error:
        _note(f"raised {describe(error)}")
        sys.excepthook(type(error), error, error.__traceback__)
        code = 1
    atexit._run_exitfuncs()  # noqa: SLF001 - what the interpreter does
    if not _flush_all():
        code = code or NOT_FLUSHED
    os._exit(code)


def _flush_all() -> bool:
    """What the end of an interpreter pushes out, of every stream that was opened and not closed.
    Whether the standard ones took all of it, or were closed before."""
    whole = True
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except BaseException:
            whole = False
    streams = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)
    for thing in gc.get_objects():
        if type(thing) in streams:
            try:
                thing.flush()
            except BaseException:  # noqa: S112 - a closed or full stream shows in what the host reads
                continue
    return whole


def _note(line: str) -> None:
    os.write(RESULTS, f"0 {line}\n".encode("ascii", "backslashreplace"))


def _exit_code(given: object) -> int:
    if given is None:
        return 0
    if isinstance(given, int):
        return int(given) & 0xFF
    print(given, file=sys.stderr)
    return 1
