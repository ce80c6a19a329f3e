"""Who carries out what the gate decides: watches a ROUTER's connections, and ends some of them.

ZeroMQ tells the descriptor of each connection that it accepts, and of each that ends; the rest is
asked of the operating system (see `descriptors`).
"""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Final

import zmq
from zmq.utils.monitor import parse_monitor_message

from transport.descriptors import Lookout, Sight, descriptors_allowed
from transport.drain import Drain
from transport.gate import Bounds, Ending, Gate, Grounds, address_of
from transport.properties import descriptor_of
from transport.relief import Relief

if TYPE_CHECKING:
    from transport.endpoint import Endpoint
    from transport.interface import Buffer, EndingCallback
    from transport.options import TransportOptions

__all__ = ["Gatekeeper"]

_WATCHED: Final = int(zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED)
_ACCEPTED: Final = int(zmq.EVENT_ACCEPTED)
_BUDGET = 1024

_OFTEN, _SELDOM = 0.1, 1.0
"""Seconds between two sweeps while there are strangers, and while there are only peers."""

_STILL_SENDING = frozenset({Grounds.UNAUTHENTICATED, Grounds.UNFINISHED})
_numbers = itertools.count()


class Gatekeeper:
    """Watches the inbound connections of one ROUTER.

    Args:
        context: makes the monitor's socket.
        router: whose connections; not bound yet.
        options: the bounds follow from these.
        on_ending: hears of each connection that is ended, and why.

    Attributes:
        doors: the ports and paths that it listens on, see `Sight.door`.
        lookout: looks at descriptors.
        heard: whose messages were noted since the last sweep.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        router: zmq.Socket[bytes],
        options: TransportOptions,
        on_ending: EndingCallback,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._gate = Gate(Bounds.of(options, descriptors_allowed()), self._loop.time())
        self._on_ending = on_ending
        self.doors: set[int | str] = set()
        self._names: dict[int, object] = {}
        """How each connection calls its two ends: the same number may mean another one later."""
        self.lookout = Lookout()
        self._relief = Relief()
        self._router = router
        self._timer: asyncio.TimerHandle | None = None
        self._peers_due = 0.0
        self._is_late = False
        self.heard: set[bytes] = set()
        name = f"inproc://gate-{next(_numbers)}"
        router.monitor(name, _WATCHED)
        self._monitor = context.socket(zmq.PAIR)
        self._monitor.setsockopt(zmq.LINGER, 0)
        # Else many events would block the thread that all connections share.
        self._monitor.setsockopt(zmq.RCVHWM, 0)
        self._monitor.connect(name)
        self._events = Drain(self._monitor, self._on_event, max_frames=2, budget=_BUDGET)
        self._events.check()

    def watch(self, bound: Endpoint) -> None:
        """The ROUTER listens there, too."""
        path = "\0" + bound.host[1:] if bound.host.startswith("@") else bound.host
        self.doors.add(bound.port if bound.scheme == "tcp" else path)

    def close(self) -> None:
        """Watch no more; before the ROUTER is closed."""
        self._events.stop()
        if self._timer is not None:
            self._timer.cancel()
        self._router.disable_monitor()
        self._monitor.close(linger=0)
        self._relief.close()
        self.lookout.close()

    def hear(self, source: bytes, envelope: zmq.Frame | None) -> None:
        """A whole message came; to be told once a source and sweep (see `heard`)."""
        self.heard.add(source)
        number = self._number_of(envelope)
        if number in self._gate:
            self._gate[number].hear()

    def establish(self, source: bytes, envelope: zmq.Frame | None) -> None:
        """A session stands on the connection that this message came on."""
        self._gate.establish(self._number_of(envelope), source)

    def forget(self, source: bytes) -> None:
        """No session stands there any more."""
        self._gate.forget(source)
        self._await_sweep()

    def _number_of(self, envelope: zmq.Frame | None) -> int:
        # What is known of a descriptor must be as new as the message that names it.
        self._events.drain()
        return -1 if envelope is None else descriptor_of(envelope)

    def _on_event(self, frames: list[Buffer]) -> None:
        event = parse_monitor_message([bytes(frame) for frame in frames])
        number = int(event["value"])
        if int(event["event"]) == _ACCEPTED:
            self._on_accepted(number)
        else:
            self._gate.end(number)
            self._names.pop(number, None)

    def _on_accepted(self, number: int) -> None:
        with self.lookout.at(number) as seen:
            if seen is None or seen.door not in self.doors:
                return  # it has ended since, and that will be told
            self._names[number] = seen.names
            ending = self._gate.accept(number, _address(seen))
            if ending is not None:
                self._finish(ending, seen)
        self._await_sweep()

    def _await_sweep(self) -> None:
        """See to it that the next sweep comes soon enough."""
        delay = _OFTEN if self._gate.strangers else _SELDOM
        due = self._loop.time() + delay
        if self._timer is not None:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._sweep, due)

    def _sweep(self, due: float) -> None:
        self._timer = None
        self._events.drain()
        self.heard.clear()
        now = self._loop.time()
        for ending in self._gate.sweep(now):
            self._end(ending)
        # Who was late itself lets others speak first, once: what they sent waits to be read.
        self._is_late = not self._is_late and now - due > _OFTEN
        if not self._is_late and self.lookout.counts_bytes:
            self._weigh(now)
        if len(self._gate):
            self._await_sweep()

    def _weigh(self, now: float) -> None:
        """End who has sent too much."""
        peers = now >= self._peers_due
        if peers:
            self._peers_due = now + _SELDOM
        for entrant in self._gate.suspects(peers=peers):
            with self.lookout.at(entrant.number) as seen:
                if seen is None or seen.names != self._names.get(entrant.number):
                    continue
                received = seen.received()
                ending = None if received is None else self._gate.judge(entrant, received)
                if ending is not None:
                    self._relief.needed()
                    self._finish(ending, seen)

    def _end(self, ending: Ending) -> None:
        with self.lookout.at(ending.number) as seen:
            if seen is not None and seen.names == self._names.get(ending.number):
                self._finish(ending, seen)

    def _finish(self, ending: Ending, seen: Sight) -> None:
        seen.end(reset=ending.grounds in _STILL_SENDING)
        self._on_ending(str(ending.grounds), _address(seen) or "a path", ending.detail)


def _address(seen: Sight) -> str:
    return address_of(seen.host) if seen.host else ""
