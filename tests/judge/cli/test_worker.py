"""How `judge worker` divides a host, what it refuses, and how it says that it lives."""

import os
import subprocess
import sys
import time

import pytest

from judge import heartbeats
from judge.cli import worker
from judge.settings import Settings


def told(monkeypatch, queues, concurrency=None, cores=8, **settings):
    monkeypatch.setattr(worker.os, "cpu_count", lambda: cores)
    monkeypatch.delenv("JUDGE_SANDBOX_WORKERS", raising=False)
    words = worker.arguments(Settings(**settings), queues, concurrency)
    options = dict(word.removeprefix("--").split("=", 1) for word in words if "=" in word)
    return options["pool"], int(options["concurrency"]), os.environ.get("JUDGE_SANDBOX_WORKERS")


def test_asking_gets_threads_and_judging_a_process_a_core(monkeypatch):
    monkeypatch.setenv("JUDGE_SANDBOX_WORKERS", "restored afterwards")
    assert told(monkeypatch, ("ask",)) == ("threads", 4, None)
    assert told(monkeypatch, ("judge",)) == ("prefork", 8, "1")
    assert told(monkeypatch, ("ask", "judge")) == ("prefork", 8, "1")
    assert told(monkeypatch, ("judge",), 2) == ("prefork", 2, "4")
    assert told(monkeypatch, ("judge",), 16) == ("prefork", 16, "1")
    assert told(monkeypatch, ("judge",), sandbox_workers=3) == ("prefork", 8, None)


@pytest.mark.parametrize("queues", ["train", "ask,jugde", ","])
def test_a_queue_that_nobody_rings_is_refused(judge, monkeypatch, queues):
    monkeypatch.setenv("JUDGE_BROKER_URL", "redis://127.0.0.1:1/0")
    said = judge("worker", "--queues", queues)
    assert said.code == 2 and said.err.count("\n") == 1


def test_the_queue_of_one_process_is_refused(judge):
    said = judge("worker")
    assert said.code == 2 and "JUDGE_BROKER_URL" in said.err


def test_alive_is_who_polled_lately_and_the_dead_do_not_count(judge, home):
    assert judge("worker", "--alive").code == 1
    settings = Settings(home=home)
    heartbeats.beat(settings)
    assert judge("worker", "--alive").code == 0
    [own] = (home / "alive").iterdir()
    script = "from judge import heartbeats; from judge.settings import Settings; heartbeats.beat(Settings())"
    subprocess.run([sys.executable, "-c", script], check=True)
    assert len(list((home / "alive").iterdir())) == 2
    assert len(judge("worker", "--alive", "--json").json()["workers"]) == 1
    assert list((home / "alive").iterdir()) == [own]
    past = time.time() - 61
    os.utime(own, (past, past))
    assert judge("worker", "--alive").code == 1
