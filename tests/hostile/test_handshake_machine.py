"""Both sides of the handshake, with a network between them that loses, doubles and garbles."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from transport import wire
from transport.handshake import Acceptor, AcceptorState, Dialler, DiallerState
from transport.wire import Opening, Self, WireError

HERE = Self("here", 1, ("tcp://h:1",), b"", 4096)
THERE = Self("there", 2, ("tcp://t:1",), b"", 4096)
WORDS = st.sampled_from(
    [
        wire.encode_hello(HERE),
        wire.encode_hello(THERE),
        wire.encode_welcome(THERE, b""),
        wire.encode_refused("name-taken", "no", None),
        wire.encode_refused("reset", "no", None),
        wire.encode_open(5, 0),
        wire.encode_open(6, 7),
        wire.encode_opened(7, 5, 0),
        wire.encode_acknowledgement(5, 7, 0),
        wire.encode_goodbye(5, 7, 0, "left", ""),
    ]
)


class Handshake(RuleBasedStateMachine):
    """Whatever comes, in whatever order: WireError or a word, and no way back from CLOSED."""

    def __init__(self) -> None:
        super().__init__()
        self.dialler, self.acceptor = Dialler(), Acceptor()
        self.forth: list[bytes] = [self.dialler.greet(HERE)]
        self.back: list[bytes] = []
        self.opened_by: list[Opening] = []
        self.is_over = False

    @rule(index=st.integers(0, 20))
    def arrives_there(self, index: int) -> None:
        """Something that was said arrives, perhaps for the second time, or before another."""
        if self.forth:
            self.accept(self.forth[index % len(self.forth)])

    @rule(index=st.integers(0, 20))
    def arrives_here(self, index: int) -> None:
        """The same the other way."""
        if self.back:
            self.dial(self.back[index % len(self.back)])

    @rule(word=WORDS)
    def somebody_else_speaks(self, word: bytes) -> None:
        """Both hear a word that nobody said."""
        self.accept(word)
        self.dial(word)

    @rule(word=WORDS, at=st.integers(0, 60), byte=st.integers(0, 255))
    def garbled(self, word: bytes, at: int, byte: int) -> None:
        """One byte is another."""
        changed = bytearray(word)
        changed[at % len(changed)] = byte
        self.accept(bytes(changed))
        self.dial(bytes(changed))

    @rule(word=WORDS, size=st.integers(0, 60))
    def cut(self, word: bytes, size: int) -> None:
        """The end is missing."""
        self.accept(word[:size])
        self.dial(word[:size])

    def accept(self, frame: bytes) -> None:
        """The listener hears it, and answers as a node would."""
        closed = self.acceptor.state is AcceptorState.CLOSED
        try:
            event = self.acceptor.receive([frame])
        except WireError:
            assert self.acceptor.state is AcceptorState.CLOSED
            return
        assert not closed, "a closed listener took something"
        if isinstance(event, Self) and self.acceptor.state is not AcceptorState.OPEN:
            self.back.append(self.acceptor.welcome(THERE, b""))
        elif isinstance(event, Opening):
            self.opened_by.append(event)
            self.back.append(self.acceptor.opened(7, event.own, 0))

    def dial(self, frame: bytes) -> None:
        """The dialler hears it, and goes on as a node would."""
        closed = self.dialler.state is DiallerState.CLOSED
        try:
            self.dialler.receive([frame])
        except WireError:
            assert self.dialler.state is DiallerState.CLOSED
            return
        assert not closed, "a closed dialler took something"
        if self.dialler.state is DiallerState.WELCOMED:
            self.forth.append(self.dialler.open(5, 0))

    @invariant()
    def closed_stays_closed(self) -> None:
        """No way leads out of CLOSED."""
        closed = self.dialler.state is DiallerState.CLOSED
        assert closed or not self.is_over
        self.is_over = closed

    @invariant()
    def one_session(self) -> None:
        """On one connection there is one session, however often it is opened."""
        assert len(set(self.opened_by)) <= 1


TestHandshake = Handshake.TestCase
