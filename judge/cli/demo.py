"""`judge demo`: a service, a real model, a leaderboard, in one command."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from judge.batches import BatchRequest
from judge.bootstrap import open_judge
from judge.cli import console, leaderboard, remote, run
from judge.cli.problems import Which, write_answers
from judge.errors import JudgeError, UsageError
from judge.models import open_model
from judge.models.base import ModelSpec, Sampling
from judge.settings import read_settings
from judge.store import models, problem_sets
from problems.importers import bundled
from problems.problem import ProblemSet

SET = "starter"
LOCAL = ModelSpec("smollm2-135m", "llama_local", "smollm2-135m")
START_SECONDS = 60
STOP_SECONDS = 20


def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="End after the leaderboard.")] = False,
    home: Annotated[
        Path, typer.Option(help="Where the demo keeps its database; delete it to start anew.")
    ] = Path(".judge/demo"),
    port: Annotated[int, typer.Option(help="0 for a free one.", min=0, max=65535)] = 0,
    samples: Annotated[int, typer.Option("-n", help="Samples a problem.", min=1, max=16)] = 1,
    max_tokens: Annotated[int, typer.Option(help="Of one answer.", min=16, max=2048)] = 300,
) -> None:
    """Judge a small real model on the bundled problems, beside the set's own right and wrong
    solutions as ceiling and floor. Started again, it goes on where it was."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    home = home.absolute()
    console.note(f"home {home}")
    os.environ["JUDGE_HOME"] = str(home)
    os.environ.pop("JUDGE_DATABASE_URL", None)
    os.environ["JUDGE_BROKER_URL"] = "memory://"
    problem_set = _prepare(home, samples)
    request = BatchRequest(
        models=(LOCAL.name, "reference", "wrong"),
        problem_set=SET,
        samples=samples,
        sampling=Sampling(temperature=0.2, max_tokens=max_tokens),
        digest=problem_set.digest,
    )
    with _service(port) as server:
        key = f"demo-{problem_set.digest[:12]}-{samples}-{max_tokens}"
        opened = run.submit(server, request, key)
        page = f"{server}/leaderboards/{SET}"
        console.note(f"batch {opened['id']}, to be watched at {server}/batches/{opened['id']}")
        run.follow(server, opened["id"])
        leaderboard.show(remote.get(server, f"/v1/leaderboards/{SET}"))
        console.result(f"leaderboard: {page}")
        _say_how_to_go_on(home)
        if not once:
            console.note("serving until Ctrl-C")
            with suppress(KeyboardInterrupt):
                signal.pause()


def _prepare(home: Path, samples: int) -> ProblemSet:
    """The set and the three models, in the demo's own database. Again changes nothing."""
    problem_set = bundled(SET)
    open_model(LOCAL).close()  # says at once what to install
    settings = read_settings()
    with closing(open_judge(settings)) as judge, judge.database.transaction() as tx:
        problem_sets.keep(tx, problem_set)
        models.keep(tx, LOCAL)
        for which in Which:
            file = home / f"{which.value}-{problem_set.digest[:12]}-{samples}.jsonl"
            write_answers(problem_set.problems, which, file, samples)
            models.keep(tx, ModelSpec(which.value, "recorded", str(file)))
    return problem_set


@contextmanager
def _service(port: int) -> Iterator[str]:
    """`judge up` in a process of its own; its address, once it answers."""
    command = [sys.executable, "-m", "judge.cli", "up", "--json"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    log = read_settings().home / "service.log"
    with (
        log.open("ab") as errors,
        subprocess.Popen(  # noqa: S603 - our own interpreter, our own words
            command, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
        ) as process,
    ):
        try:
            yield _address(process, log)
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    said = b""
    assert process.stdout is not None  # noqa: S101 - asked for above
    for line in process.stdout:
        said += line
        if line.startswith(b"}"):
            break
    try:
        server = str(json.loads(said)["address"])
    except (ValueError, KeyError):
        raise _not_started(process, log) from None
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with suppress(JudgeError):
            remote.get(server, "/readyz", seconds=5)
            return server
        time.sleep(0.1)
    raise _not_started(process, log)


def _not_started(process: subprocess.Popen[bytes], log: Path) -> JudgeError:
    process.terminate()
    with suppress(OSError):
        last = log.read_text("utf-8", "replace").strip().splitlines()[-1:]
        if last and last[0].startswith("judge: error: "):
            return UsageError(last[0].removeprefix("judge: error: "))
    return JudgeError(f"the service did not start; {log} says why")


def _say_how_to_go_on(home: Path) -> None:
    how = f"JUDGE_HOME={home} judge models add NAME --backend openai_chat --id MODEL"
    run_it = f"JUDGE_HOME={home} judge run --models NAME --problems {SET} --budget-usd 1"
    if os.environ.get("OPENAI_API_KEY"):
        console.note("OPENAI_API_KEY is set; nothing was spent. To add a hosted model:")
    else:
        console.note("to add a hosted model, set OPENAI_API_KEY (or give --base-url) and:")
    console.note(f"  {how}")
    console.note(f"  {run_it}")
