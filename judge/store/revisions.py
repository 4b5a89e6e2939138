"""Which version of the tables a database has, and the way from one to another."""

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

FOLDER = Path(__file__).parent / "migrations"
moving = threading.Lock()
"""Held around a transaction that moves: Alembic's context is one a process."""


def head() -> str:
    """The revision that this judge's code is written for."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def known() -> frozenset[str]:
    """Every revision that this judge can move to."""
    return frozenset(
        script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()
    )


def of(tx: Connection) -> str:
    """The revision of a database; empty for one without tables of ours."""
    return MigrationContext.configure(tx).get_current_revision() or ""


def upgrade(tx: Connection, revision: str = "head") -> None:
    """Move up, in this transaction. Raises what Alembic and SQLAlchemy raise."""
    command.upgrade(_config(tx), revision)


def downgrade(tx: Connection, revision: str) -> None:
    """Move down, in this transaction; `base` drops every table."""
    command.downgrade(_config(tx), revision)


def _config(tx: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = tx
    return config
