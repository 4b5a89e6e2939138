"""The image of the Docker backend: found by its tag, or made from the interpreter that runs judge.

Theory of operation. An image holds one interpreter with its standard library, the shared objects
both need, the packages of problems.problem.PACKAGES and the runner; no shell, no package manager,
no set-uid file. Where a registry answers, `inside/Dockerfile` makes it from an official Python. Where
none does, `build` makes the same from what is at hand: the files of the local interpreter, packed as
one layer and handed to the engine. Both carry the runner's digest as a label, and the backend refuses
an image whose runner is not this judge's own.

Bytecode is written beside the sources as unchecked-hash files: valid whatever times the layer gets.
"""

import importlib.util
import io
import re
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from judge.errors import SandboxUnavailable
from judge.sandbox import packages
from judge.sandbox.container import EXECUTABLE_LABEL, RUNNER_LABEL
from judge.sandbox.engine import connect, understood
from judge.sandbox.namespaces import CODE, INSIDE, runner_digest

REPOSITORY = "judge-sandbox"
PACKAGES_LABEL = "judge.packages"
DOCKERFILE = "judge/sandbox/inside/Dockerfile"
PYTHON = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
_LEFT_OUT = {
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "ensurepip",
    "lib2to3",
    "site-packages",
    "dist-packages",
    "__pycache__",
}
_PASSWD = b"root:x:0:0:root:/:/nothing\nsolution:x:65534:65534:solution:/:/nothing\n"
_PYC_UNCHECKED_HASH = b"\x01\x00\x00\x00"


@dataclass(frozen=True, slots=True)
class Image:
    """An image that this judge can use: tag, id (the digest of its content) and its start, size, the
    interpreter's path in it, and the packages that solutions can import."""

    tag: str
    id: str
    digest: str
    megabytes: int
    executable: str
    packages: tuple[str, ...]


def default_tag() -> str:
    """The tag of an image with this judge's own runner in it."""
    return f"{REPOSITORY}:{runner_digest()}"


def find(tag: str = "") -> Image:
    """The image of that tag, checked. Raises SandboxUnavailable with the remedy."""
    tag = tag or default_tag()
    client = connect()
    try:
        with understood("did not look up an image"):
            (found,) = client.images.list(tag)[:1] or [None]
    finally:
        client.close()
    if found is None:
        raise SandboxUnavailable(f"there is no image {tag!r}; `judge sandbox build` makes it")
    labels = found.labels or {}
    if labels.get(RUNNER_LABEL) != runner_digest():
        raise SandboxUnavailable(
            f"the image {tag!r} holds another runner ({labels.get(RUNNER_LABEL, 'none')}) than this "
            f"judge ({runner_digest()}); run `judge sandbox build` or build inside/Dockerfile again"
        )
    return Image(
        tag,
        str(found.id),
        str(found.id).removeprefix("sha256:")[:12],
        round(found.attrs["Size"] / 1e6),
        labels.get(EXECUTABLE_LABEL, PYTHON),
        tuple(filter(None, labels.get(PACKAGES_LABEL, "").split(","))),
    )


def build(tag: str | None = None, base: str = "") -> Image:
    """Make the image, from `base` by the Dockerfile, or from the interpreter that runs this and
    without asking anybody. Raises SandboxUnavailable."""
    name, _, version = (tag or default_tag()).partition(":")
    version = version or "latest"
    shown = packages.installed()
    names = ",".join(f"{package.name} {package.version}" for package in shown)
    client = connect()
    try:
        with tempfile.TemporaryFile() as file, understood("did not make the image"):
            if base:
                _write_context(file)
                file.seek(0)
                client.images.build(
                    fileobj=file,
                    custom_context=True,
                    dockerfile=DOCKERFILE,
                    tag=f"{name}:{version}",
                    rm=True,
                    buildargs={
                        "BASE": base,
                        "RUNNER": runner_digest(),
                        "PACKAGES": names,
                        "REQUIREMENTS": " ".join(f"{one.name}=={one.version}" for one in shown),
                    },
                )
            else:
                _write(file, shown)
                file.seek(0)
                changes = [
                    f"LABEL {RUNNER_LABEL}={runner_digest()}",
                    f"LABEL {EXECUTABLE_LABEL}={PYTHON}",
                    f'LABEL {PACKAGES_LABEL}="{names}"',
                ]
                client.api.import_image_from_data(
                    file, repository=name, tag=version, changes=changes
                )
    finally:
        client.close()
    return find(f"{name}:{version}")


# --- the layer -----------------------------------------------------------------------------------


def _write(layer: IO[bytes], shown: Iterable[packages.Package]) -> None:
    """Everything the image holds, as a tar file."""
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for folder in ("proc", "dev", "sys", "run", "job", "etc"):
            _add_folder(tar, folder, 0o755)
        _add_folder(tar, "tmp", 0o1777)  # what is mounted there takes its mode
        _add_bytes(tar, "etc/passwd", _PASSWD)
        _add_bytes(tar, "etc/group", b"root:x:0:\nsolution:x:65534:\n")
        executable = Path(sys.executable).resolve()
        tar.add(executable, PYTHON.lstrip("/"), filter=_owned_by_root)
        objects = [executable]
        library = Path(sysconfig.get_path("stdlib"))
        objects += _add_tree(tar, library, f"usr/lib/{library.name}")
        for package in shown:
            for part in package.parts:
                objects += _add_tree(tar, part, f"box/packages/{part.name}")
        _add_runner(tar, "box/")
        for wanted, found in sorted(_libraries(objects)):
            tar.add(found, wanted.lstrip("/"), filter=_owned_by_root)


def _write_context(context: IO[bytes]) -> None:
    """What the Dockerfile needs beside its base."""
    with tarfile.open(fileobj=context, mode="w") as tar:
        _add_bytes(tar, DOCKERFILE, (CODE / DOCKERFILE).read_bytes())
        _add_runner(tar, "")


def _add_runner(tar: tarfile.TarFile, below: str) -> None:
    for folder in INSIDE:
        for source in sorted((CODE / folder).glob("*.py")):
            _add_bytes(tar, f"{below}{folder}/{source.name}", source.read_bytes())


def _add_tree(tar: tarfile.TarFile, source: Path, name: str) -> Iterator[Path]:
    """A file or folder with everything below it that is worth having; its shared objects."""
    if source.is_file():
        tar.add(source.resolve(), name, filter=_owned_by_root)
        if ".so" in source.name:
            yield source
        if source.suffix == ".py" and (bytecode := _bytecode(source)):
            cached = Path(name).parent / "__pycache__" / f"{source.stem}.{_cache_tag()}.pyc"
            _add_bytes(tar, str(cached), bytecode)
    elif source.is_dir() and source.name not in _LEFT_OUT:
        for inner in sorted(source.iterdir()):
            yield from _add_tree(tar, inner, f"{name}/{inner.name}")


def _bytecode(source: Path) -> bytes:
    """The module's compiled form, kept from its cache where it has one; empty if it has none."""
    text = source.read_bytes()
    cached = Path(importlib.util.cache_from_source(str(source)))
    head = importlib.util.MAGIC_NUMBER + _PYC_UNCHECKED_HASH + importlib.util.source_hash(text)
    if cached.exists() and (old := cached.read_bytes())[:4] == importlib.util.MAGIC_NUMBER:
        return head + old[16:]
    return b""


def _cache_tag() -> str:
    return str(sys.implementation.cache_tag)


def _libraries(objects: Iterable[Path]) -> set[tuple[str, Path]]:
    """Where in the image, and where here, each shared library lies that these objects need."""
    ldd = ["ldd", *map(str, objects)]
    said = subprocess.run(ldd, capture_output=True, text=True, check=False).stdout  # noqa: S603 - our own files
    own = Path(sys.base_prefix).resolve()
    needed = set()
    for path in re.findall(r"(?:=> |^\s+)(/\S+) \(0x", said, re.MULTILINE):
        found = Path(path)
        if "/site-packages/" in path or "/dist-packages/" in path:
            continue  # a package's own, found beside it
        inside = f"/usr/lib/{found.name}" if own in found.parents and str(own) != "/usr" else path
        needed.add((inside, found.resolve()))
    return needed


def _add_folder(tar: tarfile.TarFile, name: str, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    tar.addfile(entry)


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    tar.addfile(entry, io.BytesIO(content))


def _owned_by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = (entry.mode | 0o444) & 0o755  # readable by the box's users, set-uid for nobody
    return entry
