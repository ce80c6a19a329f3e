"""Producers, consumers and a network that does its worst: whatever happens, all is handled.

The state machines are driven by hypothesis; what joins them is the little that `Outbox` and
`Stream` do besides.
"""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actors.reliable.consumer import Consumer
from actors.reliable.producer import Producer

WINDOW = 4


class Actor:
    """One incarnation of the consumer, with a stream for each producer id."""

    def __init__(self, hands: int) -> None:
        self.hands = hands
        self.alive = True
        self.streams: dict[int, Consumer[bool]] = {}
        self.handled: list[tuple[int, int, bool]] = []
        """Producer id, sequence, and whether it was marked as redelivered."""

    def stream(self, producer: int, first: int) -> Consumer[bool]:
        return self.streams.setdefault(producer, Consumer(first, self.hands))


class Delivery(RuleBasedStateMachine):
    """A producer with its journal, its consumers of the past and the present, and the network."""

    def __init__(self) -> None:
        super().__init__()
        self.network: list[tuple[Any, ...]] = []
        self.actors = [Actor(1)]
        self.hands: dict[tuple[Actor, int, int], tuple[bool, int]] = {}
        """What is in hand: the mark of the message, and for the how many-th time."""
        self.id = 0
        self.producer = Producer()
        self.disk = (0, 0)
        """What the journal knows: handled, written."""
        self.promised: set[tuple[int, int]] = set()
        self._attach()

    @property
    def target(self) -> Actor:
        return self.actors[-1]

    # --- as in `Outbox` -------------------------------------------------------------------------

    def _attach(self) -> None:
        self.producer.attach()
        self._say("attach", self.producer.first)
        self._push()

    def _push(self) -> None:
        for sequence in self.producer.due(WINDOW):
            self._send(sequence)

    def _send(self, sequence: int) -> None:
        doubtful = self.producer.is_doubtful(sequence)
        self._say("message", self.producer.first, sequence, doubtful)

    def _say(self, *words: Any) -> None:
        self.network.append((self.target, self.id, *words))

    def _confirmed(self, actor: Actor, handled: int, received: int, again: bool) -> None:
        newly = self.producer.confirm(handled)
        if again and actor is self.target:
            for sequence in self.producer.again(received):
                self._send(sequence)
        if newly:
            self._push()

    # --- as in `Stream` -------------------------------------------------------------------------

    def _arrive(self, actor: Actor, producer: int, kind: str, *words: Any) -> None:
        if kind == "confirmed":
            if producer == self.id:
                self._confirmed(actor, *words)
            return
        if not actor.alive:
            return
        if kind == "detach":
            if producer in actor.streams:
                actor.streams[producer].forget()
            return
        stream = actor.stream(producer, words[0])
        stream.skip_to(words[0])
        again = False
        if kind == "message":
            _, sequence, doubtful = words
            if stream.take(sequence, doubtful):
                again = stream.wants_again()
        elif kind == "inquiry":
            again = stream.lacks(words[1])
        self._hand_over(actor, producer, stream)
        self.network.append(
            (actor, producer, "confirmed", stream.confirmed, stream.received, again)
        )

    def _hand_over(self, actor: Actor, producer: int, stream: Consumer[bool]) -> None:
        while (following := stream.next()) is not None:
            sequence, held = following
            self.hands[actor, producer, sequence] = (held.item, held.attempts)

    def _handle(self, key: tuple[Actor, int, int], *, fails: bool) -> None:
        actor, producer, sequence = key
        mark, attempts = self.hands.pop(key)
        stream = actor.streams[producer]
        if fails:
            held = stream.failed(sequence)
            if held is not None:
                self.hands[key] = (held.item, held.attempts)
        else:
            actor.handled.append((producer, sequence, mark or attempts > 1))
            if stream.handled(sequence):
                words = (stream.confirmed, stream.received, False)
                self.network.append((actor, producer, "confirmed", *words))
        self._hand_over(actor, producer, stream)

    # --- what happens ---------------------------------------------------------------------------

    @precondition(lambda self: self.producer.pending < WINDOW)
    @rule(with_journal=st.booleans())
    def send(self, with_journal: bool) -> None:
        """A message is accepted: it is on disk, or its producer will not crash with a journal."""
        sequence = self.producer.accept()
        self.disk = (self.producer.confirmed if with_journal else self.disk[0], sequence)
        self.promised.add((self.id, sequence))
        self.producer.release(sequence)
        self._push()

    @precondition(lambda self: self.network)
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        """Any record may be the next to arrive."""
        self._arrive(*self.network.pop(data.draw(st.integers(0, len(self.network) - 1))))

    @precondition(lambda self: self.network)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        """Any may be lost."""
        del self.network[data.draw(st.integers(0, len(self.network) - 1))]

    @precondition(lambda self: self.network)
    @rule(data=st.data())
    def double(self, data: st.DataObject) -> None:
        """Any may come twice."""
        self._arrive(*self.network[data.draw(st.integers(0, len(self.network) - 1))])

    @precondition(lambda self: self.hands)
    @rule(data=st.data(), fails=st.booleans())
    def handle(self, data: st.DataObject, fails: bool) -> None:
        """A handler comes to its end, well or badly."""
        keys = sorted(self.hands, key=lambda key: (self.actors.index(key[0]), *key[1:]))
        self._handle(data.draw(st.sampled_from(keys)), fails=fails)

    @rule()
    def silence(self) -> None:
        """The producer's timer fires."""
        if self.producer.is_waiting:
            self._say("inquiry", self.producer.first, self.producer.last)

    @rule(what=st.sampled_from(("another", "old", "journal", "nothing")), data=st.data())
    def upheaval(self, what: str, data: st.DataObject) -> None:
        """The consumer or the producer is another one. One rule: each of these sends all again."""
        if what == "another":
            self._another_consumer(data.draw(st.integers(1, 3)), alive=data.draw(st.booleans()))
        elif what == "old" and len(self.actors) > 1:
            self._an_old_consumer_again(data.draw(st.integers(0, len(self.actors) - 2)))
        elif what == "journal":
            self.producer = Producer(*self.disk)
            self._attach()
        elif what == "nothing":
            self._crash_without_a_journal()

    def _another_consumer(self, hands: int, *, alive: bool) -> None:
        """The old one lives on, or does not."""
        self._say("detach")
        old = self.target
        if not alive:
            old.alive = False
            self.hands = {key: value for key, value in self.hands.items() if key[0] is not old}
        self.actors.append(Actor(hands))
        self._attach()

    def _an_old_consumer_again(self, index: int) -> None:
        """Where it still lives."""
        if self.actors[index].alive:
            self._say("detach")
            self.actors.append(self.actors.pop(index))
            self._attach()

    def _crash_without_a_journal(self) -> None:
        """The producer begins anew with nothing, under another id; what is lost is lost."""
        handled = {(p, s) for actor in self.actors for p, s, _ in actor.handled}
        self.promised = {each for each in self.promised if each[0] != self.id or each in handled}
        self.id += 1
        self.producer, self.disk = Producer(), (0, 0)
        self._attach()

    # --- what always holds ----------------------------------------------------------------------

    @invariant()
    def what_is_confirmed_was_handled(self) -> None:
        """By somebody."""
        handled = {s for actor in self.actors for p, s, _ in actor.handled if p == self.id}
        assert set(range(1, self.producer.confirmed + 1)) <= handled

    @invariant()
    def an_incarnation_handles_each_once(self) -> None:
        """Duplicates are dropped, and with one hand nobody is overtaken."""
        for actor in self.actors:
            ids = [(producer, sequence) for producer, sequence, _ in actor.handled]
            assert len(ids) == len(set(ids))
            if actor.hands == 1:
                for producer in {producer for producer, _ in ids}:
                    own = [sequence for each, sequence in ids if each == producer]
                    assert own == sorted(own)

    @invariant()
    def the_window_holds(self) -> None:
        """No more is on its way than the consumer agreed to."""
        assert self.producer.last - self.producer.confirmed <= WINDOW

    def teardown(self) -> None:
        """When the network has calmed down, all that was promised is handled."""
        for _ in range(200):
            while self.network:
                self._arrive(*self.network.pop(0))
            for key in list(self.hands):
                if key in self.hands:
                    self._handle(key, fails=False)
            self.silence()
            if not self.producer.pending:
                break
        assert not self.producer.pending
        handled = {(p, s) for actor in self.actors for p, s, _ in actor.handled}
        assert self.promised <= handled
        self._check_marks()

    def _check_marks(self) -> None:
        """Of a message that two incarnations handled the later one knew that it might be so."""
        marks: dict[tuple[int, int], list[bool]] = {}
        for actor in self.actors:
            for producer, sequence, mark in actor.handled:
                marks.setdefault((producer, sequence), []).append(mark)
        for each in marks.values():
            assert each.count(False) <= 1


TestDelivery = Delivery.TestCase
TestDelivery.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
