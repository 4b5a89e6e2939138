"""`judge keys`: who may use the service over HTTP, and for what."""

from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from judge.bootstrap import open_judge
from judge.cli import console
from judge.store import keys

group = typer.Typer(help="API keys: add, list, revoke.", no_args_is_help=True)


@group.command()
def add(
    name: Annotated[str, typer.Argument(help="Who will hold it.")],
    *,
    scopes: Annotated[
        str, typer.Option(help=f"Of {', '.join(keys.SCOPES)}, with commas; admin is all of them.")
    ] = "read",
    expires: Annotated[
        int | None, typer.Option(help="Days; without it the key holds until it is revoked.")
    ] = None,
    as_json: console.AsJson = False,
) -> None:
    """Make a key. It is shown this once; only a digest of it is stored."""
    wanted = console.names(scopes, "--scopes")
    with closing(open_judge()) as judge, judge.database.transaction() as tx:
        row, key = keys.add(tx, name, wanted, expires)
    if as_json:
        console.result_json({**asdict(row), "key": key})
        return
    console.result(key)
    console.note(
        f"keep it now, it is not shown again; {row.name} may {', '.join(row.scopes)}, "
        f"{'until ' + _day(row.expires_at) if row.expires_at else 'until it is revoked'}"
    )


@group.command("list")
def list_keys(*, as_json: console.AsJson = False) -> None:
    """Every key that was made, without its secret."""
    with closing(open_judge()) as judge, judge.database.reading() as tx:
        rows = keys.listed(tx)
    if as_json:
        console.result_json(rows)
    elif rows:
        columns = ("Id", "Name", "Scopes", "State", "Made", "Expires", "Last used")
        console.table(columns, [_cells(row) for row in rows])
    else:
        console.note("no keys yet; `judge keys add NAME --scopes read,submit` makes one")


@group.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `judge keys list` shows it.")],
    *,
    as_json: console.AsJson = False,
) -> None:
    """Let a key open nothing from now on."""
    with closing(open_judge()) as judge, judge.database.transaction() as tx:
        row = keys.revoke(tx, key_id)
    if as_json:
        console.result_json(row)
    else:
        console.result(f"{row.id} ({row.name}) opens nothing any more")


def _cells(row: keys.KeyRow) -> tuple[str, ...]:
    state = "live" if row.live else "revoked" if row.revoked_at else "expired"
    times = (_day(row.created_at), _day(row.expires_at), _day(row.used_at))
    return (row.id, row.name, ", ".join(row.scopes), state, *times)


def _day(at: datetime | None) -> str:
    return "-" if at is None else f"{at:%Y-%m-%d %H:%M}"
