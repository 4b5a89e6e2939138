"""Ten thousand jobs, honest and hostile in turns, and nothing is left: no descriptor, no memory, no
thread, no process, no mount, no control group, no file, neither of this process nor on the host.

The draw has a fixed seed. Three of four jobs are honest: HumanEval's canonical solutions, as data
and examined, and the corpus's honest solution in every kind. The others are the corpus's hostile
ones, under a CPU limit of 0.2 s; at most one job in fifty is one that runs into it. JUDGE_SOAK_JOBS
sets the number of jobs.
"""

import ctypes
import gc
import os
import random
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from judge.errors import SandboxError, SandboxUnavailable
from judge.sandbox import NAMES
from judge.sandbox.engine import connect
from judge.sandbox.slots import Slot
from judge.verdicts.corpus import find_corpus, read_corpus
from judge.verdicts.judging import Conditions, judge
from judge.verdicts.posed import HONEST, KINDS, pose
from problems.problem import Problem
from tests.benchmarks.contenders import sandboxes
from tests.conftest import missing

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.data,
    pytest.mark.sandbox,
    pytest.mark.timeout(3000),
]
JOBS = int(os.environ.get("JUDGE_SOAK_JOBS", "10000"))
WORKERS = 2
HOSTILE, SLOW = 0.25, 0.02
LIMIT = 0.2
HEAVY = 1 << 20
"""Bytes of a problem's own data above which it is left out: the host's copies of it are no leak."""
MOST_GROWTH = 4 << 20
"""Bytes that the allocator may keep of the largest answers after they are gone."""
M_ARENA_MAX = -8


@dataclass(frozen=True, slots=True)
class Draw:
    """A job, and what it may come to."""

    name: str
    problem: Problem
    source: str
    conditions: Conditions
    verdicts: tuple[str, ...] = ("AC",)

    @property
    def honest(self):
        return self.verdicts == ("AC",)


# --- the draw ------------------------------------------------------------------------------------


def weight(problem):
    return sum(len(e.arguments) + sum(map(len, e.accepted)) for e in problem.examples)


def pools(tasks):
    """Honest, quickly hostile and slowly hostile jobs."""
    honest, quick, slow = [], [], []
    for task in tasks:
        for name, problem in (("data", task.as_data), ("whole", task.whole)):
            title = f"{problem.slug} {name}"
            honest.append(Draw(title, problem, task.source, Conditions()))
    examined = Conditions(examiner=True)
    for kind in KINDS:
        for conditions in (Conditions(), examined):
            honest += [Draw(f"honest {kind}", pose("double", kind), HONEST, conditions)] * 15
    for case in read_corpus(find_corpus()):
        if case.honest:
            continue
        limits = replace(case.limits, cpu_seconds=min(LIMIT, case.limits.cpu_seconds))
        for kind, expected in case.kinds.items():
            problem = pose(case.task, kind, limits)
            if weight(problem) > HEAVY:
                continue
            late = "TLE" in expected.verdicts
            verdicts = (*expected.verdicts, "TLE")
            draw = Draw(f"{case.name} {kind}", problem, case.source, Conditions(), verdicts)
            (slow if late else quick).append(draw)
    return honest, quick, slow


def drawn(tasks, count):
    """The jobs, in their order: the same ones every time."""
    luck = random.Random(3)
    honest, quick, slow = pools(tasks)
    jobs = [luck.choice(slow) for _ in range(int(count * SLOW))]
    jobs += [luck.choice(quick) for _ in range(int(count * HOSTILE) - len(jobs))]
    jobs += [luck.choice(honest) for _ in range(count - len(jobs))]
    luck.shuffle(jobs)
    return jobs


# --- the host ------------------------------------------------------------------------------------


def look():
    """What this process and its sandboxes hold, countable and comparable."""
    return {
        "descriptors": Counter(
            re.sub(r"[0-9a-f]*\d[0-9a-f]*", "N", each) for each in descriptors()
        ),
        "threads": Counter({"threads": threading.active_count()}),
        "processes": Counter(descendants()),
        "mounts": Counter(mounts()),
        "cgroups": Counter({"cgroups": len(cgroups())}),
        "containers": Counter({"containers": len(containers())}),
        "files": Counter(files()),
    }


def descriptors():
    for name in os.listdir("/proc/self/fd"):
        try:
            yield str(Path("/proc/self/fd", name).readlink())
        except OSError:
            continue  # the one that listed them


def descendants():
    """Commands of every process below this one."""
    parents, words = {}, {}
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            stat = Path("/proc", name, "stat").read_text(errors="replace")
            words[int(name)] = Path("/proc", name, "cmdline").read_bytes()[:200].decode("latin-1")
        except OSError:
            continue
        parents[int(name)] = int(stat.rpartition(")")[2].split()[1])
    below, found = {os.getpid()}, []
    while more := {pid for pid, parent in parents.items() if parent in below and pid not in below}:
        below |= more
        found += [re.sub(r"\d+", "N", words[pid]) for pid in more]
    return found


def mounts():
    engines = ("docker", "containerd", "overlay", "netns")
    for line in Path("/proc/self/mounts").read_text(errors="replace").splitlines():
        if not any(engine in line for engine in engines):
            yield line


def cgroups():
    """Control groups that this process made: their names hold its id."""
    found = []
    for folder, _, _ in os.walk("/sys/fs/cgroup"):
        if "judge" in folder and str(os.getpid()) in re.findall(r"\d+", Path(folder).name):
            found.append(folder)
    return found


def containers():
    """Containers whose owner's lock is this process's."""
    from judge.errors import SandboxUnavailable

    try:
        client = connect()
    except SandboxUnavailable:
        return []
    try:
        return [
            each.id
            for each in client.containers.list(all=True, ignore_removed=True)
            if any(f"-{os.getpid()}-" in str(label) for label in each.labels.values())
        ]
    finally:
        client.close()


def files():
    for folder in ("/tmp", "/var/tmp", "/dev/shm"):
        for entry in os.scandir(folder):
            if entry.name.startswith(("judge-box", "judge-corpus")):
                yield entry.path


def differences(before, patience=5.0):
    """What is more or less than `before` and does not go away by itself."""
    deadline = time.monotonic() + patience
    while (now := look()) != before and time.monotonic() < deadline:
        time.sleep(0.1)
    return {
        key: {
            "more": list((now[key] - before[key]).items()),
            "less": list((before[key] - now[key]).items()),
        }
        for key in before
        if now[key] != before[key]
    }


def resident():
    """Bytes of memory after a collection, with what the allocator keeps given back."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# --- the soak ------------------------------------------------------------------------------------


def run_all(sandbox, jobs):
    """Judge them by as many threads as keep it busy; what went wrong, and how often each verdict came."""
    left, wrong, verdicts = iter(jobs), [], Counter()

    def work():
        for draw in left:
            try:
                judgement = judge(draw.problem, draw.source, sandbox, draw.conditions)
            except SandboxError as error:
                wrong.append(f"{draw.name}: {type(error).__name__}: {error}")
                print(wrong[-1])
                continue
            verdicts[judgement.verdict] += 1
            if judgement.verdict not in draw.verdicts:
                wrong.append(f"{draw.name}: {judgement}"[:2000])
                print(wrong[-1], repr(judgement.stdout)[:300])

    threads = [threading.Thread(target=work) for _ in range(sandbox.callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong, verdicts


def open_every_box(sandbox, jobs):
    """Have each slot open a box of every kind that these jobs need: one job a slot, all at once."""
    slow_start = f"import time\ntime.sleep(0.3)\n{HONEST}"
    for packages in sorted({draw.problem.packages for draw in jobs}):
        problem = replace(pose("double", "examined"), packages=packages)
        threads = [
            threading.Thread(target=judge, args=(problem, slow_start, sandbox))
            for _ in range(sandbox.callers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


@pytest.fixture
def faults(monkeypatch):
    """What failed by our fault and was run again, with how often."""
    seen, run = Counter(), Slot.run

    def watched(*given, **options):
        try:
            return run(*given, **options)
        except SandboxError as error:
            seen[re.sub(r"\d+", "N", str(error))[:120]] += 1
            raise

    monkeypatch.setattr(Slot, "run", watched)
    return seen


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_left_after_ten_thousand_jobs(name, tasks, faults):
    # An arena for every thread that ever ran keeps pages of its own and would hide a leak of that size.
    ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)
    jobs = drawn(tasks, JOBS)
    first = {draw.name: draw for draw in jobs}
    try:
        with sandboxes(
            name, WORKERS
        ) as open_for:  # whatever is made once in a process's life is made here
            run_all(open_for(WORKERS), [draw for draw in first.values() if draw.honest][:40])
    except SandboxUnavailable as error:
        missing(str(error))
    closed = look()
    with sandboxes(name, WORKERS) as open_for:
        sandbox = open_for(WORKERS)
        warm = [draw for draw in jobs if draw.honest][:200]
        wrong, _ = run_all(sandbox, warm)
        open_every_box(sandbox, jobs)
        opened, memory = look(), [resident()]
        started, verdicts = time.monotonic(), Counter()
        for part in range(10):
            more, came = run_all(sandbox, jobs[part * JOBS // 10 : (part + 1) * JOBS // 10])
            wrong += more
            verdicts += came
            memory.append(resident())
        seconds = time.monotonic() - started
        open_every_box(sandbox, jobs)  # those that hostile jobs cost are there again
        assert differences(opened) == {}
    assert differences(closed) == {}
    slow = sum("TLE" in draw.verdicts[:-1] for draw in jobs)
    print(
        f"\n\n{name}: {len(jobs):,} jobs ({sum(draw.honest for draw in jobs):,} honest, {slow} slow) "
        f"in {seconds:.0f} s: {dict(verdicts.most_common())}\nresident MiB, at the start and after "
        f"each tenth: {' '.join(f'{each / (1 << 20):.1f}' for each in memory)}\nrun again for a fault of ours: {dict(faults)}"
    )
    assert wrong == []
    assert memory[-1] - memory[1] <= MOST_GROWTH, memory
