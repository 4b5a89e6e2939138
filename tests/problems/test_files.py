"""A set file is read whole or refused with file, line and field."""

import gzip
import json

import pytest

from problems.errors import ImportFailed, MalformedProblem
from problems.files import MAX_LINE, from_row, read_lines, read_set, write_set
from problems.importers import read_any
from problems.problem import (
    Checker,
    Class,
    Examined,
    Example,
    Function,
    Limits,
    Parameter,
    Problem,
    ProblemSet,
    Program,
    Slug,
    WrongSolution,
    to_row,
)
from problems.values import encode

FUNCTION = Problem(
    slug=Slug("sum-of-two"),
    statement="Return a + b.",
    entry=Function("add", (Parameter("a", "int"), Parameter("b", "int")), "int", owner="Solution"),
    examples=(
        Example(encode([1, 2]), (encode(3),), shown=True),
        Example(encode([2**70, (1, {2})]), (encode({"x": 1.5}), encode(None))),
    ),
    checker=Checker("floats", absolute=1e-6),
    limits=Limits(cpu_seconds=2.0),
    reference="def add(a, b):\n    return a + b\n",
    wrong=(WrongSolution("def add(a, b): return a - b", "WA", "sign"),),
    difficulty="easy",
    tags=("math",),
    date="2026-11-01",
)
OTHERS = (
    Problem(
        Slug("c"), "s", Class("Stack", (Function("push", (Parameter("x"),)),), (Parameter("n"),))
    ),
    Problem(Slug("p"), "s", Program(), (Example(encode("1\n"), (encode("2\n"),)),)),
    Problem(Slug("e"), "s", Examined("f", "assert f()", ("f",), "import math", calls_check=True)),
    Problem(
        Slug("r"), "s", Function("f", in_place=0), (Example(encode([[1]]), from_reference=True),)
    ),
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "set.jsonl"


def write(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def header(count=1, digest=""):
    return {"format": "judge-problem-set", "name": "x", "problems": count, "digest": digest}


def test_a_set_comes_back_as_it_was(path):
    written = ProblemSet("x", (FUNCTION, *OTHERS))
    write_set(written, path)
    back = read_set(path)
    assert back == written and back.digest == written.digest


def test_a_set_may_be_packed(path, tmp_path):
    write_set(ProblemSet("x", (FUNCTION,)), path)
    packed = tmp_path / "x.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read_any(packed).problems == (FUNCTION,)


def test_the_digest_is_of_the_content_not_of_its_order():
    one, other = ProblemSet("a", (FUNCTION, *OTHERS)), ProblemSet("b", (*OTHERS, FUNCTION))
    assert one.digest == other.digest
    changed = ProblemSet("a", (Problem(Slug("p"), "t", Program()),))
    assert changed.digest != ProblemSet("a", (OTHERS[1],)).digest


def test_a_changed_byte_breaks_the_checksum(path):
    write_set(ProblemSet("x", (FUNCTION,)), path)
    path.write_text(path.read_text().replace("a + b.", "a - b."))
    with pytest.raises(ImportFailed, match="checksum"):
        read_set(path)


def test_a_lost_line_is_noticed(path):
    write_set(ProblemSet("x", (FUNCTION, *OTHERS)), path)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(ImportFailed, match="announced"):
        read_set(path)


@pytest.mark.parametrize(
    "packed", [b"\x1f\x8b\x08\x00", gzip.compress(b'{"a": 1}\n' * 1000, mtime=0)[:-20]]
)
def test_a_truncated_gz_is_one_clear_line(path, packed):
    path.write_bytes(packed)
    with pytest.raises(ImportFailed, match="cut off or damaged"):
        list(read_lines(path))


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for place, words in ((tmp_path / "no", "no such file"), (tmp_path, "directory")):
        with pytest.raises(ImportFailed, match=words):
            list(read_lines(place))


def test_bytes_that_are_no_text_are_refused_with_their_line(path):
    path.write_bytes(b'{"a": 1}\n\xff\xfe\n')
    with pytest.raises(ImportFailed, match=r":2: not UTF-8"):
        list(read_lines(path))


def test_a_huge_line_is_refused_without_reading_it_all(path):
    with path.open("wb") as file:
        file.write(b"{}\n")
        file.truncate(MAX_LINE * 2)
    with pytest.raises(ImportFailed, match=r":2: the line is over"):
        list(read_lines(path))


@pytest.mark.parametrize("line", ["{", "[1]", '"x"', "[" * 100_000])
def test_a_row_that_is_no_object_is_refused_with_its_line(path, line):
    path.write_text('{"format": "judge-problem-set"}\n' + line + "\n")
    with pytest.raises(ImportFailed, match=r"set.jsonl:2"):
        read_set(path)


def broken(**changes):
    row = to_row(FUNCTION)
    for key, value in changes.items():
        if value is None:
            del row[key]
        else:
            row[key] = value
    return row


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"slug": None}, "slug"),
        ({"slug": "Has/Slash"}, "slug"),
        ({"slug": ""}, "slug"),
        ({"statement": 3}, "statement"),
        ({"statement": "a\0b"}, "statement"),
        ({"statement": "a\ud800b"}, "statement"),
        ({"entry": {"kind": "magic"}}, "kind"),
        ({"entry": {"kind": "function"}}, "name"),
        ({"entry": {"kind": "function", "name": "f", "in_place": 7}}, "in_place"),
        ({"entry": {"kind": "examined", "name": "f", "check": "x"}}, "names"),
        ({"examples": [{"accepted": []}]}, "arguments"),
        ({"examples": [{"arguments": [{"$pickle": 1}]}]}, "arguments"),
        ({"examples": [{"arguments": [], "accepted": 3}]}, "accepted"),
        ({"examples": [3]}, "examples"),
        ({"difficulty": "brutal"}, "difficulty"),
        ({"limits": {"cpu_seconds": "6"}}, "limits.cpu_seconds"),
        ({"limits": {"cores": 3}}, "limits.cores"),
        ({"checker": {"name": 3}}, "checker.name"),
    ],
)
def test_a_bad_field_is_named_with_its_line(changes, field):
    with pytest.raises(MalformedProblem) as caught:
        from_row(broken(**changes), "set.jsonl:7")
    assert "set.jsonl:7" in str(caught.value) and field in str(caught.value)


def test_two_problems_of_one_name_are_refused():
    with pytest.raises(MalformedProblem, match="two problems named 'p'"):
        ProblemSet("x", (OTHERS[1], Problem(Slug("p"), "other", Program())))


def test_a_failed_write_leaves_the_old_file(path, monkeypatch):
    write_set(ProblemSet("x", (FUNCTION,)), path)
    before = path.read_bytes()

    def full(self, *_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(path), "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_set(ProblemSet("x", OTHERS), path)
    assert path.read_bytes() == before and [item.name for item in path.parent.iterdir()] == [
        path.name
    ]


@pytest.mark.parametrize(
    "limits",
    [
        {"cpu_seconds": 1e9},
        {"cpu_seconds": 0},
        {"cpu_seconds": -1.0},
        {"memory_mb": 10**6},
        {"output_bytes": (16 << 20) + 1},
        {"example_cpu_seconds": 1e9},
    ],
)
def test_limits_that_would_occupy_a_host_are_refused(limits):
    row = {"slug": "a", "statement": "", "entry": {"kind": "program"}, "limits": limits}
    with pytest.raises(MalformedProblem, match="limits"):
        from_row(row, "here")
