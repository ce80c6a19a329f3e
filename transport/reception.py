"""The door: what comes in on bound endpoints, from strangers until it is from a peer."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from transport import wire
from transport.handshake import Acceptor
from transport.journal import LOGGER
from transport.security.access import NOT_AUTHORISED, objection
from transport.wire import Opening, Refusal, Self, WireError

if TYPE_CHECKING:
    from transport.context import Context
    from transport.handler import Identity
    from transport.interface import Buffer, Caller
    from transport.peer import Peer

__all__ = ["House", "Reception"]

_MAX_VISITORS = 1024
"""So many may stand between HELLO and OPEN; then the one that stood longest goes."""
_STRANGER = "a stranger"


class House(Protocol):
    """Who decides about visitors: `admission`."""

    def judge(self, peer: Identity) -> tuple[str, str] | None:
        """Code and words of a refusal, or None: it may come in."""
        ...

    def session(self, node: Self, opening: Opening) -> Peer | tuple[str, str]:
        """The peer that an OPEN belongs to, or code and words of a refusal."""
        ...

    def declined(self, peer: Identity, refusal: Refusal) -> None:
        """Whom we welcomed does not want us."""


class _Visitor:
    __slots__ = ("acceptor", "node", "since")

    def __init__(self, since: float) -> None:
        self.acceptor = Acceptor()
        self.node: Self | None = None
        self.since = since

    @property
    def name(self) -> str:
        return _STRANGER if self.node is None else self.node.name


class Reception:
    """Sorts inbound messages: hand-shakes here, everything else to the peer of that source."""

    def __init__(self, context: Context, house: House) -> None:
        self._context = context
        self._house = house
        self._visitors: OrderedDict[bytes, _Visitor] = OrderedDict()
        self._peers: dict[bytes, Peer] = {}

    def on_frames(self, source: bytes, frames: list[Buffer]) -> None:
        """One message. Whatever it is, nothing is raised: the reader must go on."""
        try:
            peer = self._peers.get(source)
            if peer is not None:
                peer.take(frames)
            else:
                self._receive(source, frames)
        except Exception:  # noqa: BLE001
            LOGGER.exception("a message could not be handled")
            self._context.journal.rejected["error"] += 1

    def close(self) -> None:
        """Nobody who has begun to shake hands may go on."""
        self._visitors.clear()

    def forget(self, peer: Peer) -> None:
        """A peer is gone: its source is a stranger's from now on."""
        if peer.source is not None and self._peers.pop(peer.source, None) is not None:
            self._context.transport.forgotten(peer.source)

    def _receive(self, source: bytes, frames: list[Buffer]) -> None:
        visitor = self._visitors.get(source) or _Visitor(self._context.clock.now())
        try:
            if visitor.node is None:
                self._expect_hello(frames)
            event = visitor.acceptor.receive(frames)
        except WireError as error:
            self._reject(source, visitor, error)
            return
        if isinstance(event, Self):
            self._on_hello(source, visitor, event)
        elif isinstance(event, Opening):
            self._on_open(source, visitor, event)
        elif isinstance(event, Refusal):
            self._on_refusal(source, visitor, event)

    def _expect_hello(self, frames: list[Buffer]) -> None:
        """Tell apart who lost its session (or never had one) from who talks nonsense."""
        version, kind = wire.read_prefix(frames[0])
        if version == wire.VERSION and kind in {wire.OPEN, wire.BATCH, wire.ACK}:
            raise WireError("unknown-source", f"kind {kind} without a session")

    def _reject(self, source: bytes, visitor: _Visitor, error: WireError) -> None:
        self._visitors.pop(source, None)
        self._context.journal.reject(error.code, visitor.name, error.detail)
        if error.code == "version":
            self._refuse(source, visitor, "version", error.detail)
        elif error.code == "unknown-source":
            self._refuse(source, visitor, "reset", "there is no such session here")

    def _on_hello(self, source: bytes, visitor: _Visitor, node: Self) -> None:
        identity = node.identity()
        visitor.node = node
        caller = self._context.transport.caller(source)
        if self._is_impostor(source, visitor, node, caller):
            return
        verdict = self._house.judge(identity)
        if verdict is not None:
            code, reason = verdict
            self._visitors.pop(source, None)
            if code != "self" and not Refusal(code, reason).is_passing:
                where = identity.endpoints[0]
                LOGGER.warning("refused %s (%s): %s: %s", identity.name, where, code, reason)
            self._refuse(source, visitor, code, reason)
            return
        context = self._context
        welcome = visitor.acceptor.welcome(context.myself, context.handler.directory())
        context.transport.answer(source, [welcome])
        visitor.since = context.clock.now()
        self._visitors[source] = visitor
        self._visitors.move_to_end(source)
        self._prune()

    def _on_open(self, source: bytes, visitor: _Visitor, opening: Opening) -> None:
        self._visitors.pop(source, None)
        assert visitor.node is not None
        caller = self._context.transport.caller(source)
        if self._is_impostor(source, visitor, visitor.node, caller):
            return
        found = self._house.session(visitor.node, opening)
        if isinstance(found, tuple):
            self._refuse(source, visitor, *found)
            return
        self.forget(found)
        self._peers[source] = found
        found.caller = caller
        self._context.transport.established(source)
        opened = found.accept(source, visitor.acceptor, opening)
        self._context.transport.answer(source, [opened])
        found.accepted()

    def _on_refusal(self, source: bytes, visitor: _Visitor, refusal: Refusal) -> None:
        self._visitors.pop(source, None)
        assert visitor.node is not None
        self._house.declined(visitor.node.identity(), refusal)

    def _is_impostor(
        self, source: bytes, visitor: _Visitor, node: Self, caller: Caller | None
    ) -> bool:
        """Refuse whose key is not listed under the name that it gives."""
        why = None if caller is None else objection(node.name, caller.names)
        if caller is None or why is None:
            return False
        self._visitors.pop(source, None)
        self._context.reject(node.identity(), NOT_AUTHORISED, why)
        self._refuse(source, visitor, NOT_AUTHORISED, why)
        if not caller.names:  # a key that was removed while its connection stood
            self._context.hang_up(caller)
        return True

    def _refuse(self, source: bytes, visitor: _Visitor, code: str, reason: str) -> None:
        frame = visitor.acceptor.refuse(code, reason, self._context.myself)
        self._context.transport.answer(source, [frame])

    def _prune(self) -> None:
        """Forget who said HELLO and nothing more; the oldest is first."""
        timeout = self._context.options.handshake_timeout
        oldest = self._context.clock.now() - timeout
        while self._visitors:
            source, visitor = next(iter(self._visitors.items()))
            if visitor.since >= oldest and len(self._visitors) <= _MAX_VISITORS:
                return
            del self._visitors[source]
