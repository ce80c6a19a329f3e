"""Who is dead and who only busy: a failure detector without sockets, clock or loop.

It is SWIM's with Lifeguard's refinements (see `hearsay`, `suspicion`, `health`), on links that say
by themselves when a process does not answer: their heartbeats run in the I/O thread, whatever the
event loop does. So there are two questions. *Does its process live?* A link that breaks begins a
suspicion; other members are asked whether they reach that node; while one of them does it is not
declared down. *Does its loop run?* One member after the other gets a ping in each period; who does
not answer it over a link that stands is busy, not dead.

All methods take the time; what is to be done is returned.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from actors.cluster.detection import (
    Action,
    Busy,
    Detection,
    Heard,
    Send,
    Silent,
    Stalled,
    Verdict,
)
from actors.cluster.health import LocalHealth
from actors.cluster.hearsay import Hearsay
from actors.cluster.member import Life
from actors.cluster.neighbour import Neighbour, mark_of
from actors.cluster.probes import Ack, Enquiry, Finding, Message, Ping
from actors.cluster.suspicion import Suspicion


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
        self._random = rng
        self._timings = timings
        self.digest = mark_of(own)
        """One number for all lives that this node takes for living; the same for equal sets."""
        self._neighbours: dict[Life, Neighbour] = {}
        self._order: list[Life] = []
        self._hearsay = Hearsay(own, address, self._neighbours, is_over)
        self._health = LocalHealth()
        self._sequence = 0
        self._next_probe = now + timings.period
        self._ticked = now
        self._due = self._next_probe

    # --- what is known from the links -----------------------------------------------------------

    def joined(self, life: Life, address: str) -> None:
        """A member is connected: let the others know."""
        neighbour = self._neighbours[life] = Neighbour(life, address, mark_of(life))
        self.digest ^= neighbour.mark
        self._order.insert(self._random.randint(0, len(self._order)), life)
        self._hearsay.says_up(neighbour)

    def parted(self, life: Life, reason: str, *, spread: bool) -> None:
        """A member is no more; with `spread` the others are to hear of it."""
        neighbour = self._neighbours.pop(life, None)
        if neighbour is not None:
            self.digest ^= neighbour.mark
        self._hearsay.says_parted(life, reason, spread=spread)

    def interrupted(self, life: Life, now: float) -> list[Action]:
        """The link to a member broke: is it the member, or only the link? Ask others."""
        neighbour = self._neighbours.get(life)
        if neighbour is None or neighbour.suspicion is not None:
            return []
        neighbour.linked = False
        neighbour.pinged = None
        suspicion = Suspicion(
            self._health.stretched(self._timings.suspicion),
            self._health.stretched(self._timings.suspicion_alone),
            now,
        )
        for witness in sorted(neighbour.witnesses):
            suspicion.confirm(witness)
        neighbour.suspicion = suspicion
        self._hearsay.says_suspect(neighbour)
        return self._enquire(neighbour, now)

    def restored(self, life: Life, now: float) -> list[Action]:
        """The link stands again."""
        neighbour = self._neighbours.get(life)
        if neighbour is None:
            return []
        neighbour.linked = True
        neighbour.suspicion = None
        neighbour.pinged = None
        neighbour.witnesses.clear()
        self._hearsay.says_up(neighbour)
        return self._heard_again(neighbour)

    def heard(self, life: Life) -> None:
        """Something came from a member: its loop runs, whatever became of the ping."""
        neighbour = self._neighbours.get(life)
        if neighbour is not None:
            neighbour.pinged = None
            neighbour.called_busy = False

    # --- the passing of time --------------------------------------------------------------------

    @property
    def due(self) -> float:
        """When `tick` is to be called next."""
        # A loop that stands still is only late for what is due meanwhile.
        times, enough = [self._next_probe, self._ticked + self._timings.busy / 2], self._enough
        for neighbour in self._neighbours.values():
            if neighbour.suspicion is not None:
                times += (neighbour.suspicion.deadline(enough), neighbour.enquire_at)
                if not neighbour.called_silent:
                    times.append(self._silent_at(neighbour.suspicion))
            elif neighbour.pinged is not None and not neighbour.called_busy:
                times.append(neighbour.pinged + self._patience)
        self._due = min(times)
        return self._due

    def tick(self, now: float) -> list[Action]:
        """Do what is due: verdicts, enquiries, the next ping."""
        actions: list[Action] = []
        late = now - self._due
        self._ticked = now
        if late > self._timings.stall:
            actions += self._overslept(late)
        for neighbour in list(self._neighbours.values()):
            if neighbour.suspicion is not None:
                actions += self._judge(neighbour, neighbour.suspicion, now)
            elif neighbour.pinged is not None:
                actions += self._await(neighbour, neighbour.pinged, now)
        if now >= self._next_probe:
            self._next_probe = now + self._timings.period
            actions += self._probe(now)
        return actions

    def _overslept(self, late: float) -> list[Action]:
        """Nobody is to blame for what happened while this node's own loop stood still."""
        self._health.worse()
        for neighbour in self._neighbours.values():
            if neighbour.suspicion is not None:
                neighbour.suspicion.put_off(late)
            if neighbour.pinged is not None:
                neighbour.pinged += late
        return [Stalled(late)] if late >= self._timings.busy else []

    def admit(self, seconds: float, culprit: str) -> None:
        """Let the others know why this node was busy."""
        self._hearsay.says_busy(seconds, culprit)

    def _judge(self, neighbour: Neighbour, suspicion: Suspicion, now: float) -> list[Action]:
        if now >= suspicion.deadline(self._enough):
            return [Verdict(neighbour.life, "it does not answer, and nobody can reach it")]
        actions: list[Action] = []
        if not neighbour.called_silent and now >= self._silent_at(suspicion):
            neighbour.called_silent = True
            actions.append(Silent(neighbour.life))
        if now >= neighbour.enquire_at:
            actions += self._enquire(neighbour, now)
        return actions

    def _silent_at(self, suspicion: Suspicion) -> float:
        """Return when a node that trusts itself would have waited long enough, agreed or not."""
        return suspicion.since + self._timings.suspicion_alone

    def _heard_again(self, neighbour: Neighbour) -> list[Action]:
        return [Heard(neighbour.life)] if neighbour.no_longer_silent() else []

    @property
    def _enough(self) -> int:
        """How many others must find a member silent for it to have no more time than the least."""
        return min(self._timings.witnesses, len(self._reachable()))

    @property
    def _patience(self) -> float:
        return self._health.stretched(self._timings.answer_within)

    def _await(self, neighbour: Neighbour, since: float, now: float) -> list[Action]:
        # Sums are compared as `due` makes them: a difference may be rounded to just too little.
        if now >= since + self._health.stretched(self._timings.unresponsive):
            reason = f"its event loop has not answered for {now - since:.0f} s"
            return [Verdict(neighbour.life, reason)]
        if neighbour.called_busy or now < since + self._patience:
            return []
        neighbour.called_busy = True
        return [Busy(neighbour.life, now - since, "")]

    def _probe(self, now: float) -> list[Action]:
        """Ping the next member, and any that still owes an answer."""
        self._sequence += 1
        pings: list[Action] = []
        for neighbour in self._targets():
            if neighbour.pinged is None:
                neighbour.pinged = now
                neighbour.called_busy = False
            neighbour.sequence = self._sequence
            ping = Ping(self._hearsay.news(neighbour), self._sequence, self.digest)
            pings.append(Send(neighbour.life, ping))
        return pings

    def _targets(self) -> list[Neighbour]:
        """The next in a random order that is drawn anew after each round (SWIM, section 4.3)."""
        owing = [p for p in self._neighbours.values() if p.pinged is not None and p.linked]
        for _ in range(len(self._neighbours)):
            if not self._order:
                self._order = list(self._neighbours)
                self._random.shuffle(self._order)
            neighbour = self._neighbours.get(self._order.pop())
            if neighbour is not None and neighbour.linked and neighbour not in owing:
                return [*owing, neighbour]
        return owing

    def _enquire(self, neighbour: Neighbour, now: float) -> list[Action]:
        neighbour.enquire_at = now + self._timings.enquiry
        others = self._reachable()
        if any(other.life in neighbour.asked for other in others):
            self._health.worse()  # they stand, and do not answer: is it this node?
        asked = self._random.sample(others, min(self._timings.witnesses, len(others)))
        neighbour.asked = {other.life for other in asked}
        return [
            Send(other.life, Enquiry(self._hearsay.news(other), *neighbour.life)) for other in asked
        ]

    def _reachable(self) -> list[Neighbour]:
        return [neighbour for neighbour in self._neighbours.values() if neighbour.linked]

    # --- what the others say --------------------------------------------------------------------

    def received(self, sender: Life, message: Message, now: float) -> list[Action]:
        """Take what a member says; whoever is none any more is not listened to."""
        neighbour = self._neighbours.get(sender)
        if neighbour is None:
            return []
        actions: list[Action] = []
        for rumour in message.rumours:
            actions += self._hearsay.hear(rumour, now)
        if isinstance(message, Ping):
            actions += self._answer(neighbour, message)
        elif isinstance(message, Ack):
            actions += self._answered(neighbour, message)
        elif isinstance(message, Enquiry):
            actions += self._find(neighbour, Life(message.name, message.incarnation))
        elif isinstance(message, Finding):
            actions += self._found(sender, message, now)
        else:
            actions += self._hearsay.compare(neighbour, message)
        return actions

    def _answer(self, neighbour: Neighbour, ping: Ping) -> list[Action]:
        ack = Send(neighbour.life, Ack(self._hearsay.news(neighbour), ping.sequence, self.digest))
        return [ack]

    def _answered(self, neighbour: Neighbour, ack: Ack) -> list[Action]:
        neighbour.pinged = None
        neighbour.called_busy = False
        if ack.sequence == neighbour.sequence:
            self._health.better()
        if ack.digest == self.digest:
            return []
        return [Send(neighbour.life, self._hearsay.roster(is_answer=False))]

    def _find(self, asker: Neighbour, life: Life) -> list[Action]:
        neighbour = self._neighbours.get(life)
        reached = neighbour is not None and neighbour.linked
        return [Send(asker.life, Finding(self._hearsay.news(asker), *life, reached))]

    def _found(self, sender: Life, finding: Finding, now: float) -> list[Action]:
        neighbour = self._neighbours.get(Life(finding.name, finding.incarnation))
        if neighbour is None or neighbour.suspicion is None:
            return []
        neighbour.asked.discard(sender)
        if finding.reached:
            neighbour.suspicion.alive(now)
            return self._heard_again(neighbour)
        neighbour.suspicion.confirm(sender.name)
        return []
