"""Who is dead and who only busy: a failure detector without sockets, clock or loop.

It is SWIM's with Lifeguard's refinements (see `rumours`, `suspicion`, `health`), on links that say
by themselves when a process does not answer: their heartbeats run in the I/O thread, whatever the
event loop does. So there are two questions. *Does its process live?* A link that breaks begins a
suspicion; other members are asked whether they reach that node; while one of them does it is not
declared down. *Does its loop run?* One member after the other gets a ping in each period; who does
not answer it over a link that stands is busy, not dead.

All methods take the time; what is to be done is returned.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from actors.cluster.detection import (
    Action,
    Busy,
    Call,
    Detection,
    GivenUp,
    Heard,
    Send,
    Silent,
    Stalled,
    Verdict,
)
from actors.cluster.health import LocalHealth
from actors.cluster.member import Life
from actors.cluster.probes import Ack, Enquiry, Finding, Message, Ping, Roster
from actors.cluster.rumours import Rumour, Rumours
from actors.cluster.suspicion import Suspicion


@dataclass(slots=True)
class _Peer:
    life: Life
    address: str
    mark: int
    """Its part of the digest."""
    version: int = 0
    stalls: int = 0
    """How many of its stalls are known here."""
    linked: bool = True
    suspicion: Suspicion | None = None
    enquire_at: float = 0.0
    asked: set[Life] = field(default_factory=set)
    """Who has been asked for it, and has not answered."""
    pinged: float | None = None
    """When the oldest ping that it has not answered was sent."""
    sequence: int = 0
    """Of the latest ping."""
    called_silent: bool = False
    called_busy: bool = False
    witnesses: set[str] = field(default_factory=set)
    """Who said that it is silent, before this node noticed itself."""


class FailureDetector:
    """What one node makes of the silence of the others.

    Args:
        own: the life of this node.
        address: where it can be reached.
        is_over: whether a life is known to have ended.
        rng: chooses whom to ask.
        timings: how fast.
        now: the time.
    """

    def __init__(
        self,
        own: Life,
        address: str,
        is_over: Callable[[str, int], bool],
        rng: random.Random,
        timings: Detection,
        now: float,
    ) -> None:
        self._own = own
        self._is_over = is_over
        self._address = address
        self._random = rng
        self._timings = timings
        self._version = 0
        self._stalls = 0
        self.digest = _mark(own)
        """One number for all lives that this node takes for living; the same for equal sets."""
        self._peers: dict[Life, _Peer] = {}
        self._order: list[Life] = []
        self._rumours = Rumours()
        self._health = LocalHealth()
        self._sequence = 0
        self._next_probe = now + timings.period
        self._ticked = now
        self._due = self._next_probe

    # --- what is known from the links -----------------------------------------------------------

    def joined(self, life: Life, address: str) -> None:
        """A member is connected: let the others know."""
        peer = self._peers[life] = _Peer(life, address, _mark(life))
        self.digest ^= peer.mark
        self._order.insert(self._random.randint(0, len(self._order)), life)
        self._rumours.add(Rumour("up", *life, detail=address))

    def parted(self, life: Life, reason: str, *, spread: bool) -> None:
        """A member is no more; with `spread` the others are to hear of it."""
        peer = self._peers.pop(life, None)
        if peer is not None:
            self.digest ^= peer.mark
        self._rumours.forget(*life)
        rumour = Rumour("down", *life, by=self._own.name, detail=reason)
        if spread and not self._rumours.tells(rumour):
            self._rumours.add(rumour)

    def interrupted(self, life: Life, now: float) -> list[Action]:
        """The link to a member broke: is it the member, or only the link? Ask others."""
        peer = self._peers.get(life)
        if peer is None or peer.suspicion is not None:
            return []
        peer.linked = False
        peer.pinged = None
        suspicion = Suspicion(
            self._health.stretched(self._timings.suspicion),
            self._health.stretched(self._timings.suspicion_alone),
            now,
        )
        for witness in sorted(peer.witnesses):
            suspicion.confirm(witness)
        peer.suspicion = suspicion
        self._rumours.add(Rumour("suspect", *life, peer.version, by=self._own.name))
        return self._enquire(peer, now)

    def restored(self, life: Life, now: float) -> list[Action]:
        """The link stands again."""
        peer = self._peers.get(life)
        if peer is None:
            return []
        peer.linked = True
        peer.suspicion = None
        peer.pinged = None
        peer.witnesses.clear()
        self._rumours.add(Rumour("up", *life, peer.version, detail=peer.address))
        return self._heard_again(peer)

    def heard(self, life: Life) -> None:
        """Something came from a member: its loop runs, whatever became of the ping."""
        peer = self._peers.get(life)
        if peer is not None:
            peer.pinged = None
            peer.called_busy = False

    # --- the passing of time --------------------------------------------------------------------

    @property
    def due(self) -> float:
        """When `tick` is to be called next."""
        # A loop that stands still is only late for what is due meanwhile.
        times, enough = [self._next_probe, self._ticked + self._timings.busy / 2], self._enough
        for peer in self._peers.values():
            if peer.suspicion is not None:
                times += (peer.suspicion.deadline(enough), peer.enquire_at)
                if not peer.called_silent:
                    times.append(self._silent_at(peer.suspicion))
            elif peer.pinged is not None and not peer.called_busy:
                times.append(peer.pinged + self._patience)
        self._due = min(times)
        return self._due

    def tick(self, now: float) -> list[Action]:
        """Do what is due: verdicts, enquiries, the next ping."""
        actions: list[Action] = []
        late = now - self._due
        self._ticked = now
        if late > self._timings.stall:
            actions += self._overslept(late)
        for peer in list(self._peers.values()):
            if peer.suspicion is not None:
                actions += self._judge(peer, peer.suspicion, now)
            elif peer.pinged is not None:
                actions += self._await(peer, peer.pinged, now)
        if now >= self._next_probe:
            self._next_probe = now + self._timings.period
            actions += self._probe(now)
        return actions

    def _overslept(self, late: float) -> list[Action]:
        """Nobody is to blame for what happened while this node's own loop stood still."""
        self._health.worse()
        for peer in self._peers.values():
            if peer.suspicion is not None:
                peer.suspicion.put_off(late)
            if peer.pinged is not None:
                peer.pinged += late
        return [Stalled(late)] if late >= self._timings.busy else []

    def admit(self, seconds: float, culprit: str) -> None:
        """Let the others know why this node was busy."""
        self._stalls += 1
        rumour = Rumour("busy", *self._own, self._stalls, detail=culprit, seconds=seconds)
        self._rumours.add(rumour)

    def _judge(self, peer: _Peer, suspicion: Suspicion, now: float) -> list[Action]:
        if now >= suspicion.deadline(self._enough):
            return [Verdict(peer.life, "it does not answer, and nobody can reach it")]
        actions: list[Action] = []
        if not peer.called_silent and now >= self._silent_at(suspicion):
            peer.called_silent = True
            actions.append(Silent(peer.life))
        if now >= peer.enquire_at:
            actions += self._enquire(peer, now)
        return actions

    def _silent_at(self, suspicion: Suspicion) -> float:
        """Return when a node that trusts itself would have waited long enough, agreed or not."""
        return suspicion.since + self._timings.suspicion_alone

    def _heard_again(self, peer: _Peer) -> list[Action]:
        was_silent, peer.called_silent = peer.called_silent, False
        return [Heard(peer.life)] if was_silent else []

    @property
    def _enough(self) -> int:
        """How many others must find a member silent for it to have no more time than the least."""
        return min(self._timings.witnesses, len(self._reachable()))

    @property
    def _patience(self) -> float:
        return self._health.stretched(self._timings.answer_within)

    def _await(self, peer: _Peer, since: float, now: float) -> list[Action]:
        # Sums are compared as `due` makes them: a difference may be rounded to just too little.
        if now >= since + self._health.stretched(self._timings.unresponsive):
            return [Verdict(peer.life, f"its event loop has not answered for {now - since:.0f} s")]
        if peer.called_busy or now < since + self._patience:
            return []
        peer.called_busy = True
        return [Busy(peer.life, now - since, "")]

    def _probe(self, now: float) -> list[Action]:
        """Ping the next member, and any that still owes an answer."""
        self._sequence += 1
        pings: list[Action] = []
        for peer in self._targets():
            if peer.pinged is None:
                peer.pinged = now
                peer.called_busy = False
            peer.sequence = self._sequence
            pings.append(Send(peer.life, Ping(self._news(peer), self._sequence, self.digest)))
        return pings

    def _targets(self) -> list[_Peer]:
        """The next in a random order that is drawn anew after each round (SWIM, section 4.3)."""
        owing = [p for p in self._peers.values() if p.pinged is not None and p.linked]
        for _ in range(len(self._peers)):
            if not self._order:
                self._order = list(self._peers)
                self._random.shuffle(self._order)
            peer = self._peers.get(self._order.pop())
            if peer is not None and peer.linked and peer not in owing:
                return [*owing, peer]
        return owing

    def _enquire(self, peer: _Peer, now: float) -> list[Action]:
        peer.enquire_at = now + self._timings.enquiry
        others = self._reachable()
        if any(other.life in peer.asked for other in others):
            self._health.worse()  # they stand, and do not answer: is it this node?
        asked = self._random.sample(others, min(self._timings.witnesses, len(others)))
        peer.asked = {other.life for other in asked}
        return [Send(other.life, Enquiry(self._news(other), *peer.life)) for other in asked]

    def _reachable(self) -> list[_Peer]:
        return [peer for peer in self._peers.values() if peer.linked]

    # --- what the others say --------------------------------------------------------------------

    def received(self, sender: Life, message: Message, now: float) -> list[Action]:
        """Take what a member says; whoever is none any more is not listened to."""
        peer = self._peers.get(sender)
        if peer is None:
            return []
        actions: list[Action] = []
        for rumour in message.rumours:
            actions += self._hear(rumour, sender, now)
        if isinstance(message, Ping):
            actions += self._answer(peer, message)
        elif isinstance(message, Ack):
            actions += self._answered(peer, message)
        elif isinstance(message, Enquiry):
            actions += self._find(peer, Life(message.name, message.incarnation))
        elif isinstance(message, Finding):
            actions += self._found(sender, message, now)
        else:
            actions += self._compare(peer, message)
        return actions

    def _answer(self, peer: _Peer, ping: Ping) -> list[Action]:
        ack = Send(peer.life, Ack(self._news(peer), ping.sequence, self.digest))
        return [ack]

    def _answered(self, peer: _Peer, ack: Ack) -> list[Action]:
        peer.pinged = None
        peer.called_busy = False
        if ack.sequence == peer.sequence:
            self._health.better()
        if ack.digest == self.digest:
            return []
        return [Send(peer.life, self._roster(is_answer=False))]

    def _find(self, asker: _Peer, life: Life) -> list[Action]:
        peer = self._peers.get(life)
        reached = peer is not None and peer.linked
        return [Send(asker.life, Finding(self._news(asker), *life, reached))]

    def _found(self, sender: Life, finding: Finding, now: float) -> list[Action]:
        peer = self._peers.get(Life(finding.name, finding.incarnation))
        if peer is None or peer.suspicion is None:
            return []
        peer.asked.discard(sender)
        if finding.reached:
            peer.suspicion.alive(now)
            return self._heard_again(peer)
        peer.suspicion.confirm(sender.name)
        return []

    def _compare(self, peer: _Peer, roster: Roster) -> list[Action]:
        """Call whom the other knows and this node does not."""
        known = {life.name: life for life in self._peers}
        calls: list[Action] = [
            Call(each.name, each.detail)
            for each in roster.members
            if each.detail and self._is_news(Life(each.name, each.incarnation), known)
        ]
        if not roster.is_answer:
            calls.append(Send(peer.life, self._roster(is_answer=True)))
        return calls

    def _is_news(self, life: Life, known: dict[str, Life]) -> bool:
        return life.name != self._own.name and life.name not in known and not self._is_over(*life)

    def _hear(self, rumour: Rumour, sender: Life, now: float) -> list[Action]:
        life = Life(rumour.name, rumour.incarnation)
        if life == self._own:
            return self._hear_of_myself(rumour)
        if self._is_over(*life):
            return []
        peer = self._peers.get(life)
        if rumour.said == "busy":
            return self._hear_busy(life, rumour)
        if peer is None:
            return self._hear_of_stranger(life, rumour)
        if rumour.said == "down":
            self._rumours.add(rumour)
            return [Verdict(life, f"declared down by {rumour.by!r}: {rumour.detail}")]
        if rumour.said == "suspect":
            self._hear_suspect(peer, rumour)
        elif rumour.version > peer.version:
            peer.version = rumour.version
            peer.witnesses.clear()
            self._rumours.add(rumour)
            if peer.suspicion is not None:
                peer.suspicion.alive(now)
                return self._heard_again(peer)
        return []

    def _hear_of_myself(self, rumour: Rumour) -> list[Action]:
        if rumour.said == "down":
            return [GivenUp(rumour.by)]
        if rumour.said == "suspect" and rumour.version >= self._version:
            self._version = rumour.version + 1
            self._rumours.add(Rumour("up", *self._own, self._version, detail=self._address))
        return []

    def _hear_busy(self, life: Life, rumour: Rumour) -> list[Action]:
        peer = self._peers.get(life)
        if peer is None or rumour.version <= peer.stalls:
            return []
        peer.stalls = rumour.version
        self._rumours.add(rumour)
        return [Busy(life, rumour.seconds, rumour.detail)]

    def _hear_of_stranger(self, life: Life, rumour: Rumour) -> list[Action]:
        """A member that is not connected here: it may have joined elsewhere."""
        if rumour.said == "down":
            self._rumours.add(rumour)
            return [Verdict(life, rumour.detail)]
        known = {each.name: each for each in self._peers}
        if rumour.detail and self._is_news(life, known):
            return [Call(life.name, rumour.detail)]
        return []

    def _hear_suspect(self, peer: _Peer, rumour: Rumour) -> None:
        if rumour.version < peer.version or rumour.by in peer.witnesses:
            return
        peer.witnesses.add(rumour.by)
        self._rumours.add(rumour)
        if peer.suspicion is not None:
            peer.suspicion.confirm(rumour.by)

    # --- what this node says --------------------------------------------------------------------

    def _news(self, to: _Peer) -> list[Rumour]:
        """Rumours for that member; it hears of a suspicion against itself (Lifeguard's buddy)."""
        news = self._rumours.take(len(self._peers) + 1)
        if to.witnesses:
            by = min(to.witnesses)
            news.append(Rumour("suspect", *to.life, to.version, by=by))
        return news

    def _roster(self, *, is_answer: bool) -> Roster:
        own = Rumour("up", *self._own, self._version, detail=self._address)
        others = self._peers.values()
        members = [Rumour("up", *p.life, p.version, detail=p.address) for p in others]
        return Roster([], [own, *members], is_answer)


def _mark(life: Life) -> int:
    data = f"{life.name}#{life.incarnation}".encode()
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big") >> 1
