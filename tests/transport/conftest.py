"""Fixtures for tests that hold over every transport."""

from __future__ import annotations

import pytest

from tests.transport.kit import Fabric, MemoryFabric, ZmqFabric


@pytest.fixture(params=[ZmqFabric, MemoryFabric], ids=["zmq", "memory"])
def fabric(request: pytest.FixtureRequest) -> Fabric:
    """A fabric of each kind; the test enters it: `async with fabric`."""
    made = request.param()
    assert isinstance(made, Fabric)
    return made
