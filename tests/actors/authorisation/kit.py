"""What the tests of rules share: a node that has some, and another that wants things of it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from actors import Allow, Node, NotAuthorized
from tests.actors.kit import Cluster, Seen
from tests.actors.remote_kit import Servant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from actors import ActorRef
    from actors.peer import Peer


class Guarded(NamedTuple):
    """Two nodes: `client`, of the role `clerk`, and `bank`, which has rules."""

    cluster: Cluster
    client: Node
    bank: Node
    vault: ActorRef[Any]
    """The client's ref of a servant at the bank."""
    refused: Seen
    """What the bank has refused."""

    def deeds(self) -> list[tuple[str, str]]:
        """Return what was refused, in the order of the wishes."""
        return [(event.action, event.what) for event in self.refused.entries]

    async def finish(self, awaitable: Any) -> Any:
        """Turn the clock until it is done; return its result."""
        return await self.cluster.finish(awaitable)

    @property
    def peer(self) -> Peer:
        """The client as the bank knows it."""
        return _peer(self.bank, "client")

    def client_side(self) -> Peer:
        """Return the bank as the client knows it."""
        return _peer(self.client, "bank")

    def push(self, *records: bytes) -> None:
        """Send records of any form from the client to the bank."""
        for record in records:
            assert self.client_side().push(record)


def _peer(node: Node, name: str) -> Peer:
    """Return another node as this one knows it."""
    [peer] = [each for each in node._runtime.remote.peers.values() if each.name == name]
    return peer


@asynccontextmanager
async def guarded(*rules: Allow) -> AsyncIterator[Guarded]:
    """Start both; with no rule at all, the bank allows nothing."""
    async with Cluster() as cluster:
        client = await cluster.start("client", "clerk")
        bank = await cluster.start("bank", "worker", allow=rules)
        vault = client.ref(bank.spawn(Servant, name="vault").address)
        yield Guarded(cluster, client, bank, vault, Seen(bank, NotAuthorized))
