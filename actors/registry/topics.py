"""Messages for whoever has subscribed to their topic, after Akka's `DistributedPubSub`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from actors.address import path_of
from actors.letter import Letter, current_turn
from actors.peer import Peer
from actors.ref import ActorRef, check_ref
from actors.registry.patterns import PatternTree, check_pattern, check_topic
from actors.registry.table import Change, Section

if TYPE_CHECKING:
    from actors.registry.registry import Registry
    from actors.runtime import Runtime

log = logging.getLogger("actors.registry")

TOPICS = Section.TOPICS

REMEMBERED = 10_000
"""For how many topics it is remembered who gets their messages."""


class Audience(NamedTuple):
    """Who gets what is published on one topic."""

    here: tuple[ActorRef[Any], ...]
    there: tuple[Peer, ...]
    """The nodes of all others: each hands it on to its own."""
    size: int


class Topics:
    """The topics of the cluster; `node.topics`.

    A topic is words joined by dots, `prices.eu.steel`. In a pattern `*` stands for one word and
    `#` for any number of words, none included: `prices.*.steel`, `prices.#`.
    """

    def __init__(self, registry: Registry, node: Runtime) -> None:
        self._registry = registry
        self._node = node
        self._patterns = PatternTree()
        self._audiences: dict[str, Audience] = {}

    def subscribe(self, pattern: str, ref: ActorRef[Any]) -> None:
        """Have the actor get what is published on topics of this pattern, until it ends.

        Returns at once: it holds here now, on other nodes as soon as they hear of it. An actor
        that has ended gets nothing. For an actor elsewhere its own node does it. Raises
        NodeUnreachableError, RegistryFullError; TypeError or ValueError for wrong arguments.
        """
        self._registry.enter(TOPICS, check_pattern(pattern), check_ref(ref))

    def unsubscribe(self, pattern: str, ref: ActorRef[Any]) -> None:
        """End that for this very pattern. Raises TypeError, ValueError."""
        self._registry.strike(TOPICS, check_pattern(pattern), check_ref(ref))

    def publish(self, topic: str, message: object) -> int:
        """Tell the message to all who have subscribed; return how many this node knows of.

        Returns at once. Each gets it once, however many of its patterns match, and in order with
        all that this sender tells it. With nobody there it goes nowhere and the result is 0.
        Raises SerializationError where it must leave the process and cannot: then nobody gets it;
        TypeError or ValueError for what is no topic.
        """
        audience = self._audience(check_topic(topic))
        turn = current_turn.get()
        sender = None if turn is None else turn.ref
        if audience.there:
            encoded = self._node.codec.encode(message)
            for peer in audience.there:
                self._node.remote.publish(peer, _key(topic), sender, message, encoded)
        for ref in audience.here:
            ref._target.deliver(Letter(message, sender))
        return audience.size

    def _published(self, key: str, message: object, sender: ActorRef[Any] | None) -> None:
        """Another node has published: tell the actors here that have subscribed."""
        try:
            here = self._subscribers(key)
        except ValueError as error:
            log.warning("a message was published that nobody gets: %s", error)
            return
        for ref in here:
            ref._target.deliver(Letter(message, sender))
        if not here:  # they have ended since
            self._node.ledger.told += 1
            ref = self._node.delivery.local(key)
            nobody = LookupError(f"nobody here has subscribed to {_topic(key)!r}")
            self._node.bury(Letter(message, sender), ref, "no subscriber", nobody)

    def _subscribers(self, key: str) -> tuple[ActorRef[Any], ...]:
        """Return who here gets what is published under that key. Raises ValueError."""
        return self._audience(check_topic(_topic(key))).here

    def _changed(self, change: Change[ActorRef[Any]]) -> None:
        """Somebody has subscribed, or has ended that."""
        self._audiences.clear()
        pattern = change.name
        if self._registry.table.has_any(TOPICS, pattern):
            self._patterns.add(pattern)
        else:
            self._patterns.remove(pattern)

    def _audience(self, topic: str) -> Audience:
        audience = self._audiences.get(topic)
        if audience is None:
            if len(self._audiences) >= REMEMBERED:
                self._audiences.clear()
            audience = self._audiences[topic] = self._gather(topic)
        return audience

    def _gather(self, topic: str) -> Audience:
        refs = self._registry.table.refs
        patterns = self._patterns.match(topic)
        all_refs = dict.fromkeys(ref for pattern in patterns for ref in refs(TOPICS, pattern))
        here = tuple(ref for ref in all_refs if self._registry.is_here(ref))
        peers = self._node.remote.peers
        origins = dict.fromkeys(
            ref._origin[:2] for ref in all_refs if not self._registry.is_here(ref)
        )
        return Audience(here, tuple(peers[origin] for origin in origins), len(all_refs))


def _key(topic: str) -> str:
    """Return what stands for the actors that have subscribed, as the target of a record.

    No actor has that key: serials begin with 1.
    """
    return f"topics/{topic}#0"


def _topic(key: str) -> str:
    return path_of(key).removeprefix("topics/")
