"""Builds one box around a fork server: a script that namespaces.py starts, never imported there.

Theory of operation. Three processes, one after the other: this *launcher* (in the host's view)
unshares every namespace and forks; its child, pid 1 of the new pid namespace, builds a root that
holds the interpreter and the runner's few files, read-only, pivots into it and becomes, by exec,
the *fork server* (server.py). The launcher stays to wait for it: killing either ends the other and,
through the pid namespace, every process of the box. There is nothing to write to in the box but
the descriptors that the host hands in, so nothing can be left behind.

Run by root, the box has user ids of its own to give its children. Run by anyone else, it makes a
user namespace in which only one id exists; children then are kept apart from the server by their
lack of any capability, by the server being pid 1 and undumpable, and by the system call filter.
"""

import ctypes
import json
import os
import resource
import shutil
import signal
import sys
from pathlib import Path

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS = 0x00020000, 0x02000000, 0x04000000
CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = (
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC = 1, 2, 4, 8, 32, 4096, 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2
SYS_PIVOT_ROOT = 155
PR_SET_PDEATHSIG = 1
STACK_BYTES, THREAD_STACK_BYTES = 256 << 20, 8 << 20

_libc = ctypes.CDLL(None, use_errno=True)


def checked(result: int, what: str) -> None:
    """Raise OSError, naming the step, when a libc call failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source: str, target: Path, kind: str, flags: int, options: str = "") -> None:
    """The system call of that name."""
    arguments = (source.encode(), str(target).encode(), kind.encode() or None)
    result = _libc.mount(*arguments, ctypes.c_ulong(flags), options.encode() or None)
    checked(result, f"mount {source} on {target}")


def bind(source: Path, target: Path) -> None:
    """Show a file or directory of the host in the box, read-only."""
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    mount(str(source), target, "", MS_BIND | MS_REC)
    locked = MS_NOSUID if source.is_char_device() else MS_NOSUID | MS_NODEV
    mount("", target, "", MS_REMOUNT | MS_BIND | MS_RDONLY | locked)


def build_root(root: Path, prefix: Path, code: Path) -> None:
    """Lay out the box's file system under `root`, which becomes its `/`."""
    mount("box", root, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=4m")
    for folder in ("proc", "dev", "tmp"):
        (root / folder).mkdir()
    inner = root / prefix.relative_to("/")
    if str(prefix) == "/usr":  # a distribution's Python: its library alone, not all of /usr
        bind(Path(sys.executable).resolve(), root / "usr/bin" / Path(sys.executable).resolve().name)
        bind(Path(os.__file__).parent, root / Path(os.__file__).parent.relative_to("/"))
    else:
        bind(prefix, inner)
        for packages in inner.glob("lib/python*/site-packages"):
            mount("empty", packages, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, "size=4k")
    for name in ("lib", "lib64"):
        host = Path("/", name)
        if host.is_symlink():
            (root / name).symlink_to(host.readlink())
        elif host.is_dir():
            bind(host, root / name)
    for libraries in Path("/usr/lib").glob("*-linux-gnu*"):
        bind(libraries, root / libraries.relative_to("/"))
    if Path("/usr/lib64").is_dir():
        bind(Path("/usr/lib64"), root / "usr/lib64")
    if Path("/etc/ld.so.cache").exists():
        bind(Path("/etc/ld.so.cache"), root / "etc/ld.so.cache")
    for device in ("null", "zero", "urandom"):
        bind(Path("/dev", device), root / "dev" / device)
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        (root / "dev" / name).symlink_to(f"/proc/self/fd/{number}")
    shutil.copytree(code / "judge/sandbox/inside", root / "box/judge/sandbox/inside")
    shutil.copytree(code / "problems/values", root / "box/problems/values")


def enter_root(root: Path) -> None:
    """Make `root` the only file system there is, and read-only."""
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
    try:
        mount("proc", root / "proc", "proc", flags, "hidepid=2,subset=pid")
    except OSError:
        (root / "proc/self").mkdir(parents=True)  # masked by a container: the box does without
    os.chdir(root)
    checked(_libc.syscall(SYS_PIVOT_ROOT, b".", b"."), "pivot_root")
    checked(_libc.umount2(b".", MNT_DETACH), "umount the old root")
    os.chdir("/")
    mount("", Path("/"), "", MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)


def unshare(*, user: bool) -> None:
    """Leave every namespace of the host; with `user`, map the caller to root of a new one."""
    uid, gid = os.geteuid(), os.getegid()
    flags = (
        CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP
    )
    checked(_libc.unshare(flags | (CLONE_NEWUSER if user else 0)), "unshare")
    if user:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1")


def main() -> None:
    """`box.py SETTINGS` (JSON): root, prefix, code, uid, socket. Never returns."""
    settings = json.loads(sys.argv[1])
    user = os.geteuid() != 0
    unshare(user=user)
    child = os.fork()
    if child:
        os.close(settings["socket"])
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    checked(_libc.sethostname(b"box", 3), "sethostname")
    root = Path(settings["root"])
    mount("", Path("/"), "", MS_REC | MS_PRIVATE)
    build_root(root, Path(settings["prefix"]), Path(settings["code"]))
    enter_root(root)
    if not user:
        os.setgroups([])
        os.setresgid(settings["uid"], settings["uid"], settings["uid"])
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # after the ids: changing them clears it
    # the soft limit is what every thread reserves; a child's main thread gets the hard one
    resource.setrlimit(resource.RLIMIT_STACK, (THREAD_STACK_BYTES, STACK_BYTES))
    os.set_inheritable(settings["socket"], True)  # noqa: FBT003 - the standard library's own
    start = "import sys; sys.path.insert(0, '/box'); from judge.sandbox.inside.server import main; main()"
    flags = ["-s", "-S", "-P", "-B", "-X", "utf8", "-c", start]
    words = [json.dumps({"socket": settings["socket"], "uid": 0 if user else settings["uid"]})]
    environment = {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/",
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    os.execve(settings["python"], [settings["python"], *flags, *words], environment)  # noqa: S606 - no shell is meant


if __name__ == "__main__":
    main()
