"""What this host's sandbox really stops: probes that attack it, and the tier they add up to.

Theory of operation. Nothing is concluded from versions or settings. A few jobs try, inside a fresh
box, what a hostile solution would try first; a probe *holds* when the kernel refused. All of them
must hold, or the host is refused with the remedy: there is no weaker mode. What may differ between
hosts is how many walls stand behind each other:

    full    own user ids for server and solutions, Landlock, a control group a box
    strong  own user ids; Landlock or the control group is missing
    basic   one user id (an unprivileged host): the system call filter alone keeps a solution from
            its server's limits

`judge sandbox check` prints the findings; `--full` runs the whole corpus of tests/verdicts.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from judge.errors import SandboxUnavailable
from judge.sandbox.base import Ending, Job, Report, Sandbox
from problems.problem import Function, Limits, Parameter, Program
from problems.values import Wire, decode, encode

ATTEMPTS = {
    "start a process": "os.fork()",
    "run a program": "os.execv('/bin/sh', ['sh'])",
    "open a network socket": "socket.socket()",
    "open a unix socket": "socket.socket(socket.AF_UNIX)",
    "trace a process": "call(101, 0, 0, 0, 0)",
    "make a user namespace": "call(272, 0x10000000)",
    "mount something": "call(165, 0, 0, 0, 0, 0)",
    "use io_uring": "call(425, 1, 0)",
    "load a BPF program": "call(321, 0, 0, 0)",
    "reach kernel keys": "call(250, 0, 0, 0, 0, 0)",
    "read the host's users": "open('/etc/shadow')",
    "list the host's home": "os.listdir('/root')",
    "write outside its scratch folder": "open('/box/x', 'w')",
    "read its server's memory": "open('/proc/1/mem', 'rb')",
    "see its server's environment": "open('/proc/1/environ', 'rb').read(1)",
    "kill its server": "survived(os.kill(1, 9))",
    "change its server's limits": "resource.prlimit(1, resource.RLIMIT_DATA, (0, 0))",
    "raise its memory limit": "resource.setrlimit(resource.RLIMIT_DATA, (1 << 40, 1 << 40))",
    "become root": "os.setresuid(0, 0, 0) if os.getuid() else os.setgroups([1])",
    "share memory past its limit": "mmap.mmap(-1, 1 << 20)",
    "take more memory than it may": "bytearray(1 << 30)",
    "set the clock": "time.clock_settime(time.CLOCK_REALTIME, 0)",
}
"""What is tried inside, by its name for people: an expression that must raise."""

_SOURCE = """
import ctypes, mmap, os, resource, socket, time
libc = ctypes.CDLL(None, use_errno=True)
def call(*numbers):
    if libc.syscall(*numbers) < 0:
        raise OSError(ctypes.get_errno(), "refused")
def survived(nothing):
    time.sleep(0.01)  # without effect on pid 1 of a namespace; else nobody would be here
    raise OSError(0, "survived")
def is_open(fd):
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True
def capabilities():
    words = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
    return int(words["CapEff"], 16) | int(words["CapPrm"], 16), int(words["NoNewPrivs"]), int(words["Seccomp"])
def f(attempt):
    if attempt == "facts":
        return [os.getuid(), [fd for fd in range(256) if is_open(fd)], sorted(os.environ), capabilities()]
    try:
        return repr(eval(attempt))[:80]
    except (OSError, MemoryError, ValueError) as error:
        return ["refused", type(error).__name__]
"""
_ENVIRONMENT = {
    "HOME",
    "LANG",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "PATH",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHASHSEED",
}
_OWN_IDS, _LANDLOCK, _GROUP = "ids of their own", "Landlock", "a control group a box"
_LIMITS = Limits(cpu_seconds=2.0, memory_mb=256, output_bytes=100_000)


@dataclass(frozen=True, slots=True)
class Finding:
    """One probe: whether the wall held, what was seen, and what an operator can do about it.
    `needed` says whether a host without it is refused."""

    name: str
    held: bool
    detail: str = ""
    remedy: str = ""
    needed: bool = True


def probe(sandbox: Sandbox) -> tuple[Finding, ...]:
    """Attack a sandbox; what held and what did not. Raises SandboxError."""
    inputs = tuple(encode([attempt]) for attempt in (*ATTEMPTS.values(), "facts"))
    entry = Function("f", (Parameter("attempt"),))
    tried = sandbox.run(Job(_SOURCE, entry, inputs, _LIMITS))
    findings = [
        Finding(f"a solution cannot {name}", *_refused(tried, index))
        for index, name in enumerate(ATTEMPTS)
    ]
    return (*findings, *_facts(tried, sandbox), *_limits(sandbox))


def reached(findings: Iterable[Finding]) -> str:
    """The tier that these findings add up to. Raises SandboxUnavailable naming what is missing."""
    findings = tuple(findings)
    for finding in findings:
        if finding.needed and not finding.held:
            raise SandboxUnavailable(
                f"this host cannot seal solutions: it does not hold that {finding.name} "
                f"({finding.detail}); {finding.remedy or 'judge sandbox check shows everything'}"
            )
    lacking = {finding.name for finding in findings if not finding.held}
    if not lacking:
        return "full"
    return "basic" if any(_OWN_IDS in name for name in lacking) else "strong"


def _refused(report: Report, index: int) -> tuple[bool, str]:
    run = report.runs[index]
    if run.ending is not Ending.RETURNED or run.value is None:
        return False, f"{run.ending} {run.detail}"
    found = decode(run.value)
    held = type(found) is list and found[:1] == ["refused"]
    return held, str(found[-1] if held else found)


def _facts(report: Report, sandbox: Sandbox) -> Iterable[Finding]:
    run, said = report.runs[-1], sandbox.facts()
    if run.ending is not Ending.RETURNED or run.value is None:
        yield Finding("a solution starts", held=False, detail=f"{run.ending} {run.detail}")
        return
    uid, descriptors, environment, (capabilities, locked, filtered) = decode(run.value)
    yield Finding(
        "a solution has its own descriptors only",
        descriptors == [0, 1, 2, 3],
        f"open: {descriptors}",
    )
    yield Finding(
        "nothing of the host's environment is seen",
        set(environment) <= _ENVIRONMENT,
        " ".join(environment),
    )
    yield Finding(
        "no capability is left, none can come back, system calls are filtered",
        capabilities == 0 and locked == 1 and filtered == 2,
        f"capabilities {capabilities:x}, no_new_privs {locked}, seccomp {filtered}",
    )
    yield Finding(
        f"server and solutions have {_OWN_IDS}",
        uid != 0,
        f"uid {uid} inside",
        "run judge as root, or use JUDGE_SANDBOX=docker",
        needed=False,
    )
    yield Finding(
        f"{_LANDLOCK} stands behind the read-only root",
        bool(said.get("landlock")),
        f"ABI {said.get('landlock')}",
        "boot a kernel with CONFIG_SECURITY_LANDLOCK and lsm=landlock,..",
        needed=False,
    )
    yield Finding(
        f"there is {_GROUP}",
        bool(said.get("kills")),
        "kills for want of memory are counted" if said.get("kills") else "none could be made",
        "let judge write to its control group (memory and pids)",
        needed=False,
    )


def _limits(sandbox: Sandbox) -> Iterable[Finding]:
    """The limits that end a run from outside."""
    loop, flood = "while True: pass\n", "print('x' * 200_000)\n"
    brief = Limits(cpu_seconds=0.05, memory_mb=256, output_bytes=100_000)
    for name, source, limit in (
        ("time is limited", loop, "cpu"),
        ("output is limited", flood, "stdout"),
    ):
        wanted = brief if limit == "cpu" else _LIMITS
        ended = sandbox.run(Job(source, Program(), (Wire('""'),), wanted)).usage
        yield Finding(name, ended.killed_by == limit, f"ended by {ended.killed_by or 'itself'}")
