"""Runs migrations on the connection that Database.migrate hands over, in its transaction."""

from alembic import context
from sqlalchemy import text

from judge.store.tables import metadata

connection = context.config.attributes["connection"]
if connection.dialect.name == "postgresql":
    connection.execute(text("SELECT pg_advisory_xact_lock(7210)"))  # one process migrates at a time
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=True,
)
context.run_migrations()
