"""From nothing to a leaderboard, over HTTP, with a kill in the middle."""

import json
import os
import signal
import time

import pytest

from judge.cli import remote

pytestmark = [pytest.mark.sandbox, pytest.mark.usefixtures("sandbox")]


def recorded(house, folder, name, texts):
    file = folder / f"{name}.jsonl"
    rows = [{"task_id": slug, "solution": answers} for slug, answers in texts.items()]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    house.judge("models", "add", name, "--backend", "recorded", "--id", file)


def half_right(count):
    """Every other answer is right."""
    return {
        name: [f"def {name}(n):\n    return {body} + {index % 2}\n" for index in range(count)]
        for name, body in (("double", "2 * n"), ("square", "n * n"))
    }


def test_a_batch_goes_from_the_command_line_over_http_to_the_same_leaderboard(
    house, small_set, tmp_path
):
    house.judge("problems", "import", small_set)
    recorded(house, tmp_path, "half", half_right(4))
    with house.up() as service:
        server = ("--server", service.address)
        asked = ("--models", "half", "--problems", "small", "-n", 4)
        status = house.judge("run", *asked, *server, "--wait")
        assert (status["state"], status["judged"], status["accepted"]) == ("finished", 8, 4)
        over_http = house.judge("leaderboard", "small", *server)
        missing = house.judge("leaderboard", "nowhere", *server, code=2)
        assert "judge problems list" in missing
    assert over_http["rows"][0]["pass_at_1"] == 0.5
    assert house.judge("leaderboard", "small") == over_http


def test_a_kill_in_mid_batch_loses_nothing_and_asks_nothing_twice(house, small_set, tmp_path):
    house.judge("problems", "import", small_set)
    recorded(house, tmp_path, "half", half_right(400))
    with house.up() as service:
        asked = ("--models", "half", "--problems", "small", "-n", 400)
        batch = house.judge("run", *asked, "--server", service.address)["id"]
        until = time.monotonic() + 60
        while time.monotonic() < until:
            status = read(service.address, f"/v1/batches/{batch}")
            if status["judged"] >= 20:
                break
        assert status["state"] == "open", "the batch was over before the kill"
        os.kill(service.pid, signal.SIGKILL)
        service.wait()
    with house.up() as service:
        while (status := read(service.address, f"/v1/batches/{batch}?wait=10"))["state"] == "open":
            pass
        assert status["state"] == "finished"
        assert (status["samples"], status["judged"], status["accepted"]) == (800, 800, 400)
        assert status["errors"] == []
        row = read(service.address, "/v1/leaderboards/small")["rows"][0]
        assert (row["samples"], row["accepted"]) == (800, 400)


def read(address, path):
    return remote.get(address, path)
