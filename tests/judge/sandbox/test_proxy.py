"""The proxy against the real engine: judge passes, and whoever has taken a worker over does not."""

import copy
import json
import shutil
import socket
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest

from judge.errors import SandboxUnavailable
from judge.sandbox import container, open_sandbox, proxy
from judge.sandbox.base import Ending, Job
from judge.sandbox.engine import connect
from judge.sandbox.leases import FIRST_UID
from problems.problem import Function, Limits, Parameter
from problems.values import encode

pytestmark = pytest.mark.sandbox
API = "/v1.41"
CHILD = FIRST_UID + 1
NAME = f"judge-{CHILD}-0123abcd"
ENGINE = Path("/var/run/docker.sock")


class Door:
    """A running proxy, its meeting place, and what may be run."""

    def __init__(self, folder, tag):
        self.meeting, self.path, self.tag = folder / "meet", folder / "door", tag
        self.meeting.mkdir(mode=0o700)
        self.engine = proxy.Engine(ENGINE)
        self.permits = proxy.permits_of(self.engine, frozenset([tag]), self.meeting)
        [self.image] = self.permits.images
        self.server = proxy.Proxy(self.path, self.engine, self.permits)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def raw(self, data):
        """Send these bytes; everything that came back."""
        with socket.socket(socket.AF_UNIX) as wire:
            wire.settimeout(60)
            wire.connect(str(self.path))
            said = b""
            with suppress(ConnectionError):  # it does not read on what it has refused
                wire.sendall(data)
                wire.shutdown(socket.SHUT_WR)
                while more := wire.recv(65536):
                    said += more
        return said

    def call(self, method, target, body=None, headers=""):
        content = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {target} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {len(content)}\r\n\r\n"
        said = self.raw(head.encode() + content)
        return int(said.split()[1]), said.partition(b"\r\n\r\n")[2]

    def wanted(self, **changes):
        fields = {"image": self.image, "executable": self.permits.images[self.image]}
        fields |= {"meeting": self.meeting, "owner": "owner-1-0123abcd.lock"}
        fields |= {"server": CHILD - 1, "child": CHILD} | changes
        return container.Wanted(**fields)

    def body(self):
        return copy.deepcopy(container.body(self.wanted()))

    def create(self, body, name=NAME):
        return self.call("POST", f"{API}/containers/create?name={name}", body)


@pytest.fixture(scope="module")
def door(docker_image):
    folder = Path(tempfile.mkdtemp(prefix="jp-"))
    opened = Door(folder, docker_image)
    yield opened
    opened.server.shutdown()
    opened.server.server_close()
    shutil.rmtree(folder)


@pytest.fixture
def engine(door):
    (door.meeting / f"box-{CHILD}").mkdir(exist_ok=True)
    client = connect()
    before = {each.id for each in client.containers.list(all=True)}
    yield client
    left = [each for each in client.containers.list(all=True) if each.id not in before]
    for each in left:
        each.remove(force=True)
    client.close()
    assert left == [], "a container was made"


@pytest.fixture
def other(docker_image):
    """A container of somebody else's, from the same image."""
    client = connect()
    made = client.containers.create(docker_image, ["x"], entrypoint=[], network_mode="none")
    yield made.id
    made.remove(force=True)
    client.close()


@pytest.mark.timeout(120)
def test_judges_own_boxes_pass_probes_and_all(door, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{door.path}")
    opened = open_sandbox("docker", 1, image=door.tag, channels=door.meeting)
    try:
        assert opened.tier in ("full", "strong")
        big = Limits(cpu_seconds=2.0, memory_mb=700)  # more than a box begins with
        source = "def f(x):\n    return len(bytearray(x << 20))\n"
        entry = Function("f", (Parameter("x"),))
        report = opened.run(Job(source, entry, (encode([600]),), big, packages=("numpy",)))
        assert report.runs[0].ending is Ending.RETURNED
    finally:
        opened.close()


def host(**more):
    return lambda body: body["HostConfig"].update(more)


def top(**more):
    return lambda body: body.update(more)


def cmd(**more):
    def change(body):
        body["Cmd"][-1] = json.dumps(json.loads(body["Cmd"][-1]) | more)

    return change


def mount(**more):
    return lambda body: body["HostConfig"]["Mounts"][0].update(more)


ESCAPES = {
    "privileged": host(Privileged=True),
    "in other capitals": host(privileged=True),
    "a lower-case host configuration": lambda body: body.update(hostConfig={"Privileged": True}),
    "the host's root": host(Binds=["/:/host"]),
    "the host's root as a mount": mount(Source="/"),
    "the meeting place itself": lambda body: body["HostConfig"]["Mounts"][0].update(
        Source=body["Labels"][container.MEETING_LABEL]
    ),
    "a path that climbs": lambda body: body["HostConfig"]["Mounts"][0].update(
        Source=body["HostConfig"]["Mounts"][0]["Source"] + "/../../.."
    ),
    "a second mount": lambda body: body["HostConfig"]["Mounts"].append(
        {"Target": "/h", "Source": "/", "Type": "bind"}
    ),
    "a mount to write to": mount(ReadOnly=False),
    "a mount shared back": mount(BindOptions={"Propagation": "rshared"}),
    "a volume": mount(Type="volume"),
    "volumes of another": host(VolumesFrom=["x"]),
    "another image": top(Image="judge-sandbox:latest"),
    "no image": lambda body: body.pop("Image"),
    "more capabilities": host(CapAdd=["SETUID", "SETGID", "KILL", "SYS_ADMIN"]),
    "no capability dropped": host(CapDrop=[]),
    "no seccomp": host(SecurityOpt=["no-new-privileges"]),
    "seccomp off": host(SecurityOpt=["no-new-privileges", "seccomp=unconfined"]),
    "seccomp off after ours": lambda body: body["HostConfig"]["SecurityOpt"].append(
        "seccomp=unconfined"
    ),
    "AppArmor off": lambda body: body["HostConfig"]["SecurityOpt"].append("apparmor=unconfined"),
    "new privileges": lambda body: body["HostConfig"]["SecurityOpt"].pop(0),
    "a device": host(
        Devices=[{"PathOnHost": "/dev/sda", "PathInContainer": "/d", "CgroupPermissions": "rwm"}]
    ),
    "a device by rule": host(DeviceCgroupRules=["a *:* rwm"]),
    "a GPU": host(DeviceRequests=[{"Count": -1, "Capabilities": [["gpu"]]}]),
    "the host's processes": host(PidMode="host"),
    "the host's memory": host(IpcMode="host"),
    "the host's name": host(UTSMode="host"),
    "the host's users": host(UsernsMode="host"),
    "the host's groups": host(CgroupnsMode="host"),
    "a group of the host": host(CgroupParent="/"),
    "the host's network": host(NetworkMode="host"),
    "a network": top(NetworkingConfig={"EndpointsConfig": {"bridge": {}}}),
    "a root to write to": host(ReadonlyRootfs=False),
    "another runtime": host(Runtime="other"),
    "a sysctl": host(Sysctls={"kernel.core_pattern": "|/x"}),
    "unmasked paths": host(MaskedPaths=[]),
    "no limit of memory": host(Memory=0),
    "a lot of memory": host(Memory=1 << 50, MemorySwap=1 << 50),
    "no limit of processes": host(PidsLimit=-1),
    "a limit that is a truth": host(AutoRemove=1),
    "a tmpfs to run from": host(Tmpfs={"/tmp": "exec,suid,dev"}),
    "it stays": host(AutoRemove=False),
    "it comes back": host(RestartPolicy={"Name": "always"}),
    "another program": top(Cmd=["/usr/bin/python3", "-c", "print(1)"]),
    "another entry": top(Entrypoint=["/bin/sh"]),
    "another user": top(User="1000"),
    "an environment": lambda body: body["Env"].append("LD_PRELOAD=/job/x.so"),
    "a health check": top(Healthcheck={"Test": ["CMD", "x"]}),
    "labels of another": lambda body: body["Labels"].update({"judge.meeting": "/elsewhere"}),
    "no labels": top(Labels={}),
    "one label more": lambda body: body["Labels"].update({"com.docker.compose.project": "x"}),
    "an owner that climbs": lambda body: body["Labels"].update({"judge.owner": "../../etc/passwd"}),
    "root's id": cmd(uid=0, server=-1),
    "ids that do not belong together": cmd(server=CHILD + 1),
    "another socket": cmd(socket="/tmp/socket"),
    "one setting more": cmd(more=1),
    "a package to import": cmd(packages=["os"]),
    "packages that are none": cmd(packages=[["numpy"]]),
    "a list": lambda body: body.clear(),
}


@pytest.mark.parametrize("escape", ESCAPES)
def test_no_other_container_is_made(door, engine, escape):
    body = door.body()
    ESCAPES[escape](body)
    status, said = door.create(body)
    assert status == 403, said


def test_the_shape_itself_is_made_and_only_under_its_own_name(door, engine):
    for name in ("", "x", f"judge-{CHILD + 2}-0123abcd", NAME + "/..", quote(NAME + "\n")):
        assert door.create(door.body(), name)[0] == 403
    status, said = door.create(door.body())
    assert status == 201
    made = json.loads(said)["Id"]
    real = engine.api.inspect_container(made)
    assert real["HostConfig"]["NetworkMode"] == "none" and not real["HostConfig"]["Privileged"]
    big, target = {"Memory": 1 << 30, "MemorySwap": 1 << 30}, f"{API}/containers/{made}/update"
    assert door.call("POST", target, big)[0] == 200
    assert door.call("POST", target, big | {"PidsLimit": -1})[0] == 403
    assert door.call("POST", target, {"Memory": 1 << 50, "MemorySwap": 1 << 50})[0] == 403
    assert door.call("DELETE", f"{API}/containers/{made}?force=True&v=True")[0] == 403
    assert door.call("DELETE", f"{API}/containers/{made}?v=False&link=False&force=True")[0] == 204


def test_a_channel_that_is_a_link_is_refused_when_made_and_when_started(door, engine):
    channel = door.meeting / f"box-{CHILD}"
    made = json.loads(door.create(door.body())[1])["Id"]
    channel.rmdir()
    channel.symlink_to("/")
    try:
        assert door.call("POST", f"{API}/containers/{made}/start")[0] == 403
        assert door.create(door.body(), NAME[:-1] + "e")[0] == 403
    finally:
        channel.unlink()
        channel.mkdir()
        engine.api.remove_container(made, force=True)


ID = "0" * 64
CALLS = [
    ("POST", f"{API}/build"), ("POST", f"{API}/commit?container={ID}"),
    ("POST", f"{API}/images/create?fromImage=x"), ("POST", f"{API}/images/load"),
    ("GET", f"{API}/images/json"), ("GET", f"{API}/images/x/get"), ("GET", f"{API}/info"),
    ("POST", f"{API}/volumes/create"), ("GET", f"{API}/volumes"),
    ("POST", f"{API}/networks/create"), ("POST", f"{API}/networks/x/connect"),
    ("GET", f"{API}/containers/json"), ("GET", f"{API}/containers/json?all=1&filters=%7B%7D"),
    ("POST", f"{API}/containers/prune"), ("GET", f"{API}/events"), ("POST", f"{API}/auth"),
    ("POST", f"{API}/swarm/init"), ("POST", f"{API}/plugins/pull"), ("POST", "/session"), ("POST", "/grpc"),
    ("GET", f"{API}/secrets"), ("PUT", f"{API}/containers/{ID}/archive?path=/"), ("HEAD", "/_ping"),
    ("POST", f"/v1.99/containers/{ID}/start"), ("POST", f"/v1.24/containers/{ID}/start"),
    ("POST", f"/containers/{ID}/start"), ("POST", f"{API}//containers/{ID}/start"),
    ("POST", f"{API}/x/../containers/{ID}/start"), ("POST", f"{API}/containers%2F{ID}/start"),
    ("POST", f"{API}/%63ontainers/{ID}/start"), ("POST", f"{API}/containers/{ID}/start/"),
    ("POST", f"{API}/containers/{ID[:12]}/start"), ("POST", f"{API}/containers/name/start"),
    ("POST", f"http://localhost{API}/containers/{ID}/start"), ("CONNECT", "localhost:2375"),
    ("POST", f"{API}/containers/{ID}/start;x"), ("POST", f"{API}/containers/{ID}/start?detachKeys=x"),
    ("POST", f"{API}/containers/{ID}/start#x"), ("OPTIONS", "*"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "target"), CALLS)
def test_no_other_call_is_made(door, engine, method, target):
    assert door.call(method, target, {} if method == "POST" else None)[0] in (400, 403)


@pytest.mark.parametrize(
    "what",
    [("POST", "start"), ("POST", "exec"), ("POST", "attach"), ("POST", "kill"), ("POST", "update"),
     ("DELETE", ""), ("GET", "json"), ("GET", "logs"), ("GET", "archive?path=/"), ("POST", "rename?name=x"),
     ("GET", "export"), ("GET", "top"), ("GET", "attach/ws")],
)  # fmt: skip
def test_a_container_of_somebody_else_is_out_of_reach(door, other, what):
    method, verb = what
    target = f"{API}/containers/{other}/{verb}".rstrip("/")
    body = {"Memory": 1 << 30, "MemorySwap": 1 << 30} if verb == "update" else None
    assert door.call(method, target, body)[0] == 403


def smuggled(other):
    """Requests of which two readers may see different numbers."""
    start = f"POST {API}/containers/{other}/start HTTP/1.1\r\nHost: x\r\n\r\n"
    head = "GET /version HTTP/1.1\r\nHost: x\r\n"
    size = len(start)
    return {
        "pipelined": f"{head}\r\n{start}",
        "two lengths": f"{head}Content-Length: 0\r\nContent-Length: {size}\r\n\r\n{start}",
        "two equal lengths": f"{head}Content-Length: {size}\r\nContent-Length: {size}\r\n\r\n{start}",
        "two lengths of nothing": f"{head}Content-Length: 4\r\nContent-Length: 4\r\n\r\nnull",
        "something more": f"{head}\r\nnull",
        "a coding of nothing": f"{head}Transfer-Encoding: chunked\r\n\r\n",
        "a list of lengths": f"{head}Content-Length: 0, {size}\r\n\r\n{start}",
        "chunked and a length": f"{head}Content-Length: {size + 5}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{start}",
        "chunked": f"{head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{start}",
        "an odd coding": f"{head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{start}",
        "a hidden coding": f"{head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{start}",
        "a signed length": f"{head}Content-Length: +0\r\n\r\n{start}",
        "a folded header": f"{head}X: y\r\n Content-Length: {size}\r\n\r\n{start}",
        "bare line feeds": start.replace("\r\n", "\n"),
        "a bare line feed in a header": f"{head}X: y\nContent-Length: {size}\r\n\r\n{start}",
        "a null": f"{head}X: \0\r\n\r\n{start}",
        "an upgrade": f"{head}Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n{start}",
        "an old version": start.replace("HTTP/1.1", "HTTP/1.0"),
        "no version": start.replace(" HTTP/1.1", ""),
        "tabs": start.replace("POST ", "POST\t"),
    }


@pytest.mark.parametrize("way", list(smuggled("")))
def test_nothing_rides_along(door, other, way):
    said = door.raw(smuggled(other)[way].encode())
    assert said.startswith(b"HTTP/1.1 400") and said.count(b"HTTP/1.1") == 1
    client = connect()
    assert client.containers.get(other).status == "created"
    client.close()


def test_what_never_ends_or_is_too_long_is_cut_off(door):
    long = b"GET /version HTTP/1.1\r\n" + b"X: y\r\n" * 10_000
    assert door.raw(long)[:12] in (b"HTTP/1.1 400", b"")
    assert door.raw(b"GET /version HTTP/1.1\r\nContent-Length: 9\r\n\r\n{").startswith(
        b"HTTP/1.1 400"
    )
    assert door.raw(b"GET /version HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n").startswith(
        b"HTTP/1.1 400"
    )
    deep = b"[" * 100_000
    head = f"POST {API}/containers/create HTTP/1.1\r\nContent-Length: {len(deep)}\r\n\r\n".encode()
    assert door.raw(head + deep)[:12] in (b"HTTP/1.1 400", b"")
    assert door.raw(b"") == b""


def test_doubled_keys_reach_the_engine_once_and_as_judge_means_them(door, engine):
    text = json.dumps(door.body())
    doubled = text[:-1] + ', "HostConfig": ' + json.dumps(door.body()["HostConfig"]) + "}"
    first = doubled.replace('"ReadonlyRootfs": true', '"ReadonlyRootfs": false', 1).encode()
    head = (
        f"POST {API}/containers/create?name={NAME} HTTP/1.1\r\nContent-Length: {len(first)}\r\n\r\n"
    )
    said = door.raw(head.encode() + first)
    if said.startswith(b"HTTP/1.1 201"):
        made = json.loads(said.partition(b"\r\n\r\n")[2])["Id"]
        assert engine.api.inspect_container(made)["HostConfig"]["ReadonlyRootfs"] is True
        engine.api.remove_container(made, force=True)


def test_no_image_but_judges_own_is_let_in(door):
    with pytest.raises(SandboxUnavailable, match="no image"):
        proxy.permits_of(door.engine, frozenset(["nothing:here"]), door.meeting)
    with pytest.raises(SandboxUnavailable, match="no engine"):
        proxy.permits_of(proxy.Engine(Path("/nowhere.sock")), frozenset([door.tag]), door.meeting)
    assert door.path.stat().st_mode & 0o777 == 0o660
