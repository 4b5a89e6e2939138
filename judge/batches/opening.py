"""A batch from outside: opened, looked at, cancelled, paused, resumed, tried again."""

from collections.abc import Callable, Iterable

from judge.errors import UnknownName, UsageError
from judge.models import costs, openai_body
from judge.models.base import Usage
from judge.models.wording import want_style
from judge.store import batches, budgets, figures, models, progress, samples
from judge.store.batches import BatchRequest
from judge.store.database import Database, Tx
from judge.store.figures import Latency
from judge.store.progress import BatchStatus
from judge.store.samples import SampleDetail, SampleRow
from judge.telemetry import logger

log = logger(__name__)


def open_batch(database: Database, request: BatchRequest, key: str = "") -> BatchStatus:
    """Open a batch in one transaction; the same key gives the same batch.

    Raises UnknownName or UnknownProblem for what is not there, UsageError for what makes no sense,
    Conflict for a key that opened another batch.
    """
    with database.transaction() as tx:
        check_prompts(tx, request)
        if request.deferred:
            _check_deferrable(tx, request)
        if request.budget_usd is not None:
            _want_prices(tx, request.models)
        batch = batches.open_batch(tx, request, key)
        status = progress.statuses(tx, [batches.read(tx, batch)])[0]
    log.info("batch opened", batch=batch)  # over HTTP this line ties the batch to its request
    return status


def _want_prices(tx: Tx, names: Iterable[str]) -> None:
    for name in names:
        if costs.cost_of(models.read(tx, name), Usage(1, 1)) is None:
            raise UsageError(
                f"model {name!r} has no known price, so no budget can be kept; "
                "give it prices or leave the budget out"
            )


def check_prompts(tx: Tx, request: BatchRequest) -> None:
    """Whether each model can be asked with each prompt, and as often as is wanted. Raises UsageError
    and UnknownName."""
    for name in request.models:
        style = models.read(tx, name).style
        if request.repairs and style != "chat":
            raise UsageError(
                f"model {name!r} continues texts (style {style!r}) and cannot be told of its "
                "mistakes; leave it or repairs out"
            )
        for prompt in request.prompts:
            try:
                found = want_style(prompt, style)
            except UnknownName:
                raise
            except UsageError as error:
                raise UsageError(f"model {name!r}: {error}") from None
            if request.deferred and found.calls > 1:
                raise UsageError(
                    f"prompt {prompt!r} takes several calls, each after the reply to the one "
                    "before; leave deferred out, or ask with another prompt"
                )


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


def read_latencies(database: Database, batch: str) -> list[Latency]:
    """How long each model of a batch took to answer. Raises UnknownName."""
    with database.reading() as tx:
        batches.read(tx, batch)
        return figures.latencies(tx, batch)


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


def change_budget(database: Database, batch: str, budget_usd: float | None) -> BatchStatus:
    """Give a batch another budget in US dollars, None for none. What the old one left unasked is
    asked if the new one has room. Raises Conflict for a cancelled batch, UsageError for no sum of
    money or a model without a price."""

    def change(tx: Tx, batch: str) -> None:
        if budget_usd is not None:
            _want_prices(tx, batches.read(tx, batch).request.models)
        budgets.change(tx, batch, budget_usd)

    return _changed(database, change, batch)


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
