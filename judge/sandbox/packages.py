"""Where the packages are that a box shows to solutions, and which versions.

A box shows the interpreter and its standard library, and of what is installed beside judge only the
distributions of problems.problem.PACKAGES. What is there is part of the fingerprint: it decides
verdicts.
"""

from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from problems.problem import PACKAGES


@dataclass(frozen=True, slots=True)
class Package:
    """An installed distribution and the folders and files that make it up."""

    name: str
    version: str
    parts: tuple[Path, ...]


def installed() -> tuple[Package, ...]:
    """Those of PACKAGES that judge's own interpreter can import."""
    found = []
    for name in PACKAGES:
        try:
            found.append(_package(name, distribution(name)))
        except PackageNotFoundError:
            continue
    return tuple(found)


def _package(name: str, found: Distribution) -> Package:
    tops = {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}
    wanted = (top for top in tops if not top.endswith((".dist-info", ".egg-info", ".pth")))
    parts = sorted(Path(str(found.locate_file(top))).resolve() for top in wanted)
    return Package(name, found.version, tuple(part for part in parts if part.exists()))
