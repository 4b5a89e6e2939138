import threading
import time

from workers.bells import Bell, now_and_then


def test_rings_during_work_are_answered_once_more_and_never_at_once():
    bell, busy, worked = Bell(), threading.Lock(), []
    go = threading.Event()

    def work():
        assert busy.acquire(blocking=False)
        go.wait(5)
        worked.append(1)
        busy.release()

    first = threading.Thread(target=bell.answer, args=(work,))
    first.start()
    while not busy.locked():
        time.sleep(0.001)
    for _ in range(10):
        bell.answer(work)  # returns at once: somebody works
    go.set()
    first.join()
    assert len(worked) == 2


def test_no_ring_is_lost_however_the_threads_fall():
    bell, rows, done = Bell(), [], []

    def work():
        while rows:
            done.append(rows.pop())

    def ring():
        for number in range(300):
            rows.append(number)
            bell.answer(work)

    threads = [threading.Thread(target=ring) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rows == []
    assert len(done) == 1800


def test_a_fault_in_the_work_does_not_jam_the_bell():
    bell, worked = Bell(), []

    def fail():
        raise ZeroDivisionError

    for work in (fail, lambda: worked.append(1)):
        try:
            bell.answer(work)
        except ZeroDivisionError:
            continue
    assert worked == [1]


def test_now_and_then_rings_at_once_and_then_not_again_for_a_while():
    rung = []
    maybe = now_and_then(lambda: rung.append(1), 60.0)
    for _ in range(100):
        maybe()
    assert rung == [1]
