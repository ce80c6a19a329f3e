"""Which endpoints other machines cannot reach."""

from __future__ import annotations

import pytest

from transport.endpoint import parse_endpoint


@pytest.mark.parametrize(
    ("endpoint", "local"),
    [
        ("tcp://127.0.0.1:0", True),
        ("tcp://127.8.8.8:1", True),
        ("tcp://localhost:1", True),
        ("tcp://LOCALHOST:1", True),
        ("tcp://[::1]:1", True),
        ("ipc:///run/bank.sock", True),
        ("ipc://@abstract", True),
        ("mem://a", True),
        ("tcp://*:1", False),
        ("tcp://0.0.0.0:1", False),
        ("tcp://[::]:1", False),
        ("tcp://10.0.0.1:1", False),
        ("tcp://[fe80::1%eth0]:1", False),
        ("tcp://128.0.0.1:1", False),
        ("tcp://lo:1", False),
        ("tcp://localhost.example:1", False),
        ("tcp://127.0.0.1.example:1", False),
        ("tcp://127.1:1", False),
    ],
)
def test_local_endpoints(endpoint: str, local: bool) -> None:
    """Paths and loopback addresses are; names that may stand for anything are not."""
    assert parse_endpoint(endpoint, listening=True).local is local
