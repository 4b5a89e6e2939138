"""How examples share processes, what ends a job early, and what a process finds of the one before."""

from itertools import pairwise

import pytest

from judge.sandbox.base import Ending, Job, Stop
from problems.problem import Class, Function, Limits, Parameter, Program
from problems.values import encode

pytestmark = pytest.mark.sandbox
F = Function("f", (Parameter("x"),))
QUICK = Limits(cpu_seconds=0.5, memory_mb=256)
CRASHES = "import os\ndef f(x):\n    if x < 0: os.kill(os.getpid(), 11)\n    return x\n"
COUNTS = "seen = []\ndef f(x):\n    seen.append(x)\n    return len(seen)\n"


def run(sandbox, source, *arguments, entry=F, limits=QUICK, accept=None, **more):
    inputs = tuple(encode([argument]) for argument in arguments)
    return sandbox.run(Job(source, entry, inputs, limits, **more), accept=accept)


def story(report):
    """What became of each example, in short."""
    return [
        only.value if only.ending is Ending.RETURNED else (only.detail or only.ending.value)
        for only in report.runs
    ]


def test_a_crash_costs_one_example_and_the_rest_goes_on(sandbox):
    report = run(sandbox, CRASHES, 1, -1, 2, -2, 3)
    assert story(report) == ["1", "signal:11", "2", "signal:11", "3"]


def test_an_exit_costs_one_example_and_the_rest_goes_on(sandbox):
    source = "import os\ndef f(x):\n    if x < 0: os._exit(3)\n    return x\n"
    assert story(run(sandbox, source, -1, 1, -1)) == ["exit:3", "1", "exit:3"]


def test_a_crash_late_in_the_time_is_a_crash_on_the_example_that_crashed(sandbox):
    source = (
        "import os, time\ndef f(x):\n    if x >= 0: return x\n    end = time.process_time() + 0.35\n"
        "    while time.process_time() < end: pass\n    os.kill(os.getpid(), 11)\n"
    )
    report = run(sandbox, source, 1, 2, -1, 3)
    assert story(report) == ["1", "2", "signal:11", "3"]
    assert report.usage.cpu_seconds < 0.5  # what was run for nothing is not counted


def test_a_time_out_is_put_down_to_its_example_when_the_job_runs_alone(sandbox):
    source = "def f(x):\n    while x < 0: pass\n    return x\n"
    inputs = tuple(encode([x]) for x in (1, 2, -1, 3))
    report = sandbox.run(Job(source, F, inputs, Limits(cpu_seconds=0.2)), alone=True)
    assert story(report) == ["1", "2", "cpu", "not_run"]


def test_processes_that_follow_share_one_cpu_limit(sandbox):
    source = (
        "import os, time\ndef f(x):\n    end = time.process_time() + 0.2\n"
        "    while time.process_time() < end: pass\n    os._exit(1)\n"
    )
    report = run(sandbox, source, *range(20))
    assert report.usage.killed_by == "cpu" and report.usage.cpu_seconds < 1.5
    assert story(report)[-1] == "not_run"


def test_a_solution_that_crashes_on_loading_is_not_loaded_again_and_again(sandbox):
    source = "import os, time\ntime.sleep(0.2)\nos._exit(4)\ndef f(x): return x\n"
    report = run(sandbox, source, *range(50), limits=Limits(cpu_seconds=5))
    assert set(story(report)) == {"exit:4"} and report.usage.wall_seconds < 4


def test_a_limit_that_was_met_ends_the_job(sandbox):
    source = "def f(x):\n    while x < 0: pass\n    return x\n"
    limits = Limits(cpu_seconds=5.0, example_cpu_seconds=0.2)
    assert story(run(sandbox, source, 1, -1, 2, limits=limits)) == ["1", "cpu", "not_run"]


def test_a_job_that_never_stops_runs_every_example_it_has_time_for(sandbox):
    source = "def f(x):\n    while x < 0: pass\n    return x\n"
    limits = Limits(cpu_seconds=5.0, example_cpu_seconds=0.2)
    report = run(sandbox, source, 1, -1, 2, -1, 3, limits=limits, stop=Stop.NEVER)
    assert story(report) == ["1", "cpu", "2", "cpu", "3"] and report.usage.killed_by == "cpu"
    program = "n = int(input())\nwhile n < 0: pass\nprint('ok')\n"
    inputs = tuple(encode(f"{n}\n") for n in (1, -1, 2))
    brief = Limits(cpu_seconds=0.2)
    report = sandbox.run(Job(program, Program(), inputs, brief, stop=Stop.NEVER))
    assert story(report) == ['"ok\\n"', "cpu", '"ok\\n"']


@pytest.mark.parametrize("isolated", [False, True])
def test_a_job_stops_at_the_first_answer_that_is_not_accepted(sandbox, isolated):
    report = run(
        sandbox,
        "def f(x): return x\n",
        *range(6),
        stop=Stop.FAILURE,
        isolated=isolated,
        accept=lambda index, only: index != 2,
    )
    assert story(report) == ["0", "1", "2", "not_run", "not_run", "not_run"]


@pytest.mark.parametrize("isolated", [False, True])
def test_a_job_stops_at_the_first_crash_or_exception(sandbox, isolated):
    more = {"stop": Stop.FAILURE, "isolated": isolated}
    assert story(run(sandbox, CRASHES, 1, -1, 2, **more)) == ["1", "signal:11", "not_run"]
    raises = "def f(x): return 1 // x\n"
    found = story(run(sandbox, raises, 1, 0, 2, **more))
    assert found == ["1", "ZeroDivisionError", "not_run"]


def test_nobody_is_asked_about_answers_unless_the_job_may_stop_for_them(sandbox):
    asked = []
    run(sandbox, CRASHES, 1, -1, 2, accept=lambda *_: asked.append(1) or False)
    assert asked == []


def test_examples_share_a_process_or_have_one_each(sandbox):
    assert story(run(sandbox, COUNTS, 7, 7, 7)) == ["1", "2", "3"]
    assert story(run(sandbox, COUNTS, 7, 7, 7, isolated=True)) == ["1", "1", "1"]
    operations = [["C", []], ["n", []]]
    source = "made = []\nclass C:\n    def __init__(self): made.append(1)\n    def n(self): return len(made)\n"
    inputs = (encode(operations),) * 2
    together = sandbox.run(Job(source, Class("C"), inputs, QUICK))
    apart = sandbox.run(Job(source, Class("C"), inputs, QUICK, isolated=True))
    assert (story(together), story(apart)) == (
        ["[null,1]", "[null,2]"],
        ["[null,1]", "[null,1]"],
    )


def test_code_that_does_not_compile_is_compiled_once(sandbox):
    report = run(sandbox, "def f(x:\n", *range(30), isolated=True)
    assert set(story(report)) == {"syntax"} and len(report.runs) == 30


def test_answers_keep_their_examples_however_they_are_carried(sandbox):
    given = [1, "{", {"a": (1, 2)}, [[]], "é\ud800", 2.5, None]
    for isolated in (False, True):
        report = run(sandbox, "def f(x): return x\n", *given, isolated=isolated)
        assert story(report) == [encode(value) for value in given]
    plain = [list(range(n)) for n in range(30)]
    assert story(run(sandbox, "def f(x): return x\n", *plain)) == [encode(n) for n in plain]
    big = ["x" * 50_000, "y" * 50_000]
    assert story(run(sandbox, "def f(x): return len(x)\n", *big)) == ["50000", "50000"]


LEAVES = "def f(x):\n    with open(x, 'a') as file: file.write('mine')\n    return open(x).read()\n"


@pytest.mark.parametrize("path", ["/tmp/left", "/dev/shm/left"])
def test_a_file_that_a_solution_leaves_is_gone_for_the_next_process(sandbox, path):
    for _ in range(4):
        assert story(run(sandbox, LEAVES, path)) == ['"mine"']
    assert story(run(sandbox, LEAVES, path, path, isolated=True)) == ['"mine"', '"mine"']
    program = f"open({path!r}, 'a').write('mine')\nprint(open({path!r}).read())\n"
    report = sandbox.run(Job(program, Program(), (encode(""),) * 3, QUICK))
    assert story(report) == ['"mine\\n"'] * 3


@pytest.mark.parametrize(
    "leave",
    [
        "os.mkfifo('/tmp/left')",
        "os.symlink('/etc/shadow', '/tmp/left')",
        "os.makedirs('/tmp/left/' + 'd/' * 500)",
        "os.mkdir('/tmp/left'); os.chmod('/tmp/left', 0)",
        "os.open('/tmp/left', os.O_CREAT | os.O_RDWR, 0)",
        "os.link(os.open('/tmp/a', os.O_CREAT) and '/tmp/a', '/tmp/left')",
    ],
)
def test_whatever_is_left_is_gone(sandbox, leave):
    source = f"import os\ndef f(x):\n    {leave}\n    return os.path.lexists('/tmp/left')\n"
    look = "import os\ndef f(x): return sorted(os.listdir('/tmp') + os.listdir('/dev/shm'))\n"
    for _ in range(3):
        assert story(run(sandbox, source, 1)) == ["true"]
        assert story(run(sandbox, look, 1)) == ["[]"]


@pytest.mark.parametrize("place", ["/tmp", "/dev/shm"])
def test_not_even_a_file_that_was_removed_shows(sandbox, place):
    source = (
        f"import os\ndef f(x):\n    before = os.stat({place!r})\n"
        f"    with open({place!r} + '/x', 'w') as file: number = os.fstat(file.fileno()).st_ino\n"
        f"    os.remove({place!r} + '/x')\n"
        "    return [number, before.st_mtime_ns, before.st_ctime_ns, before.st_atime_ns]\n"
    )
    found = [eval(only) for _ in range(3) for only in story(run(sandbox, source, 1))]
    assert len({number for number, *_ in found}) == 1  # each the first file of its box
    assert len({changed for _, changed, *_ in found}) == 3  # and each box a new one


def test_process_numbers_tell_nothing_of_the_threads_before(sandbox):
    source = (
        "import os, threading\ndef f(x):\n"
        "    for _ in range(x):\n        t = threading.Thread(target=int); t.start(); t.join()\n"
        "    return os.getpid()\n"
    )
    numbers = [int(only) for _ in range(40) for only in story(run(sandbox, source, 3))]
    steps = {two - one for one, two in pairwise(numbers)}
    assert len(steps) > 10  # by lot, and not one and three
    many = [int(only) for _ in range(6) for only in story(run(sandbox, source, 300))]
    assert max(many[sandbox.workers :]) < 300  # each in a new box, once the warm ones are spent


def test_scratch_space_and_files_in_it_are_limited(sandbox):
    fill = (
        "def f(x):\n    done = 0\n    try:\n        for n in range(100):\n"
        "            with open(f'/tmp/{n}', 'wb') as file: file.write(bytes(4 << 20)); done += 1\n"
        "    except OSError as error: return [done, error.errno]\n"
    )
    ((done, number),) = [eval(value) for value in story(run(sandbox, fill, 1))]
    assert done <= 16 and number == 28  # ENOSPC at 64 MiB
    many = (
        "def f(x):\n    for n in range(10000):\n        try: open(f'/tmp/{n}', 'w').close()\n"
        "        except OSError as error: return [n, error.errno]\n"
    )
    ((count, number),) = [eval(value) for value in story(run(sandbox, many, 1))]
    assert count <= 4096 and number == 28


def test_a_program_in_scratch_cannot_be_run_nor_be_root_s(sandbox):
    source = (
        "import os\ndef f(x):\n    with open('/tmp/p', 'w') as file: file.write('#!/bin/sh')\n"
        "    os.chmod('/tmp/p', 0o4777)\n    try: os.execv('/tmp/p', ['p'])\n"
        "    except OSError as error: return error.errno\n"
    )
    assert story(run(sandbox, source, 1)) in (["1"], ["13"])
    found = "import os\ndef f(x):\n    flags = os.statvfs('/tmp').f_flag\n    return [bool(flags & flag) for flag in (os.ST_NOSUID, os.ST_NODEV, os.ST_NOEXEC)]\n"
    assert story(run(sandbox, found, 1)) == ["[true,true,true]"]


@pytest.mark.parametrize("name", ["numpy", "sortedcontainers"])
def test_a_promised_package_is_there_and_warm(sandbox, name):
    look = f"import sys\nwarm = {name!r} in sys.modules\nimport {name}\ndef f(x): return warm\n"
    assert story(run(sandbox, look, 1, packages=(name,))) == ["true"]
    assert story(run(sandbox, look, 1)) == ["false"]


def test_numpy_computes_in_one_thread_and_draws_the_same_lots_again(sandbox):
    source = (
        "import numpy, threading\ndef f(x):\n"
        "    a = numpy.ones((x, x)) @ numpy.ones((x, x))\n"
        "    tasks = len(__import__('os').listdir('/proc/self/task'))\n"
        "    return [float(a[0][0]), tasks, numpy.random.randint(10**9)]\n"
    )
    limits = Limits(cpu_seconds=5, memory_mb=512)
    (one,), (other,) = (
        story(run(sandbox, source, 200, packages=("numpy",), limits=limits)) for _ in range(2)
    )
    assert one == other and one.startswith("[200.0,1,")


def test_a_check_that_draws_with_numpy_cannot_be_foreseen(sandbox):
    from problems.problem import Examined

    check = "import numpy\nassert [f(0) for _ in range(3)] != [int(numpy.random.randint(10**9)) for _ in range(3)]"
    source = "import numpy\ndef f(x): return int(numpy.random.randint(10**9))\n"
    entry = Examined("f", check, ("f",))
    limits = Limits(cpu_seconds=5, memory_mb=512)
    job = Job(source, entry, (), limits, packages=("numpy",))
    assert sandbox.run(job).runs[0].ending is Ending.RETURNED
