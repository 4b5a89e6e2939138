"""Whatever the OpenAPI document allows and much that it does not, thrown at a real service: on
SQLite without keys and on PostgreSQL with them. The seed is fixed, so a failure comes again."""

import json
import socket
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import checks
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance

from api import batches, events
from api.app import create_app
from judge.models.base import ModelSpec
from judge.settings import Settings
from judge.store import keys, models, problem_sets
from tests.api.conftest import SMALL

SEED = 20261125
CHECKS = [
    *(checks.not_a_server_error, checks.response_schema_conformance),
    *(content_type_conformance, status_code_conformance),
]
BOUNDS = {
    "deadline": None,
    "database": None,
    "suppress_health_check": list(HealthCheck),
    "phases": [Phase.generate],
    "print_blob": False,
}


@contextmanager
def served(app):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.02)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module", params=["sqlite, no keys", "postgresql, keys"])
def service(request, tmp_path_factory, redis):
    """Its schema, and the headers to send. Nothing works on its batches, and nothing waits."""
    guarded = request.param == "postgresql, keys"
    url = request.getfixturevalue("postgres").database("judge-fuzzed") if guarded else ""
    app = create_app(
        Settings(
            home=tmp_path_factory.mktemp("fuzzed") / "home",
            database_url=url,
            broker_url=redis.url,
            sandbox_workers=1,
            auth="on" if guarded else "auto",
            rate_limit="100000/second",
        )
    )
    kept = (events.STREAM_SECONDS, events.LOOK_SECONDS, batches._waiting)
    events.STREAM_SECONDS, events.LOOK_SECONDS = 0.0, 0.0
    batches._waiting = threading.Semaphore(0)
    with served(app) as address:
        database = app.state.judge.database
        with database.transaction() as tx:
            row, key = keys.add(tx, "fuzz", ("admin",))
            problem_sets.keep(tx, SMALL)
            models.keep(tx, ModelSpec("m", "recorded", "/nowhere"))
        headers = {"Authorization": f"Bearer {key}"} if guarded else {}
        yield address, headers, database, row.id
    events.STREAM_SECONDS, events.LOOK_SECONDS, batches._waiting = kept
    if guarded:
        request.getfixturevalue("postgres").drop("judge-fuzzed")


@pytest.fixture(scope="module")
def schema(service):
    address, headers, *_ = service
    return schemathesis.openapi.from_url(f"{address}/v1/openapi.json", headers=headers)


def sound(response):
    assert response.status_code != 500, response.text
    if response.status_code >= 400:
        assert response.headers["content-type"] == ["application/problem+json"]
        body = json.loads(response.content)
        assert body["status"] == response.status_code
        if "idempotency-replayed" not in response.headers:
            assert body["request_id"] == response.headers["x-request-id"][0]


def guided(case, own):
    """Names that exist, where chance would not find them; and never the key that is in use."""
    body = case.body if isinstance(case.body, dict) else {}
    if case.operation.label == "POST /v1/batches" and {"models", "problem_set"} <= body.keys():
        body |= {"models": ["m"], "problem_set": "small"}
        body |= {"digest": "", "prompts": [], "problems": []}
    if case.path_parameters and case.path_parameters.get("key") == own:
        case.path_parameters["key"] = "somebody"


def test_no_operation_breaks(service, schema):
    _, headers, _, own = service
    thrown = Counter()

    for found in schema.get_all_operations():
        operation = found.ok()
        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):

            @seed(SEED)
            @settings(max_examples=10 if operation.method != "get" else 4, **BOUNDS)
            @given(case=operation.as_strategy(generation_mode=mode))
            def throw(case):
                thrown[case.operation.label] += 1
                guided(case, own)
                response = case.call(headers=headers)
                sound(response)
                case.validate_response(response, checks=CHECKS, headers=headers)

            with suppress(Unsatisfiable):  # nothing can be wrong where nothing is taken
                throw()
    assert len(thrown) == len(list(schema.get_all_operations()))


def test_no_sequence_of_operations_breaks(service, schema):
    _, headers, _, own = service
    went_well = Counter()

    class Machine(schema.as_state_machine()):
        def before_call(self, case):
            guided(case, own)

        def get_call_kwargs(self, case):
            return {"headers": headers}

        def validate_response(self, response, case, **_):
            sound(response)
            went_well[case.operation.label] += response.status_code < 300
            case.validate_response(response, checks=CHECKS, headers=headers)

    seed(SEED)(Machine).run(settings=settings(max_examples=15, stateful_step_count=8, **BOUNDS))
    assert sum(count > 0 for count in went_well.values()) >= 10, went_well
