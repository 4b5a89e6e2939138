"""Evidence whole, and how long references take."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("judgements") as table:
        table.add_column(sa.Column("evidence", sa.Text(), nullable=False, server_default="{}"))
    with op.batch_alter_table("problems") as table:
        table.add_column(sa.Column("reference_cpu_seconds", sa.Float(), nullable=True))
        table.add_column(sa.Column("reference_example_cpu_seconds", sa.Float(), nullable=True))


def downgrade() -> None:
    # Not in a batch: on SQLite that makes the table anew, and others refer to its rows.
    op.drop_column("problems", "reference_example_cpu_seconds")
    op.drop_column("problems", "reference_cpu_seconds")
    op.drop_column("judgements", "evidence")
