"""Actors on other nodes: refs to them, and all that this node sends there.

What comes from there is in `actors.inbound`.
"""

from __future__ import annotations

import itertools
import logging
from asyncio import Future
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from actors.address import Address, Origin
from actors.asks import Ask
from actors.commands import Command, Halt, Stop
from actors.errors import (
    LinkFullError,
    NodeUnreachableError,
    NotAuthorizedError,
    SerializationError,
)
from actors.events import Undecodable
from actors.letter import Letter
from actors.outposts import Outposts
from actors.peer import Expected, Peer, Waiting
from actors.reason import Reason, Terminated
from actors.ref import ActorRef
from actors.wire import Kind, portable, write_command
from serialization import (
    REPEATABLE_BYTES,
    ActorsError,
    Encoded,
    Fields,
    pack,
    pack_repeat,
    unpack_all,
    unpack_repeat,
)
from transport import Buffer, Mesh, Parcel
from transport.endpoint import is_dialable

if TYPE_CHECKING:
    from actors.cell import Cell
    from actors.runtime import Runtime

log = logging.getLogger("actors.remote")

TELL, COUNTED, ASK, ASK_IN_HAND = Kind.TELL, Kind.COUNTED, Kind.ASK, Kind.ASK_IN_HAND
REPLY = Kind.REPLY

CONNECT_TIMEOUT = 3.0
"""Seconds that messages for a node that was never seen wait for it."""

SLACK = 0.5
"""Seconds beyond its deadline that the end of a command on another node is waited for."""


# A struct, for its fields are looked at for each message.
class Run(msgspec.Struct, eq=False, frozen=True):
    """What tells are like that are repeats of the last one on a link."""

    actor: RemoteActor
    sender: ActorRef[Any] | None
    message_class: type
    encode: Callable[[Any], bytes | None]


class RemoteActor:
    """What stands behind the ref of an actor on another node."""

    __slots__ = ("_remote", "key", "origin", "peer", "ref")

    def __init__(self, remote: Remote, origin: Origin, key: str) -> None:
        self._remote = remote
        self.origin = origin
        self.key = key
        self.peer: Peer | None = None
        """Its node, once something was sent there."""
        self.ref: ActorRef[Any]

    def deliver(self, letter: Letter) -> None:
        """Send the message there. Raises SerializationError."""
        # The hot path of tells: nothing but the body is new.
        link = None if self.peer is None else self.peer.link
        if link is not None and letter.answer is None:
            run, message = link.last, letter.message
            if (
                type(run) is Run
                and run.actor is self
                and run.sender is letter.sender
                and run.message_class is type(message)
            ):
                body = run.encode(message)
                if (
                    body is not None
                    and len(body) <= REPEATABLE_BYTES
                    and link.push(pack_repeat(0, body), (), 1, run)
                ):
                    self._remote.ledger.outbound += 1
                    return
        self._remote.deliver(self, letter)

    def deliver_ask(self, letter: Letter) -> None:
        """Ask it there. Raises SerializationError."""
        self._remote.deliver(self, letter)

    def offer(self, letter: Letter) -> Future[None]:
        """Send the message when the link has room; done when it is in the mailbox there."""
        return self._remote.offer(self, letter)

    def control(self, command: Command) -> Future[bool]:
        """Have the actor obey; False where its node is lost."""
        return self._remote.control(self, command)

    def watch(self, watcher: ActorRef[Any]) -> None:
        """Let a watcher here know of the end there, or of the loss of that node."""
        self._remote.watch(self, watcher)

    def unwatch(self, watcher: ActorRef[Any]) -> None:
        """End that."""
        self._remote.unwatch(self, watcher)

    def notify(self, notice: Terminated) -> None:
        """Tell a watcher there of an end here."""
        self._remote.notify(self, notice)

    def ended(self) -> Future[Reason]:
        """Return a future of the reason; `noconnection` where that node is lost."""
        return self._remote.ended(self)

    def condition(self) -> tuple[str, int] | None:
        """Nobody knows from here."""
        return None


class Remote:
    """The other nodes, as this one reaches them."""

    def __init__(self, node: Runtime) -> None:
        self._node = node
        self.ledger = node.ledger
        self.mesh: Mesh | None = None
        self.peers: dict[tuple[str, int], Peer] = {}
        self.guests: dict[str, Cell] = {}
        """Actors here whose parents are elsewhere, by path."""
        self.outposts = Outposts(node, self)
        self.correlations = itertools.count(1)
        self.probed: dict[int, Expected] = {}
        """Local asks that a probe is out for."""
        self._sent_before = 0

    # --- refs and peers -------------------------------------------------------------------------

    def ref(self, origin: Origin, key: str) -> ActorRef[Any]:
        """Return a ref to an actor of another node."""
        actor = RemoteActor(self, origin, key)
        actor.ref = ActorRef(self._node, origin, key, actor)
        return actor.ref

    def peer(self, origin: Origin) -> Peer | None:
        """Return that life of that node; None where it is over or cannot be reached."""
        peer = self.peers.get(origin[:2])
        if peer is None and self.mesh is not None and origin.endpoint is not None:
            over = self._node.membership.is_over(origin.node, origin.incarnation)
            known = self._node.membership.get(origin.node)
            if not over and known is None:
                peer = self._expect_peer(self.mesh, origin)
        return peer

    def _expect_peer(self, mesh: Mesh, origin: Origin) -> Peer | None:
        """A ref came before its node did: call it, and keep for a while what is meant for it."""
        endpoint = f"tcp://{origin.endpoint}"
        if not is_dialable(endpoint):  # the address may come from anywhere
            return None
        peer = self._add_peer(origin.node, origin.incarnation)
        peer.expected_at = endpoint
        peer.called = mesh.dial(endpoint, origin.node)
        reason = f"no answer in {CONNECT_TIMEOUT:g} s"
        peer.timer = self._node.clock.call_later(CONNECT_TIMEOUT, self._not_come, peer, reason)
        return peer

    def _add_peer(self, name: str, incarnation: int) -> Peer:
        soon = self._node.loop.call_soon
        peer = Peer(name, incarnation, soon, self._report_done, self._give_up)
        self.peers[name, incarnation] = peer
        return peer

    def _give_up(self, peer: Peer) -> None:
        """It asks and takes no answers in: what waits for it must not fill the memory."""
        if self.mesh is not None and not peer.gone:
            self.mesh.drop(peer.name, f"{peer.overflow_bytes} bytes wait that it does not take in")

    def _not_come(self, peer: Peer, reason: str) -> None:
        assert self.mesh is not None
        assert peer.expected_at is not None
        if peer.called:
            self.mesh.forget(peer.expected_at)
        self.lose(peer, f"node {peer.name!r} is not at {peer.expected_at}: {reason}", ())

    def not_there(self, endpoint: str, reason: str) -> None:
        """An attempt on an endpoint failed: who was expected there is not waited for."""
        for peer in [p for p in self.peers.values() if p.expected_at == endpoint]:
            self._not_come(peer, reason)

    def sign(self, ref: ActorRef[Any] | None) -> str | None:
        """Return how this node writes down a ref: its own actors by their key alone."""
        if ref is None:
            return None
        if ref._origin == self._node.origin:
            return ref._key
        return ref.address

    # --- messages -------------------------------------------------------------------------------

    def deliver(self, actor: RemoteActor, letter: Letter) -> None:
        """Send a message. Raises SerializationError; all else becomes a dead letter."""
        encoded = self._node.codec.encode(letter.message)
        self._node.ledger.outbound += 1
        peer = actor.peer
        if peer is None or peer.gone:
            peer = actor.peer = self.peer(actor.origin)
        if peer is None:
            self._undelivered(actor, letter, f"node {actor.origin.node!r} is not reachable")
            return
        answer, kind = letter.answer, TELL
        if answer is None:
            correlation = 0
        elif answer.wanted:
            correlation = next(self.correlations)
            peer.pending[correlation] = Expected(answer, actor.ref)
            kind = ASK
            if type(answer) is Ask:
                answer.forget()  # a probe may be out for it
                answer.pending, answer.correlation = peer.pending, correlation
                kind = ASK if answer.turn is None else ASK_IN_HAND
        else:
            kind, correlation = COUNTED, peer.tallies.begin(answer)
        mark = self._mark(kind, actor, letter, encoded.tag)
        if not self._push(peer, kind, actor.key, letter.sender, correlation, encoded, 1, mark):
            if kind is COUNTED:
                peer.tallies.withdraw(correlation)
            else:
                peer.pending.pop(correlation, None)
            full = LinkFullError(actor.ref, peer.name, peer.capacity)
            self._undelivered(actor, letter, f"the link to node {peer.name!r} is full", full)

    def _push(
        self,
        peer: Peer,
        kind: Kind,
        target: str,
        sender: ActorRef[Any] | None,
        correlation: int,
        encoded: Encoded,
        weight: int,
        mark: object,
    ) -> bool:
        """Queue a record, as a repeat where `mark` says that it is like the one before it.

        A mark of None is like nothing. False where it is a message and there is no room.
        """
        link, body, buffers = peer.link, encoded.body, encoded.buffers
        if (
            link is not None
            and mark is not None
            and link.last == mark
            and not buffers
            and len(body) <= REPEATABLE_BYTES
            and link.push(pack_repeat(correlation, body), (), weight, mark)
        ):
            return True
        who = self.sign(sender)
        record = pack(kind, target, who, correlation, encoded.tag, body, len(buffers))
        return peer.push(record, buffers, weight, None if buffers else mark)

    def _mark(self, kind: Kind, actor: RemoteActor, letter: Letter, tag: str | None) -> object:
        """Return what a message must be like to be written as a repeat of this one."""
        if kind is TELL:
            message_class = type(letter.message)
            encode = self._node.codec.fast_encoder(message_class)
            if encode is not None:
                return Run(actor, letter.sender, message_class, encode)
        return (kind, actor, letter.sender, tag)

    def publish(
        self,
        peer: Peer,
        target: str,
        sender: ActorRef[Any] | None,
        message: object,
        encoded: Encoded,
    ) -> None:
        """Send a message for all subscribers there, once; what does not leave is a dead letter."""
        self._node.ledger.outbound += 1
        mark = (Kind.PUBLISH, target, sender, encoded.tag)
        if not self._push(peer, Kind.PUBLISH, target, sender, 0, encoded, 1, mark):
            self._node.ledger.undelivered += 1
            ref = self.ref(Origin(peer.name, peer.incarnation), target)
            reason = f"node {peer.name!r} is gone, or the link to it is full"
            self._node.mourn(message, ref, sender, reason)

    def _undelivered(
        self, actor: RemoteActor, letter: Letter, reason: str, error: ActorsError | None = None
    ) -> None:
        self._node.ledger.undelivered += 1
        self._node.mourn(letter.message, actor.ref, letter.sender, reason)
        if letter.answer is not None:
            letter.answer.fail(error or NodeUnreachableError(actor.ref, reason))

    def offer(self, actor: RemoteActor, letter: Letter) -> Future[None]:
        """Send a message when the link has room, and wait for its arrival in the mailbox."""
        encoded = self._node.codec.encode(letter.message)
        buffers = encoded.buffers
        room: Future[None] = self._node.loop.create_future()
        peer = self.peer(actor.origin)
        if peer is None:
            self._node.ledger.outbound += 1
            self._undelivered(actor, letter, f"node {actor.origin.node!r} is not reachable")
            room.set_exception(NodeUnreachableError(actor.ref, "it is gone, or was never seen"))
            return room
        kind, correlation = Kind.SEND, next(self.correlations)
        peer.pending[correlation] = Expected(Ask((actor.ref,), room), actor.ref)
        if letter.answer is not None:  # a router's, which counts
            kind, end = Kind.COUNTED_SEND, next(self.correlations)
            peer.pending[end] = Expected(letter.answer, actor.ref)
            room.add_done_callback(partial(self._end_unless_admitted, peer, end))
        room.add_done_callback(lambda _: self._admission_over(peer, actor, correlation))
        sender = self.sign(letter.sender)
        record = pack(kind, actor.key, sender, correlation, encoded.tag, encoded.body, len(buffers))
        self._node.ledger.outbound += 1
        if peer.senders or not peer.push(record, buffers, 1):
            parcel = Parcel(record, buffers, 1)
            peer.senders.append(Waiting(record, buffers, room, parcel))
        return room

    def _end_unless_admitted(self, peer: Peer, end: int, room: Future[None]) -> None:
        """Where a counted message never gets into the mailbox, that is its end."""
        if room.cancelled() or room.exception() is not None:
            expected = peer.pending.pop(end, None)
            if expected is not None:
                expected.answer.send(None)

    def _admission_over(self, peer: Peer, actor: RemoteActor, correlation: int) -> None:
        """A `send` has ended; where its sender gave up, the other side need not go on."""
        if peer.pending.pop(correlation, None) is None:
            return
        waiting = len(peer.senders)
        for _ in range(waiting):
            entry = peer.senders.popleft()
            if not entry.room.done():
                peer.senders.append(entry)
            else:
                self._node.ledger.undelivered += 1
        if len(peer.senders) == waiting:
            self.signal(peer, Kind.WITHDRAW, actor.key, None, correlation)

    # --- the framework's own --------------------------------------------------------------------

    def signal(
        self,
        peer: Peer,
        kind: Kind,
        target: str,
        sender: ActorRef[Any] | None,
        correlation: int = 0,
        value: object = None,
        mark: object = None,
    ) -> None:
        """Send a record that is no user's message: it takes no part in the ledger.

        `mark`: what the next one must be like to be written as a repeat of this one.
        """
        encoded = self._node.codec.encode(value)
        self._push(peer, kind, target, sender, correlation, encoded, 0, mark)

    def reply(self, peer: Peer, correlation: int, value: object) -> None:
        """Answer an ask of that node; what cannot be sent reaches the asker as that error."""
        if not correlation:  # nobody waits; and a repeat tells 0 from others by what came before
            return
        try:
            encoded = self._node.codec.encode(value)
        except SerializationError as error:
            self.reply_error(peer, correlation, error)
            return
        mark = (REPLY, encoded.tag)
        self._push(peer, REPLY, "", None, correlation, encoded, 0, mark)

    def _report_done(self, peer: Peer, report: list[int]) -> None:
        """Say how many counted messages of that node have ended here."""
        self.signal(peer, Kind.DONE, "", None, 0, report)

    def reply_error(self, peer: Peer, correlation: int, error: BaseException) -> None:
        """Answer an ask of that node with an error."""
        if not correlation:
            return
        sendable = portable(self._node.codec, error, f"node {self._node.name!r}")
        self.signal(peer, Kind.ERROR, "", None, correlation, sendable)

    def control(self, actor: RemoteActor, command: Command) -> Future[bool]:
        """Send a command; True when it is done there."""
        done: Future[bool] = self._node.loop.create_future()
        peer = self.peer(actor.origin)
        if peer is None:
            done.set_result(isinstance(command, Stop))
            return done
        outcome = Outcome(done, lost=isinstance(command, Stop), translate=bool)
        value = write_command(command, self._node.codec, f"node {self._node.name!r}")
        self._question(peer, Kind.COMMAND, actor, outcome, value)
        if isinstance(command, Stop | Halt) and command.deadline is not None:
            # Where that node hangs it cannot keep the deadline: who waits here does not hang too.
            patience = self._node.clock.call_later(command.deadline + SLACK, outcome.give_up)
            done.add_done_callback(lambda _: patience.cancel())
        return done

    def ended(self, actor: RemoteActor) -> Future[Reason]:
        """Ask for the end of an actor there."""
        ended: Future[Reason] = self._node.loop.create_future()
        peer = self.peer(actor.origin)
        if peer is None:
            ended.set_result(Reason.NOCONNECTION)
        else:
            outcome = Outcome(ended, lost=Reason.NOCONNECTION, translate=Reason)
            self._question(peer, Kind.ENDED, actor, outcome, None)
        return ended

    def _question(
        self, peer: Peer, kind: Kind, actor: RemoteActor, outcome: Outcome, value: object
    ) -> None:
        correlation = next(self.correlations)
        peer.pending[correlation] = Expected(outcome, actor.ref)
        self.signal(peer, kind, actor.key, None, correlation, value)

    def resolve(self, peer: Peer, path: str, future: Future[Any]) -> None:
        """Ask another node for the key of a path."""
        origin = Origin(peer.name, peer.incarnation)
        ref = self.ref(origin, f"{path}#0")
        correlation = next(self.correlations)
        peer.pending[correlation] = Expected(Ask((ref,), future), ref)
        self.signal(peer, Kind.RESOLVE, path, None, correlation)

    def watch(self, actor: RemoteActor, watcher: ActorRef[Any]) -> None:
        """Watch an actor there for one here."""
        peer = self.peer(actor.origin)
        if peer is None:
            detail = f"node {actor.origin.node!r} is not reachable"
            watcher._target.notify(Terminated(actor.ref, Reason.NOCONNECTION, detail))
            return
        watchers = peer.watches.setdefault(actor.ref, {})
        if watcher not in watchers:
            watchers[watcher] = None
            self.signal(peer, Kind.WATCH, actor.key, watcher)

    def unwatch(self, actor: RemoteActor, watcher: ActorRef[Any]) -> None:
        """Watch it no more."""
        peer = self.peers.get(actor.origin[:2])
        watchers = peer.watches.get(actor.ref) if peer is not None else None
        if peer is None or watchers is None or watcher not in watchers:
            return
        del watchers[watcher]
        if not watchers:
            del peer.watches[actor.ref]
        self.signal(peer, Kind.UNWATCH, actor.key, watcher)

    def notify(self, actor: RemoteActor, notice: Terminated) -> None:
        """Tell a watcher there that one here has ended."""
        peer = self.peers.get(actor.origin[:2])
        if peer is not None:
            value = [str(notice.reason), notice.detail]
            self.signal(peer, Kind.TERMINATED, actor.key, notice.ref, 0, value)

    def probe(self, away: Sequence[ActorRef[Any]], asker: ActorRef[Any], ask: Ask) -> None:
        """Follow the asks that leave this node: do they come back to the asker of this one?"""
        if ask.pending is self.probed:  # it was handed on since
            ask.forget()
        token = next(self.correlations)
        self.probed[token] = Expected(ask, ask.recipients[0])
        ask.pending, ask.correlation = self.probed, token
        self.chase(away, asker.address, token, 0)

    def chase(self, away: Sequence[ActorRef[Any]], asker: str, token: int, hops: int) -> None:
        """Send probes after these refs."""
        for ref in away:
            peer = self.peers.get(ref._origin[:2])
            if peer is not None:
                self.signal(peer, Kind.PROBE, ref._key, None, token, [asker, hops + 1])

    # --- connections ----------------------------------------------------------------------------

    def connected(self, name: str, incarnation: int) -> None:
        """A node is up: send what was kept for it."""
        assert self.mesh is not None
        link = self.mesh.link(name)
        peer = self.peers.get((name, incarnation))
        if peer is None:
            peer = self._add_peer(name, incarnation)
        for other in [p for p in self.peers.values() if p.name == name and p is not peer]:
            self.lose(other, f"node {name!r} is another incarnation by now", ())
        if link is not None:
            self._mourn_parcels(peer, peer.connected(link), "the link is full")
        self._node.registry.connected(peer)

    def lose(self, peer: Peer, reason: str, undelivered: Sequence[Parcel]) -> None:
        """A node is gone for good: all that hangs on it ends now."""
        if peer.gone:
            return
        peer.gone = True
        self.peers.pop((peer.name, peer.incarnation), None)
        self._node.registry.disconnected(peer)
        if peer.timer is not None:
            peer.timer.cancel()
        if peer.link is not None:
            self._sent_before += peer.link.sent
        parcels = [*undelivered, *peer.outbox, *(w.parcel for w in peer.senders)]
        peer.outbox.clear()
        peer.senders.clear()
        self._mourn_parcels(peer, parcels, f"noconnection: {reason}")
        pending, peer.pending = dict(peer.pending), {}
        for expected in pending.values():
            expected.answer.fail(NodeUnreachableError(expected.ref, reason))
        peer.tallies.fail(NodeUnreachableError(f"node {peer.name!r}", reason))
        self._end_watches(peer, reason)
        self.outposts.bring_home(peer, reason)
        for guest in tuple(peer.guests):
            detail = f"the node of its parent is gone: {reason}"
            guest.control(Stop(Reason.SHUTDOWN, deadline=5.0, detail=detail))

    def _end_watches(self, peer: Peer, reason: str) -> None:
        watches, peer.watches = peer.watches, {}
        for ref, watchers in watches.items():
            for watcher in watchers:
                watcher._target.notify(Terminated(ref, Reason.NOCONNECTION, reason))

    async def stop_guests(self, *, drain: bool = False, brutal: bool = False) -> None:
        """Stop what other nodes have started here, the youngest first."""
        for guest in reversed(tuple(self.guests.values())):
            deadline = 0 if brutal else None
            await guest.control(Stop(Reason.SHUTDOWN, drain=drain, deadline=deadline))

    def _mourn_parcels(self, peer: Peer, parcels: Sequence[Parcel], reason: str) -> None:
        # All at once: they wait no longer.
        self._node.ledger.undelivered += sum(1 for parcel in parcels if parcel.weight)
        envelope: Fields | None = None
        for parcel in parcels:
            [record] = unpack_all(parcel.record)
            envelope = unpack_repeat(record, envelope) if isinstance(record, bytes) else record
            if parcel.weight:
                self._mourn(peer, envelope, parcel.buffers, reason)

    def _mourn(self, peer: Peer, envelope: Fields, buffers: Sequence[Buffer], reason: str) -> None:
        _, target, sender, _, tag, body, _ = envelope
        message: object
        try:
            message = self._node.codec.decode(tag, body, buffers)
        except ActorsError as error:
            message = Undecodable(tag, body, str(error))
        ref = self.ref(Origin(peer.name, peer.incarnation), target)
        self._node.mourn(message, ref, self._own(sender), reason)

    def _own(self, sender: str | None) -> ActorRef[Any] | None:
        if sender is None:
            return None
        if sender.startswith("actors://"):
            return self._node.delivery.ref(sender)
        return self._node.delivery.ref_of(Address(self._node.origin, sender))

    # --- the ledger -----------------------------------------------------------------------------

    @property
    def sent(self) -> int:
        """Count the messages that their nodes have acknowledged."""
        links = sum(p.link.sent for p in self.peers.values() if p.link is not None)
        return self._sent_before + links

    @property
    def waiting(self) -> int:
        """Count the messages that are on their way."""
        return sum(peer.waiting + len(peer.senders) for peer in self.peers.values())


class Outcome:
    """An answer that is a fact of the framework, with a value for the case of a lost node."""

    __slots__ = ("_future", "_lost", "_translate", "wanted")

    def __init__(
        self, future: Future[Any], *, lost: object, translate: Callable[[Any], object]
    ) -> None:
        self._future = future
        self._lost = lost
        self._translate = translate
        self.wanted = True

    def send(self, value: object) -> None:
        """It is so. What is no such fact is as good as no answer."""
        try:
            fact = self._translate(value)
        except ValueError:
            self.give_up()
            return
        if not self._future.done():
            self._future.set_result(fact)

    def fail(self, error: BaseException) -> None:
        """Nobody can know any more, or this node may not know."""
        if isinstance(error, NotAuthorizedError) and not self._future.done():
            self._future.set_exception(error)
            self._future.exception()  # nobody has to wait for it
        self.give_up()

    def give_up(self) -> None:
        """Wait no longer."""
        if not self._future.done():
            self._future.set_result(self._lost)

    def redirect(self, *refs: ActorRef[Any], every: bool = True) -> None:
        """Facts are not handed on."""
