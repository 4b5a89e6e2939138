"""A batch from outside: opened, looked at, cancelled, paused, resumed, tried again."""

from collections.abc import Callable

from judge.errors import UsageError
from judge.models import costs, openai_body, prompts
from judge.models.base import Usage
from judge.store import batches, models, progress, samples
from judge.store.batches import BatchRequest
from judge.store.database import Database, Tx
from judge.store.progress import BatchStatus
from judge.store.samples import SampleDetail, SampleRow
from judge.telemetry import logger

log = logger(__name__)


def open_batch(database: Database, request: BatchRequest, key: str = "") -> BatchStatus:
    """Open a batch in one transaction; the same key gives the same batch.

    Raises UnknownName or UnknownProblem for what is not there, UsageError for what makes no sense,
    Conflict for a key that opened another batch.
    """
    for name in request.prompts:
        prompts.template_version(name)
    with database.transaction() as tx:
        if request.deferred:
            _check_deferrable(tx, request)
        if request.budget_usd is not None:
            for name in request.models:
                if costs.cost_of(models.read(tx, name), Usage(1, 1)) is None:
                    raise UsageError(
                        f"model {name!r} has no known price, so no budget can be kept; "
                        "give it prices or leave the budget out"
                    )
        batch = batches.open_batch(tx, request, key)
        status = progress.statuses(tx, [batches.read(tx, batch)])[0]
    log.info("batch opened", batch=batch)  # over HTTP this line ties the batch to its request
    return status


def _check_deferrable(tx: Tx, request: BatchRequest) -> None:
    for name in request.models:
        backend = models.read(tx, name).backend
        if backend not in openai_body.BACKENDS:
            raise UsageError(
                f"model {name!r}: {backend} has no Batch API; leave it out, or ask it without "
                "`deferred`"
            )
    if request.repairs:
        raise UsageError("a deferred batch cannot mend answers; leave out the repairs")


def read_batch(database: Database, batch: str) -> BatchStatus:
    """How far a batch is. Raises UnknownName."""
    with database.reading() as tx:
        return progress.statuses(tx, [batches.read(tx, batch)])[0]


def list_batches(database: Database, after: str = "", limit: int = 50) -> list[BatchStatus]:
    """Batches, the newest first; `after` is the id of the last one seen."""
    with database.reading() as tx:
        return progress.statuses(tx, batches.listed(tx, after, limit))


def cancel_batch(database: Database, batch: str) -> BatchStatus:
    """Ask and judge nothing more; what is stored stays. A batch that has ended stays as it is."""
    return _changed(database, batches.cancel, batch)


def pause_batch(database: Database, batch: str) -> BatchStatus:
    """Begin nothing more for now; what runs is still stored."""
    return _changed(database, batches.pause, batch)


def resume_batch(database: Database, batch: str) -> BatchStatus:
    """Go on with a paused batch."""
    return _changed(database, batches.resume, batch)


def retry_errors(database: Database, batch: str) -> BatchStatus:
    """Ask and judge again what failed by a fault not the solution's; a batch that had ended goes on
    if there is any. What succeeded is neither bought nor judged again. Raises Conflict for a
    cancelled batch."""
    return _changed(database, batches.retry_errors, batch)


def _changed(database: Database, change: Callable[[Tx, str], object], batch: str) -> BatchStatus:
    with database.transaction() as tx:
        change(tx, batch)
        return progress.statuses(tx, [batches.read(tx, batch)])[0]


def list_samples(
    database: Database,
    batch: str,
    after: str = "",
    limit: int = 50,
    *,
    model: str = "",
    verdict: str = "",
) -> list[SampleRow]:
    """Samples of a batch, the oldest first; `after` is the id of the last one seen."""
    with database.reading() as tx:
        batches.read(tx, batch)
        return samples.listed(tx, batch, after, limit, model, verdict)


def read_sample(database: Database, sample: str) -> SampleDetail:
    """One sample with its texts and judgement. Raises UnknownName."""
    with database.reading() as tx:
        return samples.read(tx, sample)
