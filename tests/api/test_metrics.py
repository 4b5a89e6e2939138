"""What Prometheus reads, and that a log line names what it is about."""

import importlib.util
import json
import logging
import os
import subprocess
import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from api import metrics
from api.app import create_app
from judge import batches, telemetry
from judge.settings import Settings
from judge.store.database import now
from tests.conftest import ROOT

HOSTILE = "<img src=x onerror=alert(2)>"


@pytest.fixture(autouse=True)
def _always_fresh(monkeypatch):
    monkeypatch.setattr(metrics, "KEPT_SECONDS", 0.0)


def read(client):
    answer = client.get("/metrics")
    assert answer.status_code == 200
    families = list(text_string_to_metric_families(answer.text))
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def value(found, name, **labels):
    return found.get((name, tuple(sorted(labels.items()))))


def test_requests_are_counted_by_template_whatever_the_path(client):
    for number in range(20):
        client.get(f"/v1/batches/{number}")
        client.get(f"/nowhere/{number}")
        client.request(f"ODD{number}", "/healthz")
    client.get("/static/judge.css")
    client.get("/healthz", headers={"Host": "evil.example"})
    found = read(client)
    total = "judge_http_requests_total"
    assert value(found, total, method="GET", route="/v1/batches/{batch}", status="404") == 20
    assert value(found, total, method="GET", route="none", status="404") == 20
    assert value(found, total, method="OTHER", route="/healthz", status="405") == 20
    assert value(found, total, method="GET", route="/static", status="200") == 1
    assert value(found, total, method="GET", route="none", status="421") == 1
    assert value(found, "judge_http_requests_in_flight") == 1  # this very one
    count = "judge_http_request_seconds_count"
    assert value(found, count, method="GET", route="/v1/batches/{batch}") == 20
    assert len({labels for name, labels in found if name == total}) < 8


def test_each_app_counts_for_itself_and_goes_on_over_a_restart(app, tmp_path):
    total = "judge_http_requests_total"
    labels = {"method": "GET", "route": "/healthz", "status": "200"}
    for expected in (1, 2):
        with TestClient(app, base_url="http://127.0.0.1") as client:
            client.get("/healthz")
            assert value(read(client), total, **labels) == expected
    other = create_app(Settings(home=tmp_path / "other"))
    with TestClient(other, base_url="http://127.0.0.1") as client:
        assert value(read(client), total, **labels) is None


@pytest.mark.sandbox
@pytest.mark.usefixtures("sandbox")
def test_rows_are_shown_by_kind_state_verdict_and_model(filled, opened, app):
    while filled.get(opened.headers["Location"] + "?wait=10").json()["state"] == "open":
        pass
    found = read(filled)
    assert value(found, "judge_batches", state="finished") == 1
    assert value(found, "judge_samples", model="reference", verdict="AC") == 3
    assert value(found, "judge_samples", model=HOSTILE, verdict="AC") is None
    assert value(found, "judge_queue_waiting", kind="samples") == 0
    assert value(found, "judge_queue_held", kind="questions") == 0
    assert value(found, "judge_spent_usd", model="reference") is not None


def test_what_waits_is_counted_with_its_age(filled, app):
    database = app.state.judge.database
    with database.transaction() as tx:  # nobody works on what is not yet due
        request = batches.BatchRequest(("reference",), "small")
        batch = batches.opening.batches.open_batch(tx, request)
        tx.exec_driver_sql(f"UPDATE questions SET run_after = '{now().year + 1}-01-01'")
        one = "(SELECT min(id) FROM questions)"
        old = f"UPDATE questions SET lease = 'x', owner = 'elsewhere/1/1', lease_until = '2099-01-01', deliveries = 2 WHERE id = {one}"
        tx.exec_driver_sql(old)
    found = read(filled)
    assert value(found, "judge_queue_put_off", kind="questions") == 3
    assert value(found, "judge_queue_held", kind="questions") == 1
    assert value(found, "judge_queue_deliveries", kind="questions") == 2
    assert value(found, "judge_batches", state="open") == 1
    batches.cancel_batch(database, batch)


def test_the_figures_are_read_once_in_a_while(client, monkeypatch):
    monkeypatch.setattr(metrics, "KEPT_SECONDS", 1000.0)
    looks = []
    known = metrics.figures.read
    monkeypatch.setattr(metrics.figures, "read", lambda tx: looks.append(1) or known(tx))
    for _ in range(5):
        read(client)
    assert looks == [1]


def test_opening_a_batch_is_logged_with_its_request(filled, capfd):
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    telemetry.set_up(as_json=True)
    try:
        body = {"models": ["reference"], "problem_set": "small"}
        answer = filled.post("/v1/batches", json=body)
    finally:
        logging.getLogger().handlers[:] = handlers
        logging.getLogger().setLevel(level)
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines() if "{" in line]
    [line] = [line for line in lines if line["event"] == "batch opened"]
    assert line["batch"] == answer.json()["id"]
    assert line["request"] == answer.headers["X-Request-Id"]


def imported(**variables):
    """Parts of OpenTelemetry beyond the interface, which FastAPI itself imports."""
    parts = "sdk", "instrumentation", "exporter"
    script = (
        "import sys; from api.app import create_app; from api.metrics import Measured;"
        "import workers.app as w; w._child_begun;"
        "from judge import tracing; tracing.set_up('x'); Measured(create_app());"
        f"print([m for m in sys.modules if m.split('.')[1:2] and m.split('.')[1] in {parts}"
        " and m.startswith('opentelemetry')])"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment
    )


def test_without_its_address_no_tracing_is_imported():
    assert imported(OTEL_EXPORTER_OTLP_ENDPOINT="").stdout.strip() == "[]"


def test_tracing_without_its_packages_names_the_extra():
    if importlib.util.find_spec("opentelemetry.instrumentation") is None:
        assert "judge[otel]" in imported(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1").stderr
