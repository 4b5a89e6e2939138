"""Every guard is there for something: with it taken out of a copy of the runner, some case of the
corpus no longer gets its verdict; with it, the same case does (tests/verdicts).

Guards that are missing here stand behind another one, and no case tells whether they are there: the
masked /proc, the limits and leases that user ids keep shut as well, the read-only root, the network
namespace. The probes and tests of the conformance suite look at those one by one."""

import os
import shutil

import pytest

from judge.sandbox import boxes
from judge.sandbox.namespaces import CODE, INSIDE, NamespacesBackend
from judge.sandbox.pool import Pool
from judge.verdicts.corpus import find_corpus, read_case, run_case, warm
from tests.conftest import missing

pytestmark = pytest.mark.sandbox
BOX, SEAL, SERVER = "inside/box.py", "inside/seal.py", "inside/server.py"
FILTERS, EXAMINER, FRAMES = "inside/filters.py", "inside/examiner.py", "inside/frames.py"

GUARDS = {
    "the system call filter": (
        (SEAL, "    _load(server_filter())\n", ""),
        ("adjusts_the_clock", "function"),
    ),
    "the refusal of shared mappings": (
        (FILTERS, "*_when(_MMAP, _refuse_bits(3, _MAP_SHARED | _MAP_GROWSDOWN)),", ""),
        ("maps_shared_memory", "function"),
    ),
    "the refusal of locks on shared files": (
        (FILTERS, "(6, 7, 37, 38, 1024, 1026, 1031)", "(1024, 1026, 1031)"),
        ("locks_a_range_of_a_shared_file", "function"),
    ),
    "the end of another ABI": (
        (
            FILTERS,
            "        _jump(_AT_LEAST, X32_BIT, 0, 1),\n",
            "        _jump(_EQUAL, 0xFFFFFFFF, 0, 1),\n",
        ),
        ("calls_by_the_x32_abi", "function"),
    ),
    "the choice of prctl": (
        (FILTERS, "_PRCTL_HARMLESS = (2, 3,", "_PRCTL_HARMLESS = (4, 2, 3,"),
        ("makes_itself_readable", "function"),
    ),
    "a user id of the solution's own": (
        (SEAL, "(most, most))\n        os.setresuid(uid, uid, uid)\n", "(most, most))\n"),
        ("may_not_even_signal_its_server", "function"),
    ),
    "Landlock": (
        (SEAL, "    found = landlock.restrict(sys.base_prefix)\n", "    found = 0\n"),
        ("lists_the_root_folder", "function"),
    ),
    "one process": (
        (SEAL, "        resource.setrlimit(resource.RLIMIT_NPROC, (most, most))\n", ""),
        ("forks_and_lets_the_parent_go", "function"),
    ),
    "the descriptor scrub": (
        (SERVER, "        os.closerange(len(places), 1024)\n", ""),
        ("walks_leaked_descriptors", "function"),
    ),
    "the output cap": (
        (SERVER, "            (resource.RLIMIT_FSIZE, order.output_bytes),\n", ""),
        ("print_flood", "function"),
    ),
    "the memory limit": (
        (SERVER, "            (resource.RLIMIT_DATA, memory),\n", ""),
        ("meets_its_memory_limit_as_an_error", "function"),
    ),
    "the wall clock": (
        (
            SERVER,
            "            wall_left = deadline - time.monotonic()",
            "            wall_left = 9e9",
        ),
        ("sleeps", "program"),
    ),
    "the sight of what is left": (
        (SERVER, "    left = _changed(box.scratch) != box.changed_before", "    left = False"),
        ("leaves_a_file", "program"),
    ),
    "the lots over process numbers": (
        (SERVER, "        left = _numbers_tell(pid)", "        pass"),
        ("answers_by_process_ids", "program"),
    ),
    "the smallness of scratch": (
        (BOX, '"size=64m,nr_inodes=4096,mode=1777"', '"mode=1777"'),
        ("makes_a_million_files", "function"),
    ),
    "a host name of the box's own": (
        (BOX, '    checked(_libc.sethostname(b"box", 3), "sethostname")\n', ""),
        ("learns_the_name_of_the_host", "function"),
    ),
    "the order of answers": (
        (EXAMINER, "            if sequence != self.calls:", "            if False:"),
        ("answers_out_of_order", "examined"),
    ),
    "the bound of a frame": (
        (FRAMES, "        if length > MAX_FRAME:", "        if False:"),
        ("announces_four_gigabytes", "examined"),
    ),
    "ordinary exceptions alone": (
        (EXAMINER, "            or not issubclass(found, Exception)\n", ""),
        ("claims_a_builtin_exit", "examined"),
    ),
}


@pytest.mark.parametrize("guard", GUARDS)
def test_without_this_guard_a_case_fails(guard, tmp_path, monkeypatch):
    if os.geteuid():
        missing("the guards are those of the full tier, which needs root")
    (file, code, instead), (name, kind) = GUARDS[guard]
    for part in INSIDE:
        shutil.copytree(CODE / part, tmp_path / part)
    path = tmp_path / "judge/sandbox" / file
    text = path.read_text()
    assert text.count(code) == 1, "the guard is written otherwise now"
    path.write_text(text.replace(code, instead))
    monkeypatch.setattr(boxes, "GRACE_SECONDS", 0.5)
    pool = Pool(NamespacesBackend(code=tmp_path), 1, recycle=5_000, waiting=99)
    try:
        warm(pool)
        finding = run_case(read_case(find_corpus() / name), kind, pool)
    finally:
        pool.close()
    assert not finding.held, f"{name} is {finding.got} without it, too"
