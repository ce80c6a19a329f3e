"""Chaos: faults by chance, which end, and leave the cluster whole."""

from __future__ import annotations

import asyncio
import random

import pytest

from actors.testing import FAULTS, Fault, Simulation, chaos
from tests.simulation.kit import run, up

SOME = {"crash": "crash", "stall": "stall", "freeze": "freeze", "cut": "cut", "skew": "clock"}


@pytest.mark.parametrize("seed", range(5))
def test_when_it_returns_all_is_calm_and_everybody_runs(seed: int) -> None:
    """Nothing is cut or frozen, and who crashed is back; so the cluster comes together."""

    async def scenario(sim: Simulation) -> None:
        await up(sim, "a", "b", "c")
        began = sim.now
        await chaos(sim, 20.0)
        assert sim.now - began >= 20.0
        assert sim.calm_since is not None
        assert sorted(sim.nodes) == ["a", "b", "c"]
        await sim.until(lambda: sim.converged, within=30.0)

    run(scenario, seed)


def test_in_the_long_run_all_faults_happen() -> None:
    """Each leaves its line in the trace."""

    async def scenario(sim: Simulation) -> list[str]:
        await up(sim, "a", "b", "c")
        await chaos(sim, 120.0)
        return sim.trace

    lines = run(scenario)
    for kind in SOME.values():
        assert any(f"* {kind} " in line for line in lines), kind


def test_only_the_faults_that_are_asked_for_happen() -> None:
    """Users have faults of their own."""
    happened: list[float] = []

    async def fault(sim: Simulation, rng: random.Random) -> None:
        happened.append(sim.now)
        await sim.sleep(rng.uniform(0.0, 1.0))

    async def scenario(sim: Simulation) -> None:
        await up(sim, "a")
        before = len(sim.trace)
        await chaos(sim, 20.0, faults=[fault])
        assert len(sim.trace) == before

    run(scenario)
    assert len(happened) > 5


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_ends_by_itself(fault: Fault) -> None:
    """Also on a cluster of one, which has nobody to be parted from."""

    async def scenario(sim: Simulation) -> None:
        await up(sim, "a")
        for number in range(10):
            await fault(sim, random.Random(number))
        await sim.until(lambda: sim.calm_since is not None, within=60.0)
        assert list(sim.nodes) == ["a"]

    run(scenario)


def test_a_fault_that_fails_ends_the_chaos() -> None:
    """A mistake in a fault is not taken for a fault."""

    async def fault(sim: Simulation, rng: random.Random) -> None:
        await asyncio.sleep(0)
        raise KeyError("a mistake")

    async def scenario(sim: Simulation) -> None:
        await up(sim, "a")
        with pytest.raises(ExceptionGroup):
            await chaos(sim, 20.0, faults=[fault])

    run(scenario)
