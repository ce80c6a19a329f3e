"""What runs on the nodes that hostile input is for; `actors-node` runs `setup`."""

from __future__ import annotations

from typing import Any

from actors import Actor, Message, Node, Terminated, on


class Echo(Message[Any]):
    """Answers its value."""

    value: Any


class Number(Message[int]):
    """A message of plain fields, for the quick way of decoding."""

    value: int


class Target(Actor):
    """Answers whatever it is sent, and fails of nothing."""

    @on(Echo)
    def echo(self, message: Echo) -> Any:
        return message.value

    @on(Number)
    def number(self, message: Number) -> int:
        return message.value

    @on(Terminated)
    def terminated(self, message: Terminated) -> None:
        """Take note of it."""

    async def receive(self, message: object) -> object:
        return None


async def setup(node: Node) -> None:
    """Spawn the one that a healthy peer asks."""
    node.spawn(Target, name="target")
