"""Uploaded problem sets: files of strangers, bounded before anything of them runs."""

from pathlib import Path
from tempfile import TemporaryDirectory

from fastapi import UploadFile

from api.failures import PROBLEMS, Failure, Refused
from problems.errors import ProblemError
from problems.importers import read_any
from problems.problem import Problem, ProblemSet, slug_of

PATH = "/v1/problem-sets"
MAX_UPLOAD = 64 * 1024 * 1024
MAX_CPU_SECONDS, MAX_MEMORY_MB, MAX_OUTPUT = 60, 4096, 64 * 1024 * 1024
PACKED = Failure(415, "packed-upload", "The file is packed")


def read_set(file: UploadFile, name: str) -> ProblemSet:
    """The uploaded set, in any known format. Raises Refused; complaints name the file as its sender
    called it."""
    called = slug_of(Path(file.filename or "").name)[-100:] or "upload.jsonl"
    with TemporaryDirectory(prefix="judge-upload-") as folder:
        path = Path(folder) / called
        with path.open("wb") as copy:
            if file.file.read(2) == b"\x1f\x8b":
                raise Refused(PACKED, "send the file unpacked")
            file.file.seek(0)
            while piece := file.file.read(1024 * 1024):
                copy.write(piece)
        try:
            read = read_any(path, slug_of(name))
        except ProblemError as error:
            raise Refused(PROBLEMS, str(error).replace(f"{folder}/", "")) from None
    for problem in read.problems:
        _check_limits(problem)
    return read


def _check_limits(problem: Problem) -> None:
    """A sender who is not the host's owner must not be able to occupy it for hours."""
    given = problem.limits
    fields_ = ("cpu_seconds", "memory_mb", "output_bytes")
    for name, most in zip(fields_, (MAX_CPU_SECONDS, MAX_MEMORY_MB, MAX_OUTPUT), strict=True):
        if not 0 < getattr(given, name) <= most:
            detail = f"{problem.slug}: limits.{name} must be above 0 and at most {most} over HTTP"
            raise Refused(PROBLEMS, detail)
