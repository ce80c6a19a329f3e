"""What members say of each other: rumours that come in, and those that go out with every message.

Pure, as the detector is that it belongs to (SWIM, sections 4.1 and 4.2).
"""

from __future__ import annotations

from collections.abc import Callable

from actors.cluster.detection import Action, Busy, Call, GivenUp, Heard, Send, Verdict
from actors.cluster.member import Life
from actors.cluster.neighbour import Neighbour
from actors.cluster.probes import Roster
from actors.cluster.rumours import MAX_VERSION, MOST_WORDS, Rumour, Rumours


class Hearsay:
    """What one node has heard of others, and what they are to hear from it.

    Args:
        own: the life of this node.
        address: where it can be reached.
        neighbours: the members that it is connected to; the detector's own table.
        is_over: whether a life is known to have ended.
    """

    def __init__(
        self,
        own: Life,
        address: str,
        neighbours: dict[Life, Neighbour],
        is_over: Callable[[str, int], bool],
    ) -> None:
        self._own = own
        self._address = address
        self._neighbours = neighbours
        self._is_over = is_over
        self._version = 0
        self._stalls = 0
        self._rumours = Rumours()

    # --- what this node says --------------------------------------------------------------------

    def says_up(self, neighbour: Neighbour) -> None:
        """It is connected, or is so again."""
        version, address = neighbour.version, neighbour.address
        self._rumours.add(Rumour("up", *neighbour.life, version, detail=address))

    def says_suspect(self, neighbour: Neighbour) -> None:
        """The link to it broke."""
        rumour = Rumour("suspect", *neighbour.life, neighbour.version, by=self._own.name)
        self._rumours.add(rumour)

    def says_parted(self, life: Life, reason: str, *, spread: bool) -> None:
        """It is no member any more; with `spread` the others are to hear of it."""
        self._rumours.forget(*life)
        rumour = Rumour("down", *life, by=self._own.name, detail=reason[:MOST_WORDS])
        if spread and not self._rumours.tells(rumour):
            self._rumours.add(rumour)

    def says_busy(self, seconds: float, culprit: str) -> None:
        """This node's own loop stood still."""
        self._stalls += 1
        rumour = Rumour(
            "busy", *self._own, self._stalls, detail=culprit[:MOST_WORDS], seconds=seconds
        )
        self._rumours.add(rumour)

    def news(self, to: Neighbour) -> list[Rumour]:
        """Rumours for that member; it hears of a suspicion against itself (Lifeguard's buddy)."""
        news = self._rumours.take(len(self._neighbours) + 1)
        if to.witnesses:
            by = min(to.witnesses)
            news.append(Rumour("suspect", *to.life, to.version, by=by))
        return news

    def roster(self, *, is_answer: bool) -> Roster:
        """Return all members that this node knows, itself first."""
        own = Rumour("up", *self._own, self._version, detail=self._address)
        others = self._neighbours.values()
        members = [Rumour("up", *n.life, n.version, detail=n.address) for n in others]
        return Roster([], [own, *members], is_answer)

    # --- what the others say --------------------------------------------------------------------

    def hear(self, rumour: Rumour, now: float) -> list[Action]:
        """Take what a member says of anybody; return what follows from it."""
        life = Life(rumour.name, rumour.incarnation)
        if life == self._own:
            return self._hear_of_myself(rumour)
        if self._is_over(*life):
            return []
        neighbour = self._neighbours.get(life)
        if rumour.said == "busy":
            return self._hear_busy(neighbour, rumour)
        if neighbour is None:
            return self._hear_of_stranger(life, rumour)
        return self._hear_of(neighbour, rumour, now)

    def compare(self, sender: Neighbour, roster: Roster) -> list[Action]:
        """Call whom the other knows and this node does not."""
        known = self._names()
        calls: list[Action] = [
            Call(each.name, each.detail)
            for each in roster.members
            if each.detail and self._is_news(Life(each.name, each.incarnation), known)
        ]
        if not roster.is_answer:
            calls.append(Send(sender.life, self.roster(is_answer=True)))
        return calls

    def _hear_of(self, neighbour: Neighbour, rumour: Rumour, now: float) -> list[Action]:
        if rumour.said == "down":
            self._rumours.add(rumour)
            reason = f"declared down by {rumour.by!r}: {rumour.detail}"
            return [Verdict(neighbour.life, reason)]
        if rumour.said == "suspect":
            self._hear_suspect(neighbour, rumour)
        elif rumour.version > neighbour.version:
            return self._hear_alive(neighbour, rumour, now)
        return []

    def _hear_of_myself(self, rumour: Rumour) -> list[Action]:
        if rumour.said == "down":
            return [GivenUp(rumour.by)]
        if rumour.said == "suspect" and rumour.version >= self._version:
            self._version = min(rumour.version + 1, MAX_VERSION)
            self._rumours.add(Rumour("up", *self._own, self._version, detail=self._address))
        return []

    def _hear_busy(self, neighbour: Neighbour | None, rumour: Rumour) -> list[Action]:
        if neighbour is None or rumour.version <= neighbour.stalls:
            return []
        neighbour.stalls = rumour.version
        self._rumours.add(rumour)
        return [Busy(neighbour.life, rumour.seconds, rumour.detail)]

    def _hear_of_stranger(self, life: Life, rumour: Rumour) -> list[Action]:
        """A member that is not connected here: it may have joined elsewhere."""
        if rumour.said == "down":
            self._rumours.add(rumour)
            return [Verdict(life, rumour.detail)]
        if rumour.detail and self._is_news(life, self._names()):
            return [Call(life.name, rumour.detail)]
        return []

    def _hear_suspect(self, neighbour: Neighbour, rumour: Rumour) -> None:
        if rumour.version < neighbour.version or rumour.by in neighbour.witnesses:
            return
        neighbour.witnesses.add(rumour.by)
        self._rumours.add(rumour)
        if neighbour.suspicion is not None:
            neighbour.suspicion.confirm(rumour.by)

    def _hear_alive(self, neighbour: Neighbour, rumour: Rumour, now: float) -> list[Action]:
        """It has contradicted a suspicion."""
        neighbour.version = rumour.version
        neighbour.witnesses.clear()
        self._rumours.add(rumour)
        if neighbour.suspicion is None:
            return []
        neighbour.suspicion.alive(now)
        return [Heard(neighbour.life)] if neighbour.no_longer_silent() else []

    def _names(self) -> set[str]:
        return {self._own.name, *(life.name for life in self._neighbours)}

    def _is_news(self, life: Life, known: set[str]) -> bool:
        return life.name not in known and not self._is_over(*life)
