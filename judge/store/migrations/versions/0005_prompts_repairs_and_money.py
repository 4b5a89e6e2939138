"""Prompts as a dimension of a batch, repairs, replies that are bought once, money and deferred work."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

NAME = sa.String(200)
ID = sa.String(36)


def _text(name: str, kind: sa.types.TypeEngine[str]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, server_default="")


def _number(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, server_default="0")


def _added() -> dict[str, list[sa.Column[Any]]]:
    return {
        "models": [
            _text("revision", NAME),
            _text("adapter", sa.Text()),
            _text("key_env", NAME),
            sa.Column("hour_price", sa.Float()),
            _text("shutdown", sa.String(10)),
        ],
        "batches": [
            _number("repairs", sa.Integer()),
            _number("deferred", sa.Integer()),
            _number("fresh", sa.Integer()),
            _number("spent_usd", sa.Float()),
        ],
        "questions": [
            _text("prompt", NAME),
            _text("repairs", ID),
            _number("reserved_usd", sa.Float()),
            _text("deferral", ID),
        ],
        "samples": [
            _number("turn", sa.Integer()),
            _text("repairs", ID),
            sa.Column("first_token_seconds", sa.Float()),
            _number("reused", sa.Integer()),
        ],
    }


def upgrade() -> None:
    for table, columns in _added().items():
        for column in columns:
            op.add_column(table, column)
    op.execute("ALTER TABLE batches RENAME COLUMN template TO prompts")
    op.execute(
        "UPDATE questions SET prompt ="
        " (SELECT prompts FROM batches WHERE batches.id = questions.batch_id)"
    )
    with op.batch_alter_table("batches") as altered:
        altered.alter_column(
            "prompts", type_=sa.Text(), existing_type=NAME, existing_nullable=False
        )
    with op.batch_alter_table("questions") as altered:
        altered.drop_constraint("uq_questions_batch_id_model_slug", type_="unique")
        altered.create_unique_constraint(
            "uq_questions_batch_id_model_prompt_slug_repairs",
            ["batch_id", "model", "prompt", "slug", "repairs"],
        )
    with op.batch_alter_table("samples") as altered:
        altered.drop_constraint("uq_samples_batch_id_model_slug_index", type_="unique")
    op.create_table(
        "replies",
        sa.Column("request", sa.String(64), nullable=False),
        sa.Column("sample_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("request", name="pk_replies"),
        sa.ForeignKeyConstraint(["sample_id"], ["samples.id"], name="fk_replies_sample_id_samples"),
    )
    op.create_table(
        "deferrals",
        sa.Column("id", ID, nullable=False),
        sa.Column("batch_id", ID, nullable=False),
        sa.Column("model", NAME, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("job", NAME, nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("lease", ID),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        sa.Column("run_after", sa.DateTime(timezone=True)),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deferrals"),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="fk_deferrals_batch_id_batches"),
        sa.ForeignKeyConstraint(["model"], ["models.name"], name="fk_deferrals_model_models"),
    )
    op.create_index("ix_deferrals_state", "deferrals", ["state"])
    op.create_index("ix_deferrals_batch_id", "deferrals", ["batch_id"])


def downgrade() -> None:
    """Raises where a batch holds what the older tables cannot: several prompts, or repairs."""
    op.drop_table("deferrals")
    op.drop_table("replies")
    with op.batch_alter_table("samples") as altered:
        altered.create_unique_constraint(
            "uq_samples_batch_id_model_slug_index", ["batch_id", "model", "slug", "index"]
        )
    with op.batch_alter_table("questions") as altered:
        altered.drop_constraint("uq_questions_batch_id_model_prompt_slug_repairs", type_="unique")
        altered.create_unique_constraint(
            "uq_questions_batch_id_model_slug", ["batch_id", "model", "slug"]
        )
    with op.batch_alter_table("batches") as altered:
        altered.alter_column(
            "prompts", type_=NAME, existing_type=sa.Text(), existing_nullable=False
        )
    op.execute("ALTER TABLE batches RENAME COLUMN prompts TO template")
    for table, columns in _added().items():
        for column in columns:
            op.drop_column(table, column.name)
