"""What the proxy lets through to a Docker engine: the calls that judge makes, and nothing else.

Theory of operation. Whoever may create a container on an engine is root on its host, so the socket
is not given to a worker: the proxy (proxy.py) is, and it asks here. A call that is allowed is not
passed on but *made anew* from the few values that may differ: ids, a name, user ids, a number of
bytes. So it does not matter how Go reads doubled keys, odd capitals or odd paths; what the caller
wrote never reaches the engine. A container to be created is the body of container.py, from the
image that the proxy was started with, shown one folder below the proxy's own meeting place.

What is not covered: the folder is a path, and the engine looks it up when the container starts. A
worker that was taken over could put a link there in between. The link is looked for twice, and what
it could show is read-only and seen by a process that has no network and is the fork server; still,
give the meeting place to workers alone and let nothing else be there.
"""

# ruff: noqa: SLF001 - the table at the end names the rules of the class above it

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from judge.sandbox import container
from judge.sandbox.leases import FIRST_UID, LAST_UID
from problems.problem import PACKAGES

MOST_MEMORY_MB = 65_536
MOST_CONTAINERS = 512

_API = r"/v1\.(?:4[1-9]|5[0-9])"
_ID = r"([0-9a-f]{64})"
_NAME = re.compile(r"judge-([0-9]{5})-[0-9a-f]{8}")
_OWNER = re.compile(r"owner-[0-9]{1,10}-[0-9a-f]{8}\.lock")


class Refused(Exception):
    """Not allowed; the text says why."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call: a method, a path, the query's text, and a JSON body or None."""

    method: str
    path: str
    query: str = ""
    body: Any = None

    @property
    def target(self) -> str:
        """Path and query, as they stand in a request."""
        return f"{self.path}?{self.query}" if self.query else self.path


Ask = Callable[[Call], Any]
"""Ask the engine something in the proxy's own name; the JSON it answered. Raises Refused."""


@dataclass(frozen=True, slots=True)
class Permits:
    """Who may do what: the interpreter's path by the full id of each allowed image, their tags, and
    the folder in which channels lie."""

    images: Mapping[str, str]
    tags: frozenset[str]
    meeting: Path

    def checked(self, call: Call, ask: Ask) -> Call:
        """The call to make instead of this one. Raises Refused."""
        for method, pattern, rule in _RULES:
            if method == call.method and (found := pattern.fullmatch(call.path)):
                made = rule(self, call, found, ask)
                if made.body is None and call.body is not None:
                    raise Refused("this call takes no body")
                return made
        raise Refused("judge makes no such call")

    # --- one rule a call --------------------------------------------------------------------------

    def _version(self, call: Call, _found: re.Match[str], _ask: Ask) -> Call:
        _query(call, {})
        return Call("GET", "/version")

    def _list_images(self, call: Call, found: re.Match[str], _ask: Ask) -> Call:
        given = _query(call, {"only_ids": "0", "all": "0", "filters": None})
        filters = _json(given.get("filters", ""))
        tags = filters.get("reference") if isinstance(filters, dict) else None
        if not (isinstance(tags, list) and len(tags) == 1 and tags[0] in self.tags):
            raise Refused("only judge's own image may be looked up")
        return Call("GET", found[0], urlencode({"filters": json.dumps({"reference": tags})}))

    def _read_image(self, call: Call, found: re.Match[str], _ask: Ask) -> Call:
        _query(call, {})
        if found[1] not in self.images:
            raise Refused("only judge's own image may be looked at")
        return Call("GET", found[0])

    def _list(self, call: Call, found: re.Match[str], _ask: Ask) -> Call:
        usual = {"limit": "-1", "all": "1", "size": "0", "trunc_cmd": "0", "filters": None}
        given = _query(call, usual)
        wanted = {"label": [f"{container.MEETING_LABEL}={self.meeting}"]}
        if _json(given.get("filters", "")) != wanted:
            raise Refused("only containers of this meeting place may be listed")
        return Call("GET", found[0], urlencode({"all": "1", "filters": json.dumps(wanted)}))

    def _read(self, call: Call, found: re.Match[str], ask: Ask) -> Call:
        _query(call, {})
        self._ours(found, ask)
        return Call("GET", found[0])

    def _start(self, call: Call, found: re.Match[str], ask: Ask) -> Call:
        _query(call, {})
        mounts = self._ours(found, ask).get("Mounts") or []
        for mount in mounts:
            if mount.get("Type") == "bind":
                self._plain_folder(Path(str(mount.get("Source"))))
        return Call("POST", found[0])

    def _remove(self, call: Call, found: re.Match[str], ask: Ask) -> Call:
        _query(call, {"v": "False", "link": "False", "force": "True"})
        self._ours(found, ask)
        return Call("DELETE", found[0], "force=1")

    def _update(self, call: Call, found: re.Match[str], ask: Ask) -> Call:
        _query(call, {})
        given = call.body
        wanted = given.get("Memory") if isinstance(given, dict) else None
        most = container.memory(MOST_MEMORY_MB)["Memory"]
        if type(wanted) is not int or not 0 < wanted <= most:
            raise Refused("no such memory limit")
        made = {"Memory": wanted, "MemorySwap": wanted}
        if given != made:
            raise Refused("only the memory limit may be changed")
        self._ours(found, ask)
        return Call("POST", found[0], body=made)

    def _create(self, call: Call, found: re.Match[str], ask: Ask) -> Call:
        name = _query(call, {"name": None}).get("name", "")
        try:
            wanted = self._wanted(call.body)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            raise Refused("this is no container of judge's") from None
        if (named := _NAME.fullmatch(name)) is None or named[1] != str(wanted.child):
            raise Refused("this is no name of judge's")
        made = container.body(wanted)
        if (where := _difference(call.body, made)) is not None:
            raise Refused(f"{where} is not what judge asks for")
        self._plain_folder(wanted.channel)
        filters = json.dumps({"label": [f"{container.MEETING_LABEL}={self.meeting}"]})
        query = urlencode({"all": "1", "filters": filters})
        there = ask(Call("GET", found[0].replace("/create", "/json"), query))
        if len(there) >= MOST_CONTAINERS:
            raise Refused(f"there are {len(there)} containers already")
        return Call("POST", found[0], urlencode({"name": name}), made)

    # --- what they need ---------------------------------------------------------------------------

    def _wanted(self, body: Any) -> container.Wanted:
        """What differs between boxes, each value checked by itself."""
        said = json.loads(body["Cmd"][-1])
        server, child, packages = said["server"], said["uid"], said["packages"]
        ids = type(server) is int and type(child) is int and child == server + 1
        if not ids or not FIRST_UID <= server < LAST_UID or (server - FIRST_UID) % 2:
            raise Refused("these are no user ids of judge's")
        if not isinstance(packages, list) or not set(packages) <= set(PACKAGES):
            raise Refused("these are no packages of judge's")
        if body["Image"] not in self.images:
            raise Refused("only judge's own image may be run")
        owner = body["Labels"][container.OWNER_LABEL]
        if not _OWNER.fullmatch(owner):
            raise Refused("this is no owner of judge's")
        image = body["Image"]
        return container.Wanted(
            image, self.images[image], self.meeting, owner, server, child, packages
        )

    def _ours(self, found: re.Match[str], ask: Ask) -> dict[str, Any]:
        """What the engine says of a container, which must be one of this meeting place."""
        api = found[0].partition("/containers/")[0]
        said = ask(Call("GET", f"{api}/containers/{found[1]}/json"))
        labels = (said.get("Config") or {}).get("Labels") or {}
        ours = labels.get(container.MEETING_LABEL) == str(self.meeting)
        if not ours or said.get("Image") not in self.images:
            raise Refused("this container is not judge's")
        return dict(said)

    def _plain_folder(self, channel: Path) -> None:
        if channel.parent != self.meeting or channel.is_symlink() or not channel.is_dir():
            raise Refused("the channel is no folder of this meeting place")


_RULES: tuple[tuple[str, re.Pattern[str], Callable[..., Call]], ...] = tuple(
    (method, re.compile(pattern), rule)
    for method, pattern, rule in (
        ("GET", rf"(?:{_API})?/version", Permits._version),
        ("GET", rf"{_API}/images/json", Permits._list_images),
        ("GET", rf"{_API}/images/(sha256:[0-9a-f]{{64}})/json", Permits._read_image),
        ("GET", rf"{_API}/containers/json", Permits._list),
        ("GET", rf"{_API}/containers/{_ID}/json", Permits._read),
        ("POST", rf"{_API}/containers/{_ID}/start", Permits._start),
        ("DELETE", rf"{_API}/containers/{_ID}", Permits._remove),
        ("POST", rf"{_API}/containers/{_ID}/update", Permits._update),
        ("POST", rf"{_API}/containers/create", Permits._create),
    )
)


def _query(call: Call, usual: Mapping[str, str | None]) -> dict[str, str]:
    """The query's values: names of `usual`, each once, with that value (None for any)."""
    pairs = parse_qsl(call.query, keep_blank_values=True)
    for name, value in pairs:
        if name not in usual or usual[name] not in (None, value):
            raise Refused(f"the query has {name}={value[:40]}")
    if len(dict(pairs)) != len(pairs):
        raise Refused("the query has a name twice")
    return dict(pairs)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Refused("the filters are not JSON") from None


def _difference(given: Any, wanted: Any, where: str = "it") -> str | None:
    """The first place in which two JSON values differ, types included; None for none."""
    if type(given) is not type(wanted):
        return where
    if isinstance(wanted, dict):
        if odd := sorted(given.keys() ^ wanted.keys()):
            return f"{where}.{odd[0]}".removeprefix("it.")[:80]
        found = (_difference(given[key], wanted[key], f"{where}.{key}") for key in wanted)
    elif isinstance(wanted, list):
        if len(given) != len(wanted):
            return where
        found = (_difference(*pair, where) for pair in zip(given, wanted, strict=True))
    else:
        return None if given == wanted else where
    return next((place.removeprefix("it.") for place in found if place is not None), None)
