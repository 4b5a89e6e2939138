"""The life of a batch: opened, asked, judged, closed.

Rows are the queue. Whoever has time claims some dozens of them in one transaction (hundreds of
samples, where they are quick) and works on them with none open: a completion is committed as it
arrives, before it is judged, so a restart never buys it again; every write names the claim's token. Any number of threads, processes and hosts may
call `ask_questions` and `judge_samples` at once, and be killed at any moment.
"""

from judge.batches.asking import Asked, ask_questions
from judge.batches.deferring import Deferred, defer
from judge.batches.drawing import GetModel
from judge.batches.driving import Swept, run_batch, sweep
from judge.batches.estimating import Estimate, estimate, warnings
from judge.batches.exporting import read_replies, write_requests
from judge.batches.filing import Taken
from judge.batches.judging import judge_samples
from judge.batches.opening import (
    cancel_batch,
    change_budget,
    list_batches,
    list_samples,
    open_batch,
    pause_batch,
    read_batch,
    read_latencies,
    read_sample,
    resume_batch,
    retry_errors,
)
from judge.store.batches import BatchRequest
from judge.store.progress import BatchStatus, Progress
from judge.store.samples import SampleDetail, SampleRow

__all__ = [
    "Asked",
    "BatchRequest",
    "BatchStatus",
    "Deferred",
    "Estimate",
    "GetModel",
    "Progress",
    "SampleDetail",
    "SampleRow",
    "Swept",
    "Taken",
    "ask_questions",
    "cancel_batch",
    "change_budget",
    "defer",
    "estimate",
    "judge_samples",
    "list_batches",
    "list_samples",
    "open_batch",
    "pause_batch",
    "read_batch",
    "read_latencies",
    "read_replies",
    "read_sample",
    "resume_batch",
    "retry_errors",
    "run_batch",
    "sweep",
    "warnings",
    "write_requests",
]
