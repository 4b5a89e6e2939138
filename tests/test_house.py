"""What the house promises and no linter can say."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("judge", "api", "workers", "problems")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TEXTS = [
    path
    for path in ROOT.rglob("*")
    if path.suffix in (".py", ".md", ".toml", ".yaml", ".yml", ".html", ".js", ".css", ".txt")
    and not {".venv", ".git", ".judge", "node_modules"} & set(path.relative_to(ROOT).parts)
]


def test_the_rooms_were_found():
    assert len(SOURCES) > 60 and len(TEXTS) > 80


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_is_small_documented_and_named_for_what_it_does(path):
    text = path.read_text()
    assert text.count("\n") <= 300, "over 300 lines"
    assert ast.get_docstring(ast.parse(text)), "no docstring"
    assert path.stem not in ("utils", "util", "helpers", "common", "core", "misc")


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize(
    "path",
    [*(ROOT / "judge/sandbox/inside").glob("*.py"), *(ROOT / "problems/values").glob("*.py")],
    ids=lambda path: path.name,
)
def test_what_goes_into_the_box_needs_only_the_standard_library(path):
    for name in imported(path):
        ours = name.startswith(("judge.sandbox.inside", "problems.values"))
        assert ours or name.split(".")[0] in sys.stdlib_module_names, name


def test_nothing_is_left_open():
    words = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
    open_ends = [
        str(path) for path in TEXTS if path.suffix == ".py" and words.search(path.read_text())
    ]
    assert open_ends == []


def test_no_package_registry_is_named():
    hosts = re.compile(
        "|".join(
            (
                "pypi" + r"\.org",
                "pythonhosted" + r"\.org",
                "registry" + r"\.npmjs",
                "deb" + r"\.debian\.org",
            )
        )
    )
    named = [str(path) for path in TEXTS if hosts.search(path.read_text(errors="replace"))]
    assert named == []


def test_every_silenced_check_says_which_and_why():
    bare = re.compile(r"#\s*(noqa(?!:)|type:\s*ignore(?!\[))")
    silenced = [
        f"{path}:{number}"
        for path in SOURCES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if bare.search(line)
    ]
    assert silenced == []
