"""Hello, actor: one actor, one typed message, one answer.

Run it: `python -m examples.hello`. The README shows the same twelve lines.
"""

import asyncio

from actors import Actor, Message, Node, on


class Greet(Message[str]):
    name: str


class Greeter(Actor):
    @on(Greet)
    async def greet(self, message: Greet) -> str:
        return f"Hello, {message.name}!"


async def main() -> None:
    async with Node() as node:
        print(await node.spawn(Greeter).ask(Greet("world")))


asyncio.run(main())
