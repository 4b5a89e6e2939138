"""The processes of a service, which a test kills one by one and which come up again."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

JUDGE = (sys.executable, "-m", "judge.cli")
PR_SET_CHILD_SUBREAPER = 36


@contextmanager
def adopted_orphans():
    """What loses its parent becomes a child of this process, and so stays in sight; the numbers of
    those that were here before."""
    before = set(below(os.getpid()))
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield before
    finally:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        for name in filter(str.isdecimal, os.listdir("/proc")):
            if int(name) not in before and is_dead_child(name):
                os.waitpid(int(name), os.WNOHANG)


def is_dead_child(name):
    with suppress(OSError):
        state, parent = Path("/proc", name, "stat").read_text().rpartition(")")[2].split()[:2]
        return state == "Z" and int(parent) == os.getpid()
    return False


def below(pid):
    """Process numbers of everything under `pid`, with their command lines."""
    parents, commands = {}, {}
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with suppress(OSError):
            stat = Path("/proc", name, "stat").read_text(errors="replace").rpartition(")")[2]
            if stat.split()[0] not in "ZX":
                parents[int(name)] = int(stat.split()[1])
                line = Path("/proc", name, "cmdline").read_bytes()
                commands[int(name)] = line.replace(b"\0", b" ").decode("latin-1")
    found, layer = {}, {pid}
    while layer := {each for each, parent in parents.items() if parent in layer}:
        found |= {each: commands.get(each, "") for each in layer}
    return found


class Fleet:
    """Named commands of judge, kept running by `tend`."""

    def __init__(self, folder, environment, commands):
        self.folder, self.environment, self.commands = folder, environment, commands
        self.running = {}

    def start(self, name):
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [*JUDGE, *self.commands[name]],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @contextmanager
    def at_work(self):
        """All of it running; ended politely, or, where something went wrong, with its logs shown."""
        try:
            self.tend()
            yield self
            self.stop()
        except BaseException:
            print(self.logs())
            raise
        finally:
            self.end()

    def tend(self):
        """Start whatever is not there."""
        for name in self.commands:
            process = self.running.get(name)
            if process is None or process.poll() is not None:
                self.start(name)

    def kill(self, name):
        process = self.running[name]
        process.send_signal(signal.SIGKILL)
        process.wait()

    def children(self, name, sandbox):
        """Process numbers under that one: of its sandboxes, or of its own workers."""
        process = self.running[name]
        found = below(process.pid) if process.poll() is None else {}
        return [pid for pid, line in sorted(found.items()) if ("/box" in line) is sandbox]

    def stop(self):
        """End all, politely."""
        for process in self.running.values():
            process.terminate()
        deadline = time.monotonic() + 60
        for process in self.running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))

    def end(self):
        """End whatever is left, impolitely."""
        for process in self.running.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def logs(self):
        return "\n".join(
            f"--- {path.name}\n{path.read_text(errors='replace')[-3000:]}"
            for path in sorted(self.folder.glob("*.log"))
        )
