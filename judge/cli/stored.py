"""A judgement of the database as an evidence bundle."""

from contextlib import closing
from pathlib import Path

from judge import batches
from judge.bootstrap import open_judge
from judge.errors import UsageError
from judge.store import problem_sets
from judge.verdicts.bundles import Bundle, write_bundle
from judge.verdicts.conditions import Conditions
from judge.verdicts.evidence import NOWHERE
from judge.verdicts.verdict import Judgement


def write_evidence(sample: str, out: Path) -> Judgement:
    """Write the bundle of a sample; its judgement. Raises UnknownName and UsageError."""
    with closing(open_judge()) as judge:
        detail = batches.read_sample(judge.database, sample)
        with judge.database.reading() as tx:
            problem = problem_sets.problems_by_digest(tx, {detail.problem_digest})
    if detail.judgement is None:
        raise UsageError(
            f"the sample {sample!r} has no judgement; its state is {detail.sample.state}"
        )
    if detail.judgement.evidence.host == NOWHERE:
        raise UsageError(f"the sample {sample!r} was judged before judgements kept their limits")
    bundle = Bundle(problem[detail.problem_digest], detail.source, Conditions(), detail.judgement)
    try:
        write_bundle(bundle, out)
    except OSError as error:
        raise UsageError(
            f"{out}: {error.strerror or error}; name another place with --out"
        ) from None
    return detail.judgement
