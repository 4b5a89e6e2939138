"""Drives a deferred batch in a process that a test kills: address of the database."""

import sys

from judge import batches
from judge.batches import deferring
from judge.sandbox import open_sandbox
from judge.store.database import Database


def main(url: str) -> None:
    deferring.LOOK_SECONDS = 0.2
    database = Database(url, lease_seconds=0.5)
    [batch] = batches.list_batches(database)
    sandbox = open_sandbox("namespaces", workers=1)
    try:
        batches.run_batch(database, lambda _: 1 / 0, sandbox, batch.id)
    finally:
        sandbox.close()
    database.close()


if __name__ == "__main__":
    main(sys.argv[1])
