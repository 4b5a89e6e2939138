"""One set of weights in a process, asked by many threads at once and answered in batches.

Theory of operation. Whoever asks puts its draws in a queue and waits for them there. One thread an
engine takes the oldest, waits a moment for others, and draws it with those of the same adapter that
are about as long (rows.py); then it looks into the queue again. What does not fit in memory is
drawn in halves. The thread alone touches the weights. It ends, and so frees them, when the last
backend lets go of the engine.
"""

import atexit
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from weakref import WeakSet, finalize

from judge.errors import ModelError, ModelRefused, ModelUnavailable
from judge.models.base import Completion
from judge.models.rows import TOKENS, Call, Row, chosen, size
from judge.models.weights import Weights

if TYPE_CHECKING:
    from judge.models.drawing import Model

MOMENT = 0.01  # seconds that the first of a batch waits for others
LAST_SECONDS = 30.0  # that a token may take when the process ends


class Engine:
    """The weights of one model, loaded by the first question."""

    def __init__(self, weights: Weights) -> None:
        """Nothing is loaded yet."""
        self._work = _Work(weights)
        self._work.start()
        finalize(self, self._work.stop).atexit = False  # then it is _stop_all's

    def ask(
        self,
        call: Call,
        indices: Sequence[int],
        keep: Callable[[Completion], None] | None = None,
    ) -> Sequence[Completion]:
        """The completions of these draws, each handed to `keep` as it arrives. Raises the first
        ModelError, after whatever else was drawn is kept; a fault of `keep` calls off the rest."""
        self._work.put([Row(call, index) for index in indices])
        drawn: list[Completion] = []
        fault: ModelError | None = None
        try:
            for _ in indices:
                heard = call.arrived.get()
                if isinstance(heard, ModelError):
                    fault = fault or heard
                    continue
                drawn.append(heard)
                if keep is not None:
                    keep(heard)
        finally:
            call.unwanted = True
        if fault is not None:
            raise fault
        return drawn


class _Work:
    """What the engine's thread does. It does not know the engine, or nobody could let go of it."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._waiting: list[Row] = []
        self._changed = threading.Condition()
        self._stopped = False
        self._drawing: Sequence[Row] = ()
        self._model: Model | None = None
        self._misfits: dict[str, ModelRefused] = {}
        self._tokens = TOKENS
        self._thread = threading.Thread(target=self._run, name="drawing", daemon=True)

    def start(self) -> None:
        self._thread.start()
        _WORKING.add(self)

    def put(self, rows: Sequence[Row]) -> None:
        with self._changed:
            self._waiting += rows
            self._changed.notify()

    def stop(self, seconds: float = 0.0) -> None:
        """End the thread, in the middle of a batch at its next token; wait so long for that."""
        if self._thread.is_alive():  # not so in a child that was forked from its process
            with self._changed:
                self._stopped = True
                self._changed.notify()
            for row in self._drawing:
                row.call.unwanted = True
            self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._stopped)
                if self._stopped:
                    return
            time.sleep(MOMENT)
            with self._changed:
                rows, self._waiting = self._waiting, []
            self._serve([row for row in rows if not row.call.unwanted])
            with self._changed:
                self._waiting[:0] = [row for row in rows if not (row.done or row.call.unwanted)]

    def _serve(self, rows: Sequence[Row]) -> None:
        """Answer one batch of these, the oldest among them, and whatever cannot be answered."""
        try:
            model = self._loaded()
        except Exception as error:  # noqa: BLE001 - the libraries' own; nobody may wait for ever
            _fail(rows, error)
            return
        for row in rows:
            self._encode(model, row)
        ready = [row for row in rows if not row.done]
        if ready:
            self._drawing = chosen(ready, self._tokens)
            self._draw(self._drawing)
            self._drawing = ()

    def _loaded(self) -> "Model":
        if self._model is None:
            from judge.models.drawing import Model  # noqa: PLC0415 - torch takes seconds

            self._model = Model(self._weights)
        return self._model

    def _encode(self, model: "Model", row: Row) -> None:
        if row.call.adapter in self._misfits:
            row.fail(self._misfits[row.call.adapter])
        elif not row.ids:
            try:
                row.ids = model.encode(row.call.prompt, row.call.style)
            except Exception as error:  # noqa: BLE001 - a template may raise anything
                _fail([row], error)

    def _draw(self, batch: Sequence[Row]) -> None:
        model, adapter = self._loaded(), batch[0].call.adapter
        try:
            model.wear(adapter)
        except Exception as error:  # noqa: BLE001 - see _serve
            self._model = None  # half an adapter may lie over it
            fault = _fail(batch, error)
            if isinstance(fault, ModelRefused):
                self._misfits[adapter] = fault
            return
        parts = [batch]
        while parts:
            part = [row for row in parts.pop() if not row.done]
            if part and not self._fits(model, part):
                self._tokens = max(size(part) // 2, 1)
                parts += [part[: len(part) // 2], part[len(part) // 2 :]]

    def _fits(self, model: "Model", part: Sequence[Row]) -> bool:
        """Draw these in one batch, unless memory lacks for as many."""
        try:
            model.draw(part)
        except Exception as error:  # noqa: BLE001 - see _serve
            if _lacks_memory(error) and len(part) > 1:
                return False
            _fail(part, error)
        _fail(part, RuntimeError("a batch ended before this draw"))  # whoever still waits
        return True


_WORKING: WeakSet[_Work] = WeakSet()


@atexit.register
def _stop_all() -> None:
    """A thread that torch runs in when Python ends would take the process down with an abort."""
    for work in list(_WORKING):
        work.stop(LAST_SECONDS)


def _fail(rows: Sequence[Row], error: Exception) -> ModelError:
    """Tell whoever waits for these rows. What the libraries say of a file or a setting is lasting."""
    said = " ".join(str(error).split())[:300] or type(error).__name__
    fault: ModelError
    if isinstance(error, ModelError):
        fault = error
    elif _lacks_memory(error):
        fault = ModelUnavailable(f"not enough memory; ask for fewer max_tokens ({said})")
    elif isinstance(error, OSError | ValueError | LookupError | TypeError | ImportError):
        fault = ModelRefused(said)
    else:
        fault = ModelUnavailable(f"{type(error).__name__}: {said}")
    for row in rows:
        row.fail(fault)
    return fault


def _lacks_memory(error: Exception) -> bool:
    """Torch says it as a RuntimeError, on a device and on the host in other words."""
    said = isinstance(error, RuntimeError) and "memory" in str(error).lower()
    return said or isinstance(error, MemoryError)
