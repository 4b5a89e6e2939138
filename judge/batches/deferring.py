"""Deferred batches: asked through the provider's Batch API, at half the price and within a day.

A pass gathers open questions into deferrals, sends them, looks how the provider's jobs are, and takes
in what came. Each step is a row's state, so any pass of any process goes on where the last one was
cut off. The one step that costs money is `BatchApi.create`: before it the uploaded file is committed
to the row, and whoever finds such a row looks among the provider's jobs before it buys.
"""

import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from judge.batches import filing
from judge.batches.drawing import MAX_UNAVAILABLE
from judge.batches.failures import told
from judge.errors import DatabaseAway, JudgeError, ModelRefused, ModelUnavailable
from judge.models import batch_api
from judge.models.base import ModelSpec
from judge.models.batch_api import BatchApi, Job
from judge.models.deferred import Fault
from judge.store import batches, deferrals, leases, models
from judge.store.budgets import OVER_BUDGET
from judge.store.database import Database
from judge.store.deferrals import DEFERRALS, Deferral, Ended
from judge.store.leases import LeaseLost
from judge.telemetry import bound, logger

LOOK_SECONDS = 30.0
"""Between two looks at a job, and after a call of which nobody knows whether it bought one."""
LOOK_MOST = 3600.0
FULL_SECONDS = 900.0
"""Until a provider that took no more work is asked again; that fails no question."""

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Deferred:
    """What one pass did: deferrals `gathered`, `handled` (sent or looked at), and samples kept."""

    gathered: int = 0
    handled: int = 0
    samples: int = 0


def defer(
    database: Database,
    batch: str = "",
    *,
    go_on: Callable[[], bool] = lambda: True,
) -> Deferred:
    """Do whatever is due for the deferred work of one batch or of all; cheap where nothing is."""
    with database.reading() as tx:
        if not deferrals.any_due(tx):
            return Deferred()
    gathered = handled = kept = 0
    with database.reading() as tx:
        wanting = deferrals.wanting(tx, batch)
    for of, model in wanting:
        with database.transaction() as tx:
            gathered += deferrals.gather(tx, of, model, batch_api.MAX_REQUESTS)
    while go_on():
        with database.transaction() as tx:
            deferral = deferrals.claim(tx, database, batch)
        if deferral is None:
            break
        with bound(batch=deferral.batch), leases.held(database, DEFERRALS, deferral.token):
            kept += _handle(database, deferral)
        handled += 1
    return Deferred(gathered, handled, kept)


def _handle(database: Database, deferral: Deferral) -> int:
    """Bring one claimed deferral a step further; how many samples were kept."""
    try:
        if deferral.state == "exported":
            filing.settle(database, deferral, {}, None, "given back")
            return 0
        with database.reading() as tx:
            spec = models.read(tx, deferral.model)
        with batch_api.opened(spec) as api:
            if deferral.state == "submitted":
                return _look(database, api, spec, deferral)
            job = api.find(deferral.job, deferral.id) if deferral.job else None
            if job is None and deferral.batch_state != "open":
                _not_sent(database, deferral, deferral.batch_state)
            elif job is None and not deferral.job:
                file = _upload(database, api, spec, deferral)
                deferral = replace(deferral, job=file)  # from here on a job may be bought
                job = _buy(database, api, deferral) if file else None
            elif job is None:
                job = _buy(database, api, deferral)
            if job is not None:
                with database.transaction() as tx:
                    said = _said(deferral, job)
                    deferrals.submitted(tx, deferral, job.id, said, LOOK_SECONDS)
                log.info("deferral submitted", deferral=deferral.id, job=job.id)
    except (LeaseLost, DatabaseAway) as error:
        log.warning("deferral left", deferral=deferral.id, reason=str(error))
    except ModelUnavailable as error:
        if deferral.job or deferral.failures + 1 < MAX_UNAVAILABLE:
            _put_off(database, deferral, told(error))
        else:
            _give_up(database, deferral, told(error))
    except JudgeError as error:
        _refused(database, deferral, error)
    except Exception as error:
        log.exception("deferral failed", deferral=deferral.id)
        _put_off(database, deferral, told(error))
    return 0


def _buy(database: Database, api: BatchApi, deferral: Deferral) -> Job | None:
    """Buy the job for what was uploaded; None where the provider says that it will not have it."""
    try:
        return api.create(deferral.job, deferral.id)
    except ModelRefused as error:
        _give_up(database, deferral, told(error))
        return None


def _upload(database: Database, api: BatchApi, spec: ModelSpec, deferral: Deferral) -> str:
    """The provider's id of the uploaded file; empty where there is nothing to buy."""
    with tempfile.TemporaryFile() as file:
        written = filing.write_requests(
            *(database, deferral, spec, file),
            official=api.official,
            most_bytes=batch_api.MAX_BYTES,
        )
        if not written.requests:
            _nothing_fits(database, deferral, written)
            return ""
        with database.transaction() as tx:
            back = [Ended(question, "open") for question in written.left_out]
            deferrals.leave(tx, deferral, back)
        file.seek(0)
        uploaded = api.upload(file, f"judge-{deferral.id}.jsonl")
    with database.transaction() as tx:
        state = deferrals.uploaded(tx, deferral, uploaded, written.requests)
    if state != "open":
        _not_sent(database, deferral, state)
        return ""
    return uploaded


def _nothing_fits(database: Database, deferral: Deferral, written: filing.Written) -> None:
    """Nothing is missing, or the first question alone is too much, of money or for a file."""
    faults = {}
    if written.left_out and written.over_budget:
        with database.transaction() as tx:
            deferrals.leave(tx, deferral, [Ended(each, "open") for each in written.left_out])
            batches.skip_unasked(tx, deferral.batch)
    elif written.left_out:
        large = Fault("its requests are too large for one file; draw fewer samples", lasting=True)
        faults = {written.left_out[0]: large}
    filing.settle(database, deferral, faults, None, OVER_BUDGET if written.over_budget else "empty")


def _not_sent(database: Database, deferral: Deferral, state: str) -> None:
    """The batch stopped before anything was bought."""
    if state == "paused":
        with database.transaction() as tx:
            deferrals.put_off(tx, deferral, "waits: the batch is paused", LOOK_SECONDS)
    else:
        filing.settle(database, deferral, {}, None, "not sent: the batch has ended")


def _look(database: Database, api: BatchApi, spec: ModelSpec, deferral: Deferral) -> int:
    """See how the job is; take in what came of it once it is over. What a cancelled batch has
    bought is kept, too."""
    job = api.look(deferral.job)
    if deferral.batch_state == "cancelled" and job.status in ("validating", "in_progress"):
        api.cancel(job.id)
    if not job.over:
        with database.transaction() as tx:
            deferrals.put_off(tx, deferral, _said(deferral, job), LOOK_SECONDS)
        return 0
    with tempfile.TemporaryFile() as file:
        for each in job.files:
            api.download(each, file)
        file.seek(0)
        taken, faults = filing.take_in(database, spec, deferral, file)
    if job.passing and not taken.kept:
        full = f"the provider took no more: {job.reason}"
        filing.settle(database, deferral, faults, None, full, again_in=FULL_SECONDS)
    else:
        filing.settle(database, deferral, faults, _missing(job), job.said)
    log.info("deferral ended", deferral=deferral.id, job=job.id, status=job.status, **asdict(taken))
    return taken.kept


def _missing(job: Job) -> Fault:
    """Why nothing came of a request that is in no file of its job."""
    if job.status == "failed":
        return Fault(f"the job failed: {job.reason or 'without a word'}", lasting=True)
    if job.status == "cancelled":
        return Fault("the job was cancelled at the provider", lasting=True)
    return Fault(f"no reply: the job is {job.status}", lasting=False)


def _said(deferral: Deferral, job: Job) -> str:
    return f"at the provider since {_clock(deferral.created_at)}, {job.said}"


def _clock(at: datetime) -> str:
    return f"{at:%H:%M} UTC"


def _refused(database: Database, deferral: Deferral, error: JudgeError) -> None:
    """What was never bought fails at once. What may have been bought is looked at again, since a
    key can be mended: only a job that stays unknown is given up, or one nobody waits for."""
    lost = isinstance(error, batch_api.Absent) and deferral.failures + 1 >= MAX_UNAVAILABLE
    if deferral.job and deferral.batch_state != "cancelled" and not lost:
        _put_off(database, deferral, told(error))
    else:
        _give_up(database, deferral, told(error))


def _give_up(database: Database, deferral: Deferral, reason: str) -> None:
    filing.settle(database, deferral, {}, Fault(reason, lasting=True), reason)


def _put_off(database: Database, deferral: Deferral, reason: str) -> None:
    """Try again later; a row that another worker has meanwhile is left to it."""
    seconds = min(LOOK_MOST, LOOK_SECONDS * 2.0 ** min(deferral.failures, 20))
    try:
        with database.transaction() as tx:
            deferrals.put_off(tx, deferral, f"tried again: {reason}", seconds, failed=True)
    except JudgeError as error:
        log.warning("deferral left", deferral=deferral.id, reason=str(error))
