"""A box whose other end misbehaves: whatever it says, no job gets another one's counters, and
nobody waits for ever."""

import socket
import threading
import time
from itertools import pairwise
from types import SimpleNamespace

import pytest

from judge.errors import SandboxError
from judge.sandbox.base import Job
from judge.sandbox.boxes import Box, NotStarted
from judge.sandbox.inside.jobs import HEADER, Mode, Text
from judge.sandbox.inside.server import ANSWER
from judge.sandbox.slots import Slot
from problems.problem import Examined, Function, Limits
from problems.values import encode


@pytest.fixture
def pair():
    """A box and the end of its socket where a server would be."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        theirs.settimeout(10)
        yield Box(ours, theirs.close), theirs


def start(box):
    return box.start(
        Mode.PROGRAM,
        Text(b"{}", 0, joined=False, preamble_bytes=0, content=b""),
        Limits(),
        1.0,
        [],
        threads=False,
    )


def wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def number_of(header):
    return HEADER.unpack_from(header)[0]


def answer(number, code=0, left=0):
    return ANSWER.pack(number, 0, code, 0, left, 0, 1, 1, 1)


def test_the_answer_to_a_job_carries_its_number(pair):
    box, server = pair
    ticket = start(box)
    server.send(answer(number_of(server.recv(1 << 16)), 3))
    assert box.finish(ticket).exit_code == 3


def test_an_answer_to_another_job_is_a_fault_of_ours(pair):
    box, server = pair
    first, second = start(box), start(box)
    numbers = [number_of(server.recv(1 << 16)) for _ in range(2)]
    server.send(answer(numbers[1]))
    with pytest.raises(SandboxError, match="answered job"):
        box.finish(first)
    server.send(answer(numbers[0]))
    with pytest.raises(SandboxError, match="answered job"):
        box.finish(second)


def test_a_box_that_ends_with_a_job_unread_still_says_how_the_one_before_ended(pair):
    """The kernel tells of the reset before it hands over the answer; who took the next answer for
    his own would give one solution the end of another."""
    box, server = pair
    first, second = start(box), start(box)
    number = number_of(server.recv(1 << 16))
    server.send(answer(number, 3, left=1))
    server.close()
    assert box.finish(first).exit_code == 3
    with pytest.raises(NotStarted):
        box.finish(second)


def test_numbers_tell_a_child_nothing_of_the_jobs_before(pair):
    box, server = pair
    numbers = []
    for _ in range(64):
        start(box)
        numbers.append(number_of(server.recv(1 << 16)))
    assert len(set(numbers)) == 64
    steps = {(two - one) % 2**32 for one, two in pairwise(numbers)}
    assert len(steps) > 32


def test_nobody_queues_behind_an_examination_that_fell_over(monkeypatch):
    """The examiner's box breaks off; a job that waited for the slot gets a fresh box, however long
    it takes to end the old ones."""
    close_boxes = Slot.close_boxes

    def slowly(slot):
        time.sleep(0.3)
        close_boxes(slot)

    monkeypatch.setattr(Slot, "close_boxes", slowly)
    ends = []

    def open_box(_packages):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        theirs.settimeout(10)
        ends.append(theirs)
        return Box(ours, theirs.close)

    slot = Slot(open_box, 100)
    entry = Examined("f", "def check(f): pass", ("f",))
    job = Job("def f(): pass", entry, (), Limits())
    other = Job("def f(x): return x", Function("f"), (encode([1]),), Limits())
    said = SimpleNamespace(examined=None, other=None)

    def examine():
        with pytest.raises(SandboxError) as caught:
            slot.run(job)
        said.examined = caught.value

    def run_other():
        with pytest.raises(SandboxError) as caught:
            slot.run(other)
        said.other = caught.value

    examining = threading.Thread(target=examine, daemon=True)
    examining.start()
    while len(ends) < 2:
        pass
    wait_for(lambda: len(ends) == 2)
    ends[1].recv(1 << 16)  # the check has arrived
    waiting = threading.Thread(target=run_other, daemon=True)
    waiting.start()
    waiting.join(0.2)
    ends[1].shutdown(socket.SHUT_RDWR)
    examining.join(10)
    wait_for(lambda: len(ends) == 3)
    assert number_of(ends[2].recv(1 << 16))
    ends[2].shutdown(socket.SHUT_RDWR)
    waiting.join(10)
    assert not waiting.is_alive()
    assert said.examined is not None and said.other is not None
