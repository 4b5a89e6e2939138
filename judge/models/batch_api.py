"""The Batch API of a provider: files go up, jobs run for a day, files come down.

A job is bought by one call that cannot be repeated safely, so it is made at most once a call here, and
`find` tells whether an earlier call had made it. Everything else may be repeated. Files are
streamed and bounded; redirects are not followed, for they would carry the key away.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar

import httpx2
import openai
from openai.types import Batch

from judge.errors import ModelError, ModelRefused, ModelUnavailable
from judge.models import openai_body
from judge.models.base import ModelSpec
from judge.models.openai_client import PASSING, Connection

MAX_REQUESTS = 50_000
MAX_BYTES = 190_000_000  # the provider's 200 MB, with a margin
MAX_DOWNLOAD = 8 * 1024**3
PAGES, PAGE = 200, 100
LABEL = "judge"
"""The field of a job's metadata that says whose it is."""

OVER = frozenset({"completed", "expired", "cancelled", "failed"})
QUEUE_IS_FULL = frozenset({"token_limit_exceeded", "rate_limit_exceeded", "server_error"})
"""What a job failed of that need not happen again."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Job:
    """A job as the provider sees it: `done` and `failed` of `total` requests. `reason` says why it
    failed as a whole, `passing` that this need not happen again; `files` hold what came of it."""

    id: str
    status: str
    done: int
    failed: int
    total: int
    files: tuple[str, ...]
    reason: str
    passing: bool

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in OVER

    @property
    def said(self) -> str:
        """How far it is, in the provider's word."""
        return (
            f"{self.status} {self.done + self.failed}/{self.total}" if self.total else self.status
        )


class Absent(ModelRefused):
    """The provider has no such job, or no Batch API."""


class BatchApi:
    """The Batch API behind one model's endpoint. Every call raises ModelUnavailable (try again) or
    ModelRefused (never)."""

    def __init__(self, spec: ModelSpec) -> None:
        """Raises ModelRefused when the endpoint wants a key and there is none."""
        self._spec = spec
        self._connection = Connection(spec)
        self._client = self._connection.client

    @property
    def official(self) -> bool:
        """Whether this is OpenAI's own endpoint."""
        return self._connection.official

    def upload(self, file: BinaryIO, name: str) -> str:
        """Send a file of requests; the provider's id of it."""
        return self._call(lambda: self._client.files.create(file=(name, file), purpose="batch").id)

    def create(self, file: str, label: str) -> Job:
        """Buy a job for an uploaded file: one call, never tried again here."""
        once = self._client.with_options(max_retries=0)
        return self._call(
            lambda: _job(
                once.batches.create(
                    input_file_id=file,
                    endpoint=openai_body.url_of(self._spec),  # type: ignore[arg-type]  # a Literal
                    completion_window="24h",
                    metadata={LABEL: label},
                )
            )
        )

    def find(self, file: str, label: str) -> Job | None:
        """The job that was bought for this file or under this label, wherever it is in the list."""

        def search() -> Job | None:
            page = self._client.batches.list(limit=PAGE)
            for _ in range(PAGES):
                for each in page.data:
                    if each.input_file_id == file or (each.metadata or {}).get(LABEL) == label:
                        return _job(each)
                if not page.data or not page.has_next_page():
                    return None
                page = page.get_next_page()
            raise ModelUnavailable(
                f"{self._where}: over {PAGES * PAGE} jobs, so it cannot be told whether {label} "
                "is one of them"
            )

        return self._call(search)

    def look(self, job: str) -> Job:
        """How a job is. Raises Absent where the provider knows no such job."""
        return self._call(lambda: _job(self._client.batches.retrieve(job)))

    def cancel(self, job: str) -> None:
        """Have a job end early; what it has done is still billed, and still comes."""
        self._call(lambda: self._client.batches.cancel(job))

    def download(self, file: str, into: BinaryIO) -> None:
        """Append a file of replies, and an end of line."""

        def stream() -> None:
            start = into.tell()
            into.truncate(start)
            with self._client.files.with_streaming_response.content(file) as response:
                for chunk in response.iter_bytes():
                    into.write(chunk)
                    if into.tell() - start > MAX_DOWNLOAD:
                        raise ModelRefused(
                            f"{self._where}: the file {file} is over {MAX_DOWNLOAD >> 30} GiB"
                        )
            into.write(b"\n")

        self._call(stream)

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def _call(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except openai.APIStatusError as error:
            raise self._refusal(error) from None
        except (openai.OpenAIError, httpx2.HTTPError, httpx2.StreamError) as error:
            raise ModelUnavailable(f"{self._where}: {self._said(error)}") from None
        except (AttributeError, TypeError, ValueError) as error:  # the SDK trusts what it reads
            raise ModelUnavailable(
                f"{self._where}: no answer of a Batch API ({type(error).__name__})"
            ) from None

    def _refusal(self, error: openai.APIStatusError) -> ModelError:
        status = error.status_code
        text = f"{self._where}: HTTP {status}, {self._said(error)}"
        passing = status in PASSING or (status >= 500 and status != 501)
        if passing and error.code != "insufficient_quota":
            return ModelUnavailable(text)
        if status == 404:
            return Absent(
                f"{text}; where there is no Batch API, `judge batches requests` writes a file for "
                "`vllm run-batch`"
            )
        return ModelRefused(text)

    def _said(self, error: Exception) -> str:
        body = getattr(error, "body", None)
        said = body.get("message") if isinstance(body, dict) else None
        line = " ".join(str(said or error).replace(self._client.api_key, "***").split())
        return re.sub(r"\b(sk-|Bearer )[\w.*-]{4,}", r"\1***", line)[:300]

    @property
    def _where(self) -> str:
        return f"model {self._spec.name!r}"


@contextmanager
def opened(spec: ModelSpec) -> Iterator[BatchApi]:
    """The Batch API of this model's endpoint, closed at the end."""
    api = BatchApi(spec)
    try:
        yield api
    finally:
        api.close()


def _job(batch: Batch) -> Job:
    counts: Any = batch.request_counts
    faults = [each for each in (batch.errors.data if batch.errors else None) or () if each]
    told = [" ".join(filter(None, (each.code, each.message))) for each in faults]
    if not (isinstance(batch.id, str) and isinstance(batch.status, str)):
        raise TypeError(batch.status)
    files = (batch.output_file_id, batch.error_file_id)
    return Job(
        id=batch.id,
        status=batch.status,
        done=getattr(counts, "completed", None) or 0,
        failed=getattr(counts, "failed", None) or 0,
        total=getattr(counts, "total", None) or 0,
        files=tuple(each for each in files if isinstance(each, str) and each),
        reason=" ".join("; ".join(told[:3]).split())[:300],
        passing=bool(faults) and all(each.code in QUEUE_IS_FULL for each in faults),
    )
