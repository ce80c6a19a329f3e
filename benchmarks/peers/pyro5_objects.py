"""Pyro5: calls of an object in another process, which serves each proxy in a thread of its own.

`python -m benchmarks.peers.pyro5_objects` is that process: it prints the object's address.
"""
# pyright: reportMissingImports=false

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

import Pyro5.api
import Pyro5.server

from benchmarks.actors_under_test import TEXT
from benchmarks.baselines.sockets import latencies
from benchmarks.harness import Open, Run
from benchmarks.peers.calls import Counter
from benchmarks.processes import python_process
from benchmarks.remote import ARRAY, MEBIBYTE, OUTSTANDING

Pyro5.config.SERIALIZER = "msgpack"
Pyro5.config.THREADPOOL_SIZE = 200


class Shared(Counter):
    """A counter for many threads."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def tell(self, message: tuple[int, str]) -> None:
        """Count one."""
        with self.lock:
            super().tell(message)


def serve() -> None:
    """Be the second process."""
    Pyro5.server.expose(Counter)
    Pyro5.server.expose(Shared)
    Pyro5.server.oneway(Shared.tell)
    with Pyro5.server.Daemon(host="127.0.0.1") as daemon:
        print(daemon.register(Shared()), flush=True)
        daemon.requestLoop()


def at_once(uri: str, count: int, outstanding: int, call: Callable[[Any, int], object]) -> float:
    """Call about so often from so many threads, each with its proxy; return calls per second."""
    each = max(count // outstanding, 1)
    begin = 0.0

    def begin_now() -> None:
        nonlocal begin
        begin = time.perf_counter()

    connected = threading.Barrier(outstanding, begin_now)

    def caller() -> None:
        with Pyro5.api.Proxy(uri) as proxy:
            proxy.count()
            connected.wait()
            for number in range(each):
                call(proxy, number)

    threads = [threading.Thread(target=caller) for _ in range(outstanding)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return each * outstanding / (time.perf_counter() - begin)


@contextlib.asynccontextmanager
async def w3(scale: float) -> AsyncGenerator[Run, None]:
    """One-way calls: the server starts a thread for each, so they may overtake each other."""
    count = max(int(10_000 * scale), 1)
    async with python_process("-m", __name__) as (uri,):
        with Pyro5.api.Proxy(uri) as proxy:

            async def run() -> Mapping[str, float]:
                wanted = proxy.count() + count
                begin = time.perf_counter()
                for number in range(count):
                    proxy.tell((number, TEXT))
                while proxy.count() < wanted:
                    pass
                return {"rate": count / (time.perf_counter() - begin)}

            yield run


@contextlib.asynccontextmanager
async def w4(scale: float) -> AsyncGenerator[Run, None]:
    """Calls one by one; then from a hundred threads, as a call blocks its own."""
    count = int(20_000 * scale)
    async with python_process("-m", __name__) as (uri,):
        with Pyro5.api.Proxy(uri) as proxy:

            async def ask_one(number: int) -> Any:
                return proxy.ask((number, TEXT))

            async def run() -> Mapping[str, float]:
                alone = await latencies(ask_one, max(int(3_000 * scale), 1))
                rate = at_once(uri, count, 100, lambda each, number: each.ask((number, TEXT)))
                return {**alone, "rate": rate}

            yield run


def blobs(payload: bytes, messages: int) -> Open:
    """Large payloads from a few threads."""

    @contextlib.asynccontextmanager
    async def open_(scale: float) -> AsyncGenerator[Run, None]:
        count = int(messages * scale)
        async with python_process("-m", __name__) as (uri,):

            async def run() -> Mapping[str, float]:
                rate = at_once(uri, count, OUTSTANDING, lambda proxy, _: proxy.size(payload))
                return {"rate": rate * len(payload) / 2**20}

            yield run

    return open_


w5a = blobs(MEBIBYTE, 512)
w5b = blobs(ARRAY.tobytes(), 64)  # msgpack, its serializer here, has no arrays


if __name__ == "__main__":
    serve()
