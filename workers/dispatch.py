"""The doorbell: a message says that rows wait, never which; it is sent by name, after the commit.

A ring that is lost costs time, not work: `upkeep` rings again for whatever rows it finds. A ring
too many finds nothing to claim. So a broker that is down is a warning here and never an error.
"""

import time
from typing import Any

from celery import Celery
from kombu.transport.redis import Transport
from redis.exceptions import OutOfMemoryError

from judge.settings import read_settings
from judge.telemetry import logger

ASK, LOCAL, JUDGE, UPKEEP, DEFER = (
    f"judge.{name}" for name in ("ask", "local", "judge", "upkeep", "defer")
)
QUEUES = {ASK: "ask", DEFER: "ask", LOCAL: "local", JUDGE: "judge", UPKEEP: "judge"}

VISIBILITY_SECONDS = 1800
TASK_SECONDS, TASK_SOFT_SECONDS = 900, 840
"""No claim takes that long; what hangs is told to give its rows back, and killed a minute later.
Half of the visibility time-out, so that no message runs twice because it ran long."""

SILENT_SECONDS = 1.0
"""After a lost ring; a broker that hangs would otherwise hold up every completion."""
_silent_until = 0.0

log = logger(__name__)

queue = Celery("judge")

# A Redis that is full refuses even to be told that a message is done; a worker that took this for the
# end of the world would end itself, where one that connects again goes on by polling.
Transport.connection_errors = (*Transport.connection_errors, OutOfMemoryError)


def configure(broker_url: str) -> None:
    """Point the queue at a broker: `memory://` within one process, or `redis://`."""
    queue.conf.update(
        broker_url=broker_url,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=4,
        task_routes={name: {"queue": where} for name, where in QUEUES.items()},
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_time_limit=TASK_SECONDS,
        task_soft_time_limit=TASK_SOFT_SECONDS,
        worker_prefetch_multiplier=1,
        worker_max_tasks_per_child=200,
        worker_cancel_long_running_tasks_on_connection_loss=True,
        worker_soft_shutdown_timeout=60,
        worker_hijack_root_logger=False,
        **_transport(broker_url),
    )


def _transport(broker_url: str) -> dict[str, Any]:
    if broker_url.startswith("memory:"):
        return {"broker_transport_options": {"polling_interval": 0.05}}
    options = {
        "visibility_timeout": VISIBILITY_SECONDS,
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
        "socket_timeout": 30,
        "socket_keepalive": True,
        "health_check_interval": 25,
        "max_retries": 0,  # of a ring; a worker's own connection is tried for ever, see above
    }
    return {
        "broker_transport_options": options,
        "result_backend_transport_options": {"visibility_timeout": VISIBILITY_SECONDS},
        "visibility_timeout": VISIBILITY_SECONDS,
    }


def ring_ask(batch: str = "") -> None:
    """Questions wait to be asked; `batch` only goes into the log."""
    _ring(ASK, batch)


def ring_local(batch: str = "") -> None:
    """Questions wait to be asked of models whose weights a worker holds."""
    _ring(LOCAL, batch)


def ring_defer(batch: str = "") -> None:
    """Deferred work is due; `batch` only goes into the log."""
    _ring(DEFER, batch)


def ring_judge(batch: str = "") -> None:
    """Samples wait to be judged; `batch` only goes into the log."""
    _ring(JUDGE, batch)


def ring_upkeep() -> None:
    """It is time to look for rows that a crash or a lost ring left lying."""
    _ring(UPKEEP, "")


def _ring(name: str, batch: str) -> None:
    global _silent_until  # noqa: PLW0603 - one bell a process
    if time.monotonic() < _silent_until:
        return
    try:
        queue.send_task(name, ignore_result=True, retry=False)
    except Exception as error:  # noqa: BLE001 - whatever ails a broker, the rows are the queue
        _silent_until = time.monotonic() + SILENT_SECONDS
        log.warning("ring lost", task=name, batch=batch, reason=str(error)[:200])


configure(read_settings().broker_url)
