"""What a box's container is: the one place that says it, for judge that asks and the proxy that checks.

A pure function of what differs between two boxes; everything else is a constant of this judge.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from judge.sandbox.cgroups import MOST_PROCESSES, SLACK_MB
from judge.sandbox.inside.box import ENVIRONMENT, FLAGS, SCRATCH, STACK_BYTES, THREAD_STACK_BYTES
from judge.sandbox.namespaces import CODE

OWNER_LABEL, MEETING_LABEL = "judge.owner", "judge.meeting"
RUNNER_LABEL, EXECUTABLE_LABEL = "judge.runner", "judge.executable"
"""Labels of a container, and of the image it is made from."""
FIRST_MEMORY_MB = 512
CAPABILITIES = ("SETUID", "SETGID", "KILL")
SECCOMP = CODE / "judge/sandbox/inside/seccomp.json"
_SCRATCH_FLAGS = "rw,nosuid,nodev,noexec"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What differs between boxes: the image's full id and its interpreter's path, the folder where
    judges meet, who owns the box, its two user ids, and the packages it imports."""

    image: str
    executable: str
    meeting: Path
    owner: str
    server: int
    child: int
    packages: Sequence[str] = ()

    @property
    def channel(self) -> Path:
        """The folder with the socket, the only thing of the host that the container is shown."""
        return self.meeting / f"box-{self.child}"


def body(wanted: Wanted) -> dict[str, Any]:
    """The whole of the request that creates the container, as the engine takes it."""
    settings = {
        "socket": "/job/socket",
        "kills": None,
        "server": wanted.server,
        "uid": wanted.child,
        "packages": list(wanted.packages),
    }
    return {
        "Image": wanted.image,
        "Entrypoint": [],
        "Cmd": [wanted.executable, *FLAGS, json.dumps(settings)],
        "Env": [f"{name}={value}" for name, value in ENVIRONMENT.items()],
        "User": "0:0",
        "WorkingDir": "/",
        "Hostname": "box",
        "StopSignal": "SIGKILL",
        "Labels": {OWNER_LABEL: wanted.owner, MEETING_LABEL: str(wanted.meeting)},
        "HostConfig": {
            "AutoRemove": True,
            "NetworkMode": "none",
            "IpcMode": "private",
            "CgroupnsMode": "private",
            "ReadonlyRootfs": True,
            "CapDrop": ["ALL"],
            "CapAdd": list(CAPABILITIES),
            "SecurityOpt": ["no-new-privileges", f"seccomp={SECCOMP.read_text(encoding='utf-8')}"],
            "PidsLimit": MOST_PROCESSES,
            **memory(FIRST_MEMORY_MB),
            "OomScoreAdj": 500,
            "Ulimits": [
                {"Name": "core", "Soft": 0, "Hard": 0},
                {"Name": "stack", "Soft": THREAD_STACK_BYTES, "Hard": STACK_BYTES},
            ],
            "Tmpfs": {
                f"/{name}": f"{_SCRATCH_FLAGS},{options}" for name, options in SCRATCH.items()
            },
            "Mounts": [
                {"Target": "/job", "Source": str(wanted.channel), "Type": "bind", "ReadOnly": True}
            ],
            "LogConfig": {"Type": "none", "Config": {}},
        },
    }


def memory(megabytes: int) -> dict[str, int]:
    """A limit for what runs in the box, with room for its server; swap is none."""
    room = (megabytes + SLACK_MB) << 20
    return {"Memory": room, "MemorySwap": room}
