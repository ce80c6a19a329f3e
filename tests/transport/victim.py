"""A node in a process of its own, for tests that kill or stop it: NAME ENDPOINT-TO-DIAL."""

from __future__ import annotations

import asyncio
import sys

from tests.transport.kit import QUICK, Recorder
from transport import LoopClock, Mesh, TransportOptions, ZmqTransport


async def main(name: str, endpoint: str) -> None:
    options = TransportOptions(**QUICK)
    mesh = Mesh(
        name,
        1,
        transport=ZmqTransport(name, options),
        clock=LoopClock(),
        handler=Recorder(name),
        options=options,
    )
    await mesh.start(["tcp://127.0.0.1:0"])
    mesh.dial(endpoint)
    await asyncio.get_running_loop().create_future()


asyncio.run(main(*sys.argv[1:]))
