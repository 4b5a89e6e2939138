"""The store is the same on either database."""

import pytest


@pytest.fixture
def database(each_database):
    return each_database
