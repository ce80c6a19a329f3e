"""The machines of a simulation: nodes that start, leave, crash and come back."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, TypedDict, TypeVar, Unpack

from actors.cluster.detection import Detection
from actors.cluster.partition import PartitionPolicy
from actors.node import Node
from actors.testing.carrier import Carrier
from actors.testing.errors import HostCrashedError
from actors.testing.host import Host
from actors.testing.hostclock import HostClock
from actors.testing.inline import Inline
from actors.testing.invariants import Invariant
from actors.testing.loop import VirtualLoop
from actors.testing.trace import Trace, describe
from transport import TransportOptions

__all__ = ["Machines"]

T = TypeVar("T")

Setup = Callable[[Node], Coroutine[Any, Any, object]]
"""What a node does once it has started."""

PORT = 7000
"""Where every simulated node listens, at its name: a restarted one is at the same address."""


class NodeArguments(TypedDict, total=False):
    """What else a simulated node may be given: see `Node`."""

    serialize_local: bool
    detection: Detection
    partition: PartitionPolicy | None
    version: str
    capacity: float


@dataclass(slots=True)
class Machine:
    """One that has been started at least once."""

    name: str
    host: Host
    arguments: dict[str, Any]
    setup: Setup | None
    node: Node | None = None
    rate: float = 1.0
    offset: float = 0.0
    waiters: dict[asyncio.Future[Any], None] = field(default_factory=dict)
    """Those who wait for what it does."""


class Machines:
    """Starts nodes and ends them, each on a host of its own."""

    def __init__(
        self,
        seed: int,
        options: TransportOptions | None,
        latency: tuple[float, float],
    ) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        """The one source of chance; the scenario draws its own choices from it too."""
        self._options = options or TransportOptions()
        # Its base is no ABC when it runs: most of what a loop may do needs the world outside.
        self._loop = VirtualLoop()  # type: ignore[abstract]
        self._trace = Trace()
        chance = random.Random(self.random.getrandbits(64))
        self._carrier = Carrier(self._loop, self._trace, chance, latency)
        self._machines: dict[str, Machine] = {}
        self._invariants: list[Invariant] = []
        self._changed_at = 0.0

    @property
    def now(self) -> float:
        """Virtual seconds since the start."""
        return self._loop.now

    @property
    def nodes(self) -> dict[str, Node]:
        """The nodes that run, by name: started, and neither crashed nor leaving."""
        running = {name: machine.node for name, machine in self._machines.items()}
        return {name: node for name, node in running.items() if node and node._ending is None}

    def _nodes_on(self, hosts: Sequence[Host]) -> list[Node]:
        found = (self._machines[host.name] for host in hosts if host.alive)
        return [m.node for m in found if m.node is not None and m.node._ending is None]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all nodes that were ever started, in that order."""
        return tuple(self._machines)

    def node(self, name: str) -> Node:
        """Return the node of that name. Raises ValueError where none runs."""
        node = self.nodes.get(name)
        if node is None:
            raise ValueError(f"no node {name!r} runs; those that do: {', '.join(self.nodes)}")
        return node

    def address(self, name: str) -> str:
        """Return the endpoint at which the node of that name is, or will be."""
        return f"tcp://{name}:{PORT}"

    async def start(
        self,
        name: str,
        roles: Sequence[str] = (),
        seeds: Sequence[str] | None = None,
        setup: Setup | None = None,
        **more: Unpack[NodeArguments],
    ) -> Node:
        """Start a node and return it; it runs from then on.

        `seeds` are endpoints (see `address`); by default those of all that were ever started.
        `setup(node)` is awaited on its host, now and at every restart, as by `actors-node`.
        `more` is what `Node` takes besides: `partition`, `detection`, `capacity`, `version`,
        `serialize_local`. Raises ValueError where one of that name runs, HostCrashedError where
        it crashes meanwhile, and what entering a `Node` and `setup` raise.
        """
        old = self._machines.get(name)
        if old is not None and old.host.alive:
            raise ValueError(f"a node {name!r} runs already; crash it or stop it first")
        arguments: dict[str, Any] = {"roles": roles, "seeds": seeds, **more}
        machine = Machine(name, Host(name), arguments, setup)
        if old is not None:
            machine.rate, machine.offset = old.rate, old.offset
        node = self._make(machine)
        self._machines[name] = machine
        return await self._boot(machine, node)

    async def restart(self, name: str) -> Node:
        """Start a node again as it was started before, after a `crash` or a `stop`."""
        machine = self._known(name)
        return await self.start(name, setup=machine.setup, **machine.arguments)

    async def _boot(self, machine: Machine, node: Node) -> Node:
        self._note_change(f"start {machine.name}")
        self._loop.skew(machine.host, machine.rate, machine.offset)
        node.events.subscribe(lambda e: self._trace.add(self.now, (node.name,), describe(e)))
        for invariant in self._invariants:
            invariant.started(self, node)  # type: ignore[arg-type]
        try:
            await self._within(machine, _enter(node, machine.setup))
        except BaseException:
            self._bury(machine)
            raise
        machine.node = node
        self._note_change(f"started {machine.name}")
        return node

    def _make(self, machine: Machine) -> Node:
        name, host, arguments = machine.name, machine.host, dict(machine.arguments)
        if arguments["seeds"] is None:
            arguments["seeds"] = [self.address(other) for other in self._machines if other != name]
        return Node(
            name,
            bind=self.address(name),
            transport=self._carrier.transport(host, self._options),
            clock=HostClock(self._loop, host),
            rng=random.Random(self.random.getrandbits(64)),
            options=self._options,
            context=host.context,
            offload=Inline(),
            **arguments,
        )

    async def run_on(self, name: str, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the host of a node, as a program there would, and return its result.

        It stalls, and ends, with that host. Raises HostCrashedError, and what the coroutine raises.
        """
        try:
            machine = self._running(name)
        except ValueError:
            coroutine.close()
            raise
        return await self._within(machine, coroutine)

    async def _within(self, machine: Machine, coroutine: Coroutine[Any, Any, T]) -> T:
        done: asyncio.Future[T] = self._loop.create_future()
        task = self._loop.create_task(coroutine, context=machine.host.context.copy())
        # In a context of its own: who waits may be on no host, or on another.
        task.add_done_callback(lambda task: _hand_over(task, done), context=Context())
        machine.waiters[done] = None
        try:
            return await done
        except asyncio.CancelledError:
            task.cancel()
            raise
        finally:
            machine.waiters.pop(done, None)

    async def stop(self, name: str, timeout: float | None = 10.0) -> bool:
        """Let a node leave in order; return whether all its actors ended within `timeout` s."""
        machine = self._running(name)
        assert machine.node is not None
        self._note_change(f"stop {name}")
        try:
            return await self._within(machine, machine.node.shutdown(timeout))
        finally:
            self._bury(machine)
            self._note_change(f"stopped {name}")

    def crash(self, name: str) -> None:
        """End a node as SIGKILL would; nothing of it runs any more, not even a `finally`.

        The others find its connections broken, for its operating system survives; for the loss of
        a whole machine, of which nobody hears, `freeze` it. Raises ValueError where none runs.
        """
        machine = self._alive(name)
        self._bury(machine)
        self._note_change(f"crash {name}")
        for waiter in tuple(machine.waiters):
            if not waiter.done():
                waiter.set_exception(HostCrashedError(name))

    def _bury(self, machine: Machine) -> None:
        machine.node = None
        if machine.host.alive:
            self._loop.bury(machine.host)
            self._carrier.run(self._carrier.network.kill, machine.name)

    # --- what can be known of them --------------------------------------------------------------

    @property
    def changed_at(self) -> float:
        """When a fault last began or ended, or a node started or ended."""
        return self._changed_at

    @property
    def converged(self) -> bool:
        """Whether all nodes that run know each other to be up, and know of nobody else."""
        return self.agree(self.nodes)

    def agree(self, names: Iterable[str]) -> bool:
        """Whether these nodes know each other to be up, and know of nobody else.

        Raises ValueError where one of them does not run.
        """
        nodes = [self.node(name) for name in names]
        lives = {(node.name, node.members[0].incarnation, "up") for node in nodes}
        return all({(m.name, m.incarnation, m.status) for m in n.members} == lives for n in nodes)

    def note(self, what: str, *hosts: str) -> None:
        """Add a line to the trace, about these hosts or about all."""
        self._trace.add(self.now, hosts, what)

    def _note_change(self, what: str) -> None:
        self._changed_at = self.now
        self.note(what)

    def _known(self, name: str) -> Machine:
        machine = self._machines.get(name)
        if machine is None:
            raise ValueError(f"no node {name!r} was ever started")
        return machine

    def _alive(self, name: str) -> Machine:
        machine = self._known(name)
        if not machine.host.alive:
            raise ValueError(f"{name!r} does not run: it has crashed or was stopped")
        return machine

    def _running(self, name: str) -> Machine:
        machine = self._alive(name)
        if machine.node is None:
            raise ValueError(f"{name!r} is just starting")
        return machine


async def _enter(node: Node, setup: Setup | None) -> None:
    await node.start()
    if setup is not None:
        await setup(node)


def _hand_over(task: asyncio.Task[T], done: asyncio.Future[T]) -> None:
    if task.cancelled():
        done.cancel()
        return
    error = task.exception()
    if done.done():
        return
    if error is None:
        done.set_result(task.result())
    else:
        done.set_exception(error)
