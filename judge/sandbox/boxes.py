"""A box on the host's side: hand it jobs, hear how they ended, end it.

However a box was started (namespaces.py, docker.py), it is talked to over one unix socket
(inside/server.py). One that answers late, short or not at all is a SandboxError: the caller closes
it and opens another.
"""

import contextlib
import json
import os
import select
import socket
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from judge.errors import SandboxError
from judge.sandbox.base import Usage
from judge.sandbox.inside.jobs import HEADER, MOST_HEADER, Mode, Text
from judge.sandbox.inside.server import ANSWER, KILLED_BY, MOST_READY
from problems.problem import Limits

START_SECONDS = 30.0
GRACE_SECONDS = 15.0


class NotStarted(Exception):
    """The box was used up by the job before; this one has not been begun and can have another box."""


class Box:
    """One fork server behind its wall. `end` kills it and frees what it held; `allow` raises the
    memory limit of all of it, if something limits it.

    A second job may be sent while one runs; answers come in the order of the jobs, and each waits
    for the one before. Who sends must keep others from sending (slots.py)."""

    def __init__(
        self,
        connection: socket.socket,
        end: Callable[[], None],
        allow: Callable[[int], None] | None = None,
    ) -> None:
        self._socket, self._end, self._allow = connection, end, allow
        self._allowed_mb = 0
        self._poller = select.poll()
        self._poller.register(connection, select.POLLIN)
        self._last_answer = threading.Lock()
        self.jobs = 0
        self.in_flight = 0
        """Jobs handed over and not yet answered; who waits for the answer counts down."""
        self.spent = False
        """Whether it takes no further job."""
        self.facts: dict[str, object] = {}

    def wait_ready(self) -> bool:
        """Wait for its first words, which say what holds it; False when there are none."""
        self._socket.settimeout(START_SECONDS)
        try:
            said = json.loads(self._socket.recv(MOST_READY))
        except (OSError, ValueError):
            return False
        self.facts = said if isinstance(said, dict) else {}
        return bool(self.facts)

    def start(
        self,
        mode: Mode,
        text: Text,
        limits: Limits,
        wall_seconds: float,
        fds: Sequence[int],
        *,
        threads: bool,
        exact: bool = True,
    ) -> "Ticket":
        """Hand a job over, with the descriptors of its child; `finish` must follow."""
        self.jobs += 1
        # By lot: a child finds it in its memory, and must not learn how many came before.
        number = int.from_bytes(os.urandom(4))
        frame = HEADER.pack(
            number,
            mode,
            threads,
            text.joined,
            exact,
            limits.memory_mb,
            limits.output_bytes + 1,
            int(limits.cpu_seconds * 1e6),
            int(limits.example_cpu_seconds * 1e6),
            wall_seconds,
            text.inputs,
            text.preamble_bytes,
            len(text.content),
        )
        frame += text.entry
        if len(frame) > MOST_HEADER:
            raise SandboxError("the entry of the problem has too many names for a sandbox")
        try:
            self._make_room(limits.memory_mb)
            socket.send_fds(self._socket, [frame], fds)
        except OSError as error:
            with self._last_answer:  # which says why it is gone
                spent = self.spent
            if spent:
                raise NotStarted from None
            raise SandboxError(f"a sandbox process went away ({error})") from None
        self.in_flight += 1
        ticket = Ticket(number, self._last_answer, threading.Lock(), wall_seconds + GRACE_SECONDS)
        ticket.answered.acquire()
        self._last_answer = ticket.answered
        return ticket

    def _make_room(self, memory_mb: int) -> None:
        """The backstop only ever grows: what decides a verdict is the limit in the frame."""
        if self._allow and memory_mb > self._allowed_mb:
            self._allow(memory_mb)
            self._allowed_mb = memory_mb

    def cancel(self) -> None:
        """End the running job now."""
        with contextlib.suppress(OSError):
            self._socket.send(b"x")

    def finish(self, ticket: "Ticket") -> Usage:
        """Wait for the job's end. Raises NotStarted where the one before used the box up."""
        try:
            with ticket.before:
                return self._answer(ticket)
        finally:
            ticket.answered.release()

    def _answer(self, ticket: "Ticket") -> Usage:
        spent_before = self.spent
        try:
            self._socket.settimeout(ticket.seconds)
            frame = self._receive()
        except OSError as error:
            if spent_before:
                raise NotStarted from None
            raise SandboxError(f"a sandbox process does not answer ({error})") from None
        if len(frame) != ANSWER.size:
            if spent_before:
                raise NotStarted
            raise SandboxError("a sandbox process ended in the middle of a job")
        number, signalled, code, killed_by, left, kills, *counted = ANSWER.unpack(frame)
        if number != ticket.number:  # counters of one job are no verdict on another
            raise SandboxError(f"a sandbox answered job {number} where {ticket.number} was due")
        cpu_us, wall_us, kib = counted
        self.spent = bool(left or kills)
        return Usage(
            exit_code=0 if signalled else code,
            signal=code if signalled else 0,
            killed_by=KILLED_BY[killed_by],
            cpu_seconds=cpu_us / 1e6,
            wall_seconds=wall_us / 1e6,
            memory_mb=kib / 1024,
            oom_kills=kills,
        )

    def _receive(self) -> bytes:
        """The next answer; empty at the end. A box that ends with a job unread resets the connection,
        and the kernel tells that once, before it hands over the answer that came first."""
        try:
            return self._socket.recv(ANSWER.size)
        except ConnectionResetError:
            return self._socket.recv(ANSWER.size)

    @property
    def alive(self) -> bool:
        """Whether it still listens, as far as that shows without asking it: with no job in flight it
        has nothing to say."""
        return not self._poller.poll(0)

    def close(self) -> None:
        """End the box and everything in it."""
        self._socket.close()
        self._end()


class Ticket(NamedTuple):
    """A job's number, and its place in the order of answers: behind the lock `before`, holding
    `answered`."""

    number: int
    before: threading.Lock
    answered: threading.Lock
    seconds: float
