import socket
import threading
from contextlib import suppress

import pytest
from celery import Celery

from judge.settings import Settings
from workers import dispatch, tasks


@pytest.fixture
def configured():
    yield dispatch.configure
    dispatch.configure(Settings().broker_url)


def test_redis_gets_the_settings_that_keep_work_from_being_lost_or_doubled(configured):
    configured("redis://127.0.0.1:9/0")
    conf = dispatch.queue.conf
    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost
    assert conf.task_ignore_result
    assert conf.worker_prefetch_multiplier == 1
    assert conf.result_backend is None
    assert (conf.task_time_limit, conf.task_soft_time_limit) == (900, 840)
    assert conf.broker_connection_max_retries is None
    assert conf.broker_transport_options == {
        "visibility_timeout": 1800,
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
        "socket_timeout": 30,
        "socket_keepalive": True,
        "health_check_interval": 25,
        "max_retries": 0,
    }
    assert conf.visibility_timeout == 1800
    assert conf.result_backend_transport_options == {"visibility_timeout": 1800}
    assert conf.task_time_limit * 2 <= 1800


def test_the_memory_queue_is_polled_quickly_and_nothing_of_redis_stays(configured):
    configured("redis://127.0.0.1:9/0")
    configured("memory://")
    assert dispatch.queue.conf.broker_transport_options == {"polling_interval": 0.05}


def test_every_ring_names_a_task_that_is_there_and_a_queue_that_is_served():
    for name, queue in dispatch.QUEUES.items():
        assert name in dispatch.queue.tasks
        assert dispatch.queue.conf.task_routes[name] == {"queue": queue}
    assert {tasks.ask.__name__, tasks.judge.__name__} == {"ask", "judge"}


def test_a_ring_tries_once_and_then_leaves_the_broker_alone_for_a_while(monkeypatch):
    """A batch is opened, and a completion kept, without waiting for a broker that is away."""
    monkeypatch.setattr(dispatch, "queue", Celery("rung"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        calls = []

        def hang_up():
            with suppress(OSError):
                while True:
                    connection = server.accept()[0]
                    calls.append(1)  # before the caller can hear of it
                    connection.close()

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        dispatch.configure(f"redis://127.0.0.1:{server.getsockname()[1]}/0")
        monkeypatch.setattr(dispatch, "SILENT_SECONDS", 1000.0)
        dispatch.ring_ask()
        assert 1 <= len(calls) <= 2  # once to connect, once to send
        first = len(calls)
        for _ in range(20):
            dispatch.ring_judge()
        assert len(calls) == first
        server.shutdown(socket.SHUT_RDWR)
