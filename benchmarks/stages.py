"""`python -m benchmarks.stages`: where the time of a message goes, stage by stage, in nanoseconds.

Each stage is timed by itself, many times, and the least counts: that is what it costs when nothing
else wants the processor. Beside it stands the floor: what the same takes with nothing around it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, NamedTuple

import msgspec
import uvloop
from rich.console import Console
from rich.table import Table

from actors import Actor, Node, on
from benchmarks import report
from benchmarks.actors_under_test import TEXT, Counter, Expect, Reading
from serialization import Codec, pack, pack_repeat, unpack_all

COUNT = 1_000
"""Times that a stage is run in one measurement."""
ROUNDS = 200
READING = Reading(1, TEXT)


class Stage(NamedTuple):
    """One stage: its path, its name, what it takes, and what nothing but its core would take."""

    path: str
    name: str
    nanoseconds: float
    floor: float | None = None


def least(work: Callable[[], Any]) -> float:
    """Return the nanoseconds of one call, the least of many rounds, without the loop around it."""

    def rounds(work: Callable[[], Any]) -> Iterator[float]:
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            for _ in range(COUNT):
                work()
            yield time.perf_counter() - begin

    return (min(rounds(work)) - min(rounds(_nothing))) / COUNT * 1e9


def _nothing() -> None:
    """An empty call."""


class Patient(Actor):
    """Has a handler that might wait, so that it needs a task."""

    @on(Reading)
    async def handle(self, message: Reading) -> int:
        return 1

    @on(Expect)
    async def expect(self, message: Expect) -> int:
        """Answer behind all that was told before."""
        return 1


async def here() -> AsyncIterator[Stage]:
    """A tell and an ask on one node."""
    async with Node("bench") as node:
        ref, patient = node.spawn(Counter), node.spawn(Patient)
        await ref.ask(READING)
        counter: Any = ref._target
        yield Stage("tell", "make the message", least(lambda: Reading(1, TEXT)))
        into, out = await _through_the_mailbox(ref)
        queue: deque[Any] = deque()
        yield Stage("tell", "into the mailbox", into, least(lambda: queue.append(READING)))
        handler = least(lambda: counter.actor.count_one(READING))
        awaited = await _each(_coroutine)
        yield Stage("tell", "out of it, and handled by a `def`", out, least(queue.pop) + handler)
        _, out = await _through_the_mailbox(patient)
        yield Stage("tell", "out of it, and handled by an `async def`", out, awaited)
        asked = await _each(lambda: ref.ask(READING))
        yield Stage("ask", "of an idle actor, a `def`", asked, awaited + handler)
        asked = await _each(lambda: patient.ask(READING))
        yield Stage("ask", "of an idle actor, an `async def`", asked, await _each(_task))


async def _through_the_mailbox(ref: Any) -> tuple[float, float]:
    told, handled = [], []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for _ in range(COUNT):
            ref.tell(READING)
        middle = time.perf_counter()
        await ref.ask(Expect(0))
        told.append(middle - begin)
        handled.append(time.perf_counter() - middle)
    return min(told) / COUNT * 1e9, min(handled) / COUNT * 1e9


async def _each(make: Callable[[], Any]) -> float:
    spent = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for _ in range(COUNT // 10):
            await make()
        spent.append(time.perf_counter() - begin)
    return min(spent) / (COUNT // 10) * 1e9


async def _coroutine() -> None:
    """The least that can be awaited."""


def _task() -> asyncio.Task[None]:
    """The least that takes a turn of the loop."""
    return asyncio.ensure_future(_coroutine())


def elsewhere() -> Iterator[Stage]:
    """What a message to another node adds, but for the sockets."""
    codec = Codec()
    tag, body, _ = codec.encode(READING)
    there, back = "to another node", "from another node"
    encode = msgspec.msgpack.Encoder().encode
    floor = least(lambda: encode(READING))
    yield Stage(there, "encode the body", least(lambda: codec.encode(READING)), floor)
    envelope = (1, "bench/counter#1f", None, 0, tag, body, 0)
    yield Stage(there, "pack an envelope", least(lambda: pack(*envelope)))
    yield Stage(there, "or a repeat", least(lambda: pack_repeat(0, body)))
    whole, repeats = pack(*envelope) * COUNT, pack(*envelope) + pack_repeat(0, body) * (COUNT - 1)
    taken = least_of_batch(lambda: unpack_all(whole, count=COUNT))
    yield Stage(back, "take an envelope out of its batch", taken)
    taken = least_of_batch(lambda: unpack_all(repeats, count=COUNT))
    yield Stage(back, "or a repeat", taken)
    again, decode = codec.fast_decoder(tag), msgspec.msgpack.Decoder(Reading).decode
    assert again is not None
    floor = least(lambda: decode(body))
    yield Stage(back, "decode the body", least(lambda: again(body)), floor)


def least_of_batch(work: Callable[[], Any]) -> float:
    """Return the nanoseconds for one of the COUNT messages that a call handles."""
    spent = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        work()
        spent.append(time.perf_counter() - begin)
    return min(spent) / COUNT * 1e9


async def stages() -> list[Stage]:
    """Measure all of them."""
    return [*[stage async for stage in here()], *elsewhere()]


def main() -> None:
    """Measure and print."""
    found = uvloop.run(stages())
    console = Console()
    console.print(report.sentence(report.conditions(ROUNDS, 1.0)))
    table = Table("path", "stage", title="nanoseconds, the least of many", title_justify="left")
    table.add_column("ns", justify="right")
    table.add_column("floor", justify="right")
    for stage in found:
        floor = "" if stage.floor is None else f"{stage.floor:,.0f}"
        table.add_row(stage.path, stage.name, f"{stage.nanoseconds:,.0f}", floor)
    console.print(table)


if __name__ == "__main__":
    main()
