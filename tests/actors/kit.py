"""Actors, messages and observers that the contract tests share."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

from actors import Actor, ActorRef, Message, Node, Reason, Refusal, on
from actors.testing import MemoryNetwork, VirtualClock

if TYPE_CHECKING:
    from collections.abc import Callable


class Gate:
    """Holds a handler until the test opens it, and says when the handler has come to it."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer
        self.entered = asyncio.Event()
        self.opened = asyncio.Event()

    async def pass_through(self) -> Any:
        self.entered.set()
        await self.opened.wait()
        return self.answer

    def open(self) -> None:
        self.opened.set()


class Journal:
    """A list of what happened that a test can wait for."""

    def __init__(self) -> None:
        self.entries: list[Any] = []
        self._waiting: list[tuple[Callable[[list[Any]], bool], asyncio.Future[None]]] = []

    def add(self, entry: Any) -> None:
        self.entries.append(entry)
        for condition, future in self._waiting:
            if not future.done() and condition(self.entries):
                future.set_result(None)

    async def until(self, condition: Callable[[list[Any]], bool]) -> list[Any]:
        """Wait until the condition holds for the entries; return them."""
        if not condition(self.entries):
            future = asyncio.get_running_loop().create_future()
            self._waiting.append((condition, future))
            await future
        return list(self.entries)

    async def count(self, number: int) -> list[Any]:
        """Wait for as many entries; return all there are."""
        return await self.until(lambda entries: len(entries) >= number)

    async def has(self, *wanted: Any) -> list[Any]:
        """Wait until each of these is among the entries, as often as it is named."""
        return await self.until(
            lambda entries: all(entries.count(entry) >= wanted.count(entry) for entry in wanted)
        )

    def clear(self) -> None:
        self.entries.clear()


class Seen(Journal):
    """The events of a node, of some classes, from now on."""

    def __init__(self, node: Node, *kinds: type[Any]) -> None:
        super().__init__()
        self.end = node.events.subscribe(self.add, *kinds)


class Do(Message[Any]):
    """Run a function with the actor as its argument, inside the actor; answer its result."""

    action: Any


class Fail(Message[None]):
    """Raise this error in the handler."""

    error: Any


class Hold(Message[Any]):
    """Stay in the handler until the gate opens; answer the gate's answer."""

    gate: Any


class Note(Message[int]):
    """Keep a value; answer how many there are."""

    value: Any


class Notes(Message[list[Any]]):
    """Answer all values kept."""


class Unknown(Message[None]):
    """Nobody here has a handler for it."""


class NotEnough(Refusal):
    """An expected error."""

    def __init__(self, missing: int) -> None:
        super().__init__(missing)
        self.missing = missing


class StrangeError(Exception):
    """An error of a class that is registered nowhere."""


class Puppet(Actor):
    """Does what the test says, keeps notes, and writes its life into a journal."""

    def __init__(self, journal: Journal | None = None, label: str = "") -> None:
        self.journal = journal if journal is not None else Journal()
        self.label = label
        self.notes: list[Any] = []
        self.write("init")

    def write(self, what: str, *more: Any) -> None:
        self.journal.add((what, self.label, *more) if self.label else (what, *more))

    async def on_start(self) -> None:
        self.write("start")

    async def on_stop(self, reason: Reason) -> None:
        self.write("stop", reason)

    async def on_restart(self, error: BaseException) -> None:
        self.write("restart", type(error))

    @on(Do)
    async def do(self, message: Do) -> Any:
        result = message.action(self)
        return await result if inspect.isawaitable(result) else result

    @on(Fail)
    def fail(self, message: Fail) -> None:
        raise message.error

    @on(Hold)
    async def hold(self, message: Hold) -> Any:
        return await message.gate.pass_through()

    @on(Note)
    def note(self, message: Note) -> int:
        self.notes.append(message.value)
        self.write("note", message.value)
        return len(self.notes)

    @on(Notes)
    def all_notes(self, message: Notes) -> list[Any]:
        return list(self.notes)


async def child_of(ref: ActorRef[Any], name: str) -> Any:
    """Ask an actor for the ref of its child."""
    return await ref.ask(Do(lambda actor: actor.child(name)))


async def children_of(ref: ActorRef[Any]) -> tuple[Any, ...]:
    """Ask an actor for the refs of its children."""
    answer: tuple[Any, ...] = await ref.ask(Do(lambda actor: actor.children))
    return answer


async def occupy(ref: ActorRef[Any], answer: Any = None) -> Gate:
    """Keep the actor busy with a message; return the gate that lets it go on."""
    gate = Gate(answer)
    ref.tell(Hold(gate))
    await gate.entered.wait()
    return gate


def adds_up(node: Node) -> None:
    """Both sums of the node's ledger hold."""
    stats = node.stats()
    assert stats.told == stats.handled + stats.failed + stats.dead + stats.queued, stats
    assert stats.outbound == stats.sent + stats.undelivered + stats.waiting, stats


def soon(coroutine: Any) -> asyncio.Task[Any]:
    """Start it in the next turn of the loop; the test awaits it later."""
    return asyncio.ensure_future(coroutine)


async def begin(coroutine: Any) -> asyncio.Task[Any]:
    """Start it now, up to where it waits; the test awaits it later."""
    task = soon(coroutine)
    await asyncio.sleep(0)
    return task


class Cluster:
    """Nodes on one network in the process, all on one clock that the test turns."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.network = MemoryNetwork(self.clock)
        self.nodes: list[Node] = []

    async def __aenter__(self) -> Cluster:
        return self

    async def __aexit__(self, *_: object) -> None:
        for node in reversed(self.nodes):
            await self.finish(node.shutdown(timeout=2))

    async def start(self, name: str, *roles: str, **more: Any) -> Node:
        """Start a node that joins the others, and wait until all know it."""
        seeds = [f"tcp://{node.name}:1" for node in self.nodes]
        node = Node(
            name,
            bind=f"tcp://{name}:1",
            seeds=seeds,
            roles=roles,
            clock=self.clock,
            transport=self.network.transport(name),
            **more,
        )
        await node.__aenter__()
        self.nodes.append(node)
        await self.finish(
            asyncio.gather(
                *[each.wait_for_members(len(self.nodes), timeout=30) for each in self.nodes]
            )
        )
        return node

    async def stop(self, node: Node) -> None:
        """Let a node leave, as on SIGTERM."""
        self.nodes.remove(node)
        await self.finish(node.shutdown(timeout=2))

    async def kill(self, node: Node) -> None:
        """Lose a node, as by SIGKILL, and wait until the others have noticed."""
        self.nodes.remove(node)
        self.network.kill(node.name)
        await self.clock.advance(10)
        await self.finish(node.shutdown(timeout=0.1))

    async def isolate(self, node: Node) -> None:
        """Cut a node off from all others, and wait until both sides have noticed."""
        for other in self.nodes:
            if other is not node:
                self.network.cut(node.name, other.name)
        await self.clock.advance(10)

    async def finish(self, awaitable: Any, limit: float = 60.0) -> Any:
        """Turn the clock until it is done; return its result."""
        task = asyncio.ensure_future(awaitable)
        for _ in range(int(limit / 0.05)):
            if task.done():
                break
            await self.clock.advance(0.05)
        assert task.done(), f"not done within {limit} s"
        return await task
