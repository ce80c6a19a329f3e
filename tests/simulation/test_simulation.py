"""A simulation as a whole: the same seed is the same run, and what goes wrong is said."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from actors import Actor, ActorFailed, Message, Node, on
from actors.testing import Invariant, InvariantError, Simulation
from tests.simulation import workload
from tests.simulation.kit import failure, run, serve, up

SEED = 3


def test_the_same_seed_gives_the_same_trace() -> None:
    """Line by line, with all faults and all that nodes make of them."""
    traces = [workload.play(SEED)[0].trace for _ in range(2)]
    assert len(traces[0]) > 100
    assert traces[0] == traces[1]


def test_another_seed_gives_another_trace() -> None:
    """Otherwise one seed would do."""
    assert workload.check(SEED) != workload.check(SEED + 1)


def test_the_trace_does_not_depend_on_how_python_hashes_strings() -> None:
    """Nor on addresses, which differ from process to process: the digests are equal."""
    script = f"from tests.simulation.workload import check; print(check({SEED}), check({SEED + 4}))"
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert digests == {f"{workload.check(SEED)} {workload.check(SEED + 4)}\n"}


def test_the_digest_is_of_all_lines() -> None:
    """One more line is another digest."""

    async def scenario(sim: Simulation) -> None:
        before = sim.digest
        sim.note("something else", "a")
        assert sim.trace == ["0.000000 a something else"]
        assert sim.digest != before

    run(scenario)


def test_it_returns_what_the_scenario_returns() -> None:
    """The result of a run is a value like any other."""

    async def scenario(sim: Simulation) -> float:
        await sim.sleep(5.0)
        return sim.now

    assert run(scenario) == 5.0


def test_module_random_is_seeded_and_left_as_it_was() -> None:
    """Users' actors draw from it; the test run around does so, too."""

    async def scenario(sim: Simulation) -> float:
        return random.random()

    random.seed(0)
    expected = random.random()
    random.seed(0)
    assert run(scenario, 1) == run(scenario, 1) != run(scenario, 2)
    assert random.random() == expected


def test_the_id_of_a_producer_comes_from_the_seed() -> None:
    """As all does that a node leaves to chance."""

    async def scenario(sim: Simulation) -> str:
        await up(sim, "a")
        node = sim.node("a")
        return node.reliable(await node.resolve("servant")).producer

    assert run(scenario, 1) == run(scenario, 1) != run(scenario, 2)


def test_a_failure_names_seed_time_and_trace() -> None:
    """All that one needs to look at it again; the cause is what was raised."""

    async def scenario(sim: Simulation) -> None:
        await up(sim, "a", "b")
        sim.crash("b")
        await sim.sleep(1.0)
        raise KeyError("the scenario's own")

    error = failure(scenario, seed=42)
    assert error.seed == 42
    assert error.now > 1.0
    assert isinstance(error.__cause__, KeyError)
    assert "seed 42 failed at 1." in str(error)
    assert any("crash b" in line for line in error.trace)


class TooManyDown(Invariant):
    """Holds until somebody is down."""

    def after_step(self, sim: Simulation, nodes: Sequence[Node]) -> None:
        if any("crash c" in line for line in sim.trace):
            raise InvariantError("c is down", "a")


def test_the_trace_of_a_violation_is_of_the_hosts_concerned() -> None:
    """And of what concerns all; how much was left out is said."""

    async def scenario(sim: Simulation) -> None:
        sim.check(TooManyDown())
        await up(sim, "a", "b", "c")
        sim.crash("c")
        await sim.sleep(1.0)

    error = failure(scenario)
    assert "c is down" in str(error)
    assert "lines left out" in error.trace[0]
    assert any(line.endswith("* crash c") for line in error.trace)
    for line in error.trace[1:]:
        where = line.split()[1]
        assert where == "*" or "a" in where.split(">")


def test_an_invariant_is_looked_at_at_once() -> None:
    """The step that breaks it is the last: what follows would only hide it."""
    steps = []

    class Broken(Invariant):
        def after_step(self, sim: Simulation, nodes: Sequence[Node]) -> None:
            steps.append(sim.now)
            assert sim.now < 5.0, "it is too late"

    async def scenario(sim: Simulation) -> None:
        sim.check(Broken())
        for _ in range(10):
            await sim.sleep(1.0)

    assert "it is too late" in str(failure(scenario))
    assert steps == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_an_invariant_hears_of_nodes_and_of_the_end() -> None:
    """Those that run already are shown to it as well."""
    seen: list[Any] = []

    class Listening(Invariant):
        def started(self, sim: Simulation, node: Node) -> None:
            seen.append(node.name)

        def at_end(self, sim: Simulation) -> None:
            seen.append("end")

    async def scenario(sim: Simulation) -> None:
        await sim.start("a")
        sim.check(Listening())
        await sim.start("b")
        sim.crash("b")
        await sim.restart("b")

    run(scenario)
    assert seen == ["a", "b", "b", "end"]


def test_only_nodes_that_took_part_are_looked_at() -> None:
    """Whoever did nothing is as it was."""
    nodes_of_steps: list[list[str]] = []

    class Listening(Invariant):
        def after_step(self, sim: Simulation, nodes: Sequence[Node]) -> None:
            nodes_of_steps.append([node.name for node in nodes])

    async def scenario(sim: Simulation) -> None:
        await up(sim, "a", "b")
        sim.check(Listening())
        await sim.run_on("b", asyncio.sleep(0))

    run(scenario)
    assert nodes_of_steps == [["b"]]


def test_an_error_that_nobody_catches_ends_it() -> None:
    """Even where it reached only the event loop."""

    async def scenario(sim: Simulation) -> None:
        asyncio.get_running_loop().call_later(1.0, lambda: 1 // 0)
        await sim.sleep(10.0)

    error = failure(scenario)
    assert error.now == 1.0
    assert isinstance(error.__cause__, ZeroDivisionError)


class Fail(Message[None]):
    pass


class Failing(Actor):
    @on(Fail)
    def fail(self, message: Fail) -> None:
        raise ValueError("it is meant")


def test_an_actor_that_fails_is_its_supervisors_business() -> None:
    """That is no error of the simulation, but a line of its trace."""

    async def scenario(sim: Simulation) -> list[str]:
        async def setup(node: Node) -> None:
            node.spawn(Failing, name="failing").tell(Fail())

        failed: list[ActorFailed] = []
        node = await sim.start("a", setup=setup)
        node.events.subscribe(failed.append, ActorFailed)
        await sim.sleep(1.0)
        return sim.trace

    assert any(line.endswith("a ActorFailed failing: ValueError") for line in run(scenario))


def test_a_deadlock_is_said() -> None:
    """A scenario that waits for nothing does not hang the test."""

    async def scenario(sim: Simulation) -> None:
        await asyncio.Event().wait()

    assert "deadlock" in str(failure(scenario))


def test_a_scenario_has_a_limit() -> None:
    """It ends, whatever its nodes do for ever."""

    async def scenario(sim: Simulation) -> None:
        while True:
            await sim.sleep(1.0)

    assert "not over after 10 virtual s" in str(failure(scenario, limit=10.0))


def test_until_waits_for_a_condition_and_no_longer() -> None:
    """It is looked at after every step, and raises TimeoutError in the end."""

    async def scenario(sim: Simulation) -> None:
        done: list[float] = []
        asyncio.get_running_loop().call_later(2.0, done.append, 2.0)
        await sim.until(lambda: done, within=5.0)
        assert sim.now == 2.0
        with pytest.raises(TimeoutError, match=r"within 3\.0 virtual s"):
            await sim.until(lambda: False, within=3.0)
        assert sim.now == 5.0

    run(scenario)


def test_a_condition_that_raises_ends_it() -> None:
    """It is the scenario's own."""

    async def scenario(sim: Simulation) -> None:
        asyncio.get_running_loop().call_later(1.0, lambda: None)
        await sim.until(lambda: sim.now < 1.0 and 1 // 0, within=5.0)

    assert isinstance(failure(scenario).__cause__, ZeroDivisionError)


def test_it_runs_once_and_in_no_other_loop() -> None:
    """What is left of a run is its trace."""

    async def scenario(sim: Simulation) -> None:
        await sim.start("a", setup=serve)

    sim = Simulation(1)
    sim.run(scenario)
    with pytest.raises(RuntimeError, match="runs once"):
        sim.run(scenario)

    async def within() -> None:
        with pytest.raises(RuntimeError, match="plain function"):
            Simulation(1).run(scenario)

    asyncio.run(within())


def test_what_would_block_runs_at_once() -> None:
    """`run_blocking` and `run_cpu` use no thread and no process."""

    class Working(Actor):
        @on(Fail)
        async def work(self, message: Fail) -> Any:
            return [
                await self.run_blocking(int, "1"),
                await self.run_cpu(int, "2"),
                os.getpid() == await self.run_cpu(os.getpid),
            ]

    async def scenario(sim: Simulation) -> Any:
        node = await sim.start("a")
        working = node.spawn(Working, name="working")
        return await sim.run_on("a", working.ask(Fail()))

    assert run(scenario) == [1, 2, True]


def test_what_fails_there_fails_as_it_would_in_a_pool() -> None:
    """A StopIteration, which no future can carry, as a RuntimeError."""

    class Working(Actor):
        @on(Fail)
        async def work(self, message: Fail) -> None:
            with pytest.raises(ZeroDivisionError):
                await self.run_cpu(divmod, 1, 0)
            with pytest.raises(RuntimeError, match="StopIteration"):
                await self.run_blocking(next, iter(()))

    async def scenario(sim: Simulation) -> None:
        node = await sim.start("a")
        await sim.run_on("a", node.spawn(Working, name="working").ask(Fail()))

    run(scenario)
