"""API keys, answers to idempotent requests, and which sample was judged first of all that are the same."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("scopes", sa.String(200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.Column("used_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
    )
    op.create_table(
        "idempotent_requests",
        sa.Column("caller", sa.String(16), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("request", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("caller", "key", name="pk_idempotent_requests"),
    )
    op.create_index("ix_idempotent_requests_created_at", "idempotent_requests", ["created_at"])
    op.create_table(
        "judged_solutions",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("sample_id", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_judged_solutions"),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["samples.id"], name="fk_judged_solutions_sample_id_samples"
        ),
    )


def downgrade() -> None:
    op.drop_table("judged_solutions")
    op.drop_table("idempotent_requests")
    op.drop_table("api_keys")
