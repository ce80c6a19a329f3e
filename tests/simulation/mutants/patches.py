"""All mutants: each lacks one thing that a promise rests on."""

from __future__ import annotations

import math

from actors.address import Origin
from actors.cluster.detection import Action, Verdict
from actors.cluster.detector import FailureDetector
from actors.cluster.member import Life, Member
from actors.cluster.membership import Membership
from actors.cluster.partition import Standing
from actors.cluster.suspicion import Suspicion
from actors.letter import Answer
from actors.peer import Peer
from actors.reliable.consumer import Consumer
from actors.reliable.journal import Restored
from actors.reliable.reliable import Reliable
from actors.reliable.stream import Stream
from actors.reliable.words import Confirmed
from actors.remote.associations import Associations
from actors.remote.death_watch import DeathWatch
from actors.singleton import SingletonManager
from tests.simulation.mutants.mutant import Mutant
from transport.session import Arrival, Incoming, Outgoing

_arrive = Incoming.arrive
_peer = Associations.peer
_begin = Reliable._begin
_attach = Stream.attach


def _take_doubles(self: Incoming, sequence: int, size: int) -> Arrival:
    arrival = _arrive(self, sequence, size)
    return Arrival.NEXT if arrival is Arrival.DUPLICATE else arrival


def _skip_gaps(self: Incoming, sequence: int, size: int) -> Arrival:
    self.received = max(self.received, sequence - 1)
    return _arrive(self, sequence, size)


def _find_any_life(self: Associations, origin: Origin) -> Peer | None:
    lives = [peer for (name, _), peer in self._peers.items() if name == origin.node]
    return lives[-1] if lives else _peer(self, origin)


def _forget_who_is_over(self: Membership, name: str, incarnation: int) -> None:
    """Whoever was declared over may come back as if nothing had been."""


def _honour_no_acknowledgement(self: Outgoing, sequence: int) -> bool:
    return False


def _tell_no_watcher(self: DeathWatch, peer: Peer, reason: str) -> None:
    """Whoever watches an actor of a lost node waits on."""


def _condemn_at_once(self: FailureDetector, life: Life, now: float) -> list[Action]:
    return [Verdict(life, "it is silent")] if life in self._neighbours else []


def _never_condemn(self: Suspicion, enough: int) -> float:
    return math.inf


def _forget_what_came(self: Stream, first: int, answer: Answer | None) -> None:
    self._consumer = Consumer(first, self._cell.props.actor_class.concurrency)
    _attach(self, first, answer)


def _confirm_on_receipt(self: Stream) -> Confirmed:
    received = self._consumer.received
    return Confirmed(self.producer, received, received, False)


def _restore_nothing(self: Reliable, restored: Restored) -> None:
    _begin(self, restored._replace(records=()))


def _take_over_at_once(self: Standing) -> bool:
    return self.is_ready


async def _ask_nobody(self: SingletonManager, member: Member) -> bool:
    return True


MUTANTS: dict[str, Mutant] = {
    mutant.name: mutant
    for mutant in (
        Mutant(
            "dedup",
            "dropping batches that have come before",
            Incoming,
            "arrive",
            _take_doubles,
        ),
        Mutant(
            "order",
            "waiting for the batch before one that has come",
            Incoming,
            "arrive",
            _skip_gaps,
        ),
        Mutant(
            "incarnation",
            "looking for the life of a node that a ref is of",
            Associations,
            "peer",
            _find_any_life,
        ),
        Mutant(
            "quarantine",
            "remembering which lives were declared over",
            Membership,
            "bury",
            _forget_who_is_over,
        ),
        Mutant(
            "acknowledgement",
            "releasing what the other side says it has",
            Outgoing,
            "acknowledge",
            _honour_no_acknowledgement,
        ),
        Mutant(
            "suspicion",
            "asking others before a silent node is declared down",
            FailureDetector,
            "interrupted",
            _condemn_at_once,
        ),
        Mutant(
            "verdict",
            "declaring down whom nobody has reached for long",
            Suspicion,
            "deadline",
            _never_condemn,
        ),
        Mutant(
            "watch",
            "telling watchers that the node of an actor is lost",
            DeathWatch,
            "lost",
            _tell_no_watcher,
        ),
        Mutant(
            "redelivery-dedup",
            "knowing what a consumer has handled when its producer comes back",
            Stream,
            "attach",
            _forget_what_came,
        ),
        Mutant(
            "confirmation",
            "confirming what is handled, and not what has come",
            Stream,
            "report",
            _confirm_on_receipt,
        ),
        Mutant(
            "journal",
            "sending what the life before had written down",
            Reliable,
            "_begin",
            _restore_nothing,
        ),
        Mutant(
            "settling",
            "waiting until the lost side has given up what it had",
            Standing,
            "is_settled",
            property(_take_over_at_once),
        ),
        Mutant(
            "resignation",
            "asking the others to make way before a singleton starts",
            SingletonManager,
            "_makes_way",
            _ask_nobody,
        ),
    )
}
"""By name: those that the requirements name, and one for each further promise."""
