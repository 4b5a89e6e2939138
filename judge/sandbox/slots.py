"""A slot runs one process at a time, in boxes that it keeps warm between jobs.

Theory of operation. A slot owns a box for solutions and, once an examined problem comes, a second
one for examiners: another process tree, other user ids, other namespaces. For every process the
host makes fresh descriptors, hands them over, waits for the kernel's counters, and reads the files
itself; so a box keeps nothing of a job. A box is replaced after so many jobs, and after any doubt:
files left in its scratch folders, a kill for want of memory, a broken connection. A box that fails
in the middle of a job fails the job as SandboxError: ours, to be run again.

How examples share processes is decided here: all in one, with another process for those behind a
crash or behind an answer that had no room; or one each (programs, and jobs that ask for it).
"""

import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from judge.errors import SandboxError
from judge.sandbox import packing
from judge.sandbox.base import Accept, Ending, Job, Report, Run, Stop, Usage
from judge.sandbox.boxes import Box, NotStarted
from judge.sandbox.descriptors import Descriptors, read, size
from judge.sandbox.inside.jobs import Mode, Text
from problems.problem import Examined, Limits
from problems.values import Wire

EXAMINER_EXTRA_SECONDS = 1.0
EXAMINER_MEMORY_MB = 1024
MOST_KEPT = 256 << 20
"""Bytes of answers that one job may come to, over all its processes."""
LEAST_CPU_SECONDS = 0.01
_SPEAKS_OF_THREADS = re.compile("thread|concurrent|asyncio", re.IGNORECASE)

OpenBox = Callable[[tuple[str, ...]], Box]
"""Starts a box that has imported these packages. Raises SandboxUnavailable."""


class Slot:
    """Runs one process at a time, replacing a box that failed. Two threads may use it: while the
    process of one runs, the other one's is sent ahead. Only an examination has the slot for itself."""

    def __init__(self, open_box: OpenBox, recycle: int) -> None:
        self._open_box, self._recycle = open_box, recycle
        self._boxes: dict[tuple[str, tuple[str, ...]], Box] = {}
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._examining = False

    def run(self, job: Job, accept: Accept | None = None, *, exact: bool = False) -> Report:
        """The job's report; `exact` for a run whose counters decide. Raises SandboxError."""
        if isinstance(job.entry, Examined):
            return self._examine(job, job.entry)
        with self._in_doubt():
            if job.isolated or packing.mode_of(job.entry) is Mode.PROGRAM:
                return self._run_apart(job, accept)
            return self._run_together(job, accept, exact=exact)

    @contextmanager
    def _in_doubt(self) -> Iterator[None]:
        """End every box of the slot on whatever goes wrong."""
        try:
            yield
        except OSError as error:  # no descriptor, no memory, no room: never the solution's fault
            self.close_boxes()
            raise SandboxError(f"the host has no means to run a job now ({error})") from None
        except BaseException:
            self.close_boxes()
            raise

    def box(self, role: str, packages: tuple[str, ...] = ()) -> Box:
        """The slot's box for `solution` or `examiner`, a new one where the old one is used up."""
        key = role, packages
        with self._changed:
            while (box := self._boxes.get(key)) is not None and self._is_used_up(box):
                if box.in_flight:
                    self._changed.wait()
                elif self._boxes.get(key) is box:
                    del self._boxes[key]
                    box.close()
            if box is None:
                box = self._boxes[key] = self._open_box(packages)
            return box

    def _is_used_up(self, box: Box) -> bool:
        if box.in_flight:
            return box.spent
        return box.spent or box.jobs >= self._recycle or not box.alive

    def close_boxes(self) -> None:
        """End every process of the slot; the next job starts new ones."""
        with self._lock:
            while self._boxes:
                self._boxes.popitem()[1].close()

    def _process(
        self,
        job: Job,
        mode: Mode,
        text: Text,
        limits: Limits,
        wall: float,
        fds: Sequence[int],
        *,
        exact: bool = True,
    ) -> Usage:
        """Run one process of a solution, behind whatever its box runs already."""
        threads = _wants_threads(job)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: not self._examining)
                box = self.box("solution", job.packages)
                try:
                    ticket = box.start(mode, text, limits, wall, fds, threads=threads, exact=exact)
                except NotStarted:
                    continue
            try:
                return box.finish(ticket)
            except NotStarted:
                continue
            finally:
                with self._changed:
                    box.in_flight -= 1
                    if not box.in_flight:
                        self._changed.notify_all()

    # --- examples in one process -----------------------------------------------------------------

    def _run_together(self, job: Job, accept: Accept | None, *, exact: bool) -> Report:
        """One process for as many examples as it survives, then another. At first answers may be
        gathered, which is faster; where a process then ends oddly, nobody can tell on which example,
        and all of it is run again, exactly."""
        exact = exact or bool(job.limits.example_cpu_seconds)
        report = self._together(job, accept, exact=exact)
        return report or self._together(job, accept, exact=True) or Report(())

    def _together(self, job: Job, accept: Accept | None, *, exact: bool) -> Report | None:
        """The report, CPU, wall time and bytes counted over all processes; None for an odd end
        while answers were gathered."""
        runs: list[Run] = []
        usage, printed = Usage(), ""
        limits, count, wall = job.limits, len(job.inputs), job.limits.wall_seconds
        rest, share, time_left = job.inputs, limits, wall
        while True:
            calls, ended, output = self._call(job, rest, share, time_left, exact=exact)
            if calls.odd and not exact:
                return None
            if calls.settled == count:  # as nearly always
                usage, runs, printed = ended, list(calls.runs), output
                break
            usage, printed = packing.summed(usage, ended), printed or output
            runs += calls.runs[: calls.settled]
            if len(runs) >= count or not calls.loaded:
                break
            if ended.killed_by and job.stop is not Stop.NEVER:
                break
            if job.stop is Stop.FAILURE and _failure(runs, accept) is not None:
                break
            if (limit := _used_up(runs, usage, limits)) and ended.killed_by:
                break
            if limit:
                usage, runs = packing.stopped(usage, runs, limit)
                break
            left = max(limits.cpu_seconds - usage.cpu_seconds, LEAST_CPU_SECONDS)
            rest, time_left = job.inputs[len(runs) :], wall - usage.wall_seconds
            share = replace(limits, cpu_seconds=left)
        if job.stop is Stop.FAILURE and (failed := _failure(runs, accept)) is not None:
            del runs[failed + 1 :]
        runs += [Run(Ending.NOT_RUN)] * (count - len(runs))
        return Report(tuple(runs), usage, printed)

    def _call(
        self, job: Job, inputs: Sequence[Wire], limits: Limits, wall: float, *, exact: bool
    ) -> tuple[packing.Calls, Usage, str]:
        limit = limits.output_bytes
        with Descriptors() as own:
            text, out, results = packing.pack(job, inputs), own.memory(), own.memory()
            fds = (out, results, own.memory(text.content))
            mode = packing.mode_of(job.entry)
            usage = self._process(job, mode, text, limits, wall, fds, exact=exact)
            printed, answered = size(out), size(results)
            usage = packing.limit_reached(usage, (printed, answered), limit)
            lines = read(results, min(answered, limit + 1))
            calls = packing.read_calls(len(inputs), lines, usage)
            return calls, usage, packing.kept(read(out, min(printed, packing.MAX_KEPT)))

    # --- a process an example --------------------------------------------------------------------

    def _run_apart(self, job: Job, accept: Accept | None) -> Report:
        """A process an example; by default the first that meets a limit ends the job, as the rest
        would cost as much again."""
        runs: list[Run] = []
        usage, stdout, stderr, kept = Usage(), "", "", 0
        for given in job.inputs:
            if packing.mode_of(job.entry) is Mode.PROGRAM:
                run, ended, stdout, stderr = self._script(job, given)
            else:
                each = job.limits.example_cpu_seconds or job.limits.cpu_seconds
                limits = replace(job.limits, cpu_seconds=each)
                wall = limits.wall_seconds
                calls, ended, stdout = self._call(job, [given], limits, wall, exact=True)
                run = calls.runs[0]
            usage = packing.worse(usage, ended)
            runs.append(run)
            kept += len(run.value or "")
            if kept > MOST_KEPT:
                usage, runs = packing.stopped(usage, runs[:-1], "stdout")
                break
            if run.ending is Ending.REFUSED:  # as it will be again
                runs += [run] * (len(job.inputs) - len(runs))
            if job.stop is not Stop.NEVER and ended.killed_by:
                break
            if job.stop is Stop.FAILURE and _failure(runs, accept) is not None:
                break
        runs += [Run(Ending.NOT_RUN)] * (len(job.inputs) - len(runs))
        return Report(tuple(runs[: len(job.inputs)]), usage, stdout, stderr)

    def _script(self, job: Job, given: Wire) -> tuple[Run, Usage, str, str]:
        limits = job.limits
        with Descriptors() as own:
            stdin = own.memory(json.loads(given).encode("utf-8", "surrogateescape"))
            text, out, err, results = (
                packing.pack(job, ()),
                own.memory(),
                own.memory(),
                own.memory(),
            )
            fds = (stdin, out, err, results, own.memory(text.content))
            usage = self._process(job, Mode.PROGRAM, text, limits, limits.wall_seconds, fds)
            sizes = size(out), size(err)
            usage = packing.limit_reached(usage, sizes, limits.output_bytes)
            printed = read(out, min(sizes[0], limits.output_bytes))
            complaint = read(err, min(sizes[1], packing.MAX_KEPT))
            run = packing.read_program(read(results, packing.MAX_KEPT), printed, usage)
            return run, usage, packing.kept(printed), packing.kept(complaint)

    # --- examined --------------------------------------------------------------------------------

    def _examine(self, job: Job, entry: Examined) -> Report:
        """Both processes of an examination, with nothing of anybody else's in their boxes."""
        with self._changed:
            self._changed.wait_for(lambda: not self._examining)
            self._examining = True
            self._changed.wait_for(lambda: not any(box.in_flight for box in self._boxes.values()))
        try:
            with self._in_doubt():  # before anybody queues behind a job whose answer nobody takes
                return self._examine_alone(job, entry)
        finally:
            with self._changed:
                self._examining = False
                self._changed.notify_all()

    def _examine_alone(self, job: Job, entry: Examined) -> Report:
        limits, wall = job.limits, job.limits.wall_seconds
        patient = Limits(limits.cpu_seconds + EXAMINER_EXTRA_SECONDS, memory_mb=EXAMINER_MEMORY_MB)
        solution, examiner = self.box("solution", job.packages), self.box("examiner", job.packages)
        with Descriptors() as own:
            out, verdict = own.memory(), own.memory()
            text, check = packing.pack(job, ()), packing.pack_check(entry)
            calls_in, calls_out = own.pipe()
            answers_in, answers_out = own.pipe()
            fds = (out, own.memory(text.content), calls_in, answers_out)
            threads = _wants_threads(job)
            asked = solution.start(Mode.SERVE, text, limits, wall, fds, threads=threads)
            fds = (verdict, own.memory(check.content), answers_in, calls_out)
            extra = wall + EXAMINER_EXTRA_SECONDS
            asking = examiner.start(Mode.EXAMINE, check, patient, extra, fds, threads=False)
            own.close(calls_in, calls_out, answers_in, answers_out)
            examined = examiner.finish(asking)
            solution.cancel()
            usage = solution.finish(asked)
            examiner.in_flight = solution.in_flight = 0
            usage = packing.limit_reached(usage, (size(out),), limits.output_bytes)
            run = packing.read_examination(read(verdict, 65_536), examined, usage)
            return Report((run,), usage, packing.kept(read(out, packing.MAX_KEPT)))


def _used_up(runs: Sequence[Run], usage: Usage, limits: Limits) -> str:
    """The limit that leaves no room for another process, if one does."""
    if packing.size(runs) > MOST_KEPT:
        return "stdout"
    if usage.wall_seconds >= limits.wall_seconds:
        return "wall"
    return "cpu" if usage.cpu_seconds >= limits.cpu_seconds else ""


def _failure(runs: Sequence[Run], accept: Accept | None) -> int | None:
    """The index of the first run without an accepted answer."""
    for index, run in enumerate(runs):
        if run.ending is not Ending.RETURNED or (accept and not accept(index, run)):
            return index
    return None


def _wants_threads(job: Job) -> bool:
    return _SPEAKS_OF_THREADS.search(job.source) is not None
