"""`judge up` refuses before it serves."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from judge.cli import up


def test_a_port_in_use_is_named_with_the_remedy(judge):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = judge("up", "--port", port)
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert str(port) in said.err
    assert "--port" in said.err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", ""])
def test_no_other_host_can_reach_a_service_without_keys(judge, host, monkeypatch):
    monkeypatch.setenv("JUDGE_AUTH", "off")
    monkeypatch.setenv("JUDGE_HOST", "127.0.0.1")  # put back after `up` has set it
    said = judge("up", *(("--host", host) if host else ("--public",)), "--port", 0)
    assert said.code == 2
    assert "JUDGE_AUTH" in said.err
    assert "judge keys add" in said.err
    assert said.err.count("\n") == 1


def test_answers_leave_at_once():
    """Else each body waits until the client has acknowledged its head, which takes 40 ms."""
    with up._listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        served, _ = listener.accept()
        with served:
            assert served.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_full_disk_is_one_line(home):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "judge.cli", "models", "list", "--json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env=os.environ | {"JUDGE_HOME": str(home)},
        )
    assert done.returncode == 2
    assert done.stderr.startswith("judge: error: ")
    assert done.stderr.count("\n") == 1
