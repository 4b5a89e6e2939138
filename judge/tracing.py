"""Traces, for whoever collects them: active only where OTEL_EXPORTER_OTLP_ENDPOINT is set and the
`otel` extra is installed; otherwise nothing of it is imported. Requests and tasks have spans; statements
have none, as the instrumentation of SQLAlchemy does not know the version in use.
"""

import os
from importlib import import_module
from typing import Any, TypeVar

from judge.errors import UsageError

T = TypeVar("T")
ADDRESS = "OTEL_EXPORTER_OTLP_ENDPOINT"


def set_up(service: str) -> None:
    """Send this process's spans of tasks; call it after a fork. Raises UsageError."""
    if not os.environ.get(ADDRESS):
        return
    trace = _part("opentelemetry.trace")
    sdk = _part("opentelemetry.sdk.trace")
    named = _part("opentelemetry.sdk.resources").Resource.create(
        {"service.name": f"judge-{service}"}
    )
    provider = sdk.TracerProvider(resource=named)
    exporter = _part("opentelemetry.exporter.otlp.proto.http.trace_exporter").OTLPSpanExporter()
    export = _part("opentelemetry.sdk.trace.export")
    provider.add_span_processor(export.BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    _part("opentelemetry.instrumentation.celery").CeleryInstrumentor().instrument()


def traced(app: T) -> T:
    """An ASGI application with a span for each request."""
    if not os.environ.get(ADDRESS):
        return app
    set_up("api")
    wrapped: T = _part("opentelemetry.instrumentation.asgi").OpenTelemetryMiddleware(app)
    return wrapped


def _part(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{ADDRESS} is set but {error.name} is missing: pip install 'judge[otel]'"
        ) from None
