"""Stands before what takes the records of other nodes, where the node has rules."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from actors.authorisation.judge import Judge, Objection, send_objection
from actors.authorisation.refusals import Refusals
from actors.authorisation.rules import Action
from actors.errors import ActorsError
from actors.letter import Letter
from actors.reliable.words import SequencedMessage
from actors.wire import Kind
from serialization import Fields
from transport import Buffer

if TYPE_CHECKING:
    from actors.authorisation.policy import Policy
    from actors.peer import Peer
    from actors.ref import ActorRef
    from actors.remote.inbound import Inbound
    from actors.remote.signals import Signal
    from actors.runtime import Runtime

__all__ = ["Screen"]

log = logging.getLogger("actors.authorisation")

COUNTED_SEND, PUBLISH = int(Kind.COUNTED_SEND), int(Kind.PUBLISH)
"""As plain numbers: they are compared for each record."""


class Screen:
    """Passes on what the policy allows, and refuses the rest.

    What only the body tells is judged once that is decoded, by `signals`: which class is to be
    spawned, whether a command is a stop, and which message a reliable producer sends.
    """

    def __init__(self, node: Runtime, inbound: Inbound, policy: Policy) -> None:
        self._node = node
        self._inbound = inbound
        self._judge = Judge(node, policy)
        self._refusals = Refusals(node, inbound.rejections)
        self._plain = inbound.signals.plain
        self.signals: dict[int, Signal] = {
            Kind.SPAWN: self._on_spawn,
            Kind.COMMAND: self._on_command,
            Kind.RELIABLE: self._on_reliable,
        }

    def take(self, peer: Peer, envelope: Fields, own: Sequence[Buffer]) -> None:
        """Have a record handled, or refused."""
        try:
            passes = _is_known(peer, envelope) or self._passes(peer, envelope, own)
        except Exception:
            log.exception("a record of kind %s from node %r was not judged", envelope[0], peer.name)
            return
        if passes:
            self._inbound.handle(peer, envelope, own)

    def shortcut(self, peer: Peer, envelope: Fields) -> Callable[[bytes], None] | None:
        """Return the quick way for repeats of an envelope; None where there is none."""
        if envelope[0] > COUNTED_SEND or self._judge.may_send(peer, envelope[1], envelope[4]):
            return self._inbound.repeats.shortcut(peer, envelope)
        return None

    def _passes(self, peer: Peer, envelope: Fields, own: Sequence[Buffer]) -> bool:
        if envelope[0] == PUBLISH:
            return self._published(peer, envelope, own)
        objection = self._judge.objection(peer, envelope)
        if objection is not None:
            self._refusals.refuse(peer, envelope, objection)
        return objection is None

    # --- topics ---------------------------------------------------------------------------------

    def _published(self, peer: Peer, envelope: Fields, own: Sequence[Buffer]) -> bool:
        """Whether all subscribers may have it; if not, tell it to those who may."""
        _, key, sender, _, tag, body, _ = envelope
        try:
            here = self._node.registry.topics._subscribers(key)
        except ValueError:
            return True  # no topic: that is seen to where it is handled
        allowed: list[ActorRef[Any]] = []
        for ref in here:
            if self._judge.may_send(peer, ref._key, tag):
                allowed.append(ref)
            else:
                told = (int(Kind.TELL), ref._key, sender, 0, tag, body, 0)
                self._refusals.refuse(peer, told, send_objection(tag))
        if len(allowed) == len(here):
            return True
        if allowed:
            self._tell(peer, envelope, own, allowed)
        return False

    def _tell(
        self,
        peer: Peer,
        envelope: Fields,
        own: Sequence[Buffer],
        recipients: Sequence[ActorRef[Any]],
    ) -> None:
        """Tell what was published to these alone."""
        _, target, sender, _, tag, body, _ = envelope
        who = self._node.remote.sender_from(peer, sender)
        try:
            message = self._node.codec.decode(tag, body, own)
        except ActorsError as error:
            self._inbound.rejections.undecodable(target, who, None, tag, body, error)
            return
        for ref in recipients:
            ref._target.deliver(Letter(message, who))

    # --- what only the body tells ---------------------------------------------------------------

    def _on_spawn(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        match value:
            case [str(name), *_] if not self._judge.may_spawn(peer, target, name):
                envelope = (int(Kind.SPAWN), target, sender, correlation, None, b"", 0)
                self._refusals.refuse(peer, envelope, Objection(Action.SPAWN, name))
            case _:
                self._plain[Kind.SPAWN](peer, target, sender, correlation, value)

    def _on_command(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        """Whoever is not its parent has an actor stop, and gives it no other order."""
        match value:
            case ["start" | "halt" | "resume" as order, *_] if not self._judge.is_own(peer, target):
                envelope = (int(Kind.COMMAND), target, sender, correlation, None, b"", 0)
                self._refusals.refuse(peer, envelope, Objection(Action.STOP, order))
            case _:
                self._plain[Kind.COMMAND](peer, target, sender, correlation, value)

    def _on_reliable(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        if isinstance(value, SequencedMessage) and not self._judge.may_send(
            peer, target, value.tag
        ):
            objection = send_objection(value.tag)
            self._refusals.refuse_producer(peer, target, objection, value.producer)
        else:
            self._plain[Kind.RELIABLE](peer, target, sender, correlation, value)


def _is_known(peer: Peer, envelope: Fields) -> bool:
    """Whether it is a message that was allowed before: this is all that most of them cost."""
    return envelope[0] <= COUNTED_SEND and peer.rights.get((envelope[1], envelope[4]), False)
