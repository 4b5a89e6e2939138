"""Builds one box around a fork server: a script that namespaces.py starts, never imported there.

Theory of operation. Three processes, one after the other: this *launcher* (in the host's view) joins
the box's control groups, unshares every namespace and forks; its child, pid 1 of the new pid
namespace, builds a root that holds the interpreter and the runner's few files, read-only, pivots
into it, enters a user namespace and becomes, by exec, the *fork server* (server.py). The launcher
writes that namespace's ids and stays to wait for it: killing either ends the other and, through the
pid namespace, every process of the box. All there is to write to are the descriptors that the host
hands in and two small tmpfs, `/tmp` and `/dev/shm`, which end with the box.

Run by root, the box gets two ids of the host that nobody else has: its server becomes the one, its
children the other. The other namespaces are made first and so belong to the host's root: in its user
namespace the server has no say over mounts, network or limits. Run by anyone else, the user namespace
comes first and only one id exists in it; children then are kept apart from the server by their lack
of any capability, by the server being pid 1 and undumpable, and by the system call filter.
"""

import ctypes
import json
import os
import resource
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
SERVER_ID, CHILD_ID = 0, 1  # inside the user namespace
SCRATCH = {"tmp": "size=64m,nr_inodes=4096,mode=1777", "dev/shm": "size=16m,nr_inodes=64,mode=1777"}
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
START = "import sys; sys.path[:0] = ['/box']; sys.path += ['/box/packages']; from judge.sandbox.inside.server import main; main()"
FLAGS = ["-s", "-S", "-P", "-B", "-X", "utf8", "-c", START]

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


def build_root(root: Path, prefix: Path, code: Path, shown: list[str]) -> None:
    """Lay out the box's file system under `root`, which becomes its `/`."""
    mount("box", root, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=4m")
    for folder in ("proc", *SCRATCH):
        (root / folder).mkdir(parents=True)
    show_interpreter(root, prefix)
    show_libraries(root)
    for device in ("null", "zero", "urandom"):
        bind(Path("/dev", device), root / "dev" / device)
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        (root / "dev" / name).symlink_to(f"/proc/self/fd/{number}")
    for part in ("judge/sandbox/inside", "problems/values"):
        for source in sorted((code / part).glob("*.py")):
            copy = root / "box" / part / source.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(source.read_bytes())
    for package in map(Path, shown):
        bind(package, root / "box/packages" / package.name)


def show_interpreter(root: Path, prefix: Path) -> None:
    """The executable and its library, wherever they live and whoever may walk there."""
    executable = Path(sys.executable).resolve()
    bind(executable, root / executable.relative_to("/"))
    if str(prefix) == "/usr":  # a distribution's Python: its library alone, not all of /usr
        library = Path(os.__file__).parent
        bind(library, root / library.relative_to("/"))
        return
    inner = root / prefix.relative_to("/")
    bind(prefix / "lib", inner / "lib")
    for installed in inner.glob("lib/python*/site-packages"):
        mount("empty", installed, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, "size=4k")


def show_libraries(root: Path) -> None:
    """The shared libraries of the host, and how its loader finds them."""
    for name in ("lib", "lib64"):
        host = Path("/", name)
        if host.is_symlink():
            (root / name).symlink_to(host.readlink())
        elif host.is_dir():
            bind(host, root / name)
    for libraries in (*Path("/usr/lib").glob("*-linux-gnu*"), Path("/usr/lib64")):
        if libraries.is_dir():
            bind(libraries, root / libraries.relative_to("/"))
    if Path("/etc/ld.so.cache").exists():
        bind(Path("/etc/ld.so.cache"), root / "etc/ld.so.cache")


def enter_root(root: Path) -> None:
    """Make `root` the only file system there is, and read-only."""
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
    try:
        mount("proc", root / "proc", "proc", flags, "hidepid=2,subset=pid")
    except OSError:
        (root / "proc/self").mkdir(parents=True)  # masked by a container: the box does without
    for name, options in SCRATCH.items():
        mount("scratch", root / name, "tmpfs", flags, options)
    os.chdir(root)
    checked(_libc.syscall(SYS_PIVOT_ROOT, b".", b"."), "pivot_root")
    checked(_libc.umount2(b".", MNT_DETACH), "umount the old root")
    os.chdir("/")
    mount("", Path("/"), "", MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)


def join(groups: list[str]) -> None:
    """Put this process, and so all of the box, into its control groups."""
    for group in groups:
        Path(group, "cgroup.procs").write_text("0")


def leave_host(*, user: bool) -> None:
    """Leave every namespace of the host; with `user`, map the caller to root of a new one."""
    uid, gid = os.geteuid(), os.getegid()
    flags = (
        CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP
    )
    checked(_libc.unshare(flags | (CLONE_NEWUSER if user else 0)), "unshare")
    if user:
        Path("/proc/self/setgroups").write_text("deny")
        write_ids(os.open("/proc/self", os.O_RDONLY), [uid], [gid])


def write_ids(process: int, users: list[int], groups: list[int]) -> None:
    """Give the user namespace of a process (its folder in /proc, open) these ids of the host,
    numbered from 0 inside."""
    for name, ids in (("uid_map", users), ("gid_map", groups)):
        lines = "".join(f"{inside} {outside} 1\n" for inside, outside in enumerate(ids))
        written = os.open(name, os.O_WRONLY, dir_fd=process)
        os.write(written, lines.encode())
        os.close(written)


def become_server(unshared: int, mapped: int) -> None:
    """Enter a user namespace whose ids the launcher writes, and be its first user."""
    os.setgroups([])
    checked(_libc.unshare(CLONE_NEWUSER), "unshare user")
    os.write(unshared, b"x")
    if os.read(mapped, 1) != b"x":
        raise OSError(0, "the launcher went away")
    os.setresgid(SERVER_ID, SERVER_ID, SERVER_ID)
    os.setresuid(SERVER_ID, SERVER_ID, SERVER_ID)


def launch(child: int, ids: list[int], proc: int, unshared: int, mapped: int) -> None:
    """The launcher's rest of life: ids for the child, then wait for its end. No return. `proc` is
    the host's /proc, open: the child's pivot takes every path away from here, too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if ids and os.read(unshared, 1):
        write_ids(os.open(str(child), os.O_RDONLY, dir_fd=proc), ids, ids)
        os.write(mapped, b"x")
    os.close(mapped)
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def main() -> None:
    """`box.py SETTINGS` (JSON, see namespaces.py). Never returns."""
    settings = json.loads(sys.argv[1])
    os.umask(0o022)  # whoever started judge, the box's users must be able to read the box
    ids = settings["ids"]
    kills = settings["kills"] and os.open(settings["kills"], os.O_RDONLY)
    join(settings["groups"])
    leave_host(user=not ids)
    unshared, mapped = os.pipe(), os.pipe()
    proc = os.open("/proc", os.O_RDONLY)
    child = os.fork()
    if child:
        os.close(settings["socket"])
        os.close(unshared[1])
        os.close(mapped[0])
        launch(child, ids, proc, unshared[0], mapped[1])
    os.close(unshared[0])
    os.close(mapped[1])
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    checked(_libc.sethostname(b"box", 3), "sethostname")
    root = Path(settings["root"])
    mount("", Path("/"), "", MS_REC | MS_PRIVATE)
    build_root(root, Path(settings["prefix"]), Path(settings["code"]), settings["shown"])
    enter_root(root)
    if ids:
        become_server(unshared[1], mapped[0])
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # again: changing ids clears it
    # the soft limit is what every thread reserves; a child's main thread gets the hard one
    resource.setrlimit(resource.RLIMIT_STACK, (THREAD_STACK_BYTES, STACK_BYTES))
    os.set_inheritable(settings["socket"], True)  # noqa: FBT003 - the standard library's own
    if kills:
        os.set_inheritable(kills, True)  # noqa: FBT003 - the standard library's own
    server = {
        "socket": settings["socket"],
        "kills": kills or None,
        "server": 0,
        "uid": CHILD_ID if ids else 0,
        "packages": settings["packages"],
    }
    words = [settings["python"], *FLAGS, json.dumps(server)]
    os.execve(settings["python"], words, ENVIRONMENT)  # noqa: S606 - no shell is meant


if __name__ == "__main__":
    main()
