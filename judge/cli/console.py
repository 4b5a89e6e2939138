"""What a command says: the result on stdout, the progress on stderr.

On a terminal the progress is one bar with rate, time left, errors and spend; elsewhere it is a
plain line every ten seconds and one at the end. Text of others (models, files, servers) is shown
without its control characters, so that it cannot drive the terminal.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Annotated, Any, Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from judge.errors import UsageError

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Server = Annotated[
    str, typer.Option(help="Address of a running service, instead of this host's own database.")
]

QUIET_SECONDS = 10.0
WAITING_MOST = 80
"""Characters of a reason to wait; the whole of it is in the batch's status."""


class Bar(Protocol):
    """A progress under way."""

    def step(self, count: int = 1) -> None:
        """So many more are done."""

    def at(self, done: int, total: int) -> None:
        """So many of so many are done."""

    def figures(
        self, *, errors: int = 0, spend_usd: float | None = None, waiting: str = ""
    ) -> None:
        """What to show beside the bar; `waiting` says what keeps it from getting on."""


def clean(text: object) -> str:
    """One line without control characters or terminal escapes."""
    return "".join(char if char.isprintable() else " " for char in str(text))


def result(text: str) -> None:
    """A line of the result."""
    sys.stdout.write("".join(char if char.isprintable() or char == "\n" else " " for char in text))
    sys.stdout.write("\n")


def result_json(value: object) -> None:
    """The result as one JSON document."""
    sys.stdout.write(json.dumps(value, indent=2, default=_plain) + "\n")


def note(text: str) -> None:
    """A line that is not the result: what goes on, what to do next."""
    sys.stderr.write(clean(text) + "\n")
    sys.stderr.flush()


def table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[str] = ()
) -> None:
    """Rows on stdout; `right` names the columns of numbers. A file gets lines as long as they are,
    a terminal cells folded to its width."""
    shown = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold underline")
    for column in columns:
        numbers = column in right
        shown.add_column(column, justify="right" if numbers else "left", overflow="fold")
        shown.columns[-1].no_wrap = numbers
    for row in rows:
        shown.add_row(*(Text(clean(cell)) for cell in row))
    width = None if sys.stdout.isatty() else 1000
    Console(file=sys.stdout, highlight=False, width=width).print(shown)


def percent(share: float | None) -> str:
    """`0.734` to `73.4 %`; nothing known to a dash."""
    return "-" if share is None else f"{100 * share:.1f} %"


def money(usd: float | None) -> str:
    """US dollars with the digits they deserve; unknown to a dash."""
    if usd is None:
        return "-"
    return f"${usd:.2f}" if usd >= 1 or usd == 0 else f"${usd:.4f}"


def lasting(seconds: float) -> str:
    """A time in the unit one would say it in."""
    for name, size in (("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{max(1.0, seconds):.0f} seconds"


@contextmanager
def progress(title: str, total: int) -> Iterator[Bar]:
    """Show how a work of `total` pieces comes along, until the block ends."""
    bar = _Drawn(title, total) if sys.stderr.isatty() else _Plain(title, total)
    with bar.shown():
        yield bar


class _Pace:
    """How many pieces a second, those left out that were done before anybody looked."""

    def __init__(self) -> None:
        self.since = time.monotonic()
        self.first: int | None = None

    def at(self, done: int) -> float:
        """The rate up to now; 0 while nothing was seen to be done."""
        if self.first is None:
            self.first = done if done > 1 else 0
        return (done - self.first) / max(time.monotonic() - self.since, 1e-3)


class _Drawn:
    """The bar of a terminal."""

    def __init__(self, title: str, total: int) -> None:
        self.drawing = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}", markup=False),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[figures]}", markup=False),
            console=Console(stderr=True),
        )
        self.task = self.drawing.add_task(clean(title), total=total, rate="", figures="")
        self.pace = _Pace()

    @contextmanager
    def shown(self) -> Iterator[None]:
        with self.drawing:
            yield

    def step(self, count: int = 1) -> None:
        task = self.drawing.tasks[0]
        self.at(int(task.completed) + count, int(task.total or 0))

    def at(self, done: int, total: int) -> None:
        rate = self.pace.at(done)
        self.drawing.update(
            self.task, completed=done, total=total, rate=f"{rate:.1f}/s" if rate else ""
        )

    def figures(
        self, *, errors: int = 0, spend_usd: float | None = None, waiting: str = ""
    ) -> None:
        self.drawing.update(self.task, figures=_figures(errors, spend_usd, waiting))


class _Plain:
    """Lines for a log file: one every ten seconds, and the last."""

    def __init__(self, title: str, total: int) -> None:
        self.title, self.done, self.total, self.beside, self.rate = title, 0, total, "", 0.0
        self.started = self.said = time.monotonic()
        self.pace = _Pace()

    @contextmanager
    def shown(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._say()

    def step(self, count: int = 1) -> None:
        self.at(self.done + count, self.total)

    def at(self, done: int, total: int) -> None:
        self.done, self.total = done, total
        self.rate = self.pace.at(done)
        if time.monotonic() - self.said >= QUIET_SECONDS:
            self._say()

    def figures(
        self, *, errors: int = 0, spend_usd: float | None = None, waiting: str = ""
    ) -> None:
        self.beside = _figures(errors, spend_usd, waiting)

    def _say(self) -> None:
        self.said = time.monotonic()
        passed = self.said - self.started
        missing = self.total - self.done
        parts = [
            f"{self.title}: {self.done}/{self.total} in {passed:.1f} s",
            f"{self.rate:.1f}/s" if self.rate else "",
            f"{missing / self.rate:.0f} s left" if self.rate and missing > 0 else "",
            self.beside,
        ]
        note(", ".join(filter(None, parts)))


def _figures(errors: int, spend_usd: float | None, waiting: str) -> str:
    parts = [
        f"{errors} errors" if errors else "",
        f"{money(spend_usd)} spent" if spend_usd else "",
        clean(waiting)[:WAITING_MOST],
    ]
    return " · ".join(filter(None, parts))


def names(given: str, what: str) -> tuple[str, ...]:
    """`A,B` to its parts, each once. Raises UsageError for none."""
    parts = tuple(dict.fromkeys(part.strip() for part in given.split(",") if part.strip()))
    if not parts:
        raise UsageError(f"{what} is empty; give one or more names, with commas between")
    return parts


def until(finished: Callable[[], bool], seconds: float = 0.5) -> None:
    """Call `finished` twice a second until it says so."""
    while not finished():
        time.sleep(seconds)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)
