"""First tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "batches",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("set_name", sa.String(length=200), nullable=False),
        sa.Column("set_digest", sa.String(length=64), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("template", sa.String(length=200), nullable=False),
        sa.Column("temperature", sa.Float(), nullable=False),
        sa.Column("top_p", sa.Float(), nullable=False),
        sa.Column("max_tokens", sa.Integer(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=True),
        sa.Column("budget_usd", sa.Float(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("models", sa.Text(), nullable=False),
        sa.Column("problems", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
        sa.UniqueConstraint("key", name=op.f("uq_batches_key")),
    )
    op.create_index(op.f("ix_batches_set_digest"), "batches", ["set_digest"], unique=False)
    op.create_index(op.f("ix_batches_state"), "batches", ["state"], unique=False)
    op.create_table(
        "models",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("backend", sa.String(length=200), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("base_url", sa.Text(), nullable=False),
        sa.Column("base_model", sa.String(length=200), nullable=False),
        sa.Column("quantisation", sa.String(length=200), nullable=False),
        sa.Column("style", sa.String(length=20), nullable=False),
        sa.Column("cutoff", sa.String(length=10), nullable=False),
        sa.Column("input_price", sa.Float(), nullable=True),
        sa.Column("output_price", sa.Float(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_models")),
    )
    op.create_table(
        "problem_set_versions",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("problems", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", "digest", name=op.f("pk_problem_set_versions")),
    )
    op.create_index(
        op.f("ix_problem_set_versions_digest"), "problem_set_versions", ["digest"], unique=False
    )
    op.create_table(
        "problem_sets",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_problem_sets")),
    )
    op.create_table(
        "problems",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_problems")),
    )
    op.create_table(
        "tallies",
        sa.Column("set_digest", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("recipe", sa.String(length=300), nullable=False),
        sa.Column("slug", sa.String(length=200), nullable=False),
        sa.Column("drawn", sa.Integer(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("priced", sa.Integer(), nullable=False),
        sa.Column("cost", sa.Float(), nullable=False),
        sa.Column("input_tokens", sa.Integer(), nullable=False),
        sa.Column("output_tokens", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("set_digest", "model", "recipe", "slug", name=op.f("pk_tallies")),
    )
    op.create_table(
        "problem_set_members",
        sa.Column("set_digest", sa.String(length=64), nullable=False),
        sa.Column("slug", sa.String(length=200), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("problem_digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["problem_digest"],
            ["problems.digest"],
            name=op.f("fk_problem_set_members_problem_digest_problems"),
        ),
        sa.PrimaryKeyConstraint("set_digest", "slug", name=op.f("pk_problem_set_members")),
    )
    op.create_table(
        "questions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("batch_id", sa.String(length=36), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("slug", sa.String(length=200), nullable=False),
        sa.Column("problem_digest", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("lease", sa.String(length=36), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owner", sa.String(length=200), nullable=True),
        sa.Column("deliveries", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("run_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.id"], name=op.f("fk_questions_batch_id_batches")
        ),
        sa.ForeignKeyConstraint(["model"], ["models.name"], name=op.f("fk_questions_model_models")),
        sa.ForeignKeyConstraint(
            ["problem_digest"],
            ["problems.digest"],
            name=op.f("fk_questions_problem_digest_problems"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_questions")),
        sa.UniqueConstraint(
            "batch_id", "model", "slug", name=op.f("uq_questions_batch_id_model_slug")
        ),
    )
    op.create_index(
        op.f("ix_questions_batch_id_state"), "questions", ["batch_id", "state"], unique=False
    )
    op.create_index(op.f("ix_questions_lease"), "questions", ["lease"], unique=False)
    op.create_index(
        op.f("ix_questions_state_batch_id"), "questions", ["state", "batch_id"], unique=False
    )
    op.create_index(
        op.f("ix_questions_state_deliveries_id"),
        "questions",
        ["state", "deliveries", "id"],
        unique=False,
    )
    op.create_table(
        "samples",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("question_id", sa.String(length=36), nullable=False),
        sa.Column("batch_id", sa.String(length=36), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("slug", sa.String(length=200), nullable=False),
        sa.Column("problem_digest", sa.String(length=64), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("verdict", sa.String(length=20), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("rule", sa.String(length=60), nullable=False),
        sa.Column("template", sa.String(length=200), nullable=False),
        sa.Column("recipe", sa.String(length=300), nullable=False),
        sa.Column("finish", sa.String(length=60), nullable=False),
        sa.Column("input_tokens", sa.Integer(), nullable=False),
        sa.Column("output_tokens", sa.Integer(), nullable=False),
        sa.Column("estimated", sa.Integer(), nullable=False),
        sa.Column("cost", sa.Float(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease", sa.String(length=36), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owner", sa.String(length=200), nullable=True),
        sa.Column("deliveries", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("run_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.id"], name=op.f("fk_samples_batch_id_batches")
        ),
        sa.ForeignKeyConstraint(["model"], ["models.name"], name=op.f("fk_samples_model_models")),
        sa.ForeignKeyConstraint(
            ["problem_digest"], ["problems.digest"], name=op.f("fk_samples_problem_digest_problems")
        ),
        sa.ForeignKeyConstraint(
            ["question_id"], ["questions.id"], name=op.f("fk_samples_question_id_questions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_samples")),
        sa.UniqueConstraint(
            "batch_id", "model", "slug", "index", name=op.f("uq_samples_batch_id_model_slug_index")
        ),
        sa.UniqueConstraint("question_id", "index", name=op.f("uq_samples_question_id_index")),
    )
    op.create_index(op.f("ix_samples_batch_id_id"), "samples", ["batch_id", "id"], unique=False)
    op.create_index(op.f("ix_samples_lease"), "samples", ["lease"], unique=False)
    op.create_index(
        op.f("ix_samples_state_batch_id"), "samples", ["state", "batch_id"], unique=False
    )
    op.create_index(
        op.f("ix_samples_state_deliveries_id"),
        "samples",
        ["state", "deliveries", "id"],
        unique=False,
    )
    op.create_table(
        "judgements",
        sa.Column("sample_id", sa.String(length=36), nullable=False),
        sa.Column("verdict", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("problem", sa.String(length=64), nullable=False),
        sa.Column("solution", sa.String(length=64), nullable=False),
        sa.Column("sandbox", sa.Text(), nullable=False),
        sa.Column("judge_version", sa.String(length=60), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("cpu_seconds", sa.Float(), nullable=False),
        sa.Column("wall_seconds", sa.Float(), nullable=False),
        sa.Column("memory_mb", sa.Float(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcomes", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("stdout", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["samples.id"], name=op.f("fk_judgements_sample_id_samples")
        ),
        sa.PrimaryKeyConstraint("sample_id", name=op.f("pk_judgements")),
    )
    # ### end Alembic commands ###


def downgrade() -> None:
    op.drop_table("judgements")
    op.drop_index(op.f("ix_samples_state_deliveries_id"), table_name="samples")
    op.drop_index(op.f("ix_samples_state_batch_id"), table_name="samples")
    op.drop_index(op.f("ix_samples_lease"), table_name="samples")
    op.drop_index(op.f("ix_samples_batch_id_id"), table_name="samples")
    op.drop_table("samples")
    op.drop_index(op.f("ix_questions_state_deliveries_id"), table_name="questions")
    op.drop_index(op.f("ix_questions_state_batch_id"), table_name="questions")
    op.drop_index(op.f("ix_questions_lease"), table_name="questions")
    op.drop_index(op.f("ix_questions_batch_id_state"), table_name="questions")
    op.drop_table("questions")
    op.drop_table("problem_set_members")
    op.drop_table("tallies")
    op.drop_table("problems")
    op.drop_table("problem_sets")
    op.drop_index(op.f("ix_problem_set_versions_digest"), table_name="problem_set_versions")
    op.drop_table("problem_set_versions")
    op.drop_table("models")
    op.drop_index(op.f("ix_batches_state"), table_name="batches")
    op.drop_index(op.f("ix_batches_set_digest"), table_name="batches")
    op.drop_table("batches")
    # ### end Alembic commands ###
