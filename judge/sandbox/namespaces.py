"""The namespaces backend: warm fork servers in boxes of their own, without a daemon or an image.

Theory of operation. A *slot* runs one job at a time. It owns a *box* for solutions and, once an
examined problem comes, a second one for examiners: another process tree, another user id, another
set of namespaces (boxes.py). For every job the host makes
fresh memory files and pipes, hands them over, waits for the kernel's counters, and reads the files
itself; so a box keeps nothing of a job. A box that answers late, short or not at all is killed and
replaced, and the job fails as SandboxError: ours, to be run again.
"""

import contextlib
import json
import os
import platform
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from judge.errors import SandboxError, SandboxUnavailable
from judge.sandbox import packing
from judge.sandbox.base import Accept, Ending, Host, Job, Report, Run, Usage
from judge.sandbox.boxes import CODE, Box
from judge.sandbox.inside.child import FULL
from judge.sandbox.inside.jobs import Mode
from problems.problem import Examined, Limits
from problems.values import Wire

EXAMINER_EXTRA_SECONDS = 1.0
EXAMINER_MEMORY_MB = 1024
MOST_KEPT = 256 << 20
"""Bytes of answers that one job may come to, over all its processes."""
_THREAD_WORDS = ("thread", "concurrent", "asyncio")


class Slot:
    """Runs one job at a time, replacing a box that failed."""

    def __init__(self, python: Path) -> None:
        self._python = python
        self._boxes: dict[str, Box] = {}

    def run(self, job: Job) -> Report:
        """The job's report. Raises SandboxError."""
        try:
            if isinstance(job.entry, Examined):
                return self._examine(job, job.entry)
            if packing.mode_of(job.entry) is Mode.PROGRAM:
                return self._run_program(job)
            return self._run_calls(job)
        except BaseException:
            self.close_boxes()
            raise

    def _box(self, name: str) -> Box:
        if name not in self._boxes:
            self._boxes[name] = Box(self._python)
        return self._boxes[name]

    def close_boxes(self) -> None:
        """End every process of the slot; the next job starts new ones."""
        while self._boxes:
            self._boxes.popitem()[1].close()

    def _run_calls(self, job: Job) -> Report:
        """All inputs in one process, and in another one what that one had no room to answer; CPU,
        wall time and bytes are counted over all of them."""
        wall = job.limits.wall_seconds
        report = self._some_calls(job, job.inputs, wall)
        while report.usage.exit_code == FULL and (done := packing.answered(report.runs)):
            kept = packing.size(report.runs)
            used = report.usage
            if kept > MOST_KEPT or used.wall_seconds >= wall:
                return packing.stopped(report, "stdout" if kept > MOST_KEPT else "wall")
            rest = replace(
                job.limits, cpu_seconds=max(job.limits.cpu_seconds - used.cpu_seconds, 0.01)
            )
            more = self._some_calls(
                replace(job, limits=rest), job.inputs[done:], wall - used.wall_seconds
            )
            if not packing.answered(more.runs) and more.usage.exit_code == FULL:
                return packing.stopped(report, "stdout")
            report = packing.joined(report, done, more)
        return report

    def _some_calls(self, job: Job, inputs: Sequence[Wire], wall: float) -> Report:
        limit, mode = job.limits.output_bytes, packing.mode_of(job.entry)
        with (
            _null() as null,
            _memory(packing.pack(job, inputs)) as text,
            _memory() as out,
            _memory() as results,
        ):
            usage = self._one(job, mode, (null, out, out, results, text), wall)
            usage = packing.limit_reached(usage, (_size(out), _size(results)), limit)
            runs = packing.read_calls(len(inputs), _read(results, limit + 1), usage)
            return Report(runs, usage, packing.kept(_read(out, packing.MAX_KEPT)))

    def _run_program(self, job: Job) -> Report:
        """A process an input; the first that meets a limit ends the job, as the rest would cost
        as much again."""
        runs: list[Run] = []
        usage, stdout, stderr = Usage(), b"", b""
        limit = job.limits.output_bytes
        with _memory(packing.pack(job, ())) as text:
            for given in job.inputs:
                stdin_text = json.loads(given).encode("utf-8", "surrogateescape")
                with (
                    _memory(stdin_text) as stdin,
                    _memory() as out,
                    _memory() as err,
                    _memory() as results,
                ):
                    ended = self._one(job, Mode.PROGRAM, (stdin, out, err, results, text))
                    ended = packing.limit_reached(ended, (_size(out), _size(err)), limit)
                    usage = packing.worse(usage, ended)
                    stdout, stderr = _read(out, limit), _read(err, packing.MAX_KEPT)
                    runs.append(packing.read_program(_read(results, limit), stdout, ended))
                if ended.killed_by:
                    break
        runs += [Run(Ending.NOT_RUN)] * (len(job.inputs) - len(runs))
        return Report(tuple(runs), usage, packing.kept(stdout), packing.kept(stderr))

    def _one(self, job: Job, mode: Mode, fds: Sequence[int], wall: float | None = None) -> Usage:
        box, wall = self._box("solution"), wall or job.limits.wall_seconds
        box.start(mode, job.limits, wall, fds, threads=_wants_threads(job))
        return box.finish()

    def _examine(self, job: Job, entry: Examined) -> Report:
        limits, wall = job.limits, job.limits.wall_seconds
        patient = Limits(limits.cpu_seconds + EXAMINER_EXTRA_SECONDS, EXAMINER_MEMORY_MB)
        solution, examiner = self._box("solution"), self._box("examiner")
        with (
            _null() as null,
            _null() as none,
            _memory(packing.pack(job, ())) as text,
            _memory(packing.pack_check(entry)) as check,
            _memory() as out,
            _memory() as verdict,
        ):
            with _pipe() as (q_read, q_write), _pipe() as (r_read, r_write):
                fds = (null, out, out, null, text, q_read, r_write)
                solution.start(Mode.SERVE, limits, wall, fds, threads=_wants_threads(job))
                fds = (none, none, none, verdict, check, r_read, q_write)
                extra = wall + EXAMINER_EXTRA_SECONDS
                examiner.start(Mode.EXAMINE, patient, extra, fds, threads=False)
            examined = examiner.finish()
            solution.cancel()
            usage = solution.finish()
            usage = packing.limit_reached(usage, (_size(out),), limits.output_bytes)
            run = packing.read_examination(_read(verdict, 65_536), examined, usage)
            return Report((run,), usage, packing.kept(_read(out, packing.MAX_KEPT)))


class NamespacesSandbox:
    """A pool of slots; see judge/sandbox/base.py for the promises."""

    name = "namespaces"

    def __init__(self, workers: int) -> None:
        if platform.system() != "Linux" or platform.machine() != "x86_64":
            raise SandboxUnavailable(
                f"the namespaces sandbox needs Linux on x86_64, not {platform.system()} on "
                f"{platform.machine()}; use Docker on this host"
            )
        self.workers = workers
        python = Path(sys.executable).resolve()
        self._slots = [Slot(python) for _ in range(workers)]
        self._free = list(self._slots)
        self._waiting_alone = 0
        self._closed = False
        self._changed = threading.Condition()

    @cached_property
    def host(self) -> Host:
        """Backend, right kind, interpreter, kernel, and the digest of what runs inside."""
        folders = (CODE / "judge/sandbox/inside", CODE / "problems/values")
        code = b"".join(path.read_bytes() for at in folders for path in sorted(at.glob("*.py")))
        return Host(
            backend=self.name,
            tier=self.tier,
            image="",
            python=f"{platform.python_implementation().lower()}{platform.python_version()}",
            kernel=f"linux{platform.release()}",
            runner=sha256(code).hexdigest()[:12],
            packages=(),
        )

    @property
    def fingerprint(self) -> str:
        """The host in one line."""
        host = self.host
        return f"{host.backend}-{host.tier} {host.python} {host.kernel} {host.runner}"

    @property
    def tier(self) -> str:
        """Root gives children user ids of their own."""
        return "root" if os.geteuid() == 0 else "user"

    def run(
        self,
        job: Job,
        *,
        alone: bool = False,
        accept: Accept | None = None,  # noqa: ARG002 - the modes are to come
    ) -> Report:
        """Run one job, waiting for a free slot (or, `alone`, for all of them)."""
        taken = self._take_all() if alone else self._take_one()
        try:
            return taken[0].run(job)
        finally:
            with self._changed:
                self._free += taken
                self._changed.notify_all()

    def _take_one(self) -> list[Slot]:
        """A free slot, behind those who wait for all of them."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or (self._free and not self._waiting_alone))
            self._refuse_when_closed()
            return [self._free.pop()]

    def _take_all(self) -> list[Slot]:
        with self._changed:
            self._waiting_alone += 1
            try:
                self._changed.wait_for(lambda: self._closed or len(self._free) == self.workers)
            finally:
                self._waiting_alone -= 1
                self._changed.notify_all()
            self._refuse_when_closed()
            return [self._free.pop() for _ in range(self.workers)]

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise SandboxError("the sandbox is closed")

    def close(self) -> None:
        """End every process of the sandbox, once running jobs are done."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._free) == self.workers)
            self._closed = True
            self._changed.notify_all()
            for slot in self._slots:
                slot.close_boxes()


def _wants_threads(job: Job) -> bool:
    return any(word in job.source for word in _THREAD_WORDS)


@contextlib.contextmanager
def _null() -> Iterator[int]:
    """A descriptor of the null device, fresh for one job: its flags and owner are state, too."""
    fd = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


@contextlib.contextmanager
def _memory(content: bytes = b"") -> Iterator[int]:
    """A file in memory, fresh for one job."""
    fd = os.memfd_create("job", os.MFD_CLOEXEC)
    try:
        at = 0
        while at < len(content):
            at += os.pwrite(fd, content[at:], at)
        yield fd
    finally:
        os.close(fd)


@contextlib.contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe2(os.O_CLOEXEC)
    try:
        yield ends
    finally:
        for end in ends:
            os.close(end)


def _size(fd: int) -> int:
    return os.fstat(fd).st_size


def _read(fd: int, most: int) -> bytes:
    """The file's first `most` bytes."""
    content = os.pread(fd, most, 0)
    while len(content) < min(most, _size(fd)) and (
        more := os.pread(fd, most - len(content), len(content))
    ):
        content += more
    return content
