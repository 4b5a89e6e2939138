"""Drives a batch in a process that a test kills: address of the database, log of draws, milliseconds a draw."""

import os
import sys
import time
from pathlib import Path

from judge import batches
from judge.models import open_model
from judge.models.base import Completion
from judge.sandbox import open_sandbox
from judge.store import models
from judge.store.database import Database


class Logged:
    """A recorded model that takes its time and writes down every completion it gives."""

    def __init__(self, backend, log, pause):
        self.backend, self.pause = backend, pause
        self.log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def complete(self, prompt, sampling, n, *, first=0, keep=None):
        index = first - 1

        def slowly(completion: Completion):
            nonlocal index
            index += 1
            time.sleep(self.pause)
            os.write(self.log, f"{prompt.slug} {index}\n".encode())
            keep(completion)

        return self.backend.complete(prompt, sampling, n, first=first, keep=slowly)

    def close(self):
        self.backend.close()


def main(url: str, log: Path, pause: float) -> None:
    database = Database(url)
    with database.reading() as tx:
        spec = models.read(tx, "solver")
    backend = Logged(open_model(spec), log, pause)
    [batch] = batches.list_batches(database)
    sandbox = open_sandbox("namespaces", workers=1)
    try:
        batches.run_batch(database, lambda _: (spec, backend), sandbox, batch.id, threads=3)
    finally:
        sandbox.close()
    database.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]))
