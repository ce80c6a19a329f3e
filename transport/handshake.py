"""How two nodes agree to talk, as two closed state machines without I/O.

    dialler                                   listener
    IDLE      -- HELLO -->                    NEW
    GREETING                  <-- WELCOME --  GREETED
    WELCOMED  -- OPEN -->
    OPENING                   <-- OPENED --   OPEN
    READY     -- BATCH, ACK, GOODBYE -->

At any time the listener may answer REFUSED, and a dialler that does not want whom it met sends
one. A word that gets lost is said again, so each may come twice: HELLO and OPEN are answered as
often as they come, and a second WELCOME or OPENED says nothing new. Whatever else comes out of
order leads to CLOSED, from where no way leads (after ractor's `node/auth.rs`, and h11 for the
manner).
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from transport import wire
from transport.wire import Acknowledgement, Goodbye, Opening, Refusal, Self, WireError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transport.interface import Buffer

__all__ = [
    "Acceptor",
    "AcceptorEvent",
    "AcceptorState",
    "Departure",
    "Dialler",
    "DiallerEvent",
    "DiallerState",
    "Welcome",
]


class Welcome(NamedTuple):
    """Whom a dialler met, and whom that node knows."""

    node: Self
    directory: bytes


class Departure(NamedTuple):
    """A GOODBYE: how far the peer got, and why it goes."""

    acknowledgement: Acknowledgement
    goodbye: Goodbye


class DiallerState(enum.Enum):
    """Where a dialler stands."""

    IDLE = "idle"
    GREETING = "greeting"
    WELCOMED = "welcomed"
    OPENING = "opening"
    READY = "ready"
    CLOSED = "closed"


class AcceptorState(enum.Enum):
    """Where a listener stands with one source."""

    NEW = "new"
    GREETED = "greeted"
    OPEN = "open"
    CLOSED = "closed"


DiallerEvent: TypeAlias = Welcome | Opening | Refusal
AcceptorEvent: TypeAlias = Self | Opening | Acknowledgement | Departure | Refusal


class Dialler:
    """The side that dialled. `receive` raises WireError and closes on anything out of order."""

    __slots__ = ("_met", "_opened", "state")

    def __init__(self) -> None:
        self.state = DiallerState.IDLE
        self._met: Self | None = None
        self._opened: Opening | None = None

    def greet(self, node: Self) -> bytes:
        """The connection is there: the HELLO to send."""
        self._leave(DiallerState.IDLE, DiallerState.GREETING)
        return wire.encode_hello(node)

    def open(self, own: int, other: int) -> bytes:
        """The peer is wanted: the OPEN to send."""
        self._leave(DiallerState.WELCOMED, DiallerState.OPENING)
        return wire.encode_open(own, other)

    def refuse(self, code: str, reason: str, node: Self) -> bytes:
        """The peer is not wanted: the REFUSED to send."""
        self.state = DiallerState.CLOSED
        return wire.encode_refused(code, reason, node)

    def close(self) -> None:
        """Nothing more is expected."""
        self.state = DiallerState.CLOSED

    def receive(self, frames: Sequence[Buffer]) -> DiallerEvent | None:
        """Take what the listener sent.

        Returns:
            What it says, or None where that is a double.

        Raises:
            WireError: it is malformed or out of order.
        """
        try:
            return self._receive(frames)
        except WireError:
            self.state = DiallerState.CLOSED
            raise

    def _receive(self, frames: Sequence[Buffer]) -> DiallerEvent | None:
        kind, frame = _single(frames)
        if kind == wire.REFUSED and self.state is not DiallerState.CLOSED:
            return self._on_refused(wire.decode_refused(frame))
        if kind == wire.WELCOME and self.state in _AFTER_HELLO:
            return self._on_welcome(Welcome(*wire.decode_welcome(frame)))
        if kind == wire.OPENED and self.state in _AFTER_OPEN:
            return self._on_opened(wire.decode_opened(frame))
        raise WireError("order", f"kind {kind} while {self.state.value}")

    def _on_refused(self, refusal: Refusal) -> Refusal | None:
        if self.state is DiallerState.READY and not refusal.ends_session:
            return None  # an answer to a double of our HELLO, from before the session stood
        self.state = DiallerState.CLOSED
        return refusal

    def _on_welcome(self, welcome: Welcome) -> Welcome | None:
        if self._met is not None:
            _same(_life(welcome.node), _life(self._met), "another WELCOME")
            return None
        self._met = welcome.node
        self.state = DiallerState.WELCOMED
        return welcome

    def _on_opened(self, opened: Opening) -> Opening | None:
        if self._opened is not None:
            _same(opened[:2], self._opened[:2], "another OPENED")
            return None
        self._opened = opened
        self.state = DiallerState.READY
        return opened

    def _leave(self, expected: DiallerState, target: DiallerState) -> None:
        if self.state is not expected:
            raise WireError("order", f"{self.state.value}, not {expected.value}")
        self.state = target


class Acceptor:
    """The side that was dialled, for one source. BATCHes go past it once it is OPEN."""

    __slots__ = ("_node", "_opening", "state")

    def __init__(self) -> None:
        self.state = AcceptorState.NEW
        self._node: Self | None = None
        self._opening: Opening | None = None

    def receive(self, frames: Sequence[Buffer]) -> AcceptorEvent | None:
        """Take what the dialler sent.

        Returns:
            What it says, or None where that is a double that needs no answer.

        Raises:
            WireError: it is malformed or out of order; the code `version` asks for a REFUSED.
        """
        try:
            return self._receive(frames)
        except WireError:
            self.state = AcceptorState.CLOSED
            raise

    def welcome(self, node: Self, directory: bytes) -> bytes:
        """The caller may come in: the WELCOME to answer."""
        if self.state not in _BEFORE_OPEN:
            raise WireError("order", f"{self.state.value}, not new or greeted")
        self.state = AcceptorState.GREETED
        return wire.encode_welcome(node, directory)

    def opened(self, own: int, other: int, received: int) -> bytes:
        """The session stands: the OPENED to answer."""
        if self.state not in _AFTER_WELCOME:
            raise WireError("order", f"{self.state.value}, not greeted or open")
        self.state = AcceptorState.OPEN
        return wire.encode_opened(own, other, received)

    def refuse(self, code: str, reason: str, node: Self | None) -> bytes:
        """No: the REFUSED to answer."""
        self.state = AcceptorState.CLOSED
        return wire.encode_refused(code, reason, node)

    def _receive(self, frames: Sequence[Buffer]) -> AcceptorEvent | None:
        kind, frame = _single(frames)
        if kind == wire.HELLO and self.state is not AcceptorState.CLOSED:
            return self._on_hello(wire.decode_hello(frame))
        if kind == wire.OPEN and self.state in _AFTER_WELCOME:
            return self._on_open(wire.decode_open(frame))
        if kind == wire.REFUSED and self.state is AcceptorState.GREETED:
            self.state = AcceptorState.CLOSED
            return wire.decode_refused(frame)
        if self.state is AcceptorState.OPEN:
            if kind == wire.ACK:
                return wire.decode_acknowledgement(frame)
            if kind == wire.GOODBYE:
                acknowledgement = wire.decode_acknowledgement(frame)
                self.state = AcceptorState.CLOSED
                return Departure(acknowledgement, wire.decode_goodbye(frame))
        raise WireError("order", f"kind {kind} while {self.state.value}")

    def _on_hello(self, node: Self) -> Self | None:
        if self._node is not None:
            _same(_life(node), _life(self._node), "another HELLO")
        self._node = node
        return None if self.state is AcceptorState.OPEN else node

    def _on_open(self, opening: Opening) -> Opening:
        if self._opening is not None:
            _same(opening, self._opening, "another OPEN")
        self._opening = opening
        return opening


_AFTER_HELLO = frozenset(
    {DiallerState.GREETING, DiallerState.WELCOMED, DiallerState.OPENING, DiallerState.READY}
)
_AFTER_OPEN = frozenset({DiallerState.OPENING, DiallerState.READY})
_BEFORE_OPEN = frozenset({AcceptorState.NEW, AcceptorState.GREETED})
_AFTER_WELCOME = frozenset({AcceptorState.GREETED, AcceptorState.OPEN})


def _life(node: Self) -> tuple[str, int]:
    return node.name, node.incarnation


def _same(said: object, before: object, what: str) -> None:
    """Nobody says two things on one connection."""
    if said != before:
        raise WireError("order", f"{what}: {said}, where it was {before}")


def _single(frames: Sequence[Buffer]) -> tuple[int, Buffer]:
    """The kind and the only frame of a hand-shake message of our version."""
    if not frames:
        raise WireError("short", "no frames")
    version, kind = wire.read_prefix(frames[0])
    # A refusal is readable in every version: it is how one learns of the other's.
    if version != wire.VERSION and kind != wire.REFUSED:
        raise WireError("version", f"version {version}, where this node speaks {wire.VERSION}")
    if len(frames) != 1:
        raise WireError("frames", f"{len(frames)} frames where one belongs")
    return kind, frames[0]
