"""What happens to jobs when things go wrong that are no solution's fault: nothing is blamed on it,
nothing is lost, nothing is left behind."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from judge.errors import SandboxBusy, SandboxError, SandboxUnavailable
from judge.sandbox import NAMES, cgroups, container, docker, image, open_sandbox
from judge.sandbox.base import Ending, Job
from judge.verdicts.judging import judge
from problems.problem import Example, Function, Limits, Parameter, Problem, Slug
from problems.values import encode
from tests.conftest import ROOT, missing

pytestmark = pytest.mark.sandbox
F = Function("f", (Parameter("x"),))
RIGHT = "def f(x): return x\n"
SLOW = "import time\ndef f(x):\n    time.sleep(1)\n    return x\n"
PROBLEM = Problem(Slug("p"), "", F, (Example(encode([1]), (encode(1),)),))


LIMITS = Limits(cpu_seconds=2.0, memory_mb=256)


def run(sandbox, source=RIGHT):
    return sandbox.run(Job(source, F, (encode([1]),), LIMITS)).runs[0]


@pytest.fixture(params=NAMES)
def opened(request):
    """A sandbox of this test alone, with one worker."""
    if request.param == "docker":
        request.getfixturevalue("docker_image")
    sandbox = open_sandbox(request.param, 1)
    yield sandbox
    sandbox.close()


def servers(sandbox):
    """The fork servers of a sandbox, as the host numbers them: those whose children have an id that
    the sandbox leases."""
    found = set()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            group = (entry / "cgroup").read_text()
            if any(b"inside.server import main" in word for word in words):
                found.add((int(entry.name), group))
    names = names_of_groups(sandbox)
    return [pid for pid, group in found if any(name in group for name in names)]


def names_of_groups(sandbox):
    if sandbox.name == "docker":
        client = sandbox._backend._client
        owner = Path(sandbox._backend._owner.name).name
        label = f"{docker.OWNER_LABEL}={owner}"
        return [found.id for found in client.containers.list(filters={"label": label})]
    locks = {fd.resolve() for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink()}
    uids = [path.stem.removeprefix("uid-") for path in locks if path.name.startswith("uid-")]
    return [f"judge-{int(uid) + 1}" for uid in uids]


def test_a_server_that_is_killed_between_jobs_is_replaced_unseen(opened):
    assert run(opened).value == "1"
    for pid in servers(opened):
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.3)
    assert run(opened).value == "1"


def test_a_server_that_is_killed_in_a_job_is_ours_and_the_job_is_run_again(opened):
    assert run(opened).value == "1"
    (pid,) = servers(opened)
    killer = threading.Timer(0.3, lambda: os.kill(pid, signal.SIGKILL))
    killer.start()
    with pytest.raises(SandboxError):
        run(opened, SLOW)
    killer.join()
    assert run(opened).value == "1"
    killer = threading.Timer(0.3, lambda: [os.kill(pid, signal.SIGKILL) for pid in servers(opened)])
    killer.start()
    assert judge(PROBLEM, SLOW, opened).verdict == "AC"
    killer.join()


def test_a_box_that_cannot_fork_is_ours(opened):
    assert run(opened).value == "1"
    (pid,) = servers(opened)
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    path = next(line.split(":", 2)[2] for line in lines if ":pids:" in line)
    limit = Path("/sys/fs/cgroup/pids" + path, "pids.max")
    if not limit.exists():
        missing("no control group of version 1 for processes on this host")
    limit.write_text("1")
    with pytest.raises(SandboxError):
        run(opened)
    assert run(opened).value == "1"


def test_memory_that_no_rlimit_counts_is_caught_by_the_group_and_told_as_memory(
    request, monkeypatch
):
    for name in NAMES:
        module = {"namespaces": cgroups, "docker": container}[name]
        monkeypatch.setattr(module, "SLACK_MB", -380 if name == "docker" else -100)
        if name == "docker":
            request.getfixturevalue("docker_image")
        sandbox = open_sandbox(name, 1, probed=False)
        try:
            source = "def f(x):\n    kept = bytearray(180 << 20)\n    return len(kept)\n"
            report = sandbox.run(Job(source, F, (encode([1]),), Limits(5.0, memory_mb=256)))
            assert report.runs[0].ending is Ending.KILLED and report.usage.oom_kills >= 1, report
            assert run(sandbox).value == "1"  # in another box: the last one was in doubt
        finally:
            sandbox.close()


def test_a_host_without_free_descriptors_is_ours(opened):
    import resource

    assert run(opened).value == "1"
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))  # all below are taken
    try:
        with pytest.raises(SandboxError):
            run(opened)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert run(opened).value == "1"


@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk_is_ours_and_says_what_to_do(request, name, tmp_path):
    if os.geteuid():
        missing("only root can make a small disk")
    if name == "docker":
        request.getfixturevalue("docker_image")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k,nr_inodes=8", "tmpfs", disk], check=True
    )
    try:
        for number in range(20):
            with contextlib.suppress(OSError):
                (disk / f"filler-{number}").write_bytes(b"x")
        with pytest.raises(SandboxUnavailable, match="JUDGE_SANDBOX_CHANNELS"):
            open_sandbox(name, 1, channels=disk)
        for filler in disk.glob("filler-*"):
            filler.unlink()
        sandbox = open_sandbox(name, 1, channels=disk)
        assert run(sandbox).value == "1"
        sandbox.close()
        assert {path.suffix for path in disk.iterdir()} <= {".lock"}
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_thousand_jobs_at_once_all_get_their_turn(opened):
    with ThreadPoolExecutor(1000) as pool:
        found = Counter(pool.map(lambda _: run(opened).value, range(1000)))
    assert found == {"1": 1000}


def test_callers_beyond_the_bound_are_turned_away_by_name(docker_image):
    sandbox = open_sandbox("namespaces", 1, waiting=3)
    turned_away, done = [], []

    def call():
        try:
            done.append(run(sandbox, SLOW).value)
        except SandboxBusy as busy:
            turned_away.append(str(busy))

    threads = [threading.Thread(target=call) for _ in range(12)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sandbox.close()
    assert len(done) + len(turned_away) == 12 and len(done) >= 4
    assert turned_away and all("JUDGE_SANDBOX_WAITING" in text for text in turned_away)


JUDGE_THAT_HANGS = """
import sys, time
from judge.sandbox import open_sandbox
from judge.sandbox.base import Job
from problems.problem import Function, Limits
sandbox = open_sandbox(sys.argv[1], 1)
job = Job("import time\\ndef f(x): time.sleep(60)", Function("f"), ("[1]",), Limits(cpu_seconds=30))
print("ready", flush=True)
sandbox.run(job)
"""


@pytest.mark.parametrize("name", NAMES)
def test_a_judge_that_is_killed_leaves_nothing_behind(request, name):
    if name == "docker":
        request.getfixturevalue("docker_image")
    judge_process = subprocess.Popen(
        [sys.executable, "-c", JUDGE_THAT_HANGS, name],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    with judge_process:
        assert judge_process.stdout.readline() == b"ready\n"
        time.sleep(0.5)
        pid = judge_process.pid
        mine = children_of(pid) if name == "namespaces" else containers(pid)
        assert mine
        judge_process.kill()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and (still(mine) or containers(pid)):
        time.sleep(0.05)
    assert not still(mine) and not containers(pid)
    sandbox = open_sandbox(name, 1)  # which takes over what the dead one had
    assert run(sandbox).value == "1"
    sandbox.close()
    assert not list(Path("/run/judge").glob(f"owner-{judge_process.pid}-*"))


def children_of(pid):
    """Every process below that one, with its start time, as ids come back."""
    listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True).stdout
    parents = {int(line.split()[0]): int(line.split()[1]) for line in listed.splitlines()}
    found = {pid}
    while more := {one for one, parent in parents.items() if parent in found} - found:
        found |= more
    return {(one, started(one)) for one in found - {pid}}


def started(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()[19]
    except OSError:
        return ""


def still(processes):
    """Those of them that are still there."""
    return {one for one in processes if one[1] and started(one[0]) == one[1]}


def containers(pid):
    """The containers of the judge with that process id, each as if it were a process."""
    client = docker.connect()
    try:
        found = client.containers.list(filters={"label": docker.OWNER_LABEL})
        owned = f"owner-{pid}-"
        return {(one.id, "") for one in found if one.labels[docker.OWNER_LABEL].startswith(owned)}
    finally:
        client.close()


@pytest.fixture
def engine_of_our_own(monkeypatch, docker_image):
    """An engine that may be killed: `start()` starts it and returns its process."""
    if not shutil.which("dockerd"):
        missing("no dockerd on this host")
    tmp_path = Path(tempfile.mkdtemp(prefix="engine-"))  # short: its sockets are below it
    address = f"unix://{tmp_path}/engine.sock"
    running = []

    def start():
        command = ["dockerd", "--host", address, "--data-root", tmp_path / "data"]
        command += ["--exec-root", tmp_path / "exec", "--pidfile", tmp_path / "pid"]
        command += ["--bridge", "none", "--iptables=false", "--ip6tables=false"]
        with (tmp_path / "log").open("a") as log:
            running.append(subprocess.Popen(command, stdout=log, stderr=log))
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(SandboxUnavailable):
                docker.connect().close()
                return running[-1]
            time.sleep(0.1)
        pytest.fail(f"the engine did not start: {(tmp_path / 'log').read_text()[-2000:]}")

    monkeypatch.setenv("DOCKER_HOST", address)
    yield start
    for process in running:
        process.terminate()
        process.wait()
    subprocess.run(["pkill", "-9", "-f", f"{tmp_path}/"], check=False)
    for line in Path("/proc/self/mounts").read_text().splitlines():
        if str(tmp_path) in line:
            subprocess.run(["umount", "-l", line.split()[1]], check=False)
    shutil.rmtree(tmp_path, ignore_errors=True)


def test_an_engine_that_goes_away_costs_no_solution_its_verdict(engine_of_our_own):
    engine = engine_of_our_own()
    image.build()
    sandbox = open_sandbox("docker", 1)
    try:
        assert run(sandbox).value == "1"
        stopper = threading.Timer(0.3, engine.terminate)  # which ends its containers
        stopper.start()
        with pytest.raises(SandboxError):
            judge(PROBLEM, SLOW, sandbox)
        stopper.join()
        engine.wait()
        with pytest.raises(SandboxUnavailable, match="DOCKER_HOST"):
            run(sandbox)
        engine = engine_of_our_own()
        assert judge(PROBLEM, SLOW, sandbox).verdict == "AC"
        engine.kill()  # which leaves its containers be: a warm box goes on
        engine.wait()
        assert judge(PROBLEM, RIGHT, sandbox).verdict == "AC"
    finally:
        sandbox.close()
