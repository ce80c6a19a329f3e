"""One visitor at a terminal: a node of its own, and lines from stdin."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator, Sequence

from actors import ActorRef, NameTakenError, Node
from examples.chat.visitor import HELP, Typed, Visitor, show


async def visit(name: str, bind: str, seeds: Sequence[str]) -> int:
    """Be in the chat until `/quit` or the end of the input; return the exit code."""
    async with Node(bind=bind, seeds=seeds) as node:
        visitor = node.spawn(Visitor.props(name), name=name)
        try:
            await node.register(name, visitor)
        except NameTakenError:
            print(f"chat: somebody is called {name} already", file=sys.stderr)
            return 1
        show(f"you are {name} at {node.address}")
        show(HELP)
        await obey(visitor)
    return 0


async def obey(visitor: ActorRef[Visitor]) -> None:
    """Hand each line to the visitor, one after the other."""
    async with contextlib.aclosing(lines()) as typed:
        async for line in typed:
            if not await visitor.ask(Typed(line)):
                return


async def lines() -> AsyncGenerator[str, None]:
    """Yield the lines of stdin as they come."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    try:
        while line := await reader.readline():
            yield line.decode(errors="replace")
    finally:
        transport.close()
