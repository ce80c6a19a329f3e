"""Where the words of producers arrive: the streams of all actors of one node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from actors.letter import Answer
from actors.reliable.stream import Arrival, Stream
from actors.reliable.words import Attach, Detach, Inquiry, Local, SequencedMessage, ToConsumer
from actors.router import Router

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.cell import Cell
    from actors.peer import Peer
    from actors.ref import ActorRef
    from actors.reliable.words import Confirmed
    from actors.runtime import Runtime

REMEMBERED = 1_000
"""How many producers of lost nodes an actor remembers, so as to know what they send again."""


class _Source(NamedTuple):
    """Whose messages a stream has: who knows a producer's id may not speak for it."""

    node: str | None
    """The name of the producer's node, over all its lives; None for this one."""
    producer: str


class Intake:
    """Finds the stream that a word is meant for; `report` takes what its producer is to know.

    A stream lives as long as its actor does, restarts included: that is how long duplicates are
    known.
    """

    __slots__ = ("_dirty", "_node", "_report", "_streams")

    def __init__(
        self, node: Runtime, report: Callable[[Peer | None, ActorRef[Any], Confirmed], None]
    ) -> None:
        self._node = node
        self._report = report
        self._streams: dict[str, dict[_Source, Stream]] = {}
        """By the key of the actor, and then by whose they are."""
        self._dirty: dict[Stream, None] = {}
        """Those that have news for their producers."""

    def receive(
        self,
        peer: Peer | None,
        key: str,
        word: ToConsumer,
        sender: ActorRef[Any] | None = None,
        answer: Answer | None = None,
    ) -> None:
        """Take a word of a producer on that node (None: this one) for the actor of that key."""
        cell = self._node.delivery.cells.get(key)
        if cell is None:
            self._absent(key, answer)
        elif issubclass(cell.props.actor_class, Router):
            _refuse(cell.ref, answer)
        elif isinstance(word, Detach):
            self._detach(peer, key, word)
        else:
            stream = self._stream(cell, key, _source(peer, word.producer), word.first)
            stream.peer = peer
            _pass_on(stream, word, sender, answer)

    def refuse(
        self, peer: Peer, key: str, error: BaseException, producer: str | None = None
    ) -> None:
        """A producer on that node, or each of them, may not send to the actor of that key."""
        for stream in tuple(self._streams.get(key, {}).values()):
            if stream.peer is peer and producer in {None, stream.producer}:
                stream.refuse(error)

    def _absent(self, key: str, answer: Answer | None) -> None:
        if answer is not None:
            reason, detail = self._node.delivery.fate(key)
            answer.send([str(reason), detail])

    def _detach(self, peer: Peer | None, key: str, word: Detach) -> None:
        streams, source = self._streams.get(key, {}), _source(peer, word.producer)
        stream = streams.get(source)
        if stream is not None:
            stream.detach(forget=word.forget)
            if word.forget:
                del streams[source]

    def _stream(self, cell: Cell, key: str, source: _Source, first: int) -> Stream:
        streams = self._streams.get(key)
        if streams is None:
            streams = self._streams[key] = {}
            cell.ended().add_done_callback(lambda _: self._ended(key, cell))
        stream = streams.get(source)
        if stream is None:
            if len(streams) >= REMEMBERED:
                _forget_an_orphan(streams)
            stream = streams[source] = Stream(cell, source.producer, first, self._note)
        return stream

    def _ended(self, key: str, cell: Cell) -> None:
        assert cell.fate is not None
        for stream in self._streams.pop(key, {}).values():
            stream.end(*cell.fate)

    def _note(self, stream: Stream) -> None:
        """What a stream has to say goes out once in a turn of the loop."""
        if not self._dirty:
            self._node.loop.call_soon(self._report_all)
        self._dirty[stream] = None

    def _report_all(self) -> None:
        dirty, self._dirty = self._dirty, {}
        for stream in dirty:
            self._report(stream.peer, stream.ref, stream.report())


def _pass_on(
    stream: Stream, word: ToConsumer, sender: ActorRef[Any] | None, answer: Answer | None
) -> None:
    if isinstance(word, SequencedMessage | Local):
        stream.take(Arrival(word, sender))
    elif isinstance(word, Attach):
        stream.attach(word.first, answer)
    elif isinstance(word, Inquiry):
        stream.inquire(word.first, word.last)


def _refuse(ref: ActorRef[Any], answer: Answer | None) -> None:
    if answer is not None:
        answer.fail(
            TypeError(
                f"{ref} is a router, which cannot say what was handled; "
                "make one Reliable for each routee"
            )
        )


def _source(peer: Peer | None, producer: str) -> _Source:
    return _Source(None if peer is None else peer.name, producer)


def _forget_an_orphan(streams: dict[_Source, Stream]) -> None:
    """Forget the oldest producer whose node is gone: if it is back, it says what it knows."""
    oldest = next((source for source, stream in streams.items() if stream.is_orphan), None)
    if oldest is not None:
        del streams[oldest]
