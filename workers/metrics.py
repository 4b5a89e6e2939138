"""A worker's own numbers, for Prometheus: what its sandbox did. The database's are the API's to show.

Each process of a worker shows its own: the first at JUDGE_METRICS_PORT, the next one at the port
after it, and so on.
"""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from judge.sandbox.base import Counts
from judge.settings import Settings
from judge.telemetry import logger
from workers import tasks

PORTS = 128
"""Ports tried, from the first: more processes than that show nothing."""

_TEXTS = {
    "runs": "Jobs that the sandbox ran.",
    "seconds": "Seconds that they took, each in its slot.",
    "faults": "Jobs that failed by the sandbox's fault.",
    "boxes": "Boxes opened.",
}

log = logger(__name__)


class Sandboxes(Collector):
    """The counts of this process's sandbox."""

    def collect(self) -> Iterator[Metric]:
        """One counter a number; zeros before a sandbox was opened."""
        judge = tasks.process.opened
        counts = Counts() if judge is None else judge.counts()
        for name, text in _TEXTS.items():
            yield CounterMetricFamily(f"judge_sandbox_{name}", text, value=getattr(counts, name))


def show(settings: Settings) -> bool:
    """Serve the numbers on the first free port, where a port is set; True, as it is done once."""
    registry = CollectorRegistry()
    registry.register(Sandboxes())
    for port in range(
        settings.metrics_port, settings.metrics_port + PORTS * bool(settings.metrics_port)
    ):
        try:
            start_http_server(port, settings.metrics_host, registry)
        except OSError:
            continue
        log.info("metrics", port=port)
        break
    return True
