"""Workloads between two processes, on bare pyzmq and msgpack over `loop.add_reader`.

`python -m benchmarks.baselines.sockets` is the receiving process: it prints its endpoint.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, cast

import msgpack  # type: ignore[import-untyped]
import numpy as np
import uvloop
import zmq

from benchmarks.actors_under_test import TEXT
from benchmarks.harness import Run
from benchmarks.processes import python_process

pack: Callable[[Any], bytes] = cast("Any", msgpack.packb)
unpack: Callable[..., Any] = msgpack.unpackb

READING, TOTAL, ASKS, BLOB = 0, 1, 2, 3
"""What a frame is: readings, a question for how many there were, asks, or a large payload."""

TARGET, KIND = "counter#1", "Reading"
"""A message is of a kind, and for somebody: as little as an address needs."""

Frames = Sequence[Any]


class Socket:
    """A socket that the event loop reads from, frame by frame until there is nothing left."""

    def __init__(self, kind: int, on_frames: Callable[[Frames], None]) -> None:
        self.socket: zmq.Socket[Any] = zmq.Context.instance().socket(kind)
        self.socket.set_hwm(0)
        self.socket.setsockopt(zmq.LINGER, 0)
        self._on_frames = on_frames
        self._loop = asyncio.get_running_loop()

    def start(self) -> None:
        """Begin to read."""
        self._loop.add_reader(self.socket.fileno(), self._drain)
        self._loop.call_soon(self._drain)

    def send(self, frames: Frames, *, copy: bool = True) -> None:
        """Send, and look for what came meanwhile: the descriptor tells only of changes."""
        self.socket.send_multipart(frames, copy=copy)
        if cast("int", self.socket.get(zmq.EVENTS)) & zmq.POLLIN:
            self._loop.call_soon(self._drain)

    def _drain(self) -> None:
        with contextlib.suppress(zmq.Again):
            while True:
                self._on_frames(self.socket.recv_multipart(zmq.DONTWAIT, copy=False))

    def close(self) -> None:
        """Stop reading, and close."""
        self._loop.remove_reader(self.socket.fileno())
        self.socket.close()


class Receiver:
    """The second process: decodes what comes and hands each message to a coroutine."""

    def __init__(self) -> None:
        self.count = 0
        self.expected = -1
        self.asker: Any = None
        self.queue: deque[Any] = deque()
        self.work: asyncio.Task[None] | None = None
        self.router = Socket(zmq.ROUTER, self.received)

    def received(self, frames: Frames) -> None:
        """Take one message from the wire apart."""
        sender, kind = frames[0], frames[1].bytes[0]
        if kind == ASKS:
            answers = [(number, len(text)) for number, text in unpack(frames[2].buffer)]
            self.router.send([sender.bytes, bytes([ASKS]), pack(answers)])
        elif kind == TOTAL:
            self.expected, self.asker = unpack(frames[2].buffer), sender.bytes
            self.answer_total()
        elif kind == BLOB:
            np.frombuffer(frames[2].buffer, dtype=np.uint8)
            self.count += 1
            self.answer_total()
        else:
            self.queue.append(frames[2])
            if self.work is None:
                self.work = asyncio.ensure_future(self.handle_all())

    async def handle_all(self) -> None:
        """Decode frame by frame, and hand on message by message."""
        while self.queue:
            unpacker = msgpack.Unpacker(use_list=False)
            unpacker.feed(self.queue.popleft().buffer)
            for _target, _correlation, _sender, message in unpacker:
                await self.handle(message)
            await asyncio.sleep(0)
        self.work = None
        self.answer_total()

    async def handle(self, message: tuple[str, int, str]) -> None:
        """What an application would do."""
        self.count += 1 if message[2] else 0

    def answer_total(self) -> None:
        """Answer the question for the total as soon as it is reached."""
        if self.asker is not None and self.count >= self.expected:
            self.router.send([self.asker, bytes([TOTAL]), pack(self.count)])
            self.asker = None


async def receive() -> None:
    """Be the second process."""
    receiver = Receiver()
    port = receiver.router.socket.bind_to_random_port("tcp://127.0.0.1")
    print(f"tcp://127.0.0.1:{port}", flush=True)
    receiver.router.start()
    await asyncio.Event().wait()


class Sender:
    """The first process's end."""

    def __init__(self, endpoint: str) -> None:
        self.total: asyncio.Future[int] | None = None
        self.waiting: dict[int, asyncio.Future[int]] = {}
        self.batch: list[tuple[int, str]] = []
        self.told = 0
        self.dealer = Socket(zmq.DEALER, self.received)
        self.dealer.socket.connect(endpoint)
        self.dealer.start()

    def received(self, frames: Frames) -> None:
        """Wake who waits."""
        if frames[0].bytes[0] == TOTAL:
            assert self.total is not None
            self.total.set_result(unpack(frames[1].buffer))
        else:
            for number, length in unpack(frames[1].buffer):
                self.waiting.pop(number).set_result(length)

    async def all_handled(self) -> None:
        """Wait until the other side has handled everything."""
        self.total = asyncio.get_running_loop().create_future()
        self.dealer.send([bytes([TOTAL]), pack(self.told)])
        await self.total

    async def ask(self, number: int) -> int:
        """Ask one thing; what is asked in one turn of the loop leaves as one frame."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[int] = loop.create_future()
        self.waiting[number] = future
        if not self.batch:
            loop.call_soon(self._flush)
        self.batch.append((number, TEXT))
        return await future

    def _flush(self) -> None:
        batch, self.batch = self.batch, []
        self.dealer.send([bytes([ASKS]), pack(batch)])


@contextlib.asynccontextmanager
async def _sender() -> AsyncGenerator[Sender, None]:
    async with python_process("-m", "benchmarks.baselines.sockets") as (endpoint,):
        sender = Sender(endpoint)
        yield sender
        sender.dealer.close()


def tell(per_frame: int, messages: int) -> Callable[[float], AbstractAsyncContextManager[Run]]:
    """Tell, with so many messages a frame."""

    @contextlib.asynccontextmanager
    async def open_(scale: float) -> AsyncGenerator[Run, None]:
        count = max(int(messages * scale) // per_frame, 1) * per_frame
        async with _sender() as sender:

            async def run() -> Mapping[str, float]:
                begin = time.perf_counter()
                for start in range(0, count, per_frame):
                    batch = [
                        pack((TARGET, number, None, (KIND, number, TEXT)))
                        for number in range(start, start + per_frame)
                    ]
                    sender.dealer.send([bytes([READING]), b"".join(batch)])
                sender.told += count
                await sender.all_handled()
                return {"rate": count / (time.perf_counter() - begin)}

            yield run

    return open_


@contextlib.asynccontextmanager
async def ask(scale: float) -> AsyncGenerator[Run, None]:
    """An echo: DEALER to ROUTER, one frame per turn of the loop."""
    async with _sender() as sender:

        async def run() -> Mapping[str, float]:
            return await ask_figures(sender.ask, scale)

        yield run


async def ask_figures(ask_one: Any, scale: float) -> Mapping[str, float]:
    """Sequential latency, and the rate at 100 outstanding; each ask has another number."""
    alone = await latencies(ask_one, max(int(3_000 * scale), 1))
    each = max(int(1_000 * scale), 1)

    async def asker(first: int) -> None:
        for number in range(first, first + each):
            await ask_one(number)

    begin = time.perf_counter()
    await asyncio.gather(*(asker(index * each) for index in range(100)))
    return {**alone, "rate": 100 * each / (time.perf_counter() - begin)}


async def latencies(ask_one: Any, count: int) -> Mapping[str, float]:
    """Ask so often, one by one; return median and 99th percentile in microseconds."""
    found = []
    for number in range(count):
        begin = time.perf_counter()
        await ask_one(number)
        found.append(time.perf_counter() - begin)
    found.sort()
    return {"p50": found[count // 2] * 1e6, "p99": found[count * 99 // 100] * 1e6}


def blobs(payload: Any, messages: int) -> Callable[[float], AbstractAsyncContextManager[Run]]:
    """Large payloads, `copy=False`, a few unacknowledged at a time."""

    @contextlib.asynccontextmanager
    async def open_(scale: float) -> AsyncGenerator[Run, None]:
        count = max(int(messages * scale), 8)
        buffer = memoryview(payload).cast("B")
        async with _sender() as sender:

            async def run() -> Mapping[str, float]:
                begin = time.perf_counter()
                for number in range(count):
                    sender.dealer.send([bytes([BLOB]), buffer], copy=False)
                    sender.told += 1
                    if number % 8 == 7:
                        await sender.all_handled()
                await sender.all_handled()
                seconds = time.perf_counter() - begin
                return {"rate": count * len(buffer) / 2**20 / seconds}

            yield run

    return open_


if __name__ == "__main__":
    uvloop.run(receive())
