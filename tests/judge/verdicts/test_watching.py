"""A look at the host that sees no fault is no look: each is planted once."""

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from judge.verdicts import watching
from judge.verdicts.judging import judge
from judge.verdicts.posed import pose

SLEEP = "import time; time.sleep(30)"


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(watching, "GRACE_SECONDS", 0.2)


def seen_after(plant):
    before = watching.snapshot()
    plant()
    return " ".join(watching.left_behind(before))


def test_nothing_happened_and_nothing_is_seen(impatient):
    assert seen_after(lambda: None) == ""


@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm", "/var/tmp"])
def test_a_file_left_on_the_host_is_seen(impatient, folder):
    left = Path(folder, f"{watching.MARKER}planted")
    try:
        assert str(left) in seen_after(left.touch)
    finally:
        left.unlink()


def needs_root(what):
    return pytest.mark.skipif(os.geteuid() != 0, reason=f"only root can {what}")


@needs_root("give files away")
def test_a_file_of_a_leased_user_is_seen_whatever_its_name(impatient):
    left = Path("/tmp/of-another-user-61999")

    def plant():
        left.touch()
        os.chown(left, 61_999, 61_999)

    try:
        assert "of-another-user" in seen_after(plant)
    finally:
        left.unlink()


@needs_root("mount")
def test_a_mount_is_seen(impatient):
    folder = tempfile.mkdtemp(prefix="judge-planted-")

    def plant():
        subprocess.run(["mount", "-t", "tmpfs", "planted", folder], check=True)

    try:
        assert "a new mount: planted" in seen_after(plant)
    finally:
        subprocess.run(["umount", folder], check=True)
        Path(folder).rmdir()


@needs_root("make control groups")
def test_an_empty_control_group_is_seen(impatient):
    top = Path("/sys/fs/cgroup")
    if (top / "pids").is_dir():
        top /= "pids"
    if not (top / "cgroup.procs").exists():
        pytest.skip("no control groups here")
    left = top / f"judge-{os.getpid()}-planted"
    try:
        assert left.name in seen_after(left.mkdir)
    finally:
        left.rmdir()


@needs_root("become another user")
def test_a_process_of_an_unleased_id_is_seen(impatient):
    escaped = subprocess.Popen(["sleep", "30"], user=61_998, cwd="/")
    try:
        assert f"process {escaped.pid} of user 61998" in seen_after(lambda: None)
    finally:
        escaped.kill()
        escaped.wait()


def test_a_process_below_a_server_of_ours_is_seen(impatient):
    script = f"import os, time\nos.fork()\n{SLEEP}  # judge.sandbox.inside.server"
    server = subprocess.Popen([sys.executable, "-c", script], process_group=0)
    try:
        assert "still running" in seen_after(lambda: time.sleep(0.3))
    finally:
        os.killpg(server.pid, 9)
        server.wait()


def test_descriptors_left_open_are_seen(impatient):
    opened = []
    try:
        assert "descriptors" in seen_after(
            lambda: opened.extend(os.open(os.devnull, os.O_RDONLY) for _ in range(40))
        )
    finally:
        for fd in opened:
            os.close(fd)


def test_memory_taken_in_between_is_seen_though_it_was_given_back(impatient):
    assert "the supervisor grew" in seen_after(lambda: len(bytearray(b"x") * (200 << 20)))


@pytest.mark.sandbox
def test_a_solution_that_still_runs_is_seen_in_every_kind_of_box(each_sandbox):
    """The watch finds the processes of a box, wherever its engine keeps them."""
    slow = "import time\ndef double(x):\n    time.sleep(0.6)\n    return 2 * x\n"
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(judge, pose("double", "function"), slow, each_sandbox)
        time.sleep(0.5)
        during = list(watching._strays())
        assert running.result().verdict == "AC"
    assert during and list(watching._strays()) == []
