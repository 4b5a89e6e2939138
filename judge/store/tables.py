"""The tables. Small columns first, texts last: SQLite then counts rows without reading the texts.

Questions and samples are facts and work at once. A row that is still to be done carries its lease:
who holds it (`owner`), which claim (`lease`), until when, how often it was begun and never heard of
again (`deliveries`), how often it failed by our fault (`failures`), and when to try next.
"""

from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from judge.store.columns import DIGEST, ID, NAME, Utc, failed, work

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

problems = Table(
    "problems",
    metadata,
    Column("digest", DIGEST, primary_key=True),
    Column("content", Text, nullable=False),
    Column("reference_cpu_seconds", Float),  # facts about a run, so no part of content and digest
    Column("reference_example_cpu_seconds", Float),
)

versions = Table(
    "problem_set_versions",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("digest", DIGEST, primary_key=True),
    Column("problems", Integer, nullable=False),
    Column("created_at", Utc, nullable=False),
    Index(None, "digest"),
)

members = Table(
    "problem_set_members",
    metadata,
    Column("set_digest", DIGEST, primary_key=True),
    Column("slug", NAME, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("problem_digest", DIGEST, ForeignKey("problems.digest"), nullable=False),
)

problem_sets = Table(
    "problem_sets",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("digest", DIGEST, nullable=False),
    Column("updated_at", Utc, nullable=False),
)

models = Table(
    "models",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("backend", NAME, nullable=False),
    Column("id", Text, nullable=False),
    Column("base_url", Text, nullable=False),
    Column("base_model", NAME, nullable=False),
    Column("quantisation", NAME, nullable=False),
    Column("style", String(20), nullable=False),
    Column("cutoff", String(10), nullable=False),
    Column("input_price", Float),
    Column("output_price", Float),
    Column("created_at", Utc, nullable=False),
    Column("revision", NAME, nullable=False, server_default=""),
    Column("adapter", Text, nullable=False, server_default=""),
    Column("key_env", NAME, nullable=False, server_default=""),
    Column("hour_price", Float),
    Column("shutdown", String(10), nullable=False, server_default=""),
)

batches = Table(
    "batches",
    metadata,
    Column("id", ID, primary_key=True),
    Column("key", String(255), unique=True),
    Column("state", String(20), nullable=False),
    Column("set_name", NAME, nullable=False),
    Column("set_digest", DIGEST, nullable=False),
    Column("samples", Integer, nullable=False),
    Column("prompts", Text, nullable=False),  # names of templates with commas between
    Column("temperature", Float, nullable=False),
    Column("top_p", Float, nullable=False),
    Column("max_tokens", Integer, nullable=False),
    Column("seed", Integer),
    Column("budget_usd", Float),
    Column("created_at", Utc, nullable=False),
    Column("finished_at", Utc),
    Column("models", Text, nullable=False),
    Column("problems", Text, nullable=False),
    Column("repairs", Integer, nullable=False, server_default="0"),
    Column("deferred", Integer, nullable=False, server_default="0"),
    Column("fresh", Integer, nullable=False, server_default="0"),
    Column("spent_usd", Float, nullable=False, server_default="0"),  # kept where there is a budget
    Index(None, "state"),
    Index(None, "set_digest"),
)

questions = Table(
    "questions",
    metadata,
    Column("id", ID, primary_key=True),
    Column("batch_id", ID, ForeignKey("batches.id"), nullable=False),
    Column("model", NAME, ForeignKey("models.name"), nullable=False),
    Column("slug", NAME, nullable=False),
    Column("problem_digest", DIGEST, ForeignKey("problems.digest"), nullable=False),
    Column("state", String(20), nullable=False),
    *work(),
    Column("prompt", NAME, nullable=False, server_default=""),  # a template's name
    Column("repairs", ID, nullable=False, server_default=""),  # the sample that is to be mended
    Column("reserved_usd", Float, nullable=False, server_default="0"),  # of the batch's budget
    Column("deferral", ID, nullable=False, server_default=""),  # the provider has it now
    UniqueConstraint("batch_id", "model", "prompt", "slug", "repairs"),
    Index(None, "state", "batch_id"),
    Index(None, "state", "deliveries", "id"),
    Index(None, "batch_id", "state"),
    Index(None, "lease"),
    failed("questions"),
)

samples = Table(
    "samples",
    metadata,
    Column("id", ID, primary_key=True),
    Column("question_id", ID, ForeignKey("questions.id"), nullable=False),
    Column("batch_id", ID, ForeignKey("batches.id"), nullable=False),
    Column("model", NAME, ForeignKey("models.name"), nullable=False),
    Column("slug", NAME, nullable=False),
    Column("problem_digest", DIGEST, ForeignKey("problems.digest"), nullable=False),
    Column("index", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("verdict", String(20)),
    Column("reason", Text),
    Column("rule", String(60), nullable=False),
    Column("template", NAME, nullable=False),
    Column("recipe", String(300), nullable=False),
    Column("finish", String(60), nullable=False),
    Column("input_tokens", Integer, nullable=False),
    Column("output_tokens", Integer, nullable=False),
    Column("estimated", Integer, nullable=False),
    Column("cost", Float),
    Column("seconds", Float, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("judged_at", Utc),
    *work(),
    Column("turn", Integer, nullable=False, server_default="0"),
    Column(
        "repairs", ID, nullable=False, server_default=""
    ),  # the sample whose faults it was shown
    Column("first_token_seconds", Float),
    Column("reused", Integer, nullable=False, server_default="0"),  # its reply was bought before
    Column("source", Text, nullable=False),
    Column("text", Text, nullable=False),
    UniqueConstraint("question_id", "index"),
    Index(None, "state", "batch_id"),
    Index(None, "state", "deliveries", "id"),
    Index(None, "batch_id", "id"),
    Index(None, "lease"),
    failed("samples"),
)

judgements = Table(
    "judgements",
    metadata,
    Column("sample_id", ID, ForeignKey("samples.id"), primary_key=True),
    Column("verdict", String(20), nullable=False),
    Column("reason", Text, nullable=False),
    Column("problem", DIGEST, nullable=False),
    Column("solution", DIGEST, nullable=False),
    Column("sandbox", Text, nullable=False),
    Column("judge_version", String(60), nullable=False),
    Column("settings", Text, nullable=False),
    Column("cpu_seconds", Float, nullable=False),
    Column("wall_seconds", Float, nullable=False),
    Column("memory_mb", Float, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("outcomes", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("stdout", Text, nullable=False),
    Column("evidence", Text, nullable=False, server_default="{}"),
)

tallies = Table(
    "tallies",
    metadata,
    Column("set_digest", DIGEST, primary_key=True),
    Column("model", NAME, primary_key=True),
    Column("recipe", String(300), primary_key=True),
    Column("slug", NAME, primary_key=True),
    Column("drawn", Integer, nullable=False),
    Column("accepted", Integer, nullable=False),
    Column("priced", Integer, nullable=False),
    Column("cost", Float, nullable=False),
    Column("input_tokens", Integer, nullable=False),
    Column("output_tokens", Integer, nullable=False),
)

changes = Table(
    "board_changes",
    metadata,
    Column("set_digest", DIGEST, primary_key=True),  # empty for every set
    Column("id", ID, primary_key=True),
    Column("mark", ID, nullable=False),
)

judged = Table(
    "judged_solutions",
    metadata,
    Column("key", DIGEST, primary_key=True),  # of everything that decides a verdict
    Column("sample_id", ID, ForeignKey("samples.id"), nullable=False),
)

replies = Table(
    "replies",
    metadata,
    Column("request", DIGEST, primary_key=True),  # of everything that a reply depends on
    Column("sample_id", ID, ForeignKey("samples.id"), nullable=False),
)

deferrals = Table(
    "deferrals",
    metadata,
    Column("id", ID, primary_key=True),
    Column("batch_id", ID, ForeignKey("batches.id"), nullable=False),
    Column("model", NAME, ForeignKey("models.name"), nullable=False),
    Column("state", String(20), nullable=False),  # gathered, submitted, ended
    Column("job", NAME, nullable=False),  # the provider's name for it
    Column("requests", Integer, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("ended_at", Utc),
    Column("lease", ID),
    Column("lease_until", Utc),
    Column("run_after", Utc),
    Column("failures", Integer, nullable=False),
    Column("said", Text, nullable=False),  # how the provider sees it
    Index(None, "state"),
    Index(None, "batch_id"),
)

keys = Table(
    "api_keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", NAME, nullable=False),
    Column("digest", DIGEST, nullable=False),  # of the secret; the secret itself is shown once
    Column("scopes", String(200), nullable=False),  # words with spaces between
    Column("created_at", Utc, nullable=False),
    Column("expires_at", Utc),
    Column("revoked_at", Utc),
    Column("used_at", Utc),
)

requests = Table(
    "idempotent_requests",
    metadata,
    Column("caller", String(16), primary_key=True),  # the id of an API key, or empty
    Column("key", String(255), primary_key=True),
    Column("request", DIGEST, nullable=False),  # of method, path and body
    Column("status", Integer),  # null while the first one runs
    Column("created_at", Utc, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", Text, nullable=False),
    Index(None, "created_at"),
)
