"""How busy the members are, as they say themselves: what is placed elsewhere goes by that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated

import msgspec

from actors.cluster.member import Life
from serialization.registry import default_tag

LAG_THAT_COUNTS = 0.01
"""Seconds by which a loop is late that weigh as much as..."""

QUEUE_THAT_COUNTS = 100
"""... so many queued messages, or one actor that was placed there a moment ago."""

CLASSES = 32
"""Of so many classes a node reports how many actors it has."""

LOAD = 8
"""How many reports one message carries at most."""

SMOOTHING = 0.5
"""The weight of the latest measurement in the lag that is reported."""


_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Report(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """What one life of a node says of itself, for the `number`-th time."""

    name: str
    incarnation: int
    number: _Count
    lag: Annotated[float, msgspec.Meta(ge=0, le=1e9)]
    """By how many seconds its event loop is late."""
    queued: _Count
    """How many messages wait there."""
    actors: dict[str, _Count]
    """How many actors it has of the classes that others place there, by their names."""


class _Known:
    __slots__ = ("placed", "report", "told")

    def __init__(self, report: Report) -> None:
        self.report = report
        self.told = 0
        self.placed: Counter[str] = Counter()
        """Actors that this node has placed there since, by their class."""


class Loads:
    """The latest report of each member; passed on with the pings, the least told first."""

    __slots__ = ("_hosted", "_known", "_own", "_report")

    def __init__(self, own: Life) -> None:
        self._hosted: dict[type, str] = {}
        """Classes of which actors are placed here, and their names."""
        self._own = own
        self._report: Report
        self._known: dict[Life, _Known]
        self.renew(own)

    def renew(self, own: Life) -> None:
        """This node begins a new life, and knows nobody."""
        self._own = own
        self._report = Report(*own, 0, 0.0, 0, {})
        self._known = {own: _Known(self._report)}

    def host(self, actor_class: type) -> None:
        """Actors of this class are placed here: say how many there are."""
        if actor_class not in self._hosted:
            self._hosted[actor_class] = default_tag(actor_class)

    def measured(self, lag: float, queued: int, actors: Mapping[type, int]) -> None:
        """This node's loop was late by so many seconds, so many messages wait, and so many
        actors live here, by class.
        """
        before = self._report
        smooth = before.lag + SMOOTHING * (max(lag, 0.0) - before.lag)
        counts = Counter({name: actors.get(each, 0) for each, name in self._hosted.items()})
        largest = dict(counts.most_common(CLASSES))
        self._report = Report(*self._own, before.number + 1, round(smooth, 6), queued, largest)
        self._known[self._own] = _Known(self._report)

    def take(self) -> list[Report]:
        """Return what the next message should carry."""
        chosen = sorted(self._known.values(), key=lambda known: known.told)[:LOAD]
        for known in chosen:
            known.told += 1
        return [known.report for known in chosen]

    def hear(self, reports: Iterable[Report], is_member: Callable[[Life], bool]) -> None:
        """Take what another member has passed on, where it is news of a member."""
        for report in reports:
            life = Life(report.name, report.incarnation)
            known = self._known.get(life)
            is_news = known is None or report.number > known.report.number
            if is_news and life != self._own and is_member(life):
                self._known[life] = _Known(report)

    def forget(self, life: Life) -> None:
        """A member is no more."""
        self._known.pop(life, None)

    def place(self, life: Life, actor_class: type) -> None:
        """An actor was placed there, which its reports do not show yet."""
        known = self._known.get(life)
        if known is None:
            known = self._known[life] = _Known(Report(*life, 0, 0.0, 0, {}))
        known.placed[default_tag(actor_class)] += 1
        if life == self._own:
            self.host(actor_class)

    def population(self, life: Life, actor_class: type) -> int:
        """Return how many actors of a class a member has, as far as is known."""
        known, name = self._known.get(life), default_tag(actor_class)
        return 0 if known is None else known.report.actors.get(name, 0) + known.placed[name]

    def of(self, life: Life, capacity: float) -> float:
        """Return how loaded a member is, for its capacity; 0 where nothing is known."""
        known = self._known.get(life)
        if known is None:
            return 0.0
        report = known.report
        busy = report.lag / LAG_THAT_COUNTS + report.queued / QUEUE_THAT_COUNTS
        busy += known.placed.total()
        return busy / capacity
