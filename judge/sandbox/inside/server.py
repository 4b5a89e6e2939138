"""The fork server: pid 1 of a box, which starts one sealed child a job and says how it ended.

Theory of operation. Actors: the *host* (judge), this *server* (a user of the box's own with three
capabilities and no job's text), and one *child* at a time (another user, no capability). The
host sends, over a unix socket, a fixed header of limits together with the child's descriptors:

    0 stdin   1 stdout   2 stderr   3 results   4 the job's text   5, 6 call pipes (examined jobs)

all made fresh for this job, by the host or (the null device) by the child, so no state passes from
child to child, and neither source nor inputs nor results ever enter this process: a later child that
scans its memory, a copy of ours, finds nothing. The server forks, watches the child's CPU clock and the wall clock, kills by
limit, reaps it and whatever else is left in the pid namespace, and answers with what the kernel
counted. A byte (or the end) on the socket while a child runs means: kill it now; a whole header is
the next job, sent ahead so that no time is lost between two.

Nothing of a job may reach the next one. A child may write to `/tmp` and `/dev/shm`; whatever it did
there shows in the time of the folder, the answer then says so and the server ends: cleaning up after
hostile names would still leave times and inode numbers to read. Threads use up process numbers,
which the next child could read off its own: after a job with threads the server moves them on by
lot, or ends when there were many.

The interpreter is warmed up (warming.py) before it is sealed.
"""

import ctypes
import gc
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from judge.sandbox.inside import child, examiner, programs, seal, serving, warming
from judge.sandbox.inside.jobs import HEADER, MOST_HEADER, Mode, Order
from judge.sandbox.inside.landlock import CHANGEABLE
from judge.sandbox.inside.mappings import join_mappings
from judge.sandbox.inside.starting import FIRST_FREE, connection, settle_descriptors

ANSWER = struct.Struct("<IBBBBIQQQ")
"""the job's number, exited 0 / signalled 1, code or signal, killed by, files left, kills by the
kernel for want of memory, CPU µs, wall µs, memory KiB."""
MOST_READY = 1024
"""Bytes of the JSON object that says the server is ready, and what holds it: `landlock`, `python`."""
KILLED_BY = ("", "cpu", "wall", "cancel")
_INTS = struct.Struct("7i")
_ROOM_FOR_DESCRIPTORS = socket.CMSG_SPACE(_INTS.size)
_ADDRESS_SLACK = 768 << 20
"""Address space beyond the memory limit: the interpreter, libraries, the reserve of 64 threads."""

SOON_SECONDS = 0.02
MOST_NUMBERS = 64
"""Process numbers that a job with threads may use up without costing its box."""
_STACK_BYTES = resource.getrlimit(resource.RLIMIT_STACK)[1]
_CHILD_ENDED = {signal.SIGCHLD}

_libc = ctypes.CDLL(None)
_fork = ctypes.PyDLL(None).fork  # os.fork's bookkeeping is for threads, of which there are none


def main() -> None:
    """Serve jobs until the host hangs up. Never returns."""
    settings = json.loads(sys.argv[1])
    uid = int(settings["uid"])
    os.environ.pop("HOSTNAME", None)  # an engine's gift: the same in every backend is none
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # which pid 1 does not get from its own children
    control, kills = settle_descriptors(connection(settings["socket"]), settings["kills"])
    warming.preload(settings["packages"])
    warming.warm_up(FIRST_FREE - 1)
    join_mappings()
    landlock = seal.seal_server(int(settings["server"]))
    gc.collect()
    gc.freeze()
    gc.disable()
    os.dup2(0, 2)  # until here, errors went to whoever started the box
    ready = {
        "landlock": landlock,
        "python": sys.implementation.name + ".".join(map(str, sys.version_info[:3])),
        "kills": kills is not None,
    }
    control.sendall(json.dumps(ready).encode())
    scratch = [place for place in CHANGEABLE if os.path.isdir(place)]  # noqa: PTH112 - no pathlib in the box
    box = Box(control, uid, kills, _oom_kills(kills), scratch, _changed(scratch))
    signal.pthread_sigmask(signal.SIG_BLOCK, _CHILD_ENDED)
    buffer = bytearray(MOST_HEADER)
    while True:
        size, passed, _, _ = control.recvmsg_into([buffer], _ROOM_FOR_DESCRIPTORS)
        if not size:
            os._exit(0)
        if size < HEADER.size:
            continue  # a request to end a job that had ended by itself
        order = Order._make(HEADER.unpack_from(buffer))
        entry = json.loads(buffer[HEADER.size : size])
        fds = _INTS.unpack(passed[0][2].ljust(_INTS.size, b"\xff"))
        answer, spent = _serve(order, entry, [fd for fd in fds if fd >= 0], box)
        control.sendall(answer)
        if spent:  # whatever is queued behind must not find what this job has left
            os._exit(0)


class Box(NamedTuple):
    """What the server holds between jobs."""

    control: socket.socket
    uid: int
    kills: int | None
    """The file in which the kernel counts its kills for want of memory, open."""
    kills_before: int
    scratch: list[str]
    """The folders where a child may write."""
    changed_before: list[int]


def _oom_kills(kills: int | None) -> int:
    """How often the kernel has killed in this box for want of memory."""
    if kills is None:
        return 0
    words = os.pread(kills, 4096, 0).split()
    return int(words[words.index(b"oom_kill") + 1]) if b"oom_kill" in words else 0


def _changed(scratch: list[str]) -> list[int]:
    """When anything was made, moved or removed in each folder where a child may write."""
    return [os.stat(place).st_ctime_ns for place in scratch]  # noqa: PTH116 - no pathlib in the box


def _serve(order: Order, entry: dict[str, Any], fds: list[int], box: Box) -> tuple[bytes, bool]:
    """Run one job: the answer, and whether the box can take no other job after it."""
    started = time.monotonic()
    pid = _fork()
    if pid == 0:
        _become(order, entry, fds, box.uid)
    if pid < 0:
        os._exit(71)  # no memory for a child: the host sees the server go and blames itself
    results, pipes = fds[_RESULTS_AT[order.mode]], _PIPES_AT[order.mode]
    for fd in fds[pipes:]:  # none may have an end here
        os.close(fd)
    killed_by, (ended, status, usage) = 0, _wait_briefly(pid, order)
    if not ended:
        killed_by = _watch(pid, order, started + order.wall_seconds, results, box.control)
        _, status, usage = os.wait4(pid, 0)
        signal.sigtimedwait(_CHILD_ENDED, 0)  # or the next job would take it for its own child's
    for fd in fds[:pipes]:  # not earlier: until now a page that is touched is a page that is copied
        os.close(fd)
    spent = usage.ru_utime + usage.ru_stime + _sweep()
    wall = time.monotonic() - started
    signalled = os.WIFSIGNALED(status)
    code = os.WTERMSIG(status) if signalled else os.WEXITSTATUS(status)
    left = _changed(box.scratch) != box.changed_before
    if order.threads and not left:
        left = _numbers_tell(pid)
    kills = _oom_kills(box.kills) - box.kills_before if signalled else 0
    times = int(spent * 1e6), int(wall * 1e6)
    answer = ANSWER.pack(
        order.number, signalled, code, killed_by, left, kills, *times, usage.ru_maxrss
    )
    return answer, left or kills > 0


def _wait_briefly(pid: int, order: Order) -> tuple[int, int, resource.struct_rusage]:
    """What wait4 says of the child, after a short wait: most children end in it, and it costs one
    call where watching costs ten. A stopped child sends the signal, too."""
    most = min(order.cpu_us, order.example_cpu_us or order.cpu_us) / 1e6
    signal.sigtimedwait(_CHILD_ENDED, min(SOON_SECONDS, most, order.wall_seconds))
    return os.wait4(pid, os.WNOHANG)


def _watch(pid: int, order: Order, deadline: float, results: int, control: socket.socket) -> int:
    """Wait for the child's end, or bring it about; an index into KILLED_BY.

    An example's own clock starts over when the results have grown. A solution can make them grow
    by itself, at the price of its answers; the limit on the whole still holds.
    """
    whole, each = order.cpu_us / 1e6, (order.example_cpu_us or order.cpu_us) / 1e6
    watched = os.pidfd_open(pid)
    poller = select.poll()
    poller.register(watched, select.POLLIN)
    poller.register(control, select.POLLIN)
    clock = (~pid << 3) | 2  # the CPU clock of all threads of that process
    seen_size, began_at = 0, 0.0
    try:
        while True:
            try:
                spent = time.clock_gettime(clock)
            except OSError:
                return 0  # already gone
            size = os.fstat(results).st_size
            if size > seen_size:
                seen_size, began_at = size, spent
            cpu_left = min(whole - spent, each - (spent - began_at))
            wall_left = deadline - time.monotonic()
            if cpu_left <= 0 or wall_left <= 0:
                os.kill(pid, signal.SIGKILL)
                return 1 if cpu_left <= 0 else 2
            # several threads spend CPU time faster than the wall clock runs
            ready = {fd for fd, _ in poller.poll(max(1.0, min(cpu_left, wall_left) * 500))}
            if watched in ready:
                return 0
            if ready and _is_told_to_end(control):
                os.kill(pid, signal.SIGKILL)
                return 3
            if ready:  # the next job, queued; from now on only a host that hangs up matters
                poller.modify(control, 0)
    finally:
        os.close(watched)


def _is_told_to_end(control: socket.socket) -> bool:
    """Whether what waits on the socket is a request to end the job, or the host's end."""
    return len(control.recv(HEADER.size, socket.MSG_PEEK)) < HEADER.size


def _numbers_tell(last: int) -> bool:
    """Move the process numbers on by lot, so that the next child learns nothing from its own.
    Whether that is not enough, as the last one used up too many."""
    if not 0 < _use_up_a_number() - last <= MOST_NUMBERS:
        return True
    for _ in range(os.urandom(1)[0] % MOST_NUMBERS):
        _use_up_a_number()
    return False


def _use_up_a_number() -> int:
    pid = _fork()
    if pid == 0:
        os._exit(0)
    if pid < 0:
        os._exit(71)
    os.waitpid(pid, 0)
    return int(pid)


def _sweep() -> float:
    """Nothing may outlive its job: everything in this pid namespace but us is killed and reaped.
    The CPU seconds that it had used are returned: they are the job's."""
    if _libc.waitpid(-1, None, os.WNOHANG) < 0:
        return 0.0  # the usual case: no child is left, and an orphan would be ours
    spent = 0.0
    while True:
        _libc.kill(-1, signal.SIGKILL)
        try:
            _, _, usage = os.wait4(-1, 0)
        except ChildProcessError:
            return spent
        spent += usage.ru_utime + usage.ru_stime


def _become(order: Order, entry: dict[str, Any], fds: list[int], uid: int) -> None:
    """The child's first steps: its own descriptors, limits and rights; then the job. No return."""
    try:
        null = os.open("/dev/null", os.O_RDWR)  # opened afresh: its flags are state, too
        places = _PLACES[order.mode]
        for target, place in enumerate(places):
            os.dup2(null if place < 0 else fds[place], target)
        os.closerange(len(places), 1024)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _CHILD_ENDED)
        memory = order.memory_mb << 20
        for kind, most in (
            (resource.RLIMIT_CPU, order.cpu_us // 1_000_000 + 2),
            (resource.RLIMIT_STACK, _STACK_BYTES),
            (resource.RLIMIT_DATA, memory),
            (resource.RLIMIT_AS, memory + _ADDRESS_SLACK),  # stacks are not data, but end here
            (resource.RLIMIT_FSIZE, order.output_bytes),
        ):
            resource.setrlimit(kind, (most, most))
        seal.drop(uid, threads=order.threads)
        gc.enable()
        _RUN[order.mode](order, entry)
    except BaseException:
        os._exit(70)
    os._exit(0)


_PLACES: dict[int, tuple[int, ...]] = {
    int(Mode.FUNCTION): (-1, 0, 0, 1, 2),
    int(Mode.CLASS): (-1, 0, 0, 1, 2),
    int(Mode.PROGRAM): (0, 1, 2, 3, 4),
    int(Mode.SERVE): (-1, 0, 0, -1, 1, 2, 3),
    int(Mode.EXAMINE): (-1, -1, -1, 0, 1, 2, 3),
}
"""Which of the descriptors handed over becomes the child's 0, 1, 2, ..; -1 is the null device."""
_RESULTS_AT = {mode: max(places[3], 0) for mode, places in _PLACES.items()}
_PIPES_AT = {mode: places[4] + 1 for mode, places in _PLACES.items()}
_RUN: dict[int, Callable[[Order, dict[str, Any]], None]] = {
    int(Mode.FUNCTION): child.main,
    int(Mode.CLASS): child.main,
    int(Mode.PROGRAM): programs.main,
    int(Mode.SERVE): serving.main,
    int(Mode.EXAMINE): examiner.main,
}


if __name__ == "__main__":
    main()
