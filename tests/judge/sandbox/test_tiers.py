"""What a host is found to give is what it gives: probes that a missing wall makes fail, tiers, and the
unprivileged mode."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from judge.errors import SandboxUnavailable
from judge.sandbox import selfcheck
from judge.sandbox.base import TIERS
from judge.sandbox.inside.filters import DENIED
from judge.sandbox.namespaces import CODE, INSIDE, NamespacesBackend
from judge.sandbox.pool import Pool
from tests.conftest import ROOT, missing

pytestmark = pytest.mark.sandbox


def test_every_probe_holds_on_this_host(sandbox):
    findings = selfcheck.probe(sandbox)
    assert [finding for finding in findings if finding.needed and not finding.held] == []
    assert selfcheck.reached(findings) == sandbox.tier
    assert sandbox.tier in TIERS


def test_root_gets_the_full_tier_here(sandbox):
    if os.geteuid():
        missing("only root has user ids to give away")
    assert sandbox.tier == "full"


def test_one_wall_less_is_one_tier_less(sandbox):
    findings = selfcheck.probe(sandbox)

    def without(word):
        return [replace(one, held=one.held and word not in one.name) for one in findings]

    assert selfcheck.reached(without("Landlock")) == "strong"
    assert selfcheck.reached(without("control group")) == "strong"
    assert selfcheck.reached(without("ids of their own")) == "basic"


def test_a_host_that_does_not_hold_a_probe_is_refused_by_its_name(sandbox):
    for lost in selfcheck.probe(sandbox):
        if lost.needed:
            with pytest.raises(SandboxUnavailable, match="cannot seal"):
                selfcheck.reached([replace(lost, held=False, detail="it went through")])


WALLS = {
    "the filter": ("seal.py", "    _load(server_filter())\n", "socket"),
    "the capabilities": ("seal.py", '    call("capset", *_NO_CAPABILITIES)', "capabilit"),
    "the scrub": ("server.py", "        os.closerange(len(places), 1024)\n", "descriptors"),
    "the CPU clock": ("server.py", "min(whole - spent, each - (spent - began_at))", "time"),
}


@pytest.mark.parametrize("wall", WALLS)
def test_a_box_without_a_wall_is_refused_when_it_is_opened(wall, tmp_path):
    file, code, word = WALLS[wall]
    for part in INSIDE:
        shutil.copytree(CODE / part, tmp_path / part)
    path = tmp_path / "judge/sandbox/inside" / file
    text = path.read_text()
    assert code in text
    nothing = {"the CPU clock": "9e9", "the capabilities": "    pass"}.get(wall, "")
    path.write_text(text.replace(code, nothing))
    pool = Pool(NamespacesBackend(code=tmp_path), 1, recycle=99, waiting=99)
    try:
        if wall == "the capabilities" and os.geteuid() == 0:
            # leaving uid 0 of the box drops them as well: only a container's server needs the call
            assert selfcheck.reached(selfcheck.probe(pool))
            return
        with pytest.raises(SandboxUnavailable, match=word):
            selfcheck.reached(selfcheck.probe(pool))
    finally:
        pool.close()


def test_a_container_may_ask_for_nothing_that_its_own_filter_refuses():
    profile = json.loads((ROOT / "judge/sandbox/inside/seccomp.json").read_text())
    allowed = {name for rule in profile["syscalls"] for name in rule["names"]}
    refused = {name for group in DENIED.values() for name in group}
    # to start, and to call the host once, before the server's own filter is there
    assert allowed & refused == {"execve", "connect", "socket"}
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"


UNPRIVILEGED = """
import json, sys
sys.path.insert(0, sys.argv[1])
from judge.sandbox import open_sandbox
from judge.sandbox.base import Job
from problems.problem import Examined, Function, Limits, Program
F = Function("f")
def values(source, *inputs, entry=F):
    job = Job(source, entry, inputs or ("[1]",), Limits(cpu_seconds=0.5, memory_mb=256))
    return [run.value or f"{run.ending} {run.detail}" for run in sandbox.run(job).runs]
sandbox = open_sandbox("namespaces", 1)
check = Examined("f", "assert f(1) == 2", ("f",))
print(json.dumps({
    "tier": sandbox.tier,
    "honest": values("def f(x): return x + 1"),
    "threads": values("import threading\\ndef f(x):\\n    out = []\\n    t = threading.Thread(target=out.append, args=(x,))\\n    t.start(); t.join()\\n    return out"),
    "fork": values("import os\\ndef f(x): return os.fork()"),
    "server": values("import os\\ndef f(x): return open('/proc/1/environ', 'rb').read()"),
    "limits": values("import resource\\ndef f(x): return resource.prlimit(1, resource.RLIMIT_DATA, (0, 0))"),
    "stop": values("import os\\ndef f(x): return os.kill(1, 19)"),
    "after": values("def f(x): return 'served'"),
    "loop": values("def f(x):\\n    while True: pass"),
    "memory": values("def f(x): return len(bytearray(10**9))"),
    "scratch": values("def f(x):\\n    open('/tmp/x', 'w').write('a')\\n    return open('/tmp/x').read()"),
    "left": values("import os\\ndef f(x): return os.listdir('/tmp')"),
    "examined": [run.ending for run in sandbox.run(Job("def f(x): return x + 1", check, ())).runs],
    "cheated": [run.ending for run in sandbox.run(Job("def f(x): return x", check, ())).runs],
}))
sandbox.close()
"""


def python_for_nobody():
    """An interpreter that an unprivileged user can run, with judge's code."""
    if not shutil.which("setpriv"):
        missing("setpriv is not here")
    nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    for python in ("/usr/bin/python3", sys.executable):
        tried = [*nobody, python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
        try:
            done = subprocess.run(tried, capture_output=True, cwd="/").returncode
        except OSError:
            continue
        if done == 0:
            return [*nobody, python]
    missing("no Python 3.11 that an unprivileged user can run")
    raise AssertionError


def test_an_unprivileged_user_gets_a_seal_of_fewer_walls_that_holds(tmp_path):
    if os.geteuid():
        missing("only root can become somebody else")
    code = tmp_path / "code"
    for part in ("judge", "problems"):
        shutil.copytree(ROOT / part, code / part, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and folder.is_relative_to("/tmp/pytest-of-root"):
            folder.chmod(0o755)
    command = [*python_for_nobody(), "-c", UNPRIVILEGED, str(code)]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd="/", env={"PATH": "/usr/bin:/bin"}
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["tier"] == "basic"
    assert (
        found["honest"] == ["2"] and found["threads"] == ["[1]"] and found["after"] == ['"served"']
    )
    assert found["scratch"] == ['"a"'] and found["left"] == ["[]"]
    for attempt in ("fork", "limits"):
        assert found[attempt] in (["raised PermissionError"], ["raised BlockingIOError"]), attempt
    assert found["server"][0].startswith("raised ")
    assert found["loop"] == ["killed cpu"] and found["memory"] == ["raised MemoryError"]
    assert (found["examined"], found["cheated"]) == (["returned"], ["failed"])
