"""The store is the same on either database."""

import pytest

from judge.store.database import Database


@pytest.fixture
def database(database_url):
    opened = Database(database_url)
    opened.migrate()
    yield opened
    opened.close()
