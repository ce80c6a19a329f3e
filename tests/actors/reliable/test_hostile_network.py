"""The real outbox and the real streams, joined by a network that does its worst.

`test_schedules.py` does the same to the two state machines alone; here is all that decides
anything, with a clock that the test turns and cells that only keep their letters.
"""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actors.reliable import outbox as outbox_module
from actors.reliable.intake import _pass_on
from actors.reliable.outbox import Outbox
from actors.reliable.producer import Producer
from actors.reliable.stream import Stream
from actors.reliable.words import Attach, Confirmed, Detach, Entry, Inquiry, Local

WINDOW = 4


class Clock:
    """Timers that fire when the test says so."""

    def __init__(self) -> None:
        self.timers: dict[Any, Any] = {}

    def call_later(self, delay: float, callback: Any, *args: Any) -> Any:
        timer: Any = SimpleNamespace(cancel=lambda: self.timers.pop(id(timer), None))
        self.timers[id(timer)] = (timer, callback, args)
        return timer

    def fire(self) -> None:
        due, self.timers = self.timers, {}
        for _, callback, args in due.values():
            callback(*args)


class Cell:
    """One incarnation of the consumer: it keeps its letters until the test handles them."""

    def __init__(self, hands: int) -> None:
        self.hands = hands
        self.ref: Any = SimpleNamespace(address=f"cell-{id(self)}", node_name="there")
        self.props = SimpleNamespace(actor_class=SimpleNamespace(concurrency=hands))
        self.node = SimpleNamespace(clock=Clock(), codec=None)
        self.letters: list[Any] = []
        self.closed = False
        self.streams: dict[str, Stream] = {}
        self.handled: list[tuple[str, int, bool]] = []

    def _is_shut_to(self, letter: Any) -> bool:
        return self.closed

    def offer(self, letter: Any) -> None:
        assert len(self.letters) < self.hands
        self.letters.append(letter)


class Road:
    """A route that ends in the network."""

    def __init__(self, world: World, cell: Cell) -> None:
        self.world = world
        self.cell = cell
        self.ref = cell.ref

    def prepare(self, entry: Entry) -> None:
        pass

    def attach(self, word: Attach, answer: Any) -> None:
        if self.cell.closed:
            answer.send(["normal", ""])
        else:
            self.world.answers[self.cell] = answer
            self.world.network.append((self.cell, word))

    def send(self, producer: str, first: int, redelivered: bool, entry: Entry) -> None:
        word = Local(producer, entry.sequence, first, redelivered, entry)
        self.world.network.append((self.cell, word))

    def inquire(self, word: Inquiry) -> None:
        self.world.network.append((self.cell, word))

    def leave(self, word: Detach) -> None:
        self.world.network.append((self.cell, word))


class World(RuleBasedStateMachine):
    """One producer and its consumers, of the past and the present."""

    def __init__(self) -> None:
        super().__init__()
        self.network: list[tuple[Cell, Any]] = []
        self.answers: dict[Cell, Any] = {}
        self.cells = [Cell(1)]
        self.kept: dict[int, Entry] = {}
        self.accepted = 0
        self.confirmed_on_disk = 0
        self.route_to, outbox_module.route_to = outbox_module.route_to, self._road
        self._begin(Producer(), {})

    def _road(self, node: Any, ref: Any) -> Any:
        return Road(self, next(cell for cell in self.cells if cell.ref is ref))

    def _begin(self, machine: Producer, entries: dict[int, Entry]) -> None:
        self.clock = Clock()
        node: Any = SimpleNamespace(clock=self.clock, random=random.Random(0))
        target = self.cells[-1].ref
        self.outbox = Outbox(node, lambda: target, WINDOW, lambda: None)
        self.outbox.begin("p", machine, entries)

    def _arrive(self, cell: Cell, word: Any) -> None:
        if isinstance(word, Confirmed):
            self.outbox.confirmed(cell.ref, word)
        elif isinstance(word, Detach):
            if word.producer in cell.streams:
                cell.streams[word.producer].detach(forget=word.forget)
        elif not cell.closed:
            made: Any = cell
            if word.producer not in cell.streams:
                stream = Stream(
                    made,
                    word.producer,
                    word.first,
                    lambda stream: self.network.append((cell, stream.report())),
                )
                cell.streams[word.producer] = stream
            _pass_on(cell.streams[word.producer], word, None, None)

    # --- what happens ---------------------------------------------------------------------------

    @precondition(lambda self: self.outbox.has_room)
    @rule()
    def send(self) -> None:
        """A message is accepted, and on disk."""
        entry = Entry(object())
        self.outbox.accept(entry)
        self.kept[entry.sequence] = entry
        self.accepted = entry.sequence
        self.outbox.release(entry.sequence)

    @precondition(lambda self: self.network)
    @rule(data=st.data(), keep=st.booleans())
    def deliver(self, data: st.DataObject, keep: bool) -> None:
        """Any record may be the next to arrive, and may come once more."""
        index = data.draw(st.integers(0, len(self.network) - 1))
        self._arrive(*(self.network[index] if keep else self.network.pop(index)))

    @precondition(lambda self: self.network)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        """Any may be lost."""
        del self.network[data.draw(st.integers(0, len(self.network) - 1))]

    @rule(data=st.data(), fails=st.booleans())
    def handle(self, data: st.DataObject, fails: bool) -> None:
        """A handler comes to its end."""
        busy = [cell for cell in self.cells if cell.letters and not cell.closed]
        if busy:
            self._handle(busy[data.draw(st.integers(0, len(busy) - 1))], fails=fails)

    def _handle(self, cell: Cell, *, fails: bool) -> None:
        handover = cell.letters.pop(0).answer
        if fails:
            handover.fail(ValueError())
        else:
            id_ = handover.message_id
            cell.handled.append((id_.producer, id_.sequence, handover.redelivered))
            handover.send(None)

    @rule(whose=st.booleans())
    def time_passes(self, whose: bool) -> None:
        """Timers fire."""
        for clock in [self.clock] if whose else [cell.node.clock for cell in self.cells]:
            clock.fire()

    @rule(what=st.sampled_from(("end", "another", "crash", "disk", "")), hands=st.integers(1, 3))
    def upheaval(self, what: str, hands: int) -> None:
        """The consumer ends, or is another one; the producer crashes, or writes what it knows."""
        if what == "end":
            self._end(self.cells[-1])
        elif what == "another":
            self._redirect(hands)
        elif what == "disk":
            self.confirmed_on_disk = self.outbox.machine.confirmed
        elif what == "crash":
            first = self.confirmed_on_disk + 1
            entries = {each: self.kept[each] for each in range(first, self.accepted + 1)}
            self._begin(Producer(self.confirmed_on_disk, self.accepted), entries)

    def _end(self, cell: Cell) -> None:
        cell.closed = True
        answer = self.answers.pop(cell, None)
        if answer is not None:
            answer.send(["normal", ""])

    def _redirect(self, hands: int) -> None:
        self.cells.append(Cell(hands))
        ref = self.cells[-1].ref
        self.outbox.follow(lambda: ref)

    # --- what always holds ----------------------------------------------------------------------

    @invariant()
    def an_incarnation_handles_each_once_and_in_order(self) -> None:
        """With several hands, in some order."""
        for cell in self.cells:
            sequences = [sequence for _, sequence, _ in cell.handled]
            assert len(sequences) == len(set(sequences))
            assert cell.hands > 1 or sequences == sorted(sequences)

    @invariant()
    def what_is_confirmed_was_handled(self) -> None:
        """By somebody."""
        handled = {sequence for cell in self.cells for _, sequence, _ in cell.handled}
        assert set(range(1, self.outbox.machine.confirmed + 1)) <= handled

    def teardown(self) -> None:
        """When all has calmed down, all is handled, and whoever came second knew it."""
        try:
            self._calm_down()
        finally:
            outbox_module.route_to = self.route_to
        marks: dict[int, list[bool]] = {each: [] for each in range(1, self.accepted + 1)}
        for cell in self.cells:
            for _, sequence, mark in cell.handled:
                marks[sequence].append(mark)
        assert all(each and each.count(False) <= 1 for each in marks.values())

    def _calm_down(self) -> None:
        if self.cells[-1].closed:
            self._redirect(1)
        for _ in range(100):
            while self.network:
                self._arrive(*self.network.pop(0))
            for cell in self.cells:
                cell.node.clock.fire()
                while cell.letters and not cell.closed:
                    self._handle(cell, fails=False)
            if not self.outbox.machine.pending and not self.network:
                return
            self.clock.fire()
        raise AssertionError(f"{self.outbox.machine.pending} messages are never handled")


TestWorld = World.TestCase
TestWorld.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
