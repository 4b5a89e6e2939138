"""Questions that somebody carries to a model by hand: a file of requests out, a file of replies in.

Exported questions stay open, and nobody else asks them: neither a worker nor a provider. The files
are those of the Batch API, so `vllm run-batch` takes and gives them.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from judge.batches import filing
from judge.batches.filing import Taken
from judge.errors import Conflict, UsageError
from judge.models import deferred
from judge.models.base import ModelSpec
from judge.models.openai_body import BACKENDS
from judge.store import batches, deferrals, leases, models
from judge.store.batches import MAX_QUESTIONS, MAX_SAMPLES
from judge.store.database import Database
from judge.store.deferrals import DEFERRALS, Deferral

EVERY = MAX_QUESTIONS * MAX_SAMPLES


def write_requests(database: Database, batch: str, model: str, path: Path) -> int:
    """Write a request for every draw of a model that is missing and that nobody asks just now, those
    of earlier files too; how many. Raises UsageError, and OSError for the file."""
    with database.reading() as tx:
        row = batches.read(tx, batch)
        spec = models.read(tx, model)
    if model not in row.request.models:
        raise UsageError(f"batch {batch} asks {', '.join(row.request.models)}, not {model!r}")
    _check_backend(spec)
    with path.open("wb") as file:
        with database.transaction() as tx:
            id_ = deferrals.export(tx, batch, model, path.name, EVERY)
            held = deferrals.claim_exported(tx, database, batch, id_) if id_ else None
        if held is None:
            return 0
        with leases.held(database, DEFERRALS, held.token):
            written = filing.write_requests(database, held, spec, file)
            with database.transaction() as tx:
                deferrals.uploaded(tx, held, held.job, written.requests)
                if written.left_out:  # the budget is what they would cost too much for
                    back = [deferrals.Ended(each, "open") for each in written.left_out]
                    deferrals.leave(tx, held, back)
                deferrals.free(tx, held)
    if written.over_budget and not written.requests:
        raise UsageError(f"the budget of batch {batch} does not reach for another question")
    return written.requests


def read_replies(database: Database, batch: str, file: BinaryIO) -> Taken:
    """Keep every completion of a file that a question of the batch misses, whether it was exported
    or is merely open. An exported file that the replies speak of is done with: what they lack is open
    again. A file without any line gives everything back. Raises Conflict while another process
    reads replies of this batch."""
    with database.reading() as tx:
        row = batches.read(tx, batch)
        exported = deferrals.exported(tx, batch)
    lines = Counter(each for each in deferred.read_replies(file, ()) if isinstance(each, str))
    taken: list[Taken] = []
    with ExitStack() as held:
        for deferral in _claimed(database, batch, row.request.models):
            held.enter_context(leases.held(database, DEFERRALS, deferral.token))
            with database.reading() as tx:
                spec = models.read(tx, deferral.model)
            file.seek(0)
            found, faults = filing.take_in(database, spec, deferral, file)
            spoken_of = found.kept or found.before or found.faulty
            if spoken_of or not lines or deferral.id not in exported:
                filing.settle(database, deferral, faults, None, "replies read")
            else:
                with database.transaction() as tx:
                    deferrals.free(tx, deferral)
            taken.append(found)
    kept, before, faulty = (
        sum(getattr(each, name) for each in taken) for name in ("kept", "before", "faulty")
    )
    unknown = lines["unknown"] - kept - before - faulty
    return Taken(kept, before, faulty, unknown, lines["garbage"])


def _claimed(database: Database, batch: str, names: Sequence[str]) -> Sequence[Deferral]:
    """Every deferral of the batch that is in a file, and one a model for what nobody has."""
    claimed = []
    with database.transaction() as tx:
        for model in names:
            deferrals.lend(tx, batch, model, EVERY)
        while (deferral := deferrals.claim_exported(tx, database, batch)) is not None:
            claimed.append(deferral)
        if len(claimed) < len(deferrals.exported(tx, batch)):
            raise Conflict(f"replies of batch {batch} are being read already; wait for that to end")
    return claimed


def _check_backend(spec: ModelSpec) -> None:
    if spec.backend not in BACKENDS:
        raise UsageError(
            f"model {spec.name!r}: {spec.backend} takes no requests from a file; only "
            f"{' and '.join(BACKENDS)} do"
        )
