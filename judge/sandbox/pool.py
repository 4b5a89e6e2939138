"""A pool of slots in front of one backend: who runs when, who waits, and who is turned away.

Two jobs may be in one slot: while one's process runs, the other's is prepared and sent ahead, and
the last one's answers are read. So a slot's server never waits for the host.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from judge.errors import SandboxBusy, SandboxError
from judge.sandbox.base import Accept, Counts, Host, Job, Report
from judge.sandbox.boxes import Box
from judge.sandbox.slots import Slot

SEATS = 2
"""Jobs that may be in one slot."""


class Backend(Protocol):
    """A way to start boxes. Thread-safe."""

    host: Host
    """Everything but the tier, which is probed."""

    def open_box(self, packages: tuple[str, ...]) -> Box:
        """A box that has imported these packages. Raises SandboxUnavailable."""

    def close(self) -> None:
        """Let go of what the backend itself holds; its boxes are closed already."""


class Pool:
    """The Sandbox of judge/sandbox/base.py over any backend."""

    def __init__(self, backend: Backend, workers: int, *, recycle: int, waiting: int) -> None:
        self.name = backend.host.backend
        self.workers = workers
        self._backend = backend
        self._host, self._fingerprint = backend.host, backend.host.fingerprint
        self._counts = Counts()
        self._slots = [Slot(self._open_box, recycle) for _ in range(workers)]
        self._free = dict.fromkeys(self._slots, SEATS)
        """Slots with a free seat, and how many: those with more are taken first."""
        self._most_waiting = waiting
        self._waiting = self._waiting_alone = 0
        self._closed = False
        self._lock, self._counting = threading.Lock(), threading.Lock()
        self._one_free = threading.Condition(self._lock)
        self._all_free = threading.Condition(self._lock)

    @property
    def callers(self) -> int:
        """How many threads that call `run` keep the sandbox busy."""
        return self.workers * SEATS

    @property
    def host(self) -> Host:
        """Where jobs run."""
        return self._host

    @property
    def fingerprint(self) -> str:
        """The host in one line."""
        return self._fingerprint

    @property
    def tier(self) -> str:
        """How much of the seal this host was found to give; empty before the probes."""
        return self._host.tier

    def found(self, tier: str) -> None:
        """Keep what the probes found."""
        self._host = replace(self._host, tier=tier, python=str(self.facts()["python"]))
        self._fingerprint = self._host.fingerprint

    def facts(self) -> Mapping[str, object]:
        """What a box says of what holds it: `landlock` (ABI, 0 for none), `kills` (whether a control
        group counts them), `python`."""
        slot = self._take(alone=False)
        try:
            return slot.box("solution").facts
        finally:
            self._give_back(slot, alone=False)

    def run(self, job: Job, *, alone: bool = False, accept: Accept | None = None) -> Report:
        """Run one job, waiting for a free seat (or, `alone`, for all of them)."""
        slot = self._take(alone=alone)
        began, faults = time.monotonic(), 1
        try:
            report = slot.run(job, accept, exact=alone)
            faults = 0
            return report
        finally:
            self._give_back(slot, alone=alone)
            self._count(runs=1, seconds=time.monotonic() - began, faults=faults)

    def counts(self) -> Counts:
        """What it did so far."""
        return self._counts

    def _open_box(self, packages: tuple[str, ...]) -> Box:
        box = self._backend.open_box(packages)
        self._count(boxes=1)
        return box

    def _count(self, **more: float) -> None:
        with self._counting:
            sums = {name: getattr(self._counts, name) + value for name, value in more.items()}
            self._counts = replace(self._counts, **sums)

    def close(self) -> None:
        """End every process of the sandbox, once running jobs are done."""
        with self._lock:
            if self._closed:
                return
            self._waiting_alone += 1  # nobody new while the last ones finish
            try:
                self._all_free.wait_for(self._all_idle)
            finally:
                self._waiting_alone -= 1
            self._closed = True
            self._one_free.notify_all()
            self._all_free.notify_all()
            for slot in self._slots:
                slot.close_boxes()
            self._backend.close()

    # --- seats -----------------------------------------------------------------------------------

    def _take(self, *, alone: bool) -> Slot:
        """A free slot, behind those who wait for all of them; `alone`, with all others kept idle."""
        with self._lock:
            if alone or not self._free or self._waiting_alone:
                self._wait(alone=alone)
            if self._closed:
                raise SandboxError("the sandbox is closed")
            if alone:
                self._free = {}
                return self._slots[0]
            slot = max(self._free, key=self._free.__getitem__)
            seats = self._free.pop(slot) - 1
            if seats:
                self._free[slot] = seats
            return slot

    def _give_back(self, slot: Slot, *, alone: bool) -> None:
        with self._lock:
            if alone:
                self._free = dict.fromkeys(self._slots, SEATS)
            else:
                self._free[slot] = self._free.pop(slot, 0) + 1
            if not self._waiting_alone:  # tell exactly those who can go on
                self._one_free.notify(sum(self._free.values()))
            elif self._all_idle():
                self._all_free.notify()

    def _all_idle(self) -> bool:
        return sum(self._free.values()) == self.callers

    def _wait(self, *, alone: bool) -> None:
        """Until a seat is free, or all are. Raises SandboxBusy where too many wait already."""
        if self._waiting >= self._most_waiting:
            raise SandboxBusy(
                f"{self._waiting} jobs wait for the sandbox already; try again later, or allow more "
                "with JUDGE_SANDBOX_WAITING"
            )
        self._waiting += 1
        self._waiting_alone += alone
        try:
            if alone:
                self._all_free.wait_for(lambda: self._closed or self._all_idle())
            else:
                self._one_free.wait_for(
                    lambda: self._closed or (self._free and not self._waiting_alone)
                )
        finally:
            self._waiting -= 1
            self._waiting_alone -= alone
