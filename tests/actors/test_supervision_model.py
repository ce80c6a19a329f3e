"""A tree of supervisors is driven at random beside a small model of what OTP would do.

The tree is a root supervisor with two workers and, between them, a supervisor with two workers of
its own. The model is plain recursion over lists; the tree is the real thing on a virtual clock.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from actors import ActorRef, Backoff, Child, Node, OneForAll, OneForOne, RestForOne, Supervisor, on
from actors.testing import VirtualClock
from tests.actors.kit import Do, Fail, Journal, Note, Notes, Puppet

WINDOW = 1000.0
"""Restarts count within so many seconds."""
PAUSE = 20.0
"""After each step: longer than the back-off and the window of the node above the root."""


class Tree(Supervisor):
    """A supervisor of the children it is given."""

    def __init__(self, journal: Journal, label: str, specs: list[Child]) -> None:
        self.specs = specs
        journal.add(("init", label))

    def child_specs(self) -> list[Child]:
        return self.specs

    @on(Do)
    def do(self, message: Do) -> Any:
        return message.action(self)

    @on(Fail)
    def fail(self, message: Fail) -> None:
        raise message.error


# --- the model


class Leaf:
    """A worker: how often it was built, and which life of its ref this is."""

    def __init__(self, label: str, kind: str) -> None:
        self.label = label
        self.kind = kind
        self.builds = 0
        self.life = 0
        self.parent: Branch | None = None

    def begin(self) -> None:
        self.life += 1
        self.build()

    def build(self) -> None:
        self.builds += 1

    def all(self) -> list[Leaf]:
        return [self]


class Branch(Leaf):
    """A supervisor: its children, in start order, and the times of its restarts."""

    def __init__(self, label: str, kind: str, way: str, limit: int, specs: list[Leaf]) -> None:
        super().__init__(label, kind)
        self.way = way
        self.limit = limit
        self.specs = specs
        self.alive: list[Leaf] = []
        self.times: list[float] = []
        for spec in specs:
            spec.parent = self

    def build(self) -> None:
        super().build()
        self.times = []
        self.alive = list(self.specs)
        for child in self.alive:
            child.begin()

    def all(self) -> list[Leaf]:
        return [self, *[leaf for spec in self.specs for leaf in spec.all()]]

    def lost(self, child: Leaf, failed: bool, now: float) -> None:
        """A child failed, or ended by itself."""
        comes_back = {"permanent": True, "transient": failed, "temporary": False}[child.kind]
        if not comes_back:
            self.alive.remove(child)
            return
        self.times = [time for time in self.times if time > now - WINDOW] + [now]
        if len(self.times) > self.limit:
            self.escalate(now)
        else:
            self.restart(child)

    def restart(self, child: Leaf) -> None:
        start = self.alive.index(child)
        group = {
            "one": [child],
            "all": list(self.alive),
            "rest": self.alive[start:],
        }[self.way]
        for member in group:
            if member.kind == "temporary":
                self.alive.remove(member)
            else:
                member.build()

    def escalate(self, now: float) -> None:
        if self.parent is None:
            self.build()
        else:
            self.parent.lost(self, True, now)


def is_alive(leaf: Leaf) -> bool:
    parent = leaf.parent
    return parent is None or (leaf in parent.alive and is_alive(parent))


# --- the machine

KINDS = st.sampled_from(["permanent", "transient", "temporary"])
WAYS = st.sampled_from(["one", "all", "rest"])
LIMITS = st.integers(0, 4)
STRATEGIES = {"one": OneForOne, "all": OneForAll, "rest": RestForOne}


class TreeMachine(RuleBasedStateMachine):
    """Drives tree and model together."""

    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=type(self).loop_factory)
        self.journal = Journal()
        self.model: Branch | None = None
        self.refs: dict[str, tuple[int, ActorRef[Any]]] = {}

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(coroutine)

    @initialize(
        kinds=st.tuples(*[KINDS] * 5), ways=st.tuples(WAYS, WAYS), limits=st.tuples(LIMITS, LIMITS)
    )
    def grow(self, kinds: Any, ways: Any, limits: Any) -> None:
        twigs: list[Leaf] = [Leaf("c", kinds[3]), Leaf("d", kinds[4])]
        sub = Branch("sub", kinds[1], ways[1], limits[1], twigs)
        leaves: list[Leaf] = [Leaf("a", kinds[0]), sub, Leaf("b", kinds[2])]
        self.model = Branch("root", "transient", ways[0], limits[0], leaves)
        self.run(self.start())
        self.model.begin()

    async def start(self) -> None:
        self.clock = VirtualClock()
        self.node = Node("n", clock=self.clock)
        await self.node.__aenter__()
        assert self.model is not None
        self.root = self.node.spawn(self.recipe(self.model), name="root")
        await self.clock.advance(PAUSE)

    def recipe(self, leaf: Leaf) -> Any:
        if not isinstance(leaf, Branch):
            return Puppet.props(self.journal, leaf.label)
        strategy = STRATEGIES[leaf.way](
            max_restarts=leaf.limit, within=WINDOW, backoff=Backoff(0, 0)
        )
        specs = [Child(self.recipe(s), name=s.label, restart=s.kind) for s in leaf.specs]  # type: ignore[arg-type]
        kind = type("SomeTree", (Tree,), {"supervision": strategy})
        return kind.props(self.journal, leaf.label, specs)

    async def find(self, label: str) -> ActorRef[Any]:
        paths = {"root": "root", "sub": "root/sub", "c": "root/sub/c", "d": "root/sub/d"}
        return await self.node.resolve(paths.get(label, f"root/{label}"))

    def living(self) -> list[Leaf]:
        assert self.model is not None
        return [leaf for leaf in self.model.all() if is_alive(leaf)]

    async def tell(self, label: str, message: object) -> None:
        (await self.find(label)).tell(message)
        await self.clock.advance(PAUSE)

    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        """A living actor of the tree fails."""
        leaf = data.draw(st.sampled_from(self.living()).map(lambda leaf: leaf.label))
        now = self.clock.now()
        self.run(self.tell(leaf, Fail(ValueError("model"))))
        [chosen] = [each for each in self.living() if each.label == leaf]
        if chosen.parent is None:
            chosen.build()
        else:
            chosen.parent.lost(chosen, True, now)

    @precondition(lambda self: any(not isinstance(leaf, Branch) for leaf in self.living()))
    @rule(data=st.data())
    def stop_itself(self, data: st.DataObject) -> None:
        """A living worker stops itself."""
        label = data.draw(st.sampled_from(self.workers()))
        now = self.clock.now()
        self.run(self.tell(label, Do(lambda actor: actor.stop())))
        [chosen] = [each for each in self.living() if each.label == label]
        assert chosen.parent is not None
        chosen.parent.lost(chosen, False, now)

    @precondition(lambda self: any(not isinstance(leaf, Branch) for leaf in self.living()))
    @rule(data=st.data())
    def be_stopped(self, data: st.DataObject) -> None:
        """Somebody stops a living worker."""
        label = data.draw(st.sampled_from(self.workers()))

        async def stop() -> None:
            await (await self.find(label)).stop()

        self.run(stop())
        [chosen] = [each for each in self.living() if each.label == label]
        assert chosen.parent is not None
        chosen.parent.alive.remove(chosen)

    @rule()
    def wait(self) -> None:
        """The restarts so far are forgotten."""

        async def wait() -> None:
            await self.clock.advance(2 * WINDOW)

        self.run(wait())

    def workers(self) -> list[str]:
        return [leaf.label for leaf in self.living() if not isinstance(leaf, Branch)]

    @invariant()
    def the_tree_is_as_the_model_says(self) -> None:
        """The same actors live, were built as often, and have new refs only in new lives."""
        if self.model is None:
            return
        built = Counter(entry[1] for entry in self.journal.entries if entry[0] == "init")
        assert built == {leaf.label: leaf.builds for leaf in self.model.all()}
        self.run(self.compare())

    async def compare(self) -> None:
        assert self.model is not None
        for leaf in self.living():
            ref = await self.find(leaf.label)
            if isinstance(leaf, Branch):
                children = await ref.ask(Do(lambda actor: actor.children))
                assert list(children) == [await self.find(child.label) for child in leaf.alive]
            else:
                assert await ref.ask(Note("x")) >= 1
                assert set(await ref.ask(Notes())) == {"x"}
            life, before = self.refs.get(leaf.label, (0, ref))
            assert (life == leaf.life) == (ref == before) or life == 0
            self.refs[leaf.label] = leaf.life, ref

    def teardown(self) -> None:
        async def end() -> None:
            await self.node.__aexit__(None, None, None)

        if self.model is not None:
            self.run(end())
        self.runner.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_tree_behaves_as_the_model_says(loop: str) -> None:
    """Failures, ends, stops and pauses at random: the tree always is what the model expects."""
    uvloop = pytest.importorskip("uvloop") if loop == "uvloop" else None
    factory = staticmethod(uvloop.new_event_loop) if uvloop is not None else None
    machine = type("Machine", (TreeMachine,), {"loop_factory": factory})
    run_state_machine_as_test(machine, settings=settings(stateful_step_count=15))
