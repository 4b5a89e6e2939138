"""A worker whose model takes its time and whose broker hands out again what was not acknowledged
within a second; it writes down each task and each draw. Arguments: the log."""

import os
import sys
import time

from celery import signals

from judge import telemetry
from judge.bootstrap import Judge, open_judge
from workers import dispatch, tasks

SECONDS = 1.0
dispatch.VISIBILITY_SECONDS = 1


def main(path):
    telemetry.set_up()
    log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def say(*words):
        os.write(log, (" ".join(map(str, words)) + "\n").encode())

    class Slow:
        def __init__(self, backend):
            self.backend = backend

        def complete(self, prompt, sampling, n, **options):
            say("draw", prompt.slug, options.get("first", 0))
            time.sleep(SECONDS)
            return self.backend.complete(prompt, sampling, n, **options)

        def close(self):
            self.backend.close()

    class Slowly(Judge):
        def model(self, name):
            spec, backend = super().model(name)
            return spec, Slow(backend)

    opened = open_judge()
    tasks.process.lend(Slowly(opened.settings, opened.database))
    signals.task_prerun.connect(lambda **_: say("task", os.getpid()), weak=False)
    dispatch.configure(opened.settings.broker_url)
    options = {"unacked_restore_interval": 1}
    dispatch.queue.conf.broker_transport_options.update(options)
    from workers.app import app

    app.worker_main(["worker", "--loglevel=INFO", "--queues=ask", "--pool=threads", "-c", "1"])


if __name__ == "__main__":
    main(sys.argv[1])
