"""What waits to be drawn from weights of ours, and which of it is drawn together."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue

from judge.errors import ModelError
from judge.models.base import Completion, Prompt, Sampling, Style, Usage

ROWS = 32  # in one batch
TOKENS = 32_768  # in one batch: rows times the longest; 4 GB of a model of 8B in 16 bits


@dataclass(slots=True, eq=False)
class Call:
    """One call of a backend: what it asks, and where it waits for the answers. `unwanted` says that
    nobody waits any more."""

    prompt: Prompt
    style: Style
    adapter: str
    sampling: Sampling
    arrived: SimpleQueue[Completion | ModelError] = field(default_factory=SimpleQueue)
    unwanted: bool = False


@dataclass(slots=True, eq=False)
class Row:
    """One draw of a call and what has come of it: its prompt's `ids`, the `tokens` drawn, and times
    since its batch began: `seconds` so far, of these to the `first` token, and its `share` of the
    machine's, each step's divided by the rows that still ran."""

    call: Call
    index: int
    ids: Sequence[int] = ()
    tokens: list[int] = field(default_factory=list)
    seconds: float = 0.0
    first: float | None = None
    share: float = 0.0
    done: bool = False

    def begin(self) -> None:
        """Forget what a batch that did not fit had drawn."""
        self.tokens, self.seconds, self.first, self.share = [], 0.0, None, 0.0

    def end(self, text: str, finish: str) -> None:
        """Hand over the answer."""
        usage = Usage(len(self.ids), len(self.tokens))
        self._hand(
            Completion(text, finish, usage, self.seconds, self.index, self.first, self.share)
        )

    def fail(self, error: ModelError) -> None:
        """Hand over the reason why there is no answer."""
        self._hand(error)

    def _hand(self, heard: Completion | ModelError) -> None:
        if not self.done:
            self.done = True
            self.call.arrived.put(heard)


def chosen(waiting: Sequence[Row], tokens: int = TOKENS, rows: int = ROWS) -> Sequence[Row]:
    """The batch that holds the oldest (the first) of these rows: its neighbours in length under the
    same adapter, so that little is padding. The budget bounds rows and padded tokens, but for one
    row, which is drawn however long it is."""
    oldest = waiting[0]
    alike = [row for row in waiting if row.call.adapter == oldest.call.adapter]
    alike.sort(key=_length)
    at = alike.index(oldest)
    low, high = at, at + 1
    while high - low < rows:
        shorter = alike[low - 1] if low > 0 else None
        longer = alike[high] if high < len(alike) else None
        if longer is not None and size([*alike[low:high], longer]) <= tokens:
            high += 1
        elif shorter is not None and size([shorter, *alike[low:high]]) <= tokens:
            low -= 1
        else:
            break
    return alike[low:high]


def _length(row: Row) -> int:
    return len(row.ids)


def size(rows: Sequence[Row]) -> int:
    """The tokens that a batch may come to: all are as wide as the longest prompt and answer."""
    answer = max(row.call.sampling.max_tokens for row in rows)
    return len(rows) * (max(map(_length, rows)) + answer)
