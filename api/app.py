"""The web application: what is mounted where, and what lives as long as it does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.staticfiles import StaticFiles

from api import (
    batches,
    failures,
    health,
    metrics,
    models,
    pages,
    problems,
    samples,
    standings,
    uploads,
)
from api.guard import LOOPBACK, Guard
from judge.bootstrap import open_judge
from judge.settings import Settings, read_settings
from workers.app import start_embedded

STATIC = Path(__file__).parent / "static"


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application for these settings, or for the environment's. Nothing is opened before it
    starts to serve."""
    settings = settings or read_settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        judge = await run_in_threadpool(open_judge, settings)
        app.state.judge = judge
        worker = await run_in_threadpool(start_embedded, judge) if settings.embedded else None
        try:
            yield
        finally:
            if worker is not None:
                await run_in_threadpool(worker.stop)
            await run_in_threadpool(judge.close)

    app = FastAPI(
        title="judge",
        version=version("judge"),
        summary="Judges Python answers of language models in sealed sandboxes.",
        lifespan=lifespan,
        docs_url=None,  # /docs is our own page: the usual one loads scripts from elsewhere
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        separate_input_output_schemas=False,
    )
    app.add_middleware(metrics.Named)
    app.add_middleware(
        Guard,
        hosts=LOOPBACK if settings.host in ("127.0.0.1", "localhost", "::1") else (),
        body_limits={uploads.PATH: uploads.MAX_UPLOAD},
    )
    app.add_middleware(metrics.Measured)
    failures.install(app)
    for wing in (problems, models, batches, samples, standings, health, metrics, pages):
        app.include_router(wing.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    _document_problem_details(app)
    return app


def _document_problem_details(app: FastAPI) -> None:
    """Say in the OpenAPI document what every failure looks like."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        document = plain()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.setdefault("ProblemDetails", failures.SCHEMA)
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        reference = {"$ref": "#/components/schemas/ProblemDetails"}
        for path in document["paths"].values():
            for operation in path.values():
                unprocessable = operation["responses"].get("422")
                if unprocessable:
                    unprocessable["description"] = "Problem details (RFC 9457)"
                    unprocessable["content"] = {failures.MEDIA_TYPE: {"schema": reference}}
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it


app = create_app()
