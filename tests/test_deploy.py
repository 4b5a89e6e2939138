"""compose.yaml and Dockerfile: valid, closed by default, and in step with the command line."""

import os
import re
import shutil
import subprocess

import pytest
import yaml

from judge import cli
from tests.conftest import ROOT, missing

NEEDED = {
    "POSTGRES_PASSWORD": "one",
    "REDIS_PASSWORD": "two",
    "JUDGE_SANDBOX_IMAGE": "judge-sandbox:tag",
    "DOCKER_GID": "998",
}
OURS = {"api", "worker-ask", "worker-judge", "sandbox-proxy", "upkeep"}


@pytest.fixture(scope="module")
def compose(tmp_path_factory):
    """`docker-compose config` with these variables and no others."""
    folder = tmp_path_factory.mktemp("compose")
    return lambda variables: read(folder, variables)


def read(folder, variables):
    program = shutil.which("docker-compose")
    if program is None:
        missing("docker-compose is not installed")
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [program, "--file", str(ROOT / "compose.yaml"), "config"],
        cwd=folder,  # and so without anybody's .env
        env=environment | variables,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def services(compose):
    done = compose(NEEDED)
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)["services"]


@pytest.mark.parametrize("left_out", NEEDED)
def test_nothing_starts_without_its_secret_or_its_image(compose, left_out):
    rest = {name: value for name, value in NEEDED.items() if name != left_out}
    assert compose(rest).returncode != 0
    assert compose(rest | {left_out: ""}).returncode != 0


def test_every_service_is_closed_and_watched(services):
    assert services.keys() == OURS | {"redis", "postgres"}
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"] and "cap_add" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["user"].partition(":")[0] not in ("", "0", "root"), name
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert not {"privileged", "pid", "ipc", "devices", "userns_mode"} & service.keys(), name


def test_each_has_what_it_needs_and_no_more(services):
    sockets = {name for name, each in services.items() if "docker.sock" in str(each.get("volumes"))}
    assert sockets == {"sandbox-proxy"}
    assert services["sandbox-proxy"]["network_mode"] == "none"
    keyed = {name for name, each in services.items() if "OPENAI_API_KEY" in str(each)}
    assert keyed == {"worker-ask"}
    outside = {name for name, each in services.items() if "outside" in each.get("networks", ())}
    assert outside == {"api", "worker-ask"}
    published = {name: each["ports"] for name, each in services.items() if "ports" in each}
    assert published.keys() == {"api"} and "127.0.0.1:8710" in str(published["api"])
    for name in ("worker-ask", "worker-judge"):
        assert services[name]["environment"]["MALLOC_ARENA_MAX"] == "2"
    assert services["postgres"]["environment"]["POSTGRES_PASSWORD"] == NEEDED["POSTGRES_PASSWORD"]
    said = " ".join(services["redis"]["command"])
    assert "noeviction" in said and "appendonly yes" in said and "requirepass two" in said


@pytest.mark.parametrize("service", sorted(OURS))
def test_every_command_is_one_of_judges(services, service, capsys):
    words = services[service]["command"]
    options = [word for word in words if word.startswith("--")]
    verb = [
        word for word in words[:2] if not word.startswith("--") and word in ("sandbox", "proxy")
    ]
    assert cli.call([*(verb or words[:1]), "--help"]) == 0
    said = capsys.readouterr().out
    for option in options:
        assert option in said, f"{words[0]} has no {option}"


def test_the_image_is_built_for_a_user_without_rights():
    text = (ROOT / "Dockerfile").read_text()
    assert {"build", "app", "api", "worker", "proxy"} == set(re.findall(r" AS (\w+)", text))
    assert "USER 10001:10001" in text and "ARG BASE" in text
    assert (ROOT / ".dockerignore").read_text().startswith("*\n")  # nothing goes in unasked
