"""Carries the failure detector's messages, keeps its time, and does what it says."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

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
from actors.cluster.detector import FailureDetector
from actors.cluster.member import Life
from actors.cluster.probes import read, write
from actors.events import MemberBusy
from actors.wire import Kind

if TYPE_CHECKING:
    from actors.peer import Peer
    from actors.runtime import Runtime
    from transport import TimerHandle

log = logging.getLogger("actors.cluster")


class Executor(Protocol):
    """Who acts on what the detector finds."""

    def declare_down(self, life: Life, reason: str) -> None:
        """That member is down."""

    def call(self, name: str, address: str) -> None:
        """There is said to be a member of that name at that address."""

    def given_up(self, by: str) -> None:
        """The others have declared this life down."""


class Gossip:
    """One node's part in what the members tell each other."""

    def __init__(self, node: Runtime, executor: Executor, timings: Detection) -> None:
        self._node = node
        self._executor = executor
        self._timings = timings
        self._timer: TimerHandle | None = None
        self._timer_due = 0.0
        self._progress: dict[Life, int] = {}
        self._lag = 0.0
        """How late this node's loop was at most since that was last measured."""
        self._measure_at = 0.0
        self.sent = 0
        """Messages so far."""
        self._detector = self._begin()

    def _begin(self) -> FailureDetector:
        own = self._node.membership.own
        return FailureDetector(
            own.life,
            own.address or "",
            self._node.membership.is_over,
            self._node.random,
            self._timings,
            self._node.clock.now(),
        )

    def begin(self) -> None:
        """Keep time from now on, with nobody there yet: what is late is late by this clock."""
        self._arm()

    def renew(self) -> None:
        """This node begins a new life: what it thought of the others is forgotten."""
        self._progress.clear()
        self._detector = self._begin()
        self._arm()

    def close(self) -> None:
        """Say and hear nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timer_due = float("-inf")

    # --- what happens ---------------------------------------------------------------------------

    def joined(self, life: Life, address: str | None) -> None:
        """A member is connected."""
        self._detector.joined(life, address or "")
        self._arm()

    def parted(self, life: Life, reason: str, *, spread: bool) -> None:
        """A member is no more."""
        self._progress.pop(life, None)
        self._node.loads.forget(life)
        self._detector.parted(life, reason, spread=spread)
        self._arm()

    def interrupted(self, life: Life) -> None:
        """Its link broke."""
        self._carry_out(self._detector.interrupted(life, self._node.clock.now()))

    def restored(self, life: Life) -> None:
        """Its link stands again."""
        self._carry_out(self._detector.restored(life, self._node.clock.now()))

    def received(self, peer: Peer, data: object) -> None:
        """A member says something. Raises ValueError where that makes no sense."""
        life, said = Life(peer.name, peer.incarnation), read(data)
        self._node.loads.hear(said.loads, self._is_member)
        self._carry_out(self._detector.received(life, said.message, self._node.clock.now()))

    def _is_member(self, life: Life) -> bool:
        return life in self._node.remote.peers

    # --- what follows ---------------------------------------------------------------------------

    def _tick(self) -> None:
        self._timer = None
        now = self._node.clock.now()
        self._measure(now)
        self._hear_links()
        self._carry_out(self._detector.tick(now))

    def _measure(self, now: float) -> None:
        """Once in a period, however often there is something to do."""
        self._lag = max(self._lag, now - self._timer_due)
        if now >= self._measure_at:
            node = self._node
            node.loads.measured(self._lag, node.ledger.waiting, node.delivery.populations)
            self._lag, self._measure_at = 0.0, now + self._timings.period

    def _hear_links(self) -> None:
        """Whoever sends or acknowledges anything has a loop that runs."""
        for key, peer in self._node.remote.peers.items():
            life, link = Life(*key), peer.link
            if link is not None and self._progress.get(life) != link.progress:
                self._progress[life] = link.progress
                self._detector.heard(life)

    def _carry_out(self, actions: Iterable[Action]) -> None:
        for action in actions:
            self._do(action)
        self._arm()

    def _do(self, action: Action) -> None:
        match action:
            case Send(to, message):
                peer = self._node.remote.peers.get(to)
                if peer is not None and not peer.gone:
                    self.sent += 1
                    data = write(message, self._node.loads.take())
                    self._node.remote.signal(peer, Kind.GOSSIP, "", None, 0, data)
            case Verdict(life, reason):
                self._executor.declare_down(life, reason)
            case Silent(life):
                self._node.readiness.silent(life.name)
            case Heard(life):
                self._node.readiness.heard(life.name)
            case Busy(life, seconds, culprit):
                self._say_busy(life, seconds, culprit)
            case Call(name, address):
                self._executor.call(name, address)
            case GivenUp(by):
                self._executor.given_up(by)
            case Stalled(seconds):
                self._admit(seconds)

    def _say_busy(self, life: Life, seconds: float, culprit: str) -> None:
        member = self._node.membership.get(life.name)
        if member is None or member.incarnation != life.incarnation:
            return
        why = f": {culprit}" if culprit else ""
        log.warning("node %r is busy, and has been for %.1f s%s", life.name, seconds, why)
        self._node.events.publish(MemberBusy(member, seconds, culprit))

    def _admit(self, seconds: float) -> None:
        """Its own loop stood still: let the others know why."""
        culprit = self._node.culprit(seconds)
        log.warning("the event loop stood still for %.1f s: %s", seconds, culprit)
        self._detector.admit(seconds, culprit)

    def _arm(self) -> None:
        """Have `tick` called when it is due."""
        due = self._detector.due
        if self._timer_due == float("-inf") or (self._timer is not None and self._timer_due <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        clock = self._node.clock
        self._timer_due = due
        self._timer = clock.call_later(max(due - clock.now(), 0.0), self._tick)
