"""Messages and actors that the tests of nodes share: all of them travel."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any

from actors import (
    Actor,
    ActorRef,
    Backoff,
    Child,
    Mailbox,
    Message,
    Node,
    OneForOne,
    Refusal,
    Reply,
    Supervisor,
    Terminated,
    on,
    register,
)
from tests.actors.kit import Cluster, Do, Gate, Journal, Puppet


class Echo(Message[Any]):
    value: Any


class Keep(Message[int]):
    value: Any


class Kept(Message[list[Any]]):
    """Answers what was kept."""


class Raise(Message[None]):
    what: str


class Wait(Message[str]):
    """Answered when somebody tells `Release`."""


class Release(Message[None]):
    answer: str


class Linger(Message[Any]):
    """Stay in the handler until the test opens the gate."""


class Who(Message[Any]):
    """Answers the sender's ref."""


class Pass(Message[Any]):
    """Forwarded to somebody else."""

    to: ActorRef[Any]
    message: Any


class End(Message[None]):
    """Stops itself."""


class TooMuch(Refusal):
    def __init__(self, missing: int) -> None:
        super().__init__(missing)
        self.missing = missing


@register
class KnownError(Exception):
    """Registered, so it travels as itself."""


class UnknownError(Exception):
    """Registered nowhere."""


class StrangerError(UnknownError):
    """Registered nowhere, and nor is its base."""


@register
@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    y: Any = None


@register
class Color(enum.Enum):
    RED = 1


ERRORS = {
    "key": KeyError("k"),
    "refusal": TooMuch(3),
    "known": KnownError("seen"),
    "unknown": UnknownError("strange"),
    "stranger": StrangerError("stranger"),
}


class Servant(Actor):
    """Does what it is told from afar."""

    def __init__(self, kept: Any = None) -> None:
        self.kept: list[Any] = [] if kept is None else [kept]
        self.waiting: list[Reply[str]] = []

    @on(Echo)
    def echo(self, message: Echo) -> Any:
        return message.value

    @on(Keep)
    def keep(self, message: Keep) -> int:
        self.kept.append(message.value)
        return len(self.kept)

    @on(Kept)
    def all_kept(self, message: Kept) -> list[Any]:
        return list(self.kept)

    @on(Raise)
    def fail(self, message: Raise) -> None:
        raise ERRORS[message.what]

    @on(Wait)
    def wait(self, message: Wait) -> Any:
        self.waiting.append(self.defer_reply())

    @on(Release)
    def release(self, message: Release) -> None:
        for reply in self.waiting:
            reply.send(message.answer)

    @on(Who)
    def who(self, message: Who) -> Any:
        return self.sender

    @on(Pass)
    def hand_on(self, message: Pass) -> None:
        self.forward(message.to, message.message)

    @on(End)
    def end(self, message: End) -> None:
        self.stop()


class Lingering(Servant):
    """Stays in its handler until a gate of the test opens."""

    gate: Gate

    @on(Linger)
    async def linger(self, message: Linger) -> Any:
        return await self.gate.pass_through()


class Picky(Servant):
    """Cannot be built."""

    def __init__(self) -> None:
        raise ValueError("not today")


class Narrow(Puppet):
    mailbox = Mailbox(capacity=1)


class Watcher(Puppet):
    @on(Terminated)
    def terminated(self, message: Terminated) -> None:
        self.write("terminated", message.ref, message.reason)


async def pair(cluster: Cluster) -> tuple[Node, Node, ActorRef[Any]]:
    """Two nodes, and the first one's ref of a servant on the second."""
    here, there = await cluster.start("here"), await cluster.start("there", "worker")
    there.spawn(Servant, name="servant")
    return here, there, await here.resolve("servant", at="there")


async def watching(node: Node, target: ActorRef[Any]) -> Journal:
    journal = Journal()
    watcher = node.spawn(Watcher.props(journal))
    await watcher.ask(Do(lambda actor: actor.watch(target)))
    return journal


def notices(journal: Journal) -> list[tuple[Any, ...]]:
    return [entry[1:] for entry in journal.entries if entry[0] == "terminated"]


class Far(Supervisor):
    """Keeps its children elsewhere."""

    supervision = OneForOne(max_restarts=3, within=60.0, backoff=Backoff(0, 0))

    def __init__(self, *specs: Child) -> None:
        self.specs = list(specs)

    def child_specs(self) -> list[Child]:
        return self.specs

    @on(Do)
    def do(self, message: Do) -> Any:
        return message.action(self)


async def child(boss: ActorRef[Any], name: str) -> Any:
    return await boss.ask(Do(lambda actor: actor.child(name)))
