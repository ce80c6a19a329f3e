"""What tests of the simulation share."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

from actors import Actor, Message, Node, on
from actors.testing import Simulation, SimulationError

T = TypeVar("T")

Scenario = Callable[[Simulation], Coroutine[Any, Any, T]]


class Echo(Message[int]):
    number: int


class Servant(Actor):
    """Answers what it is asked."""

    @on(Echo)
    def echo(self, message: Echo) -> int:
        return message.number


async def serve(node: Node) -> None:
    """Have a servant, whenever the node starts."""
    node.spawn(Servant, name="servant")


async def ask(sim: Simulation, source: str, target: str, timeout: float = 1.0) -> int:
    """Have one node ask the servant of another."""

    async def question(node: Node) -> int:
        servant = await node.resolve("servant", at=target, timeout=timeout)
        return int(await servant.ask(Echo(7), timeout=timeout))

    return await sim.run_on(source, question(sim.node(source)))


async def up(sim: Simulation, *names: str) -> None:
    """Start nodes that know each other, with a servant each."""
    for name in names:
        await sim.start(name, setup=serve)
    await sim.until(lambda: sim.converged, within=5.0)


def seen(sim: Simulation, name: str) -> dict[str, str]:
    """Return whom a node knows, and what it takes them for."""
    return {member.name: member.status for member in sim.node(name).members[1:]}


def run(scenario: Scenario[T], seed: int = 1, **arguments: Any) -> T:
    """Run a scenario."""
    return Simulation(seed, **arguments).run(scenario)


def failure(scenario: Scenario[Any], seed: int = 1, **arguments: Any) -> SimulationError:
    """Run a scenario that must fail, and return with what."""
    with pytest.raises(SimulationError) as caught:
        run(scenario, seed, **arguments)
    return caught.value
