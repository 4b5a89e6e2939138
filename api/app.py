"""The web application: what is mounted where, and what lives as long as it does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.staticfiles import StaticFiles

from api import (
    batches,
    comparisons,
    documents,
    events,
    failures,
    health,
    keys,
    metrics,
    models,
    pages,
    problems,
    prompts,
    samples,
    standings,
    uploads,
)
from api.access import Access
from api.guard import LOOPBACK, Guard
from api.rates import Rates
from api.replays import Replays
from judge.bootstrap import open_judge
from judge.settings import Settings, read_settings
from workers.app import start_embedded

STATIC = Path(__file__).parent / "static"


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application for these settings, or for the environment's. Nothing is opened before it
    starts to serve."""
    settings = settings or read_settings()
    rates = Rates(settings.rate, settings.broker_url)

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
            await rates.close()
            await run_in_threadpool(judge.close)

    app = FastAPI(
        title="judge",
        version=version("judge"),
        summary="Judges Python answers of language models in sealed sandboxes.",
        lifespan=lifespan,
        docs_url=None,  # /docs is our own page: the usual one loads scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # a redirect would take the Host header's word for where we are
        openapi_url="/v1/openapi.json",
        separate_input_output_schemas=False,
    )
    app.add_middleware(Replays)  # the innermost
    app.add_middleware(Access, rates=rates, needs_keys=settings.needs_keys)
    app.add_middleware(metrics.Named)
    app.add_middleware(
        Guard,
        hosts=LOOPBACK if settings.loopback else (),
        body_limits={uploads.PATH: uploads.MAX_UPLOAD},
    )
    app.add_middleware(metrics.Measured)
    failures.install(app)
    wings = (
        *(problems, models, prompts, batches, events, samples, standings, comparisons),
        *(keys, health, metrics, pages),
    )
    for wing in wings:
        app.include_router(wing.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    documents.install(app)
    return app


app = create_app()
