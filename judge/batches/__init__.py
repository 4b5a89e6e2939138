"""The life of a batch: opened, asked, judged, closed.

Rows are the queue. Whoever has time claims some dozens of them in one transaction (hundreds of
samples, where they are quick) and works on them with none open: a completion is committed as it
arrives, before it is judged, so a restart never buys it again; every write names the claim's token. Any number of threads, processes and hosts may
call `ask_questions` and `judge_samples` at once, and be killed at any moment.
"""

from judge.batches.asking import Asked, ask_questions
from judge.batches.drawing import GetModel
from judge.batches.driving import Swept, run_batch, sweep
from judge.batches.estimating import Estimate, estimate
from judge.batches.judging import judge_samples
from judge.batches.opening import (
    cancel_batch,
    list_batches,
    list_samples,
    open_batch,
    pause_batch,
    read_batch,
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
    "Estimate",
    "GetModel",
    "Progress",
    "SampleDetail",
    "SampleRow",
    "Swept",
    "ask_questions",
    "cancel_batch",
    "estimate",
    "judge_samples",
    "list_batches",
    "list_samples",
    "open_batch",
    "pause_batch",
    "read_batch",
    "read_sample",
    "resume_batch",
    "retry_errors",
    "run_batch",
    "sweep",
]
