"""The doctor, on real things that are really broken."""

import json
import os
import subprocess
import sys

import pytest

from judge import doctor
from judge.doctor import State, examine
from judge.models.base import ModelSpec
from judge.settings import Settings
from judge.store import models, revisions
from judge.store.database import Database
from tests import services
from tests.conftest import ROOT, served

SECRET = "sk-geheim-5309"


def found(settings, part):
    checks = {"Redis": doctor._broker, "database": doctor._database, "clock": doctor._database}
    checks |= {"sandbox": doctor._sandbox, "engine": doctor._engine, "disk": doctor._disk}
    check = checks.get(part.split()[0], doctor._database)
    [one] = [each for each in check(settings) if each.part == part]
    assert bool(one.remedy) is (one.state is not State.OK)
    return one


def test_redis_that_throws_away_or_forgets_or_is_gone(tmp_path):
    with served(services.Redis) as server, server.client() as client:
        settings = Settings(home=tmp_path, broker_url=server.url)
        parts = {each.part: each.state for each in doctor._broker(settings)}
        assert parts == dict.fromkeys(("Redis", "Redis memory", "Redis persistence"), State.OK)
        client.config_set("maxmemory-policy", "allkeys-lru")
        one = found(settings, "Redis memory")
        assert (one.state, "noeviction" in one.remedy) == (State.FAULT, True)
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1000")
        assert found(settings, "Redis memory").state is State.WARNING
        client.config_set("maxmemory", "0")
        client.config_set("appendonly", "no")
        assert found(settings, "Redis persistence").state is State.WARNING
        client.config_set("save", "60 1")
        assert found(settings, "Redis persistence").state is State.OK
        server.kill()
        assert found(settings, "Redis").state is State.FAULT


def test_a_password_of_the_broker_is_never_shown(tmp_path):
    settings = Settings(home=tmp_path, broker_url=f"redis://:{SECRET}@127.0.0.1:1/0")
    [one] = doctor._broker(settings)
    assert one.state is State.FAULT and SECRET not in str(one)


def test_a_database_that_is_old_newer_or_gone(database_url, tmp_path):
    settings = Settings(home=tmp_path, database_url=database_url)
    database = Database(database_url)
    assert "db upgrade" in found(settings, "database").remedy
    with database.transaction() as tx:
        revisions.upgrade(tx, "0001")
    assert "db upgrade" in found(settings, "database").remedy
    database.migrate()
    assert {each.state for each in doctor._database(settings)} == {State.OK}
    with database.transaction() as tx:
        tx.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert "newer" in found(settings, "database").remedy
    database.close()
    away = Settings(home=tmp_path, database_url=f"postgresql+psycopg://j:{SECRET}@127.0.0.1:1/j")
    one = found(away, "database")
    assert one.state is State.FAULT and SECRET not in str(one)


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "judge.db").write_bytes(b"no database at all" * 100)
    assert found(Settings(home=tmp_path), "database").state is State.FAULT


def test_clocks_that_disagree():
    assert [doctor._clock(off, 90.0).state for off in (0.5, -5.0, 31.0, -300.0)] == [
        State.OK,
        State.WARNING,
        State.FAULT,
        State.FAULT,
    ]


def test_a_missing_key_is_named_and_a_set_one_not_shown(database, tmp_path, monkeypatch):
    with database.transaction() as tx:
        models.keep(tx, ModelSpec("far", "openai_chat", "gpt-x"))
    settings = Settings(home=tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert "OPENAI_API_KEY" in found(settings, "model far").seen
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    one = found(settings, "model far")
    assert one.state is State.OK and SECRET not in str(one)


def test_an_engine_that_is_not_there_and_an_image_that_was_never_made(tmp_path, monkeypatch):
    settings = Settings(home=tmp_path, sandbox="docker", sandbox_image="judge-sandbox:never-made")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing.sock")
    assert found(settings, "engine").state is State.FAULT
    assert found(settings, "sandbox").state is State.FAULT


def test_an_image_without_a_runner_of_ours(docker_image, tmp_path):
    settings = Settings(home=tmp_path, sandbox="docker", sandbox_image="judge-sandbox:never-made")
    assert found(settings, "engine").state is State.OK
    assert "judge sandbox build" in found(settings, "sandbox").remedy


def test_parts_that_do_not_fit(tmp_path):
    def state(**settings):
        [one] = doctor._combination(Settings(home=tmp_path, **settings))
        return one.state

    assert state() is State.OK
    assert state(broker_url="redis://x") is State.WARNING
    assert state(broker_url="redis://x", database_url="postgresql+psycopg://x/y") is State.OK
    assert state(broker_url="sqla+sqlite:///x") is State.FAULT


def test_a_full_disk_and_a_remote_one(tmp_path):
    """A real tmpfs that is full; its kind is read from the kernel as well."""
    script = (
        "import os, sys; from pathlib import Path; from judge import doctor;"
        "from judge.settings import Settings; home = Path(sys.argv[1]);"
        "os.system(f'mount -t tmpfs -o size=1m tmpfs {home}');"
        "print(doctor.file_system(home / 'judge.db'), next(doctor._disk(Settings(home=home))).state)"
    )
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", sys.executable, "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.split() == ["tmpfs", "fault"], done.stderr


@pytest.mark.sandbox
@pytest.mark.usefixtures("sandbox")
def test_the_command_says_it_all_and_exits_by_the_worst(tmp_path):
    environment = {name: value for name, value in os.environ.items() if "JUDGE" not in name}
    environment |= {"JUDGE_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}

    def called(*words, **more):
        command = [sys.executable, "-m", "judge.cli", "doctor", *words]
        return subprocess.run(command, env=environment | more, capture_output=True, text=True)

    whole = called("--json")
    assert whole.returncode == 0, whole.stdout
    assert {each["part"] for each in json.loads(whole.stdout)} >= {"parts", "database", "sandbox"}
    broken = called(JUDGE_BROKER_URL="redis://127.0.0.1:1/0")
    assert broken.returncode == 1
    assert "fault" in broken.stdout and "JUDGE_BROKER_URL" in broken.stdout


def test_nothing_is_left_out_of_the_examination(tmp_path):
    settings = Settings(home=tmp_path, sandbox="nowhere", broker_url="redis://127.0.0.1:1/0")
    parts = {each.part for each in examine(settings)}
    assert parts == {"parts", "Redis", "database", "sandbox", "disk (home)"}
