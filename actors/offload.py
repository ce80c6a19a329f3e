"""Work that must not run on the event loop: a thread pool and a process pool per node."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class Offload:
    """The two pools, made when first used."""

    __slots__ = ("_processes", "_threads")

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None
        self._processes: Executor | None = None

    async def in_thread(self, function: Callable[..., T], *args: Any) -> T:
        """Return what `function(*args)` returns, called in a thread."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(thread_name_prefix="actors")
        return await self._run(self._threads, function, *args)

    async def in_process(self, function: Callable[..., T], *args: Any) -> T:
        """Return what `function(*args)` returns, called in another process.

        A worker process that died is replaced; its call raises BrokenProcessPool.
        """
        if self._processes is None:
            self._processes = _process_pool()
        pool = self._processes
        try:
            return await self._run(pool, function, *args)
        except BrokenExecutor:
            if self._processes is pool:
                self._processes = None
            raise

    async def _run(self, pool: Executor, function: Callable[..., T], *args: Any) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(pool, guarded, function, *args)

    def close(self) -> None:
        """Take no more work; what runs in a thread cannot be ended and is not waited for."""
        for pool in (self._threads, self._processes):
            if pool is not None:
                pool.shutdown(wait=False, cancel_futures=True)
        self._threads = self._processes = None


def guarded(function: Callable[..., T], *args: Any) -> T:
    """Call it; a future cannot carry a StopIteration, and who awaits it would wait for ever."""
    try:
        return function(*args)
    except StopIteration as error:
        raise RuntimeError(f"{function!r} raised StopIteration") from error


def _process_pool() -> Executor:
    # Imported here: few nodes compute in processes, and all would pay for the import.
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # ZeroMQ sockets do not survive a fork: the workers start from a fresh interpreter.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(os.cpu_count(), mp_context=context)
