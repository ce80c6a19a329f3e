"""The producers and the consumers of one node, as other nodes and each other find them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from actors.reliable.intake import Intake
from actors.wire import Kind

if TYPE_CHECKING:
    from actors.peer import Peer
    from actors.ref import ActorRef
    from actors.reliable.reliable import Reliable
    from actors.reliable.words import Confirmed
    from actors.runtime import Runtime


class Exchange:
    """What consumers here say goes to its producer, here or elsewhere, and the other way round."""

    __slots__ = ("_all", "_node", "_producers", "intake")

    def __init__(self, node: Runtime) -> None:
        self._node = node
        self._producers: dict[str, Reliable] = {}
        self._all: dict[Reliable, None] = {}
        self.intake = Intake(node, self._report)

    def add(self, reliable: Reliable) -> None:
        """It is to be closed with the node."""
        self._all[reliable] = None

    def remember(self, reliable: Reliable, producer: str) -> None:
        """Consumers will speak to it under this id."""
        self._producers[producer] = reliable

    def forget(self, reliable: Reliable) -> None:
        """It is closed."""
        self._all.pop(reliable, None)
        self._producers = {
            id_: each for id_, each in self._producers.items() if each is not reliable
        }

    def _report(self, peer: Peer | None, consumer: ActorRef[Any], word: Confirmed) -> None:
        if peer is None:
            self.confirmed(consumer, word)
        elif not peer.gone:
            self._node.remote.signal(peer, Kind.CONFIRMED, word.producer, consumer, 0, word)

    def confirmed(self, consumer: ActorRef[Any], word: Confirmed) -> None:
        """A consumer says how far it is; nothing where its producer is closed."""
        reliable = self._producers.get(word.producer)
        if reliable is not None:
            reliable.confirmed(consumer, word)

    async def close(self) -> None:
        """Close all producers: the node ends."""
        await asyncio.gather(*(reliable.close() for reliable in tuple(self._all)))
