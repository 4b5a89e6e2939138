"""Every promise of a sandbox, attacked: limits, isolation, honest twins, nothing left behind."""

import contextlib
import os
import threading
import time
from pathlib import Path

import pytest

from judge.errors import SandboxError, SandboxUnavailable, UsageError
from judge.sandbox import open_sandbox
from judge.sandbox.base import Ending, Job
from judge.sandbox.leases import Lease, meeting_place
from problems.problem import Class, Examined, Function, Limits, Parameter, Program
from problems.values import Wire, encode

pytestmark = pytest.mark.sandbox
F = Function("f", (Parameter("x"),))
QUICK = Limits(cpu_seconds=0.5, memory_mb=256)


def run(sandbox, source, *arguments, entry=F, limits=QUICK):
    inputs = tuple(encode([argument]) for argument in arguments or (1,))
    return sandbox.run(Job(source, entry, inputs, limits))


def value(sandbox, source, argument=1):
    """What f(argument) returned, as text, or how it ended."""
    only = run(sandbox, source, argument).runs[0]
    return only.value if only.ending is Ending.RETURNED else f"{only.ending} {only.detail}"


def raised(sandbox, statement):
    source = f"import os, sys, socket, resource, ctypes, mmap\ndef f(x):\n    {statement}\n    return 'done'\n"
    return value(sandbox, source)


def test_every_input_gets_its_own_run_in_order(sandbox):
    report = run(sandbox, "def f(x):\n    return x * 2\n", 1, "a", [3])
    assert [only.value for only in report.runs] == ["2", '"aa"', "[3,3]"]
    assert report.usage.cpu_seconds > 0 and report.usage.memory_mb > 1


def test_a_changed_argument_does_not_reach_the_next_run(sandbox):
    source = "seen = []\ndef f(x):\n    x.append(9)\n    return x\n"
    report = run(sandbox, source, [1], [1])
    assert [only.value for only in report.runs] == ["[1,9]", "[1,9]"]


def test_an_exception_ends_one_run_only(sandbox):
    report = run(sandbox, "def f(x):\n    return 1 // x\n", 0, 1)
    assert [only.ending for only in report.runs] == [Ending.RAISED, Ending.RETURNED]
    assert report.runs[0].detail == "ZeroDivisionError"


def test_cpu_time_is_what_counts_and_sleep_meets_the_wall(sandbox):
    little = Limits(cpu_seconds=0.1, memory_mb=256)  # so that the wall is far on a busy host, too
    busy = run(sandbox, "def f(x):\n    while True: pass\n", limits=little)
    assert busy.usage.killed_by == "cpu"
    asleep = run(sandbox, "import time\ndef f(x):\n    time.sleep(60)\n")
    assert asleep.usage.killed_by == "wall" and asleep.usage.cpu_seconds < 0.5


def test_threads_share_one_cpu_limit(sandbox):
    source = (
        "import threading, hashlib\n"
        "def burn():\n    block = bytes(1 << 20)\n    while True: hashlib.sha256(block).digest()\n"
        "def f(x):\n    threads = [threading.Thread(target=burn) for _ in range(4)]\n"
        "    [t.start() for t in threads]; [t.join() for t in threads]\n"
    )
    assert run(sandbox, source).usage.killed_by == "cpu"


def test_one_example_may_have_a_limit_of_its_own(sandbox):
    spin = "import time\ndef f(x):\n    end = time.process_time() + x\n    while time.process_time() < end: pass\n"
    limits = Limits(cpu_seconds=10.0, example_cpu_seconds=0.4)
    assert run(sandbox, spin, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, limits=limits).usage.killed_by == ""
    stuck = run(sandbox, spin, 0.1, 5.0, 0.1, limits=limits)
    assert stuck.usage.killed_by == "cpu" and stuck.usage.cpu_seconds < 3
    assert [only.ending for only in stuck.runs] == [Ending.RETURNED, Ending.KILLED, Ending.NOT_RUN]


@pytest.mark.parametrize(
    "grow",
    [
        "return len(bytearray(10**10))",
        "kept = []\n    while True: kept.append(bytes(1 << 20))",
        "text = 'x'\n    while True: text += text",
        "import mmap\n    m = mmap.mmap(-1, 1 << 30, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n    return m.write(bytes(1 << 30))",
    ],
)
def test_memory_beyond_the_limit_is_a_memory_error(sandbox, grow):
    report = run(sandbox, f"def f(x):\n    {grow}\n", limits=Limits(cpu_seconds=5, memory_mb=256))
    assert report.runs[0].detail in ("MemoryError", "OSError", "signal:9"), report
    assert report.usage.memory_mb < 300


def test_shared_memory_cannot_dodge_the_limit(sandbox):
    assert "PermissionError" in raised(sandbox, "mmap.mmap(-1, 1 << 20)")
    assert "PermissionError" in raised(sandbox, "os.memfd_create('x')")


def test_output_is_capped_to_the_byte(sandbox):
    program = "import sys\nsys.stdout.write('x' * int(input()))\n"
    limits = Limits(output_bytes=100_000)

    def ending(size):
        job = Job(program, Program(), (encode(f"{size}\n"),), limits)
        return sandbox.run(job).runs[0].detail

    assert [ending(99_999), ending(100_000), ending(100_001), ending(10**7)] == [
        "",
        "",
        "stdout",
        "stdout",
    ]


def test_more_results_than_the_cap_are_carried_by_more_processes(sandbox):
    limits = Limits(output_bytes=100_000)
    report = run(sandbox, "def f(x):\n    return 'y' * x\n", *[30_000] * 10, limits=limits)
    assert [len(only.value) for only in report.runs] == [30_002] * 10


def test_one_result_over_the_cap_is_an_output_limit(sandbox):
    report = run(
        sandbox, "def f(x):\n    return 'y' * x\n", 200_000, 1, limits=Limits(output_bytes=100_000)
    )
    assert report.usage.killed_by == "stdout"


@pytest.mark.parametrize(
    "statement",
    [
        "socket.socket()",
        "socket.socket(socket.AF_UNIX)",
        "os.fork()",
        "os.execv('/bin/sh', ['sh'])",
        "os.system('true') and 1/0",
        "open('/usr/x', 'w')",
        "os.mknod('/tmp/d', 0o20666, os.makedev(1, 3))",
        "os.chmod('/box', 0o777)",
        "os.link('/box/judge/sandbox/inside/child.py', '/tmp/x')",
        "open('/box/x', 'w')",
        "os.mkdir('/x')",
        "open('/etc/passwd')",
        "open('/etc/shadow')",
        "os.listdir('/root/.ssh')",
        "open('/proc/1/environ')",
        "open('/proc/1/mem', 'rb')",
        "os.listdir('/proc/1/fd')",
        "os.setuid(0)",
        "os.setgroups([0])",
        "os.chroot('/tmp')",
        "os.kill(1, 9)",
        "os.nice(-5)",
        "resource.setrlimit(resource.RLIMIT_DATA, (1 << 40, 1 << 40))",
        "resource.setrlimit(resource.RLIMIT_CPU, (1 << 30, 1 << 30))",
        "os.setxattr('/', 'user.a', b'1')",
        "os.mkfifo('/box/p')",
        "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))",
    ],
)
def test_the_way_out_is_shut(sandbox, statement):
    found = raised(sandbox, statement)
    assert "done" not in found and ("raised" in found or "exited" in found), found


@pytest.mark.parametrize(
    ("number", "arguments"),
    [
        (101, "0, 0, 0, 0"),  # ptrace
        (272, "0x10000000"),  # unshare
        (165, "0, 0, 0, 0, 0"),  # mount
        (161, "0"),  # chroot
        (321, "0, 0, 0"),  # bpf
        (298, "0, 0, 0, 0, 0"),  # perf_event_open
        (425, "1, 0"),  # io_uring_setup
        (323, "0"),  # userfaultfd
        (250, "0, 0, 0, 0, 0"),  # keyctl
        (310, "1, 0, 0, 0, 0, 0"),  # process_vm_readv
        (435, "0, 0"),  # clone3
        (29, "0, 4096, 0x3b6"),  # shmget
        (157, "4, 1, 0, 0, 0"),  # prctl(PR_SET_DUMPABLE)
        (303, "0, 0, 0, 0, 0"),  # name_to_handle_at
    ],
)
def test_a_bare_system_call_is_refused(sandbox, number, arguments):
    source = (
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        f"def f(x):\n    return [libc.syscall({number}, {arguments}), ctypes.get_errno()]\n"
    )
    assert value(sandbox, source) in ("[-1,1]", "[-1,38]")


def test_another_abi_is_killed(sandbox):
    source = "import ctypes\ndef f(x):\n    return ctypes.CDLL(None).syscall(0x40000000 + 39)\n"
    assert "signal:31" in value(sandbox, source)


def test_the_box_shows_nothing_of_the_host(sandbox):
    source = "import os\ndef f(x):\n    return [sorted(os.environ), os.uname().nodename, [n for n in ('work', 'var', 'home', 'root', 'etc') if os.path.exists('/' + n + '/')]]\n"
    found = value(sandbox, source)
    assert "OPENAI" not in found and "JUDGE" not in found and '"box"' in found
    assert '"work"' not in found and '"var"' not in found and '"etc"' in found
    hostname = Path("/proc/sys/kernel/hostname").read_text().strip()
    assert f'"{hostname}"' not in found or hostname == "box"


def test_the_host_s_packages_are_not_there(sandbox):
    assert "ModuleNotFoundError" in value(sandbox, "import rich\ndef f(x): return 1\n")


def test_no_descriptor_but_its_own_is_open(sandbox):
    source = "import os\ndef f(x):\n    return [fd for fd in range(1024) if _open(fd)]\ndef _open(fd):\n    try: os.fstat(fd); return True\n    except OSError: return False\n"
    assert value(sandbox, source) == "[0,1,2,3]"


@pytest.mark.parametrize("name", ["mem", "environ", "auxv"])
def test_a_solution_cannot_even_read_its_own_process_file(sandbox, name):
    source = f"def f(x):\n    return len(open('/proc/self/{name}', 'rb').read(1))\n"
    assert value(sandbox, source) == "raised PermissionError"


def test_nothing_of_one_candidate_is_seen_by_the_next(sandbox):
    secret = "quite-a-" + "secret-word"
    for _ in range(4):  # on both workers
        run(sandbox, f"def f(x):\n    print({secret!r} * 50)\n    return {secret!r} * 50\n")
    hunt = (
        "import ctypes\ndef f(x):\n    needle = b'-'.join([b'quite', b'a', b'secret', b'word'])\n"
        "    found = areas = 0\n"
        "    for line in open('/proc/self/maps'):\n"
        "        area, rights, *_ = line.split()\n"
        "        start, end = (int(part, 16) for part in area.split('-'))\n"
        "        if rights.startswith('rw') and '[v' not in line and end - start < 64 << 20:\n"
        "            areas += 1\n"
        "            memory = ctypes.string_at(start, end - start)\n"
        "            found += memory.count(needle * 2) + memory.count(needle + b\"' * 5\" + b'0')\n"
        "    return [found, areas > 9]\n"
    )
    assert {value(sandbox, hunt) for _ in range(4)} == {"[0,true]"}


def test_honest_solutions_may_use_threads_recursion_and_much_output(sandbox):
    source = (
        "import threading, sys\nsys.setrecursionlimit(20000)\n"
        "def deep(n): return 0 if n == 0 else 1 + deep(n - 1)\n"
        "def f(x):\n    out = []\n    threads = [threading.Thread(target=out.append, args=(i,)) for i in range(8)]\n"
        "    [t.start() for t in threads]; [t.join() for t in threads]\n"
        "    return [sorted(out), deep(10000), len('z' * 1000000)]\n"
    )
    assert value(sandbox, source) == "[[0,1,2,3,4,5,6,7],10000,1000000]"


def test_a_class_is_called_in_sequence(sandbox):
    source = "class Stack:\n    def __init__(self): self.items = []\n    def push(self, x): self.items.append(x)\n    def pop(self): return self.items.pop()\n"
    operations = [["Stack", []], ["push", [2**70]], ["pop", []]]
    report = sandbox.run(Job(source, Class("Stack"), (encode(operations),), QUICK))
    assert report.runs[0].value == f"[null,null,{2**70}]"


@pytest.mark.parametrize(
    ("kind", "given", "body", "wanted"),
    [
        ("ListNode", [1, 2, 3], "return x.next", "[2,3]"),
        ("ListNode", [], "return x", "[]"),
        ("ListNode", [1], "x.next = x; return x", "bad_type ListNode"),
        ("TreeNode", [1, None, 2], "return x.right", "[2]"),
        ("TreeNode", [1, 2, None, 3], "x.val = 9; return x", "[9,2,null,3]"),
        ("list[ListNode]", [[1], [2]], "return x[::-1]", "[[2],[1]]"),
    ],
)
def test_nodes_travel_as_lists(sandbox, kind, given, body, wanted):
    entry = Function("f", (Parameter("x", kind),), kind, owner="Solution")
    source = f"class Solution:\n    def f(self, x):\n        {body}\n"
    only = run(sandbox, source, given, entry=entry).runs[0]
    assert (only.value or f"{only.ending} {only.detail}") == wanted


def test_an_in_place_answer_is_read_from_the_argument(sandbox):
    entry = Function("f", (Parameter("x", "list[int]"),), in_place=0)
    assert (
        run(sandbox, "def f(x):\n    x.reverse()\n", [1, 2], entry=entry).runs[0].value == "[2,1]"
    )


@pytest.mark.parametrize(
    ("program", "wanted"),
    [
        ("print(input()[::-1])", '"cba\\n"'),
        ("import sys\nprint(sys.stdin.read().strip())", '"abc\\n"'),
        ("import sys\nfor line in sys.stdin: print(line.strip())", '"abc\\n"'),
        ("print(open(0).read().strip())", '"abc\\n"'),
        ("import os\nos.write(1, os.read(0, 3))", '"abc"'),
        ("import sys\nsys.stdout.buffer.write(sys.stdin.buffer.readline())", '"abc\\n"'),
        ("print(__name__); exit()", '"__main__\\n"'),
        ("import atexit\natexit.register(print, 'late')\nprint('a')", '"a\\nlate\\n"'),
        ("import threading\nthreading.Thread(target=print, args=('t',)).start()", '"t\\n"'),
        ("import sys\nsys.exit(3)", "exited exit:3"),
        ("import sys\nprint('a'); sys.exit('gone')", "exited exit:1"),
        ("print('a'); raise KeyError('x')", "raised KeyError"),
        ("input(); input()", "raised EOFError"),
        ("import os\nprint('a', flush=True); os.abort()", "killed signal:6"),
        ("import sys\nsys.stdout.buffer.write(b'\\xff')", '"\\udcff"'),
    ],
)
def test_a_program_lives_as_a_script_does(sandbox, program, wanted):
    only = sandbox.run(Job(program, Program(), (encode("abc\n"),), QUICK)).runs[0]
    assert (only.value or f"{only.ending} {only.detail}") == wanted


def examined(check, names=("f",), setup="", prompt=""):
    return Examined("f", check, tuple(names), prompt, setup)


@pytest.mark.parametrize(
    ("source", "check", "wanted"),
    [
        ("def f(x): return x + 1", "assert f(1) == 2", "returned "),
        ("def f(x): return x", "assert f(1) == 2", "failed assertion"),
        (
            "def f(x): return x\ndef close(a, b): return True",
            "assert close(f(1), 2)",
            "refused check",
        ),
        (
            "import math\nmath.fabs = lambda x: 0\ndef f(x): return 9",
            "import math\nassert math.fabs(f(1)) < 1",
            "failed assertion",
        ),
        (
            "def f(x): raise KeyError(x)",
            "try: f(1)\nexcept KeyError: pass\nelse: assert 0",
            "returned ",
        ),
        ("import sys\ndef f(x): sys.exit()", "try: f(1)\nexcept: pass", "raised SystemExit"),
        ("def f(x): return object()", "try: f(1)\nexcept: pass", "bad_type object"),
        ("import os\ndef f(x): os._exit(0)", "try: f(1)\nexcept: pass", "exited exit:0"),
        (
            "import os\ndef f(x):\n  os.close(6)\n  while True: pass",
            "try: f(1)\nexcept: pass",
            "exited hung_up",
        ),
        ("def f(x): raise StopIteration", "assert all(map(f, [1, 2]))", "raised StopIteration"),
        (
            "def f(x): x.clear(); return []",
            "x = [3, 1]\nassert f(x) == sorted(x)",
            "failed assertion",
        ),
        ("def f(x): return x", "pass", "refused check"),
        ("def f(x): return x", "assert", "refused check"),
        (
            "class K:\n  def __init__(self, v): self.v = v\ndef f(k): return k.v",
            "k = K(3)\nk.v = 5\nassert f(k) == 5",
            "returned ",
        ),
        (
            "class K:\n  def __eq__(self, o): return True\ndef f(k): return K()",
            "assert f(0) == 5",
            "failed ref",
        ),
    ],
)
def test_an_examiner_believes_values_only(sandbox, source, check, wanted):
    names = ("f", "K") if "class K" in source else ("f",)
    only = sandbox.run(Job(source, examined(check, names), (), QUICK)).runs[0]
    assert f"{only.ending} {only.detail}".strip() == wanted.strip(), only


def test_a_check_cannot_be_foreseen(sandbox):
    check = "import random\nassert [f(0) for _ in range(3)] != [random.random() for _ in range(3)]"
    source = "import random\ndef f(x): return random.random()\n"
    only = sandbox.run(Job(source, examined(check), (), QUICK)).runs[0]
    assert only.ending is Ending.RETURNED


def test_an_endless_answer_to_an_examiner_is_bounded(sandbox):
    for source in ("def f(x):\n    while True: yield 1\n", "def f(x): return 'x' * (5 << 20)\n"):
        only = sandbox.run(Job(source, examined("assert f(1) == 1"), (), QUICK)).runs[0]
        assert only.ending is not Ending.RETURNED


def test_a_killed_box_is_ours_and_replaced():
    before = launchers()
    with_one = open_sandbox("namespaces", 1)
    try:
        assert value(with_one, "def f(x): return 1\n") == "1"
        (launcher,) = launchers() - before
        killer = threading.Timer(0.2, lambda: os.kill(launcher, 9))
        killer.start()
        with pytest.raises(SandboxError):
            run(with_one, "import time\ndef f(x): time.sleep(30)\n", limits=Limits(cpu_seconds=20))
        killer.join()
        assert value(with_one, "def f(x): return 2\n") == "2"
    finally:
        with_one.close()


def descendants():
    """Every process below this one, by id."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                stat = Path(f"/proc/{entry}/stat").read_text()
                parents[int(entry)] = int(stat.rsplit(") ", 1)[1].split()[1])
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {os.getpid()}


def mounted():
    """The host's mounts, but for those of other people's containers."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return [line for line in lines if "/docker/" not in line]


def launchers():
    """Those that started a box in namespaces."""
    return {pid for pid in descendants() if "inside/box.py" in cmdline(pid)}


def cmdline(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def test_nothing_is_left_when_a_sandbox_is_closed():
    before, descriptors = descendants(), len(os.listdir("/proc/self/fd"))
    mounts = mounted()
    other = open_sandbox("namespaces", 2)
    for _ in range(20):
        run(other, "def f(x): return 1\n")
    other.run(Job("def f(x): return 1", examined("assert f(1) == 1"), (), QUICK))
    other.close()
    deadline = time.monotonic() + 10
    while descendants() - before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert descendants() <= before
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert mounted() == mounts


def test_two_boxes_never_share_a_user_id():
    one, other = Lease(meeting_place()), Lease(meeting_place())
    try:
        assert len({*one.ids, *other.ids}) == 4
    finally:
        one.close()
        other.close()


def test_an_unknown_sandbox_is_refused_by_name():
    with pytest.raises(UsageError, match="chroot"):
        open_sandbox("chroot", 1)


def test_a_host_without_the_means_is_refused_with_the_remedy(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(SandboxUnavailable, match="use Docker"):
        open_sandbox("namespaces", 1)


def test_alone_means_that_no_other_job_runs_meanwhile(sandbox):
    order = []
    spin = "import time\ndef f(x):\n    end = time.process_time() + 0.3\n    while time.process_time() < end: pass\n"

    def alone():
        sandbox.run(Job(spin, F, (encode([1]),), Limits(cpu_seconds=2)), alone=True)
        order.append("alone")

    thread = threading.Thread(target=alone)
    assert sum(sandbox._free.values()) == sandbox.callers
    thread.start()
    while sandbox._free:
        time.sleep(0.001)
    run(sandbox, "def f(x): return 1\n")
    order.append("other")
    thread.join()
    assert order == ["alone", "other"]


def test_the_fingerprint_names_what_can_sway_a_report(sandbox):
    assert sandbox.fingerprint.startswith(f"{sandbox.name}-{sandbox.tier} ")
    for part in ("cpython3", "linux", sandbox.host.runner, "numpy-", "sortedcontainers-"):
        assert part in sandbox.fingerprint
    assert ("image-" in sandbox.fingerprint) == (sandbox.name == "docker")


def test_a_forged_line_is_only_a_claim(sandbox):
    forged = "import os\nos.write(3, b'0 loaded\\n0 value 7\\n')\nos._exit(0)\n"
    assert run(sandbox, forged).runs[0].value == Wire("7")
    twice = "import os\nos.write(3, b'0 loaded\\n0 value 7\\n0 value 8\\n')\nos._exit(0)\n"
    assert run(sandbox, twice).runs[0].detail == "protocol"


@pytest.mark.parametrize(
    "line", ["0 refused check", "0 refused anything", "0 passed 3", "0 failed unsealable"]
)
def test_a_solution_cannot_put_the_blame_on_us(sandbox, line):
    forged = f"import os\nos.write(3, b'{line}\\n')\nos._exit(0)\n"
    only = run(sandbox, forged).runs[0]
    assert (only.ending, only.detail) == (Ending.EXITED, "protocol")
    program = sandbox.run(Job(forged, Program(), (encode(""),), QUICK)).runs[0]
    assert program.ending is Ending.EXITED


def test_a_solution_cannot_put_the_blame_on_the_check(sandbox):
    frame = "import os, struct\nos.write(6, struct.pack('<IBI', 5, 4, 0) + b'check')\nos._exit(0)\n"
    only = sandbox.run(Job(frame, examined("assert f(1) == 1"), (), QUICK)).runs[0]
    assert only.ending is Ending.EXITED
    fed = "def f(x):\n    for _ in range(63): x = [x]\n    return x\n"  # too deep inside a call
    only = sandbox.run(Job(fed, examined("assert f(f(1)) == 1"), (), QUICK)).runs[0]
    assert (only.ending, only.detail) == (Ending.FAILED, "argument")


def test_memory_that_is_no_data_is_limited_too(sandbox):
    source = (
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nlibc.mmap.restype = ctypes.c_long\n"
        "def f(x):\n    return libc.mmap(None, 1 << 30, 3, 0x22 | 0x100, -1, 0)\n"
    )
    assert value(sandbox, source) == "-1"
    stack = (
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nlibc.mremap.restype = ctypes.c_long\n"
        "def f(x):\n"
        "    line = next(line for line in open('/proc/self/maps') if '[stack]' in line)\n"
        "    start, end = (int(part, 16) for part in line.split()[0].split('-'))\n"
        "    at = libc.mremap(ctypes.c_long(start), ctypes.c_size_t(4096), ctypes.c_size_t(3 << 30), 1)\n"
        "    return at\n"
    )
    assert value(sandbox, stack) == "-1"


def test_processes_that_follow_share_one_wall_clock(sandbox):
    source = (
        "import os, time\nos.write(3, b'0 loaded\\n0 value 1\\n')\ntime.sleep(0.9)\nos._exit(75)\n"
    )
    report = run(sandbox, source, *range(8))
    assert report.usage.killed_by == "wall" and report.usage.wall_seconds < 5


def test_a_shrinking_results_file_does_not_reset_an_example_s_clock(sandbox):
    source = (
        "import os\ndef f(x):\n    size = os.fstat(3).st_size\n"
        "    while True:\n        os.ftruncate(3, size + 1)\n        os.ftruncate(3, size)\n"
    )
    stuck = run(sandbox, source, limits=Limits(cpu_seconds=20.0, example_cpu_seconds=0.3))
    assert stuck.usage.killed_by == "cpu" and stuck.usage.cpu_seconds < 5


@pytest.mark.parametrize(
    "program",
    [
        "out = open(1, 'w')\nout.write('late')",
        "import os\nout = os.fdopen(os.dup(1), 'wb')\nout.write(b'late')",
        "import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer)\nprint('late', end='')",
        "import sys\nold = sys.stdout\nold.write('late')\nsys.stdout = None",
    ],
)
def test_what_a_script_forgot_to_flush_is_there(sandbox, program):
    only = sandbox.run(Job(program, Program(), (encode(""),), QUICK)).runs[0]
    assert only.value == '"late"', only


def test_line_ends_reach_a_program_untouched(sandbox):
    job = Job("import sys\nprint(repr(sys.stdin.read()))", Program(), (encode("a\r\nb"),), QUICK)
    assert sandbox.run(job).runs[0].value == encode("'a\\r\\nb'\n")


def test_another_s_limits_are_out_of_reach(sandbox):
    assert "PermissionError" in raised(sandbox, "resource.prlimit(1, resource.RLIMIT_DATA, (0, 0))")
    assert "PermissionError" in raised(
        sandbox, "resource.prlimit(os.getpid(), resource.RLIMIT_CPU)"
    )


def test_a_closed_sandbox_runs_nothing():
    closed = open_sandbox("namespaces", 1)
    closed.close()
    closed.close()
    with pytest.raises(SandboxError, match="closed"):
        run(closed, "def f(x): return 1\n")


def test_a_job_that_must_be_alone_is_not_starved():
    busy = open_sandbox("namespaces", 2)
    stop = threading.Event()

    def keep_busy():
        while not stop.is_set():
            run(busy, "def f(x): return sum(range(200000))\n")

    threads = [threading.Thread(target=keep_busy) for _ in range(3)]
    try:
        for thread in threads:
            thread.start()
        for _ in range(5):
            job = Job("def f(x): return 1\n", F, (encode([1]),), QUICK)
            assert busy.run(job, alone=True).runs[0].value == "1"
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        busy.close()
