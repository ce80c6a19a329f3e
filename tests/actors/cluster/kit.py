"""Failure detectors that talk to each other without a network, in a time that is just a number."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter
from typing import Any

from actors.cluster.detection import Action, Detection, Send, Stalled, Verdict
from actors.cluster.detector import FailureDetector
from actors.cluster.member import Life
from actors.cluster.probes import read, write

LATENCY = 0.001
NOTICE = 1.5
"""Seconds until a link finds that nothing passes any more."""


class Company:
    """Some detectors, all linked to each other at first."""

    def __init__(self, *names: str, seed: int = 0, timings: Detection | None = None) -> None:
        self.now = 0.0
        self.timings = timings or Detection()
        self.random = random.Random(seed)
        self.detectors: dict[str, FailureDetector] = {}
        self.lives: dict[str, Life] = {}
        self.over: dict[str, set[tuple[str, int]]] = {}
        self.found: list[tuple[float, str, Any]] = []
        """What was found: when, by whom, what."""
        self.sent: Counter[str] = Counter()
        self._cut: set[frozenset[str]] = set()
        self._blocked: set[str] = set()
        self._events: list[tuple[float, int, Any]] = []
        self._order = itertools.count()
        for name in names:
            self.add(name)

    # --- what can happen

    def add(self, name: str) -> None:
        """A new member is connected to all others."""
        life = self.lives[name] = Life(name, len(self.lives) + 1)
        over = self.over[name] = set()
        self.detectors[name] = FailureDetector(
            life,
            f"tcp://{name}:1",
            lambda *past: past in over,
            self.random,
            self.timings,
            self.now,
        )
        for other in self.lives:
            if other != name:
                self.detectors[name].joined(self.lives[other], f"tcp://{other}:1")
                self.detectors[other].joined(life, f"tcp://{name}:1")

    def cut(self, one: str, other: str) -> None:
        """Nothing passes between two; both notice a while later."""
        self._cut.add(frozenset((one, other)))
        for here, there in ((one, other), (other, one)):
            self._at(NOTICE, self._notice, here, there)

    def heal(self, one: str, other: str) -> None:
        """It passes again."""
        self._cut.discard(frozenset((one, other)))
        for here, there in ((one, other), (other, one)):
            if self._knows(here, there):
                self._do(here, self.detectors[here].restored(self.lives[there], self.now))

    def kill(self, name: str) -> None:
        """It ends without a word, and without the operating system telling anybody."""
        for other in list(self.detectors):
            if other != name:
                self.cut(name, other)
        del self.detectors[name]

    def block(self, name: str, seconds: float) -> None:
        """Its loop stands still; its links stand."""
        self._blocked.add(name)
        self._at(seconds, self._blocked.discard, name)

    # --- time

    def run(self, seconds: float) -> None:
        """Let so much time pass."""
        end = self.now + seconds
        while True:
            ticks = [
                (detector.due, name)
                for name, detector in self.detectors.items()
                if name not in self._blocked
            ]
            due, name = min(ticks, default=(end + 1, ""))
            event = self._events[0][0] if self._events else end + 1
            if min(due, event) > end:
                break
            if event <= due:
                self.now = event
                heapq.heappop(self._events)[2]()
            else:
                self.now = max(self.now, due)
                self._do(name, self.detectors[name].tick(self.now))
        self.now = end

    def _at(self, delay: float, function: Any, *arguments: Any) -> None:
        entry = (self.now + delay, next(self._order), lambda: function(*arguments))
        heapq.heappush(self._events, entry)

    # --- what follows

    def _notice(self, here: str, there: str) -> None:
        if frozenset((here, there)) in self._cut and self._knows(here, there):
            self._do(here, self.detectors[here].interrupted(self.lives[there], self.now))

    def _knows(self, here: str, there: str) -> bool:
        return here in self.detectors and self.lives[there] not in self.over[here]

    def _do(self, name: str, actions: list[Any]) -> None:
        for action in actions:
            if isinstance(action, Send):
                self.sent[name] += 1
                self._at(LATENCY, self._deliver, name, action.to, write(action.message, []))
                continue
            self.found.append((self.now, name, action))
            if isinstance(action, Verdict):
                self.over[name].add(action.life)
                self.detectors[name].parted(action.life, action.reason, spread=True)
            elif isinstance(action, Stalled):
                self.detectors[name].admit(action.seconds, "somebody")

    def _deliver(self, sender: str, to: Life, data: bytes) -> None:
        if to.name in self._blocked:
            self._at(0.01, self._deliver, sender, to, data)
        elif to.name in self.detectors and frozenset((sender, to.name)) not in self._cut:
            detector = self.detectors[to.name]
            self._do(to.name, detector.received(self.lives[sender], read(data).message, self.now))

    # --- what was found

    def verdicts(self) -> set[tuple[str, str]]:
        """Return who declared whom down."""
        return {(who, what.life.name) for _, who, what in self.found if isinstance(what, Verdict)}

    def of(self, kind: type[Action]) -> list[tuple[float, str, Any]]:
        """Return all findings of one kind."""
        return [each for each in self.found if isinstance(each[2], kind)]
