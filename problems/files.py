"""A problem set as JSONL: a header line with name, count and digest, then one problem a line.

`read_lines` is the one way any file of rows is opened here: plain or gz, bounded lines, and every
fault named by file and line. Nothing is handed on unless the whole file could be read.
"""

import gzip
import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar, cast

from problems.errors import ImportFailed, MalformedProblem
from problems.problem import (
    CHECKER_NAMES,
    ENTRIES,
    PACKAGES,
    Checker,
    Class,
    Difficulty,
    Entry,
    Example,
    Function,
    Limits,
    Parameter,
    Problem,
    ProblemSet,
    Slug,
    WrongSolution,
    slug_of,
    to_row,
)
from problems.values import Undecodable, Wire, decode
from problems.values.form import MAX_BYTES

MOST = {
    "cpu_seconds": 600.0,
    "example_cpu_seconds": 600.0,
    "memory_mb": 8_192,
    "output_bytes": MAX_BYTES,
}
"""What a problem may let its solutions use: a set of strangers must not occupy a host for hours."""
LEAST = ("cpu_seconds", "memory_mb", "output_bytes")
"""Limits that are never 0."""
MAX_LINE = 32 * 1024 * 1024
MAX_FILE = 2 * 1024 * 1024 * 1024
FORMAT = "judge-problem-set"

T = TypeVar("T")


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The numbered lines of a text file, plain or gz (told by content, not by name).

    Raises ImportFailed for what cannot be read: missing, truncated gz, not UTF-8, a line over
    32 MiB, over 2 GiB in all.
    """
    total = number = 0
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if packed else path.open("rb") as lines:
            while line := lines.readline(MAX_LINE + 1):
                number += 1
                total += len(line)
                if len(line) > MAX_LINE:
                    raise ImportFailed(f"{path}:{number}: the line is over {MAX_LINE >> 20} MiB")
                if total > MAX_FILE:
                    raise ImportFailed(f"{path}: over {MAX_FILE >> 30} GiB once unpacked")
                yield number, line.decode("utf-8")
    except FileNotFoundError:
        raise ImportFailed(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise ImportFailed(f"{path}:{number}: not UTF-8 ({error.reason})") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ImportFailed(f"{path}: the gz file is cut off or damaged ({error})") from None
    except OSError as error:
        raise ImportFailed(f"{path}: {error.strerror or error}") from None


def read_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The JSON objects of a JSONL file with their line numbers; blank lines are passed over."""
    for number, line in read_lines(path):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ImportFailed(f"{path}:{number}: not JSON ({str(error)[:120]})") from None
        if not isinstance(row, dict):
            raise ImportFailed(
                f"{path}:{number}: a JSON object is wanted, not {type(row).__name__}"
            )
        yield number, row


def read_set(path: Path) -> ProblemSet:
    """Read a set that `write_set` wrote. Raises ImportFailed or MalformedProblem."""
    rows = read_rows(path)
    _, header = next(rows, (0, {}))
    if header.get("format") != FORMAT:
        raise ImportFailed(f"{path}: not a judge problem set (its first line has no {FORMAT!r})")
    problems = tuple(from_row(row, f"{path}:{number}") for number, row in rows)
    read = ProblemSet(str(header.get("name", path.stem)), problems)
    if header.get("problems") != len(problems):
        raise ImportFailed(
            f"{path}: {header.get('problems')} problems announced, {len(problems)} found"
        )
    if header.get("digest") != read.digest:
        raise ImportFailed(f"{path}: the content does not match its checksum; fetch the file again")
    return read


def write_set(problem_set: ProblemSet, path: Path) -> None:
    """Write the set, whole or not at all."""
    header = {
        "format": FORMAT,
        "name": problem_set.name,
        "problems": len(problem_set.problems),
        "digest": problem_set.digest,
    }
    rows = [header, *map(to_row, problem_set.problems)]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def from_row(row: dict[str, Any], where: str) -> Problem:
    """A problem from its JSON object; `where` (file:line) opens every error's text."""
    fields_ = _Fields(row, where)
    slug = fields_.text("slug")
    if slug != slug_of(slug) or not slug:
        raise fields_.wrong("slug", "lower case letters, digits, '-', '_' and '.'")
    difficulty = fields_.text("difficulty", "")
    if difficulty not in ("easy", "medium", "hard", ""):
        raise fields_.wrong("difficulty", "easy, medium or hard")
    checker = fields_.build("checker", Checker)
    if checker.name not in CHECKER_NAMES:
        raise fields_.wrong("checker.name", f"one of {', '.join(CHECKER_NAMES)}")
    packages = tuple(fields_.get("packages", list, []))
    if any(name not in PACKAGES for name in packages):
        raise fields_.wrong("packages", f"a list of {', '.join(PACKAGES)}")
    limits = fields_.build("limits", Limits)
    for name, most in MOST.items():
        if not 0 <= getattr(limits, name) <= most or (name in LEAST and not getattr(limits, name)):
            raise fields_.wrong(f"limits.{name}", f"a number up to {most:,}")
    return Problem(
        slug=Slug(slug),
        statement=fields_.text("statement"),
        entry=_entry(_Fields(fields_.get("entry", dict), f"{where}: entry")),
        examples=tuple(
            _example(_Fields(item, f"{where}: examples[{index}]"))
            for index, item in enumerate(fields_.objects("examples"))
        ),
        checker=checker,
        limits=limits,
        title=fields_.text("title", ""),
        starter=fields_.text("starter", ""),
        reference=fields_.text("reference", ""),
        wrong=tuple(
            WrongSolution(item.text("source"), item.text("verdict"), item.text("note", ""))
            for item in (_Fields(each, f"{where}: wrong") for each in fields_.objects("wrong"))
        ),
        difficulty=cast(Difficulty, difficulty),
        tags=tuple(map(str, fields_.get("tags", list, []))),
        date=fields_.text("date", ""),
        original_id=fields_.text("original_id", ""),
        packages=packages,
    )


class _Fields:
    """One JSON object being read, which names the field in every complaint."""

    def __init__(self, row: Any, where: str) -> None:
        self.where = where
        if not isinstance(row, dict):
            raise MalformedProblem(f"{where}: an object is wanted, not {type(row).__name__}")
        self.row: dict[str, Any] = row

    def wrong(self, name: str, wanted: str) -> MalformedProblem:
        return MalformedProblem(f"{self.where}: field {name!r}: {wanted} wanted")

    def get(self, name: str, kind: type, default: Any = MISSING) -> Any:
        value = self.row.get(name, default)
        if value is MISSING:
            raise MalformedProblem(f"{self.where}: field {name!r} is missing")
        if value is not default and type(value) is not kind:
            raise self.wrong(name, kind.__name__)
        return value

    def text(self, name: str, default: Any = MISSING) -> str:
        value = self.get(name, str, default)
        if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
            raise self.wrong(name, "text without NUL or lone surrogates")
        return str(value)

    def objects(self, name: str) -> list[dict[str, Any]]:
        return list(self.get(name, list, []))

    def build(self, name: str, kind: type[T]) -> T:
        """A flat dataclass of numbers and names; unknown or mistyped fields are refused."""
        given = self.get(name, dict, {})
        known = {item.name: item.default for item in fields(kind)}  # type: ignore[arg-type]
        for key, value in given.items():
            if key not in known:
                raise self.wrong(f"{name}.{key}", f"one of {', '.join(known)}")
            same = type(value) is type(known[key])
            if not same and not (type(known[key]) is float and type(value) is int):
                raise self.wrong(f"{name}.{key}", type(known[key]).__name__)
        return kind(**given)


def _entry(fields_: _Fields) -> Entry:
    kind = fields_.text("kind")
    if kind not in ENTRIES:
        raise fields_.wrong("kind", f"one of {', '.join(ENTRIES)}")
    if kind == "function":
        return _function(fields_)
    if kind == "class":
        methods = (_Fields(item, f"{fields_.where}.methods") for item in fields_.objects("methods"))
        return Class(
            fields_.text("name"),
            tuple(_function(method) for method in methods),
            _parameters(fields_),
        )
    if kind == "program":
        return ENTRIES[kind]()  # type: ignore[call-arg]
    return ENTRIES["examined"](  # type: ignore[call-arg]
        name=fields_.text("name"),
        check=fields_.text("check"),
        names=tuple(map(str, fields_.get("names", list))),
        prompt=fields_.text("prompt", ""),
        setup=fields_.text("setup", ""),
        calls_check=fields_.get("calls_check", bool, False),
    )


def _function(fields_: _Fields) -> Function:
    in_place = fields_.get("in_place", int, None)
    parameters = _parameters(fields_)
    if in_place is not None and not 0 <= in_place < max(len(parameters), 1):
        raise fields_.wrong("in_place", "the index of a parameter")
    return Function(
        name=fields_.text("name"),
        parameters=parameters,
        returns=fields_.text("returns", ""),
        owner=fields_.text("owner", ""),
        in_place=in_place,
    )


def _parameters(fields_: _Fields) -> tuple[Parameter, ...]:
    items = (_Fields(item, f"{fields_.where}.parameters") for item in fields_.objects("parameters"))
    return tuple(Parameter(item.text("name"), item.text("type", "")) for item in items)


def _example(fields_: _Fields) -> Example:
    if "arguments" not in fields_.row:
        raise MalformedProblem(f"{fields_.where}: field 'arguments' is missing")
    accepted = fields_.get("accepted", list, [])
    return Example(
        arguments=_wire(fields_, "arguments", fields_.row["arguments"]),
        accepted=tuple(_wire(fields_, "accepted", item) for item in accepted),
        shown=fields_.get("shown", bool, False),
        from_reference=fields_.get("from_reference", bool, False),
    )


def _wire(fields_: _Fields, name: str, content: Any) -> Wire:
    try:
        text = json.dumps(content, allow_nan=False, separators=(",", ":"))
        decode(text, types=True)
    except (Undecodable, ValueError) as error:
        raise MalformedProblem(f"{fields_.where}: field {name!r}: {error}") from None
    return Wire(text)
