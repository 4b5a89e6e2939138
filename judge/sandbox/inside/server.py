"""The fork server: pid 1 of a box, which starts one sealed child a job and says how it ended.

Theory of operation. Actors: the *host* (judge), this *server* (root of the box, holding three
capabilities and no job's text), and one *child* at a time (the slot's user, no capability). The
host sends, over a unix socket, a fixed header of limits together with the child's descriptors:

    0 stdin   1 stdout   2 stderr   3 results   4 the job's text   5, 6 call pipes (examined jobs)

all made fresh by the host for this job, so no state passes from child to child, and neither source
nor inputs nor results ever enter this process: a later child that scans its memory, a copy of
ours, finds nothing. The server forks, watches the child's CPU clock and the wall clock, kills by
limit, reaps, and answers with what the kernel counted. A byte (or the end) on the socket while a
child runs means: kill it now.

An interpreter is warmed up before it is sealed: a trusted snippet is compiled, called and encoded
often enough that children inherit the specialised state instead of each paying for it.
"""

import ctypes
import gc
import json
import os
import random
import resource
import select
import signal
import socket
import struct
import sys
import time
from typing import NamedTuple

from judge.sandbox.inside import child, examiner, programs, seal, serving
from judge.sandbox.inside.jobs import JobText, Mode, compose

HEADER = struct.Struct("<BBxxIQQQd")
"""mode, threads wanted, memory MiB, output bytes, CPU µs, CPU µs an example, wall seconds."""
ANSWER = struct.Struct("<BBBxIQQQ")
"""exited 0 / signalled 1, code or signal, killed by, then 4 bytes 0, CPU µs, wall µs, memory KiB."""
READY = b"ready"
KILLED_BY = ("", "cpu", "wall", "cancel")
MOST_DESCRIPTORS = 7
_ADDRESS_SLACK = 768 << 20
"""Address space beyond the memory limit: the interpreter, libraries, the reserve of 64 threads."""
_FIRST_FREE = 10  # below: descriptors of children, kept taken here so that dup2 never collides

_fork = ctypes.PyDLL(None).fork  # os.fork's bookkeeping is for threads, of which there are none

WARM_UP = """
from typing import List, Optional
import collections
class Solution:
    def solve(self, numbers: List[int], text: str) -> List[str]:
        seen = collections.defaultdict(list)
        for index, number in enumerate(sorted(numbers, key=lambda n: (-n, n))):
            seen[number % 3].append(str(number) + text[index % len(text)])
        best, words = 0.5, {word: len(word) for part in seen.values() for word in part}
        while best < 9 and words:
            best += max(words.values()) / 2
        try:
            return [f"{k}:{v:.2f}" for k, v in sorted(words.items())] + [str(best), text[::-1]]
        except KeyError as error:
            raise ValueError("never") from error
"""
PRELOADED = (
    "bisect cmath collections copy dataclasses datetime decimal enum fractions functools hashlib "
    "heapq itertools json math operator random re statistics string struct typing"
)


class Limits(NamedTuple):
    """A job's header."""

    mode: int
    threads: int
    memory_mb: int
    output_bytes: int
    cpu_us: int
    example_cpu_us: int
    wall_seconds: float


def main() -> None:
    """Serve jobs until the host hangs up. Never returns."""
    settings = json.loads(sys.argv[1])
    uid = int(settings["uid"])
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # which pid 1 does not get from its own children
    control = _settle_descriptors(int(settings["socket"]))
    for name in PRELOADED.split():
        __import__(name)
    child.prepare()
    _warm_up()
    random.seed(0)  # solutions that draw lots draw the same ones in a replay
    seal.seal_server()
    gc.collect()
    gc.freeze()
    gc.disable()
    os.dup2(0, 2)  # until here, errors went to whoever started the box
    control.sendall(READY)
    while True:
        frame, fds, _, _ = socket.recv_fds(control, HEADER.size, MOST_DESCRIPTORS)
        if not frame:
            os._exit(0)
        if len(frame) != HEADER.size:
            continue  # a request to end a job that had ended by itself
        control.sendall(_serve(Limits(*HEADER.unpack(frame)), fds, uid, control))


def _settle_descriptors(number: int) -> socket.socket:
    null = os.open("/dev/null", os.O_RDWR)
    moved = os.dup(number)
    while moved < _FIRST_FREE:
        moved = os.dup(number)
    for low in range(_FIRST_FREE):
        if low != 2:
            os.dup2(null, low)
    os.closerange(_FIRST_FREE, moved)
    os.closerange(moved + 1, 1024)
    return socket.socket(fileno=moved)


def _warm_up() -> None:
    """Walk the paths a child will walk, on a trusted snippet, with the results thrown away."""
    text = compose(
        {
            "name": "solve",
            "owner": "Solution",
            "types": ["list[int]", "str"],
            "returns": "",
            "in_place": None,
            "digests": True,
        },
        ['[[3,1,2,9,7,12],"abc"]', '[[5,{"$tuple":[1,2]}],"xy"]'],
        "import math",
        WARM_UP,
    )
    for _ in range(20):
        child.run_calls(Mode.FUNCTION, JobText.parse(text), _FIRST_FREE - 1, 1 << 20)
        serving.rehearse()
        examiner.rehearse()
    sys.modules.pop(child.MODULE, None)


def _serve(limits: Limits, fds: list[int], uid: int, control: socket.socket) -> bytes:
    started = time.monotonic()
    pid = _fork()
    if pid == 0:
        _become(limits, fds, uid)
    results = fds[3]
    for fd in fds:
        if fd != results:
            os.close(fd)
    if pid < 0:
        os._exit(71)  # no memory for a child: the host sees the server go and blames itself
    killed_by = _watch(pid, limits, started + limits.wall_seconds, results, control)
    os.close(results)
    _, status, usage = os.wait4(pid, 0)
    _sweep()
    wall_us = int((time.monotonic() - started) * 1e6)
    spent_us = int((usage.ru_utime + usage.ru_stime) * 1e6)
    signalled = os.WIFSIGNALED(status)
    code = os.WTERMSIG(status) if signalled else os.WEXITSTATUS(status)
    return ANSWER.pack(signalled, code, killed_by, 0, spent_us, wall_us, usage.ru_maxrss)


def _watch(pid: int, limits: Limits, deadline: float, results: int, control: socket.socket) -> int:
    """Wait for the child's end, or bring it about; an index into KILLED_BY.

    An example's own clock starts over when the results have grown. A solution can make them grow
    by itself, at the price of its answers; the limit on the whole still holds.
    """
    watched = os.pidfd_open(pid)
    poller = select.poll()
    poller.register(watched, select.POLLIN)
    poller.register(control, select.POLLIN)
    clock = (~pid << 3) | 2  # the CPU clock of all threads of that process
    whole, each = limits.cpu_us / 1e6, (limits.example_cpu_us or limits.cpu_us) / 1e6
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
            if ready:
                os.kill(pid, signal.SIGKILL)
                return 3
    finally:
        os.close(watched)


def _sweep() -> None:
    """Nothing may outlive its job: everything in this pid namespace but us is killed and reaped."""
    try:
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        return  # the usual case: there is nobody
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _become(limits: Limits, fds: list[int], uid: int) -> None:
    """The child's first steps: its own descriptors, limits and rights; then the job. No return."""
    try:
        for target, fd in enumerate(fds):
            os.dup2(fd, target)
        os.closerange(len(fds), 1024)
        seconds = limits.cpu_us // 1_000_000 + 2
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        stack = resource.getrlimit(resource.RLIMIT_STACK)[1]
        resource.setrlimit(resource.RLIMIT_STACK, (stack, stack))
        memory, output = limits.memory_mb << 20, limits.output_bytes
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
        room = memory + _ADDRESS_SLACK  # stacks are not data, but end here
        resource.setrlimit(resource.RLIMIT_AS, (room, room))
        resource.setrlimit(resource.RLIMIT_FSIZE, (output, output))
        seal.drop(uid, threads=bool(limits.threads))
        gc.enable()
        match Mode(limits.mode):
            case Mode.EXAMINE:
                examiner.main()
            case Mode.SERVE:
                serving.main()
            case Mode.PROGRAM:
                programs.main()
            case _:
                child.main(Mode(limits.mode))
    except BaseException:
        os._exit(70)
    os._exit(0)


if __name__ == "__main__":
    main()
