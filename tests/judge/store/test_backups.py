"""A backup of a working database, restored into either kind, and every way a file can be bad."""

import gzip
import threading
from itertools import pairwise

import pytest
from sqlalchemy import inspect, select, sql

from judge import batches
from judge.batches import BatchRequest
from judge.errors import UsageError
from judge.models import open_model
from judge.standings import leaderboards
from judge.store import backups, models, problem_sets, revisions, soundness
from judge.store.database import Database, new_id, now
from judge.store.tables import metadata
from judge.store.tables import problem_sets as names
from tests.conftest import solution

pytestmark = [pytest.mark.sandbox]


@pytest.fixture
def solver(database, record):
    spec = record(
        answers={f"add-{n}": [solution(f"add-{n}"), "def add(x): return 'no'"] for n in range(8)}
    )
    backend = open_model(spec)
    yield lambda _name: (spec, backend)
    backend.close()


@pytest.fixture
def lived_in(database, solver, sandbox):
    """A database with a finished batch, and one that has been asked and judged by half."""
    request = BatchRequest(("solver",), "small", 2)
    done = batches.open_batch(database, request).id
    batches.run_batch(database, solver, sandbox, done)
    half = batches.open_batch(database, request).id
    batches.ask_questions(database, solver, limit=4, batch=half)
    batches.judge_samples(database, sandbox, limit=3, batch=half)
    return done, half


@pytest.fixture
def target(database, request, tmp_path):
    """An empty database of the other kind."""
    elsewhere = f"sqlite:///{tmp_path / 'restored.db'}"
    opened = Database(request.getfixturevalue("postgres_url") if database.is_sqlite else elsewhere)
    yield opened
    opened.close()


def rows(database):
    with database.reading() as tx:
        return {
            table.name: [
                tuple(row) for row in tx.execute(select(table).order_by(*table.primary_key))
            ]
            for table in metadata.sorted_tables
        }


def test_a_backup_taken_while_others_write_goes_on_in_another_database(
    database, lived_in, solver, sandbox, target, tmp_path
):
    done, half = lived_in
    before, file = rows(database), tmp_path / "all.backup"
    stop, written = threading.Event(), []

    def write():
        """Two rows in one transaction, over and over."""
        while not stop.is_set():
            with database.transaction() as tx:
                for _ in range(2):
                    row = {"name": new_id(), "digest": "d", "updated_at": now()}
                    tx.execute(names.insert().values(**row))
            written.append(1)

    writer = threading.Thread(target=write)
    writer.start()
    while not written:
        stop.wait(0.01)
    summary = backups.backup(database, file, "9.9.9")
    stop.set()
    writer.join()
    assert file.stat().st_mode & 0o777 == 0o600
    assert backups.restore(target, file) == summary

    found = rows(target)
    extra = [row for row in found["problem_sets"] if row[1] == "d"]
    assert len(extra) % 2 == 0 and 0 < len(extra) <= 2 * len(written)  # no half transaction
    found["problem_sets"] = [row for row in found["problem_sets"] if row[1] != "d"]
    assert found == before
    assert soundness.faults(target) == []

    assert leaderboards.rank(target, "small") == leaderboards.rank(database, "small")
    status = batches.run_batch(target, solver, sandbox, half)
    assert (status.state, status.samples, status.judged, status.accepted) == ("finished", 16, 16, 8)
    assert batches.read_batch(target, done) == batches.read_batch(database, done)


def test_a_snapshot_stays_one_state_over_many_statements(database_url):
    """What keeps a backup whole on PostgreSQL, where each statement else sees a newer state."""
    database = Database(database_url)
    database.migrate()
    with database.snapshot() as tx:
        assert tx.execute(select(names)).all() == []
        with database.transaction() as other:
            other.execute(names.insert().values(name="a", digest="d", updated_at=now()))
        assert tx.execute(select(names)).all() == []
    database.close()


@pytest.fixture
def file(database, record, tmp_path):
    record()
    path = tmp_path / "small.backup"
    backups.backup(database, path, "0.1.0")
    return path


def test_no_file_is_written_over_and_no_database_restored_over(database, file):
    with pytest.raises(UsageError, match="exists"):
        backups.backup(database, file, "0.1.0")
    with pytest.raises(UsageError, match="not empty"):
        backups.restore(database, file)


def test_a_damaged_file_restores_nothing(file, target):
    whole = file.read_bytes()
    plain = gzip.decompress(whole)
    lines = plain.splitlines(keepends=True)
    bad = {"cut": whole[: len(whole) // 2], "end": whole[:-1], "empty": b"", "text": b"x" * 100}
    for place in (5, len(whole) // 3, len(whole) // 2, len(whole) - 20):
        flipped = bytearray(whole)
        flipped[place] ^= 0x10
        bad[f"flipped at {place}"] = bytes(flipped) if place > 10 else whole[:place]
    bad["a changed value"] = gzip.compress(plain.replace(b"small", b"smell"))
    bad["a row less"] = gzip.compress(b"".join(lines[:3] + lines[4:]))
    bad["rows exchanged"] = gzip.compress(b"".join([lines[0], *lines[2:4], lines[1], *lines[4:]]))
    bad["no digest"] = gzip.compress(b"".join(lines[:-1]))
    bad["more after it"] = gzip.compress(plain + lines[1])
    for what, content in bad.items():
        file.write_bytes(content)
        with pytest.raises(UsageError, match="nothing was restored"):
            backups.restore(target, file)
        with target.reading() as tx:
            assert inspect(tx).get_table_names() == [], what
    file.write_bytes(whole)
    assert backups.restore(target, file).rows["problems"] == 8


def test_a_file_of_a_newer_judge_is_refused_by_name(file, target):
    plain = gzip.decompress(file.read_bytes())
    newer = plain.replace(f'"revision":"{revisions.head()}"'.encode(), b'"revision":"9999"')
    file.write_bytes(gzip.compress(newer))
    with pytest.raises(UsageError, match="newer judge"):
        backups.restore(target, file)


def test_down_and_up_again_keeps_what_the_first_tables_held(database_url, small_set):
    database = Database(database_url)
    database.migrate()
    with database.transaction() as tx:
        problem_sets.keep(tx, small_set)
        models.keep(tx, models.ModelSpec("m", "recorded", "x"))
    later = {"board_changes"}  # made by a later migration; the next change makes it anew
    before = {name: held for name, held in rows(database).items() if name not in later}
    way = [revisions.head(), *sorted(revisions.known(), reverse=True)]
    for above, below in pairwise(way):
        with database.moving() as tx:
            if above != below:
                revisions.downgrade(tx, below)
    with database.reading() as tx:
        assert revisions.of(tx) == "0001"
    database.migrate()
    assert {name: held for name, held in rows(database).items() if name not in later} == before
    assert soundness.faults(database) == []
    database.close()


def test_a_database_of_the_first_release_finishes_its_batch_after_the_upgrade(
    database, lived_in, solver, sandbox, target
):
    """Made by the first migration, with a judged batch, an open one, and a sample that waits."""
    done, half = lived_in
    batches.ask_questions(database, solver, limit=1, batch=half)
    held = rows(database)
    with target.transaction() as tx:
        revisions.upgrade(tx, "0001")
        there = inspect(tx)
        for table in metadata.sorted_tables:
            if table.name in there.get_table_names() and held[table.name]:
                known = {each["name"] for each in there.get_columns(table.name)}
                known |= {"prompts"} if table.name == "batches" else set()
                fields = [each for each in table.columns if each.name in known]
                then = {"prompts": "template"} if table.name == "batches" else {}
                narrow = sql.table(
                    table.name,
                    *(sql.column(then.get(each.name, each.name), each.type) for each in fields),
                )
                made = [
                    dict(zip(table.columns.keys(), row, strict=True)) for row in held[table.name]
                ]
                values = [
                    {then.get(each.name, each.name): row[each.name] for each in fields}
                    for row in made
                ]
                tx.execute(narrow.insert(), values)
    target.migrate()
    with target.reading() as tx:
        assert revisions.of(tx) == revisions.head()
    before = leaderboards.rank(target, "small")
    assert before == leaderboards.rank(database, "small") and before.rows[0].samples == 19
    status = batches.run_batch(target, solver, sandbox, half)
    assert (status.state, status.samples, status.judged, status.accepted) == ("finished", 16, 16, 8)
    [row] = leaderboards.rank(target, "small").rows
    assert (row.samples, row.accepted) == (32, 16)
    assert batches.read_batch(target, done).accepted == 8
    assert soundness.faults(target) == []


def test_an_unsound_database_says_what_is_wrong(database, record):
    record()
    assert soundness.faults(database) == []
    raw = database._engine.raw_connection()
    off = (
        "PRAGMA foreign_keys=OFF" if database.is_sqlite else "SET session_replication_role=replica"
    )
    on = "PRAGMA foreign_keys=ON" if database.is_sqlite else "SET session_replication_role=DEFAULT"
    cursor = raw.cursor()
    cursor.execute(off)
    cursor.execute("DELETE FROM problems WHERE digest = (SELECT min(digest) FROM problems)")
    cursor.execute(on)
    raw.commit()
    raw.close()
    [fault] = soundness.faults(database)
    assert "1 rows of problem_set_members" in fault
