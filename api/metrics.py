"""`/metrics`: what Prometheus reads. Requests are counted as they pass, the rest is read from the
database when somebody asks, at most once in `KEPT_SECONDS`.

Labels have few values by design: a request is known by the template of its route, never by its path.
"""

import time
from collections.abc import Iterable, Iterator
from threading import Lock

from fastapi import APIRouter, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.wiring import House
from judge import tracing
from judge.store import figures
from judge.store.database import Database
from judge.store.figures import Figures
from judge.telemetry import bound

KEPT_SECONDS = 15.0
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
BUCKETS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
NOWHERE = "none"
"""The route of a request that no route took."""

router = APIRouter(tags=["health"])


class Measured:
    """The outermost middleware: counts requests, times them, and knows those in flight."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = tracing.traced(app)
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "judge_http_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "judge_http_request_seconds",
            "Seconds until the last byte.",
            ("method", "route"),
            registry=self.registry,
            buckets=BUCKETS,
        )
        self.flying = Gauge(
            "judge_http_requests_in_flight", "Requests being answered.", registry=self.registry
        )
        self.rows = Rows()
        self.registry.register(self.rows)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope.setdefault("state", {})["measured"] = self
        status, began = 500, time.perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self.flying.inc()
        try:
            await self.app(scope, receive, watched)
        finally:
            self.flying.dec()
            method = scope["method"] if scope["method"] in METHODS else "OTHER"
            route = _template(scope)
            self.requests.labels(method, route, str(status)).inc()
            self.seconds.labels(method, route).observe(time.perf_counter() - began)


class Named:
    """Inside the guard, which numbers requests: whatever is logged for one names it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        request = scope.get("state", {}).get("request_id", "")
        with bound(**({"request": request} if request else {})):
            await self.app(scope, receive, send)


def _template(scope: Scope) -> str:
    """The template of the route that took a request, known once it was routed."""
    if (route := scope.get("route")) is not None:
        return str(getattr(route, "path", NOWHERE))
    return str(scope["root_path"]) if "app_root_path" in scope else NOWHERE  # a mounted folder


class Rows(Collector):
    """What the database says, as metrics; nothing until it was looked at."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._seen: Figures | None = None
        self._at = 0.0

    def look(self, database: Database) -> None:
        """Read the figures, unless they were read just now. Raises JudgeError."""
        with self._lock:
            if self._seen is not None and time.monotonic() - self._at < KEPT_SECONDS:
                return
            with database.reading() as tx:
                self._seen = figures.read(tx)
            self._at = time.monotonic()

    def collect(self) -> Iterator[Metric]:
        """The figures of the last look."""
        if (seen := self._seen) is None:
            return
        for name, text in _QUEUE.items():
            found = (((kind,), getattr(queue, name)) for kind, queue in seen.queues.items())
            yield _gauge(f"judge_queue_{name}", text, ("kind",), found)
        states = (((state,), count) for state, count in seen.batches.items())
        yield _gauge("judge_batches", "Batches by state.", ("state",), states)
        yield _gauge(
            "judge_samples",
            "Samples by verdict, or by state where they have none.",
            ("model", "verdict"),
            seen.samples.items(),
        )
        spent = (((model,), usd) for model, usd in seen.spent_usd.items())
        yield _gauge("judge_spent_usd", "US dollars spent.", ("model",), spent)
        tokens = (((model,), count) for model, count in seen.tokens.items())
        yield _gauge("judge_tokens", "Tokens in and out.", ("model",), tokens)


_QUEUE = {
    "waiting": "Rows that can be claimed now.",
    "put_off": "Rows that are tried again later.",
    "held": "Rows under a lease.",
    "expired": "Rows whose lease ran out.",
    "deliveries": "How often open rows were begun and not heard of again.",
    "failures": "How often open rows failed by a fault of ours.",
    "oldest_seconds": "Age of the oldest row that can be claimed.",
}


def _gauge(
    name: str, text: str, labels: tuple[str, ...], found: Iterable[tuple[tuple[str, ...], float]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, number in found:
        family.add_metric(values, number)
    return family


@router.get("/metrics", operation_id="read_metrics", include_in_schema=False)
def read_metrics(request: Request, house: House) -> Response:
    """Requests, queues, verdicts and spend, as Prometheus reads them."""
    measured: Measured = request.state.measured
    measured.rows.look(house.database)
    return Response(generate_latest(measured.registry), media_type=CONTENT_TYPE_LATEST)
