"""`--workers N`: a parent that runs N nodes in processes of their own and replaces what crashes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from actors.cli.config import Settings, to_arguments
from actors.cli.exits import Exit
from actors.cli.options import APP, CONFIG, OPTIONS
from actors.cli.ports import check_range, dialable, held, shifted
from actors.cli.stopping import GRACE, StopSignals
from transport.endpoint import Endpoint, parse_endpoint

log = logging.getLogger("actors.cli")

_VERDICTS = frozenset(Exit) - {Exit.DRAINED}
"""Exit codes by which a worker says that trying again is in vain; any other end is a crash."""


def run_workers(settings: Settings, signals: StopSignals) -> int:
    """Run the workers until told to stop, or until all have ended; return the exit code."""
    count = settings.workers or 1
    with held(settings.bind, count) as first:
        workers = plan(settings, first, count)
        return asyncio.run(Parent(workers, signals).run())


def plan(settings: Settings, first: Sequence[Endpoint], count: int) -> list[Settings]:
    """Return the settings of each worker, joined to all others; `first` is where NAME-1 listens."""
    advertise = None if settings.advertise is None else parse_endpoint(settings.advertise)
    if advertise is not None and advertise.scheme == "tcp":
        check_range(advertise, count)
    doors = [str(dialable(shifted(first[0], index))) for index in range(count)]
    return [
        replace(
            settings,
            name=f"{settings.name}-{index + 1}",
            bind=tuple(str(shifted(endpoint, index)) for endpoint in first),
            advertise=None if advertise is None else str(shifted(advertise, index)),
            seed=(*settings.seed, *doors[:index], *doors[index + 1 :]),
            workers=None,
        )
        for index in range(count)
    ]


def command_of(worker: Settings, descriptor: int) -> list[str]:
    """Return the command line of one worker; `descriptor` joins it to its parent."""
    import actors

    # Where Python looks first must not hide the framework from the worker, nor hide ours behind a
    # `transport.py` that lies in the current directory.
    origin = Path(actors.__path__[0]).parent
    isolation = [] if origin == Path.cwd() else ["-P"]
    link = f"--parent-fd={descriptor}"
    return [sys.executable, *isolation, "-m", "actors.cli", link, *to_arguments(worker)]


def environment() -> dict[str, str]:
    """Return the environment of the workers: ours without the settings, which are in the flags."""
    ours = {option.variable for option in (APP, CONFIG, *OPTIONS)}
    return {key: value for key, value in os.environ.items() if key not in ours}


@dataclass(slots=True)
class Patience:
    """How long to wait before a crashed worker is started again: doubling, up to a maximum.

    A life of `quiet` seconds or more makes it start small again.
    """

    initial: float = 0.1
    maximum: float = 10.0
    quiet: float = 10.0
    _next: float = 0.0

    def after(self, lived: float) -> float:
        """Return the delay that follows a life of so many seconds."""
        if lived >= self.quiet or not self._next:
            self._next = self.initial
        delay = self._next
        self._next = min(self.maximum, delay * 2)
        return delay


class Parent:
    """Starts each worker, starts it again when it crashes, and ends with all of them."""

    def __init__(self, workers: Sequence[Settings], signals: StopSignals) -> None:
        self._workers = workers
        self._signals = signals
        self._running: set[Process] = set()
        self._stopping = asyncio.Event()
        self._fatal: int | None = None

    async def run(self) -> int:
        """Run until all workers have ended; return the exit code of the whole."""
        loop = asyncio.get_running_loop()
        self._signals.attach(
            lambda: loop.call_soon_threadsafe(self._stop),
            lambda: self._signal(signal.SIGKILL),
        )
        self._signals.hangup.attach(lambda: loop.call_soon_threadsafe(self._reload))
        codes = await asyncio.gather(*(self._keep(worker) for worker in self._workers))
        self._signals.detach()
        if self._fatal is not None:
            return self._fatal
        return Exit.FAILED if any(codes) else Exit.DRAINED

    async def _keep(self, worker: Settings) -> int:
        """Keep one worker running; return the code of its last process, 0 where it drained."""
        loop = asyncio.get_running_loop()
        patience = Patience()
        was_ready = False
        while not self._stopping.is_set():
            born = loop.time()
            code, ready = await self._live(worker)
            was_ready = was_ready or ready
            if code == 0:
                return code
            if self._stopping.is_set():
                # Told to stop before it had started what could be drained: nothing was lost.
                return 0 if code == -signal.SIGTERM and not ready else code
            if not was_ready and code in _VERDICTS:
                self._give_up(worker, code)
                return code
            delay = patience.after(loop.time() - born)
            log.error("%s ended (%s); starting it again in %.1f s", worker.name, said(code), delay)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)
        return 0

    async def _live(self, worker: Settings) -> tuple[int, bool]:
        """Run one process to its end; return its code, and whether it was ready in between."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                process = await _start(worker, theirs.fileno())
            self._running.add(process)
            if self._stopping.is_set():
                process.terminate()
            try:
                code = await process.wait()
            finally:
                self._running.discard(process)
            ours.setblocking(False)
            try:
                return code, bool(ours.recv(1))
            except OSError:
                return code, False

    def _give_up(self, worker: Settings, code: int) -> None:
        log.critical("%s cannot start (%s); ending all workers", worker.name, said(code))
        if self._fatal is None:
            self._fatal = code
        self._stop()

    def _stop(self) -> None:
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._signal(signal.SIGTERM)
        patience = self._workers[0].drain_timeout + 2 * GRACE
        asyncio.get_running_loop().call_later(patience, self._signal, signal.SIGKILL)

    def _reload(self) -> None:
        log.info("SIGHUP: passed on to %d workers", len(self._running))
        self._signal(signal.SIGHUP)

    def _signal(self, number: signal.Signals) -> None:
        for process in tuple(self._running):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)


async def _start(worker: Settings, descriptor: int) -> Process:
    # A worker inherits what is blocked: a SIGHUP that comes before it can take one waits for it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        return await asyncio.create_subprocess_exec(
            *command_of(worker, descriptor),
            pass_fds=[descriptor],
            env=environment(),
            stdin=DEVNULL,
            # Out of the terminal's group: Ctrl-C reaches the parent alone, which passes it on
            # once. With a second one the workers would not drain.
            process_group=0,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})


def said(code: int) -> str:
    """Return in words what a process's exit code says."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
