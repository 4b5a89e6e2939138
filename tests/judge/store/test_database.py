import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select, text

from judge.bootstrap import open_judge
from judge.errors import JudgeError, UsageError
from judge.models.base import ModelSpec
from judge.settings import Settings
from judge.store import judgements, models, problem_sets, revisions, tables
from judge.store.database import Database, is_dead, new_id, now, owner_of
from judge.verdicts.evidence import NOWHERE
from tests import services
from tests.conftest import served


def test_the_migrations_make_the_tables_that_the_code_names(database):
    with database.reading() as tx:
        assert compare_metadata(MigrationContext.configure(tx), tables.metadata) == []
        made = inspect(tx)
        for table in tables.metadata.tables.values():
            indexes = {each["name"] for each in made.get_indexes(table.name)}
            assert {each.name for each in table.indexes} <= indexes


def test_migrating_again_and_at_once_is_harmless(database_url):
    many = [Database(database_url) for _ in range(4)]
    faults = []

    def migrate(database):
        try:
            database.migrate()
        except JudgeError as error:
            faults.append(error)

    threads = [threading.Thread(target=migrate, args=(each,)) for each in many]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    for each in many:
        each.migrate()
        each.close()


def test_a_database_of_a_newer_judge_is_refused_by_name(database):
    with database.transaction() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(JudgeError, match="newer judge"):
        database.migrate()


def test_judgements_of_the_first_version_are_read_after_the_second_migration(tmp_path):
    old = Database(f"sqlite:///{tmp_path / 'judge.db'}")
    values = {"sample_id": "s", "verdict": "WA", "reason": "answer", "problem": "p" * 64}
    values |= {"solution": "q" * 64, "sandbox": "namespaces-root", "judge_version": "0.1.0"}
    values |= {"settings": "", "cpu_seconds": 0.5, "wall_seconds": 0.6, "memory_mb": 9.0}
    values |= {"created_at": "2026-01-01 00:00:00", "outcomes": '[["WA", "answer", 0.1]]'}
    values |= {"message": "", "stdout": ""}
    with old.transaction() as tx:
        revisions.upgrade(tx, "0001")
    with sqlite3.connect(tmp_path / "judge.db") as raw:  # its keys are of no matter here
        marks = ", ".join(f":{name}" for name in values)
        raw.execute(f"INSERT INTO judgements ({', '.join(values)}) VALUES ({marks})", values)
        raw.execute("INSERT INTO problems (digest, content) VALUES ('d', '{}')")
    raw.close()
    old.migrate()
    with old.reading() as tx:
        row = tx.execute(select(tables.judgements)).one()
        assert problem_sets.references(tx, {"d"}) == {}
    old.close()
    judgement = judgements._judgement(row)
    assert (judgement.verdict, judgement.evidence.cpu_seconds) == ("WA", 0.5)
    assert (judgement.evidence.host, judgement.evidence.runs) == (NOWHERE, 1)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sqlite_is_set_up_as_promised(database):
    with database.reading() as tx:
        said = {
            name: tx.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert said == {
        "journal_mode": "wal",
        "synchronous": 1,
        "foreign_keys": 1,
        "busy_timeout": 30_000,
    }


def test_writers_that_read_first_wait_for_each_other_instead_of_failing(database):
    faults = []

    def work(number):
        try:
            for _ in range(20):
                with database.transaction() as tx:
                    count = tx.execute(text("SELECT count(*) FROM models")).scalar()
                    time.sleep(0.001)
                    row = {"name": f"{number}-{count}"}
                    tx.execute(
                        tables.models.insert().values(
                            **row,
                            backend="",
                            id="",
                            base_url="",
                            base_model="",
                            quantisation="",
                            style="chat",
                            cutoff="",
                            created_at=now(),
                        )
                    )
        except JudgeError as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    with database.reading() as tx:
        assert tx.execute(text("SELECT count(*) FROM models")).scalar() == 80


def test_a_failed_transaction_leaves_nothing(database):
    def fail():
        with database.transaction() as tx:
            tx.execute(text("DELETE FROM alembic_version"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.reading() as tx:
        assert tx.execute(text("SELECT count(*) FROM alembic_version")).scalar() == 1


def test_readers_do_not_wait_for_a_writer(database):
    with database.transaction() as tx:
        tx.execute(text("DELETE FROM alembic_version"))
        with database.reading() as other:
            assert other.execute(text("SELECT count(*) FROM alembic_version")).scalar() == 1
        tx.rollback()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_full_database_is_one_clear_line(database):
    def fill():
        with database.transaction() as tx:
            pages = tx.exec_driver_sql("PRAGMA page_count").scalar()
            tx.exec_driver_sql(f"PRAGMA max_page_count={pages}")
            tx.execute(text("CREATE TABLE more (x)"))

    with pytest.raises(JudgeError, match="is full"):
        fill()


def test_times_are_aware_and_utc(database):
    with database.transaction() as tx:
        with pytest.raises(Exception, match="without a zone"):
            tx.execute(
                tables.problem_sets.insert().values(
                    name="x",
                    digest="",
                    updated_at=datetime(2026, 1, 1),  # noqa: DTZ001 - the fault
                )
            )
        at = datetime(2026, 1, 1, tzinfo=UTC)
        tx.execute(tables.problem_sets.insert().values(name="x", digest="", updated_at=at))
        assert (
            tx.scalar(
                tables.problem_sets.select().with_only_columns(tables.problem_sets.c.updated_at)
            )
            == at
        )


@pytest.mark.parametrize("url", ["", "mysql://x/y", "sqlite://", "sqlite:///:memory:", "nonsense"])
def test_an_address_that_cannot_hold_the_rows_is_refused(url):
    with pytest.raises(UsageError):
        Database(url)


def test_a_password_is_never_shown():
    def use():
        Database("postgresql+psycopg://judge:geheim@127.0.0.1:9/judge").migrate()

    with pytest.raises(JudgeError) as caught:  # the driver is missing, or the server
        use()
    assert "geheim" not in str(caught.value)


def test_ids_sort_by_the_time_of_their_making():
    ids = [new_id() for _ in range(10_000)]
    assert ids == sorted(set(ids))


def test_the_living_and_the_dead_are_told_apart():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        owner = owner_of(child.pid)
        assert not is_dead(owner)
        child.kill()
    assert is_dead(owner)
    mine = owner_of(os.getpid())
    assert not is_dead(mine)
    assert is_dead(mine.rpartition("/")[0] + "/1")  # the pid lives, but began at another time
    assert not is_dead(f"elsewhere{owner}")


def test_the_home_is_made_for_its_owner_alone_and_the_database_found_there(tmp_path):
    home = tmp_path / "deep" / "home"
    judge = open_judge(Settings(home=home))
    judge.close()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert (home / "judge.db").exists()


def test_a_home_that_cannot_be_made_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="JUDGE_HOME"):
        open_judge(Settings(home=tmp_path / "file" / "home"))


def test_a_bad_variable_is_named(monkeypatch):
    monkeypatch.setenv("JUDGE_PORT", "many")
    with pytest.raises(UsageError, match="JUDGE_PORT"):
        open_judge()


def test_a_database_that_was_restarted_fails_nobody_who_held_connections(tmp_path):
    with served(services.Postgres) as server:
        database = Database(server.database("restarted"))
        together = threading.Barrier(4)
        faults = []

        def read():
            try:
                with database.reading() as tx:
                    tx.execute(text("SELECT 1"))
                    together.wait(20)
            except JudgeError as error:
                faults.append(error)
                together.abort()

        for end in (lambda: None, server.kill, server.stop):
            end()
            if not server.answers():
                server.start()
            threads = [threading.Thread(target=read) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert faults == []
        database.close()


def test_a_snapshot_sees_one_state(database):
    with database.snapshot() as tx:
        before = models.listed(tx)
        with database.transaction() as other:
            models.keep(other, ModelSpec("late", "recorded", "nowhere"))
        assert models.listed(tx) == before
    with database.reading() as tx:
        assert len(models.listed(tx)) == len(before) + 1
