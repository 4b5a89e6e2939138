"""A script: how fast a warmed interpreter judges when nothing is isolated.

`bare_fork.py JOBS COPIES WAY` reads jobs (a JSON list of source, name, inputs and accepted answers,
as wire text), runs every one COPIES times in its own order, and prints the seconds of that loop. It
is started with the flags and environment of the fork server, imports what that imports, is warmed
up as that is, and disables the collector as that does; what it leaves out is the isolation. The
clock starts when a line comes on stdin, so that several of these can run at once.

WAY is `fork` (os.fork per candidate; the child compiles, executes, decodes inputs, calls, encodes,
writes to a pipe and leaves; the parent reads, compares and reaps), `live` (the same with inputs that
were decoded before the clock ran, so children inherit them) or `exec` (no process at all).
"""

import gc
import json
import os
import sys
import time
import types
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from judge.sandbox.inside import server, warming
from problems.values import decode, encode


def work(source, name, inputs, live):
    """What a candidate costs by itself: its answers, a line each."""
    module = types.ModuleType("solution")
    sys.modules["solution"] = module
    code = compile(source, "<solution>", "exec", dont_inherit=True, optimize=0)
    exec(code, module.__dict__)
    function = module.__dict__[name]
    if live is not None:
        answers = [encode(function(*arguments)) for arguments in live]
    else:
        answers = [encode(function(*decode(text, types=True))) for text in inputs]
    return "\n".join(answers).encode("ascii")


def forked(source, name, inputs, live):
    """`work` in a child of its own."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        gc.enable()
        text = work(source, name, inputs, live)
        while text:
            text = text[os.write(write_end, text) :]
        os._exit(0)
    os.close(write_end)
    parts = []
    while part := os.read(read_end, 65_536):
        parts.append(part)
    os.close(read_end)
    _, status = os.waitpid(pid, 0)
    assert status == 0
    return b"".join(parts)


def main():
    jobs = json.loads(Path(sys.argv[1]).read_text())
    copies, way = int(sys.argv[2]), sys.argv[3]
    warming.preload(())
    nowhere = os.open("/dev/null", os.O_WRONLY)
    warming.warm_up(nowhere)
    source, name, inputs, _ = jobs[0]
    for _ in range(20):  # the loop of this file, as the fork server's own was walked above
        work(source, name, inputs, None)
    lives = [
        [decode(text, types=True) for text in job[2]] if way == "live" else None for job in jobs
    ]
    run = work if way == "exec" else forked
    if way != "exec":
        gc.collect()
        gc.freeze()
        gc.disable()
    print("ready", flush=True)
    sys.stdin.readline()
    started = time.perf_counter()
    for _ in range(copies):
        for (source, name, inputs, accepted), live in zip(jobs, lives, strict=True):
            answers = run(source, name, inputs, live).decode("ascii").split("\n")
            assert len(answers) == len(accepted)
            for answer, wanted in zip(answers, accepted, strict=True):
                assert answer == wanted or decode(answer) == decode(wanted)
    print(time.perf_counter() - started)


if __name__ == "__main__":
    assert server.ANSWER  # what the fork server holds, this one holds
    main()
