"""The messages of one producer at one actor: handed over in order, again where that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from actors.errors import UnhandledMessageError
from actors.events import Undecodable
from actors.letter import Answer, Letter
from actors.reliable.consumer import Consumer
from actors.reliable.handover import Handover
from actors.reliable.words import Confirmed, Local, SequencedMessage
from serialization import ActorsError, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.cell import Cell
    from actors.peer import Peer
    from actors.reason import Reason
    from actors.ref import ActorRef

RETRY_FIRST, RETRY_MOST = 0.1, 10.0
"""Seconds before a message that failed twice is handed over again, doubled each time up to so many.

The first time it follows at once: most failures are cured by the restart.
"""


class Arrival(NamedTuple):
    """A message as it came."""

    word: SequencedMessage | Local
    sender: ActorRef[Any] | None


class Stream:
    """Keeps what came until the actor has handled it; `soon` is called when there is news."""

    __slots__ = ("_again", "_attached", "_cell", "_consumer", "_ended", "_soon", "peer", "producer")

    def __init__(
        self, cell: Cell, producer: str, first: int, soon: Callable[[Stream], None]
    ) -> None:
        self.producer = producer
        self.peer: Peer | None = None
        """The node of the producer, when it was last heard; None for this one."""
        self._cell = cell
        self._consumer: Consumer[Arrival] = Consumer(first, cell.props.actor_class.concurrency)
        self._soon = soon
        self._attached: Answer | None = None
        """Who waits for the end of the actor."""
        self._again = False
        self._ended = False

    @property
    def ref(self) -> ActorRef[Any]:
        """The ref of the actor."""
        return self._cell.ref

    @property
    def is_orphan(self) -> bool:
        """Whether nothing is to be done, and the producer's node is gone."""
        return self._consumer.is_idle and self.peer is not None and self.peer.gone

    # --- what the producer says -----------------------------------------------------------------

    def attach(self, first: int, answer: Answer | None) -> None:
        """The producer begins, or comes back; `answer` hears of the actor's end."""
        self._attached = answer
        self._skip_to(first)
        self._soon(self)

    def take(self, arrival: Arrival) -> None:
        """A message has come."""
        word, consumer = arrival.word, self._consumer
        if word.first > consumer.confirmed + 1:
            self._skip_to(word.first)
        if not consumer.take(word.sequence, arrival):
            self._soon(self)  # the producer seems not to know
        elif consumer.wants_again():
            self._ask_again()
        else:
            self._go_on()

    def inquire(self, first: int, last: int) -> None:
        """The producer wonders."""
        self._skip_to(first)
        if self._consumer.lacks(last):
            self._again = True
        self._soon(self)

    def refuse(self, error: BaseException) -> None:
        """The producer may not send this: it hears why, and sends no more."""
        answer, self._attached = self._attached, None
        if answer is not None:
            answer.fail(error)

    def detach(self, *, forget: bool) -> None:
        """Hand nothing more over; with `forget`, try nothing again either."""
        self._attached = None
        self._consumer.forget()
        self._ended = self._ended or forget

    # --- what becomes of a message --------------------------------------------------------------

    def handled(self, sequence: int) -> None:
        """The actor has handled it, or refused it."""
        self._settle(sequence)
        self._go_on()

    def failed(self, sequence: int, error: BaseException) -> None:
        """The actor was not able to handle it: it gets it once more, after its restart."""
        if isinstance(error, Refusal) or self._is_unhandled(error):
            self.handled(sequence)
            return
        held = None if self._ended else self._consumer.failed(sequence)
        if held is not None:
            clock, attempts = self._cell.node.clock, held.attempts
            clock.call_later(_pause(attempts), self._retry, sequence, held.item, attempts)

    def end(self, reason: Reason, detail: str) -> None:
        """The actor has ended."""
        self._ended = True
        answer, self._attached = self._attached, None
        if answer is not None:
            answer.send([str(reason), detail])

    def report(self) -> Confirmed:
        """Return what the producer is to know."""
        again, self._again = self._again, False
        consumer = self._consumer
        return Confirmed(self.producer, consumer.confirmed, consumer.received, again)

    def _skip_to(self, first: int) -> None:
        """What came and had to wait for something before it may be the next by that."""
        self._consumer.skip_to(first)
        self._go_on()

    def _ask_again(self) -> None:
        self._again = True
        self._soon(self)

    def _is_unhandled(self, error: BaseException) -> bool:
        """Whether this actor has no handler for it: another attempt would end the same way."""
        return (
            isinstance(error, UnhandledMessageError) and error.recipient == self._cell.ref.address
        )

    def _settle(self, sequence: int) -> None:
        if self._consumer.handled(sequence):
            self._soon(self)

    def _retry(self, sequence: int, arrival: Arrival, attempts: int) -> None:
        self._hand_over(sequence, arrival, attempts)
        self._go_on()

    def _go_on(self) -> None:
        """Hand over what comes next, as long as a hand is free."""
        while not self._ended and (following := self._consumer.next()) is not None:
            sequence, held = following
            self._hand_over(sequence, held.item, held.attempts)

    def _hand_over(self, sequence: int, arrival: Arrival, attempts: int) -> None:
        """Put it into the mailbox, or among those that wait for room there."""
        cell, (word, sender) = self._cell, arrival
        letter = Letter(None, sender, Handover(self, sequence, word.redelivered or attempts > 1))
        if self._ended or cell._is_shut_to(letter):
            return  # the actor's end, which is near, says the rest
        try:
            letter.message = word.content(cell.node.codec)
            cell.offer(letter)
        except ActorsError as error:
            self._bury(sequence, arrival, error)

    def _bury(self, sequence: int, arrival: Arrival, error: ActorsError) -> None:
        """It cannot be decoded, and never will be: a dead letter here, as any other message."""
        cell, (word, sender) = self._cell, arrival
        tag, body = (word.tag, word.body) if isinstance(word, SequencedMessage) else (None, b"")
        cell.ledger.told += 1
        undecodable = Letter(Undecodable(tag, body, str(error)), sender)
        cell.node.bury(undecodable, cell.ref, "undecodable", error)
        self._settle(sequence)


def _pause(attempts: int) -> float:
    """Seconds before a message is handed over for that many-th time."""
    doublings = min(attempts - 3, 10)  # beyond that it is the most anyway
    return 0.0 if doublings < 0 else min(RETRY_FIRST * 2**doublings, RETRY_MOST)
