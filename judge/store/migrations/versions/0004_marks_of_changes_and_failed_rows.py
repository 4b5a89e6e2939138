"""What tells that a board has changed, and failed rows found without reading the others."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

FAILED = sa.text("state = 'failed'")


def upgrade() -> None:
    op.create_table(
        "board_changes",
        sa.Column("set_digest", sa.String(64), nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("mark", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("set_digest", "id", name="pk_board_changes"),
    )
    for table in ("questions", "samples"):
        op.create_index(
            f"ix_{table}_failed",
            table,
            ["state", "batch_id", "model"],
            sqlite_where=FAILED,
            postgresql_where=FAILED,
        )


def downgrade() -> None:
    for table in ("samples", "questions"):
        op.drop_index(f"ix_{table}_failed", table)
    op.drop_table("board_changes")
