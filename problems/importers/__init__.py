"""Where problems come from: one file a format, and the door that tells them apart."""

from importlib.resources import files as resource_files
from pathlib import Path

from problems.errors import ImportFailed, MalformedProblem
from problems.files import FORMAT, read_rows, read_set
from problems.importers.apps import Apps
from problems.importers.base import Importer
from problems.importers.evalplus import EvalPlus
from problems.importers.humaneval import HumanEval
from problems.importers.mbpp import Mbpp
from problems.problem import Problem, ProblemSet, slug_of

IMPORTERS: tuple[Importer, ...] = (EvalPlus(), HumanEval(), Mbpp(), Apps())
BUNDLED = ("starter",)


def bundled(name: str) -> ProblemSet:
    """A set that judge brings along. Raises ImportFailed for other names."""
    if name not in BUNDLED:
        raise ImportFailed(f"no bundled set is called {name!r}; there is: {', '.join(BUNDLED)}")
    return read_set(Path(str(resource_files("problems.sets").joinpath(f"{name}.jsonl"))))


def read_any(path: Path, name: str = "") -> ProblemSet:
    """A problem set from a file in any known format, told by its first row; all of it or nothing.

    Raises ImportFailed (unreadable, unknown format, empty) or MalformedProblem (file, line, field).
    """
    rows = read_rows(path)
    first = next(rows, None)
    if first is None:
        raise ImportFailed(f"{path}: the file is empty")
    if first[1].get("format") == FORMAT:
        read = read_set(path)
        return ProblemSet(name or read.name, read.problems)
    importer = next((known for known in IMPORTERS if known.recognises(first[1])), None)
    if importer is None:
        known = ", ".join([FORMAT, *(known.name for known in IMPORTERS)])
        raise ImportFailed(f"{path}: not a problem set in any known format ({known})")
    problems: dict[str, Problem] = {}
    for number, row in (first, *rows):
        where = f"{path}:{number}"
        problem = importer.problem(row, where)
        known_one = problems.setdefault(problem.slug, problem)
        if known_one is not problem and known_one != problem:
            raise MalformedProblem(f"{where}: a second, different problem {problem.original_id!r}")
    stem = path.name.removesuffix(".gz").removesuffix(".jsonl").removesuffix(".json")
    return ProblemSet(name or slug_of(stem), tuple(problems.values()))
