"""Deterministic simulation of a cluster: one thread, virtual time, one source of chance.

Any number of nodes run in one process, on a network that can do all that a network does to people.
The same seed gives the same run, so that a failure that took ten thousand seeds to find can be
looked at as often as it takes. The idea is FoundationDB's (Will Wilson, Strange Loop 2014), and
TigerBeetle's VOPR after it.
"""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any, TypeVar

from actors.testing.errors import InvariantError, SimulationError
from actors.testing.faults import Faults
from actors.testing.host import Host
from actors.testing.invariants import Invariant, LedgerAddsUp
from actors.testing.loop import refuse_within_another
from transport import TransportOptions

__all__ = ["Simulation"]

T = TypeVar("T")

A_DAY = 86_400.0


class Simulation(Faults):
    """One run of a cluster, see `docs/simulation.md`.

        async def scenario(sim):
            a, b = await sim.start("a"), await sim.start("b")
            ...
            sim.partition({"a"}, {"b"})
            await sim.sleep(10)
            sim.heal()
            await sim.until(lambda: sim.converged, within=20)

        Simulation(seed=7).run(scenario)

    That the ledgers of all nodes add up is checked after every step; `check` adds more invariants.

    Args:
        seed: what all chance comes from, that of the nodes and of module `random` included.
        options: of the transports of all nodes.
        latency: the least and the most seconds that a frame takes.
        limit: virtual seconds after which the scenario has failed.
    """

    def __init__(
        self,
        seed: int,
        *,
        options: TransportOptions | None = None,
        latency: tuple[float, float] = (0.0005, 0.002),
        limit: float = A_DAY,
    ) -> None:
        super().__init__(seed, options, latency)
        self._loop.at_rest = self._at_rest
        self._loop.limit = limit
        self._used = False
        self._awaited: dict[asyncio.Future[None], Callable[[], object]] = {}
        self.check(LedgerAddsUp())

    # --- running --------------------------------------------------------------------------------

    def run(self, scenario: Callable[[Simulation], Coroutine[Any, Any, T]]) -> T:
        """Run `scenario(self)` to its end, and return its result; once.

        The nodes that still run end with it, as in a crash.

        Raises SimulationError, with the seed and the end of the trace, whatever goes wrong: an
        invariant, an error that nobody caught, a deadlock, or what the scenario raises (it is the
        `__cause__`). RuntimeError where it ran before, or within a running event loop.
        """
        if self._used:
            raise RuntimeError("a simulation runs once; make another with the same seed")
        refuse_within_another()
        self._used = True
        try:
            with _alone(self.random.getrandbits(64)):
                result: T = self._loop.run_until_complete(scenario(self))
                for invariant in self._invariants:
                    invariant.at_end(self)
        except (Exception, asyncio.CancelledError) as error:
            raise self._failure(error) from error
        finally:
            self._loop.close()
        return result

    def _failure(self, error: BaseException) -> SimulationError:
        hosts = error.hosts if isinstance(error, InvariantError) else ()
        reason = f"{type(error).__name__}: {error}"
        return SimulationError(self.seed, self.now, reason, self._trace.shortened(hosts))

    def _at_rest(self, hosts: list[Host]) -> None:
        """All that could happen at this moment has: look whether it should have."""
        if self._loop.unhandled:
            raise _error_of(self._loop.unhandled[0])
        nodes = self._nodes_on(hosts)
        for invariant in self._invariants:
            invariant.after_step(self, nodes)
        for future, condition in tuple(self._awaited.items()):
            if not future.done() and condition():
                future.set_result(None)

    # --- what a scenario waits for --------------------------------------------------------------

    async def sleep(self, seconds: float) -> None:
        """Let so much virtual time pass."""
        await asyncio.sleep(seconds)

    async def until(self, condition: Callable[[], object], within: float) -> None:
        """Wait until a condition holds; it is looked at after every step.

        Raises TimeoutError where that takes longer than `within` virtual seconds.
        """
        if condition():
            return
        holds: asyncio.Future[None] = self._loop.create_future()
        self._awaited[holds] = condition
        try:
            async with asyncio.timeout(within):
                await holds
        except TimeoutError:
            name = getattr(condition, "__qualname__", repr(condition))
            raise TimeoutError(f"{name} did not come true within {within} virtual s") from None
        finally:
            del self._awaited[holds]

    # --- what is looked at ----------------------------------------------------------------------

    def check(self, invariant: Invariant) -> None:
        """Have it hold from now on. Nodes that have started are shown to it at once."""
        self._invariants.append(invariant)
        for node in self.nodes.values():
            invariant.started(self, node)

    @property
    def trace(self) -> list[str]:
        """What has happened so far: virtual time, host (`*`: all; `a>b`: a frame), and what."""
        return self._trace.lines

    @property
    def digest(self) -> str:
        """The SHA-256 of the trace, in hex: the same for the same seed, code and place of the code.

        An exception that travels carries its traceback, and so the paths of the files.
        """
        return self._trace.digest


@contextmanager
def _alone(seed: int) -> Generator[None]:
    """Let nothing from outside take part: neither other chance, nor when garbage is collected."""
    state, collecting = random.getstate(), gc.isenabled()
    random.seed(seed)
    gc.disable()
    try:
        yield
    finally:
        random.setstate(state)
        if collecting:
            gc.enable()


def _error_of(context: dict[str, Any]) -> BaseException:
    """Return what reached the exception handler of the loop."""
    error = context.get("exception")
    if isinstance(error, Exception):
        error.add_note(f"nobody caught it: {context['message']}")
        return error
    return InvariantError(f"{context['message']}: {error!r}")
