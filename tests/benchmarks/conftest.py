"""What the benchmarks share: the tasks, the backends that this machine has, and the other harnesses."""

import os
import subprocess
import sys

import pytest

from judge.errors import SandboxUnavailable
from judge.sandbox import NAMES
from tests.benchmarks.contenders import read_tasks, sandboxes
from tests.conftest import missing


@pytest.fixture(scope="session")
def tasks(data):
    return read_tasks(data)


@pytest.fixture(scope="module")
def backends():
    """By name, what opens a sandbox for a number of workers; a backend that this machine lacks is
    left out with a printed reason, or fails where nothing may be missing (JUDGE_REQUIRE=all)."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        found = {}
        for name in NAMES:
            try:
                found[name] = stack.enter_context(sandboxes(name))
            except SandboxUnavailable as error:
                if os.environ.get("JUDGE_REQUIRE") == "all":
                    pytest.fail(f"JUDGE_REQUIRE=all, but {error}")
                print(f"\nleft out: {name}: {error}")
        if not found:
            missing("there is no sandbox on this host")
        yield found


@pytest.fixture(scope="session")
def evalplus(tmp_path_factory):
    """A folder with EvalPlus in it, and none of the fifteen packages that its checking does not need
    (transformers, datasets, ..): they would take a gigabyte and move our pins."""
    folder = tmp_path_factory.mktemp("evalplus")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder]
    done = subprocess.run([*command, "evalplus==0.3.1"], capture_output=True, text=True)
    if done.returncode:
        missing(f"EvalPlus could not be installed: {done.stderr.strip().splitlines()[-1:]}")
    return str(folder)
