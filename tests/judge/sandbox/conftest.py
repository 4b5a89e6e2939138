"""What is promised of a sandbox is promised of every backend."""

import pytest


@pytest.fixture
def sandbox(each_sandbox):
    """Every backend in turn, with two workers."""
    return each_sandbox
