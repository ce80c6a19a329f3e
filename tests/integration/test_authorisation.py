"""Rules between processes: what one node allows to others, over real sockets."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Any

import pytest

from actors import ActorNotFoundError, Node, NotAuthorizedError
from tests.integration.kit import shop

Start = Callable[..., Any]


@pytest.mark.timeout(120)  # processes start slowly on a busy machine
@pytest.mark.loops("asyncio")  # of this process; the command has its own
async def test_each_node_may_do_what_the_rules_of_the_other_grant_it(start: Start) -> None:
    """By its name or its role; what is refused raises, and the till is unharmed and unlearnt of."""
    command = start("guarded:setup", "--name", "bank")
    _, endpoint = command.ready()
    async with (
        Node("teller", bind="tcp://127.0.0.1:0", seeds=[endpoint]) as teller,
        Node("audit", bind="tcp://127.0.0.1:0", seeds=[endpoint], roles=["auditor"]) as audit,
        Node("guest", bind="tcp://127.0.0.1:0", seeds=[endpoint]) as guest,
    ):
        for node in (teller, audit, guest):
            await node.wait_for_members(4, timeout=30.0)
        till = await teller.resolve("till", at="bank", timeout=20.0)
        assert await till.ask(shop().Add(7), timeout=20.0) == 7
        for refused in (
            till.ask(shop().Where(), timeout=20.0),
            till.stop(timeout=20.0),
            till.stopped(),
            audit.ref(till.address).ask(shop().Add(1), timeout=20.0),
            guest.ref(till.address).send(shop().Add(1), timeout=20.0),
        ):
            with pytest.raises(NotAuthorizedError):
                await refused
        with pytest.raises(ActorNotFoundError):
            await guest.resolve("till", at="bank", timeout=20.0)
        assert await till.ask(shop().Add(1), timeout=20.0) == 8
        watched = asyncio.ensure_future(audit.ref(till.address).stopped())
        command.send(signal.SIGTERM)
        assert await asyncio.to_thread(command.code) == 0
        assert str(await watched) in {"shutdown", "noconnection"}
