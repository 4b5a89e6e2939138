"""`judge db`: the tables' version, backup and restore, and whether a database is sound."""

from contextlib import closing
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from judge.bootstrap import open_database
from judge.cli import console
from judge.store import backups, revisions, soundness

group = typer.Typer(help="The database: upgrade, back up, restore, check.", no_args_is_help=True)

UNSOUND = 1

BackupFile = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")]


@group.command()
def version(*, as_json: console.AsJson = False) -> None:
    """Show the revision of the tables, and the one this judge needs."""
    with closing(open_database()) as database, database.reading() as tx:
        found = {"revision": revisions.of(tx), "head": revisions.head(), "url": database.shown_url}
    if as_json:
        console.result_json(found)
    else:
        console.result(
            f"{found['url']}: {found['revision'] or 'no tables'} (judge {found['head']})"
        )


@group.command()
def upgrade(*, as_json: console.AsJson = False) -> None:
    """Bring the tables up to this judge's version."""
    with closing(open_database()) as database:
        with database.reading() as tx:
            before = revisions.of(tx)
        database.migrate()
    after = revisions.head()
    if as_json:
        console.result_json({"before": before, "after": after})
    else:
        console.result(f"{before or 'no tables'} to {after}")


@group.command()
def backup(file: BackupFile, *, as_json: console.AsJson = False) -> None:
    """Write everything to a new FILE, from one state, while the service runs on."""
    with closing(open_database()) as database:
        summary = backups.backup(database, file, metadata.version("judge"))
    _tell(summary, file, as_json=as_json)


@group.command()
def restore(file: BackupFile, *, as_json: console.AsJson = False) -> None:
    """Fill an empty database, SQLite or PostgreSQL, from FILE, whole or not at all."""
    with closing(open_database()) as database:
        summary = backups.restore(database, file)
    _tell(summary, file, as_json=as_json)


@group.command()
def check(*, as_json: console.AsJson = False) -> None:
    """Read everything and say what is wrong; exit 1 if something is."""
    with closing(open_database()) as database:
        faults = soundness.faults(database)
    if as_json:
        console.result_json({"faults": faults})
    else:
        for fault in faults or ["sound"]:
            console.result(fault)
    if faults:
        raise typer.Exit(UNSOUND)


def _tell(summary: backups.Summary, file: Path, *, as_json: bool) -> None:
    if as_json:
        console.result_json(summary)
    else:
        console.result(f"{file}: {sum(summary.rows.values())} rows, revision {summary.revision}")
