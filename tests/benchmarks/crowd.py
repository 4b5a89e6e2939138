"""A database with as many judged samples as a board may ever stand on, written by SQL alone.

Eight models of rising skill answer 250 problems five times in each batch, so a batch is 10,000
samples; one in about 250 failed by a fault of ours, and so did one question in 500, which then has
no samples. Judgements are left out: no board reads them.
"""

from datetime import UTC, datetime

from sqlalchemy import text

from judge.models.base import ModelSpec, Sampling
from judge.store import models, problem_sets, tallies
from problems.problem import Example, Function, Parameter, Problem, ProblemSet, Slug
from problems.values import Wire

MODELS, PROBLEMS, DRAWS = 8, 250, 5
A_BATCH = MODELS * PROBLEMS * DRAWS
NAME = "crowd"
RECIPE = tallies.recipe_of("plain@0123456789ab", Sampling(temperature=0.8))
SET = ProblemSet(
    NAME,
    tuple(
        Problem(
            Slug(f"add-{n:03}"),
            f"Add {n} to x.",
            Function("add", (Parameter("x", "int"),), "int"),
            (Example(Wire("[1]"), (Wire(str(1 + n)),)),),
        )
        for n in range(PROBLEMS)
    ),
)

NUMBERS = """
WITH RECURSIVE batch(b) AS (SELECT CAST(:first AS INTEGER) UNION ALL SELECT b + 1 FROM batch WHERE b + 1 < :last),
    draw(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM draw WHERE i + 1 < :draws)
"""
PAD = "substr('000000' || CAST({} AS TEXT), length('000000' || CAST({} AS TEXT)) - 5)"
BATCH = "'batch-' || " + PAD.format("b", "b")
BATCHES = f"""
INSERT INTO batches (id, state, set_name, set_digest, samples, prompts, temperature, top_p,
    max_tokens, created_at, models, problems)
{NUMBERS} SELECT {BATCH}, 'finished', :name, :digest, :draws, '', 0.8, 0.95, 1024, :at, '[]', '[]'
FROM batch
"""
MIX = "(b * 7919 + m.position * 6007 + q.position * 104729)"
QUESTIONS = f"""
INSERT INTO questions (id, batch_id, model, slug, problem_digest, state, deliveries, failures)
{NUMBERS}, m(name, position) AS (SELECT name, CAST(substr(name, 7) AS INTEGER) FROM models)
SELECT 'b' || CAST(b AS TEXT) || '-' || m.name || '-' || q.slug, {BATCH}, m.name, q.slug,
    q.problem_digest, CASE WHEN {MIX} % 500 = 0 THEN 'failed' ELSE 'asked' END, 0, 0
FROM batch CROSS JOIN m CROSS JOIN problem_set_members q WHERE q.set_digest = :digest
"""
SCATTER = "((b.number * 40503 + m.position * 7193 + q.position * 3571 + i * 5851) % 1009)"
EASE = "(m.position * 90 + ((q.position * 617) % 401))"
VERDICT = f"CASE WHEN {SCATTER} < 4 THEN 'SE' WHEN {SCATTER} < {EASE} THEN 'AC' ELSE 'WA' END"
SAMPLES = f"""
INSERT INTO samples (id, question_id, batch_id, model, slug, problem_digest, "index", state,
    verdict, reason, rule, template, recipe, finish, input_tokens, output_tokens, estimated, cost,
    seconds, created_at, judged_at, deliveries, failures, source, text)
{NUMBERS}, m(name, position) AS (SELECT name, CAST(substr(name, 7) AS INTEGER) FROM models),
    b(id, number) AS (SELECT {BATCH}, b FROM batch)
SELECT w.id || '-' || CAST(i AS TEXT), w.id, w.batch_id, w.model, w.slug, w.problem_digest, i,
    CASE WHEN {SCATTER} < 4 THEN 'failed' ELSE 'judged' END, {VERDICT}, '', 'whole',
    'plain@0123456789ab', :recipe, 'stop', 90, 60, 0, 0.001, 0.5, :at, :at, 0, 0,
    'def add(x): return x', 'def add(x): return x'
FROM b JOIN questions w ON w.batch_id = b.id JOIN m ON m.name = w.model
    JOIN problem_set_members q ON q.set_digest = :digest AND q.slug = w.slug CROSS JOIN draw
WHERE w.state = 'asked'
"""


def found(database):
    """The set and its models, nothing asked yet."""
    with database.transaction() as tx:
        problem_sets.keep(tx, SET)
        for number in range(MODELS):
            models.keep(tx, ModelSpec(f"model-{number}", "recorded", "nowhere"))


def grow(database, first, last):
    """Batches `first` to `last`, the end left out, as though they had been asked and judged."""
    at = datetime.now(UTC)
    values = {"first": first, "last": last, "draws": DRAWS, "at": at, "recipe": RECIPE}
    values |= {"name": NAME, "digest": SET.digest}
    with database.transaction() as tx:
        for statement in (BATCHES, QUESTIONS, SAMPLES):
            tx.execute(text(statement), values)
        tallies.rebuild(tx)
