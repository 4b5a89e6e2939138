import pytest

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
