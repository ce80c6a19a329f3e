"""What the tests of the command run: roots and setups that end in every way there is."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

from actors import Actor, Child, Message, Node, OneForOne, Reason, Supervisor, on


class Add(Message[int]):
    """Put so much into the till; answers what is in it."""

    amount: int


class Where(Message[str]):
    """Ask for the name of the node."""


class Crash(Message[None]):
    """End the process, as a bug in a C extension would."""


class Hang(Message[None]):
    """Hold the event loop for ever."""


def say(*words: object) -> None:
    """Print a line that a test waits for."""
    # In one write, for workers share their stdout.
    print(" ".join(map(str, words)) + "\n", end="", flush=True)


class Till(Actor):
    """Adds up, and says at its end what it has come to."""

    def __init__(self) -> None:
        self.total = 0

    @on(Add)
    async def add(self, message: Add) -> int:
        """Add, after giving others a turn."""
        await asyncio.sleep(0)
        self.total += message.amount
        return self.total

    @on(Where)
    def where(self, _: Where) -> str:
        """Return this node's name."""
        return self.node.name

    @on(Crash)
    def crash(self, _: Crash) -> None:
        """End the process."""
        os.abort()

    @on(Hang)
    def hang(self, _: Hang) -> None:
        """Hold the loop."""
        say("hanging")
        threading.Event().wait()

    async def on_stop(self, reason: Reason) -> None:
        """Say the total."""
        say(self.node.name, "closed:", reason, self.total)


class Shop(Supervisor):
    """A root with one till."""

    def child_specs(self) -> list[Child]:
        """Return the till."""
        return [Child(Till.props(), name="till")]


class Brief(Actor):
    """A root that stops by itself."""

    async def on_start(self) -> None:
        """Be done."""
        self.stop()


class Hopeless(Actor):
    """Fails at every start."""

    async def on_start(self) -> None:
        """Fail."""
        raise ValueError("no till in sight")


class Ruin(Supervisor):
    """A root that goes down with its child."""

    supervision = OneForOne(max_restarts=0)

    def child_specs(self) -> list[Child]:
        """Return a child that never starts."""
        return [Child(Hopeless.props(), name="hopeless")]


class Stubborn(Actor):
    """A root that does not come to an end when it is stopped."""

    async def on_stop(self, reason: Reason) -> None:
        """Say that stopping has begun, and wait for ever."""
        say("stopping", reason)
        await asyncio.Event().wait()


async def setup(node: Node) -> None:
    """Start a till right under the node."""
    node.spawn(Till, name="till")


async def open_shop(node: Node) -> None:
    """Start a till that all find: by name, in a group, and on a topic."""
    till = node.spawn(Till, name="till")
    node.topics.subscribe("shop.*.deposits", till)
    node.groups.join("tills", till)
    await node.register(f"till-of-{node.name}", till)


async def broken(node: Node) -> None:
    """Raise."""
    raise RuntimeError(f"{node.name} has no database")


async def endless(node: Node) -> None:
    """Never finish setting up."""
    say(node.name, "is setting up")
    try:
        await asyncio.Event().wait()
    finally:
        say(node.name, "gave up setting up")


async def company(node: Node) -> None:
    """Wait for another node."""
    await node.wait_for_members(2)
    say(node.name, "has company")


async def done(node: Node) -> None:
    """Have the node end before it was ready."""
    node.spawn(Till, name="till")
    await node.shutdown()


async def done_later(node: Node) -> None:
    """Have the node end soon."""
    node.spawn(Till, name="till")
    asyncio.get_running_loop().call_soon(lambda: asyncio.ensure_future(node.shutdown()))


def lives_before(name: str) -> int:
    """Count this life in a file; return how many there were before."""
    lives = Path(f"{name}-lives")
    before = lives.read_text() if lives.exists() else ""
    lives.write_text(f"{before}*")
    return len(before)


async def stumble(node: Node) -> None:
    """End the first two processes before they are ready, as a bug in a C extension would."""
    if lives_before(node.name) < 2:
        os._exit(9)


async def hang(node: Node) -> None:
    """Hold the loop as soon as the node is ready."""
    node.spawn(Till, name="till").tell(Hang())


async def crash_once(node: Node) -> None:
    """Crash in setup, before the node is ready, but only the first worker of a parent."""
    if node.name.endswith("-1"):
        raise RuntimeError(f"{node.name} will not do")
    await asyncio.Event().wait()


def plain(node: Node) -> None:
    """Is no coroutine function."""
