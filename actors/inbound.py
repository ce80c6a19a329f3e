"""What other nodes send here: messages for actors, answers, and the framework's own records."""

from __future__ import annotations

import logging
from asyncio import Future
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import msgspec

from actors.actor import hosted_class
from actors.address import Address, Origin, host_port
from actors.asks import is_asked_by
from actors.authorisation.screen import Screen
from actors.errors import (
    ActorNotFoundError,
    ActorsError,
    AskCycleError,
    MessageDecodeError,
    NodeFullError,
    NotAuthorizedError,
    RemoteError,
)
from actors.events import Undecodable
from actors.guests import Guests
from actors.letter import Answer, Letter
from actors.peer import Expected, Peer
from actors.reason import Terminated
from actors.reliable.words import check_confirmed, check_word
from actors.remote import Remote
from actors.tally import pairs
from actors.wire import Kind, read_birth, read_command, read_notice, read_probe
from serialization import Fields, split_repeat, unpack_all, unpack_repeat
from transport import Buffer

if TYPE_CHECKING:
    from actors.authorisation.policy import Policy
    from actors.cell import Cell
    from actors.cluster.gossip import Gossip
    from actors.ref import ActorRef
    from actors.runtime import Runtime

log = logging.getLogger("actors.inbound")

_LAST_NUMBER = 2**64 - 1
"""No correlation comes after it."""

MAX_HOPS = 64
"""How far a probe for a cycle of asks goes."""

TELL, COUNTED, ASK, ASK_IN_HAND = Kind.TELL, Kind.COUNTED, Kind.ASK, Kind.ASK_IN_HAND
SEND, COUNTED_SEND, REPLY = Kind.SEND, Kind.COUNTED_SEND, Kind.REPLY

_TOLD = frozenset({*range(TELL, COUNTED_SEND + 1), Kind.PUBLISH})
"""What is somebody's message, and never lost without a word."""
_WORDS = 300
"""Letters of what is wrong that are logged and sent back: it may quote the whole record."""
_ASKED = frozenset({Kind.COMMAND, Kind.ENDED, Kind.RESOLVE, Kind.ENROL, Kind.WHEREIS})
"""What an answer is waited for, messages aside."""

Signal = Callable[[Peer, str, str | None, int, Any], None]


class RemoteAnswer(msgspec.Struct, eq=False):
    """The answer to an ask of another node."""

    remote: Remote
    peer: Peer
    correlation: int
    wanted: bool = True

    def send(self, value: object) -> None:
        """Send the value there; of a counted one, that it is done."""
        self.remote.reply(self.peer, self.correlation, value if self.wanted else None)

    def fail(self, error: BaseException) -> None:
        """Send the error there; of a counted one, that it is done."""
        if self.wanted:
            self.remote.reply_error(self.peer, self.correlation, error)
        else:
            self.remote.reply(self.peer, self.correlation, None)

    def redirect(self, *refs: ActorRef[Any], every: bool = True) -> None:
        """The asker's node follows its own asks."""


Again = Callable[[bytes], None]
"""Handles a repeat of an envelope."""

Decode = Callable[[bytes], Any]


def _tell_again(cell: Cell, who: ActorRef[Any] | None, decode: Decode, repeat: bytes) -> None:
    cell.deliver(Letter(decode(repeat), who))


def _ask_again(
    cell: Cell,
    who: ActorRef[Any] | None,
    decode: Decode,
    answer: Callable[[int], Answer],
    repeat: bytes,
) -> None:
    correlation, body = split_repeat(repeat)
    cell.deliver_ask(Letter(decode(body), who, answer(correlation)))


def _reply_again(pending: dict[int, Expected], decode: Decode, repeat: bytes) -> None:
    correlation, body = split_repeat(repeat)
    value = decode(body)
    expected = pending.pop(correlation, None)
    if expected is not None:  # else its asker has gone away
        expected.answer.send(value)


def _reason(error: ActorsError) -> str:
    """Return in a word or two why a message was not read, for its dead letter."""
    if isinstance(error, NotAuthorizedError):
        return "not authorised"
    if isinstance(error, NodeFullError):
        return "node full"
    return "undecodable" if isinstance(error, MessageDecodeError) else "unknown type"


def _no_shortcut(peer: Peer, envelope: Fields) -> Again | None:
    return None


class Inbound:
    """Takes the batches of other nodes apart."""

    def __init__(self, node: Runtime, gossip: Gossip) -> None:
        self._node = node
        self._remote = node.remote
        self._gossip = gossip
        self._guests = Guests(node)
        self._rooms: dict[tuple[Peer, int], Future[None]] = {}
        """Sends that wait for room in a mailbox here."""
        self._take = self._handle
        """Handles a record, once it is known that its sender may have that."""
        self._shortcut = self._again
        self.plain_signals: dict[int, Signal] = {
            Kind.ERROR: self._on_error,
            Kind.WITHDRAW: self._on_withdraw,
            Kind.WATCH: self._on_watch,
            Kind.UNWATCH: self._on_unwatch,
            Kind.TERMINATED: self._on_terminated,
            Kind.SPAWN: self._on_spawn,
            Kind.COMMAND: self._on_command,
            Kind.ENDED: self._on_ended,
            Kind.CHILD: self._on_child,
            Kind.RESOLVE: self._on_resolve,
            Kind.PROBE: self._on_probe,
            Kind.LEAVING: self._on_leaving,
            Kind.DONE: self._on_done,
            Kind.GOSSIP: self._on_gossip,
            Kind.ENTRIES: node.registry.on_entries,
            Kind.ENROL: node.registry.on_enrol,
            Kind.WHEREIS: node.registry.on_whereis,
            Kind.PUBLISH: self._on_publish,
            Kind.RELIABLE: self._on_reliable,
            Kind.CONFIRMED: self._on_confirmed,
        }
        self._signals = self.plain_signals

    def authorise(self, policy: Policy | None) -> None:
        """Handle only what the policy allows; without one, everything, at no cost."""
        for peer in self._remote.peers.values():
            peer.rights.clear()
        screen = None if policy is None else Screen(self._node, self, policy)
        self._take = self._handle if screen is None else screen.take
        self._shortcut = self._again if screen is None else screen.shortcut
        self._signals = self.plain_signals | ({} if screen is None else screen.signals)

    def received(self, peer: Peer, records: Buffer, buffers: Sequence[Buffer], count: int) -> None:
        """Handle a batch, record by record: a bad one spoils none of its neighbours.

        Raises EnvelopeError where the batch itself makes no sense.
        """
        taken = 0
        envelope: Fields | None = None
        again: Again | None = None
        take, shortcut = self._take, self._shortcut
        if self._node.ledger.waiting + len(self._rooms) >= self._node.max_queued:
            take, shortcut = self._take_no_message, _no_shortcut
        for record in unpack_all(records, count=count):
            own: Sequence[Buffer] = ()
            if type(record) is bytes:
                if again is not None:
                    try:
                        again(record)
                        continue
                    except Exception:  # noqa: BLE001 - what the quick way refuses is judged below
                        pass
                envelope = unpack_repeat(record, envelope)
            else:
                envelope = cast("Fields", record)
                again = shortcut(peer, envelope)
                extra = envelope[6]
                if extra:
                    own = buffers[taken : taken + extra]
                    taken += extra
            take(peer, envelope, own)

    def _take_no_message(self, peer: Peer, envelope: Fields, own: Sequence[Buffer]) -> None:
        """There is no room for messages: refuse them unread, and handle what is none."""
        kind, target, *rest = envelope
        if kind not in _TOLD:
            self._take(peer, envelope, own)
            return
        recipient = self._node.delivery.local(target)
        error = NodeFullError(recipient, self._node.name, self._node.max_queued)
        told = TELL if kind == Kind.PUBLISH else kind
        self.refuse(peer, cast("Fields", (told, target, *rest)), error)

    def _again(self, peer: Peer, envelope: Fields) -> Again | None:
        """Return the quick way for repeats of an envelope; None where there is none.

        It raises, whatever it is, before it has done anything.
        """
        kind, target, sender, _, tag, _, extra = envelope
        decode = self._node.codec.fast_decoder(tag)
        if decode is None or extra:
            return None
        if kind == REPLY:
            return partial(_reply_again, peer.pending, decode)
        cell = self._node.delivery.cells.get(target)
        if cell is None or not (sender is None or sender in peer.refs):
            return None
        if kind == TELL:
            return partial(_tell_again, cell, peer.refs.get(sender), decode)
        if kind == ASK:
            ask = partial(RemoteAnswer, self._remote, peer)
            return partial(_ask_again, cell, peer.refs.get(sender), decode, ask)
        return None

    def _handle(self, peer: Peer, envelope: Fields, own: Sequence[Buffer]) -> None:
        kind, target, sender, correlation, tag, body, _ = envelope
        try:
            if kind <= COUNTED_SEND:
                self._message(peer, kind, target, sender, correlation, tag, body, own)
            elif kind == REPLY:
                self._on_reply(peer, correlation, tag, body, own)
            else:
                self._signal(peer, kind, target, sender, correlation, tag, body, own)
        except ValueError as error:
            self._refuse(peer, envelope, error)
        except Exception:
            log.exception("a record of kind %s from node %r failed", kind, peer.name)

    def _refuse(self, peer: Peer, envelope: Fields, error: ValueError) -> None:
        """A record makes no sense: say so, to whom waits for an answer too, and go on."""
        kind, target, _, correlation, tag, body, _ = envelope
        words = str(error)[:_WORDS]
        assert self._remote.mesh is not None
        self._remote.mesh.reject("record", peer.name, f"kind {kind}: {words}")
        wrong = MessageDecodeError(f"a record of kind {kind} makes no sense: {words}")
        if kind in _TOLD:
            asker = None if kind == TELL else RemoteAnswer(self._remote, peer, correlation)
            answer = peer.receipts.of(correlation) if kind == COUNTED else asker
            self._undecodable(target, None, answer, tag, body, wrong)
        elif kind in _ASKED:
            self._remote.reply_error(peer, correlation, wrong)

    # --- messages -------------------------------------------------------------------------------

    def _message(
        self,
        peer: Peer,
        kind: int,
        target: str,
        sender: str | None,
        correlation: int,
        tag: str | None,
        body: bytes,
        buffers: Sequence[Buffer],
    ) -> None:
        """Put a message into the mailbox it is meant for. This is the hot path of remote tells."""
        node = self._node
        who = None
        if sender is not None:
            who = peer.refs.get(sender) or self._ref(peer, sender)
        answer: Answer | None = None
        if kind == COUNTED:
            answer = peer.receipts.of(correlation)
        elif kind != TELL:
            if kind < TELL:
                raise ValueError("there is no such kind")
            answer = RemoteAnswer(self._remote, peer, correlation)
        try:
            message = node.codec.decode(tag, body, buffers)
        except ActorsError as error:
            self._undecodable(target, who, answer, tag, body, error)
            return
        letter = Letter(message, who, answer)
        cell = node.delivery.cells.get(target)
        if kind >= SEND:
            self._admit(peer, target, letter, correlation, counted=kind == COUNTED_SEND)
        elif cell is None:
            node.delivery.local(target)._target.deliver(letter)
        elif kind <= COUNTED:
            cell.deliver(letter)
        else:
            cell.deliver_ask(letter)
            if kind == ASK_IN_HAND and cell.turn is not None and cell.turn.asked:
                self._follow(cell, who, correlation)

    def _undecodable(
        self,
        target: str,
        sender: ActorRef[Any] | None,
        answer: Answer | None,
        tag: str | None,
        body: bytes,
        error: ActorsError,
    ) -> None:
        self._node.ledger.told += 1
        letter = Letter(Undecodable(tag, bytes(body), str(error)), sender, answer)
        self._node.bury(letter, self._node.delivery.local(target), _reason(error), error)

    def refuse(self, peer: Peer, envelope: Fields, error: ActorsError) -> None:
        """Let a message not in: nothing of its body is read. Who asked gets the error."""
        kind, target, sender, correlation, tag, body, _ = envelope
        answer: Answer | None = None
        if kind == COUNTED:
            answer = peer.receipts.of(correlation)
        elif kind != TELL:
            answer = RemoteAnswer(self._remote, peer, correlation)
        self._undecodable(target, self._sender(peer, sender), answer, tag, body, error)

    def refuse_guest(self, peer: Peer, key: str, parent: str | None, error: Exception) -> None:
        """Have what was to be spawned under that key end, and its parent hear why."""
        self._guests.refuse(peer, key, self._sender(peer, parent), error)

    def tell_some(
        self,
        peer: Peer,
        envelope: Fields,
        buffers: Sequence[Buffer],
        recipients: Sequence[ActorRef[Any]],
    ) -> None:
        """Tell what was published to these alone."""
        _, target, sender, _, tag, body, _ = envelope
        who = self._sender(peer, sender)
        try:
            message = self._node.codec.decode(tag, body, buffers)
        except ActorsError as error:
            self._undecodable(target, who, None, tag, body, error)
            return
        for ref in recipients:
            ref._target.deliver(Letter(message, who))

    def _sender(self, peer: Peer, sender: str | None) -> ActorRef[Any] | None:
        return None if sender is None else self._ref(peer, sender)

    def _admit(
        self, peer: Peer, target: str, letter: Letter, correlation: int, *, counted: bool
    ) -> None:
        answer, letter.answer = letter.answer, None
        assert answer is not None
        if counted:
            if correlation == _LAST_NUMBER:
                raise ValueError("there is no number for its end")
            letter.answer = RemoteAnswer(self._remote, peer, correlation + 1, False)
        try:
            room = self._node.delivery.local(target)._target.offer(letter)
        except ActorsError as error:
            answer.fail(error)
            return
        if room is None:
            answer.send(None)
            return
        self._rooms[peer, correlation] = room

        def admitted(done: Future[None]) -> None:
            self._rooms.pop((peer, correlation), None)
            if done.cancelled():
                return
            error = done.exception()
            if error is None:
                answer.send(None)
            else:
                answer.fail(error)

        room.add_done_callback(admitted)

    def _follow(self, cell: Cell, asker: ActorRef[Any] | None, correlation: int) -> None:
        """The recipient is waiting itself: see whether that leads back to the asker."""
        if asker is not None:
            away = self._node.cycles.leads_away(cell.ref)
            self._remote.chase(away, asker.address, correlation, 0)

    def _ref(self, peer: Peer, text: str) -> ActorRef[Any]:
        """Return the ref that a peer wrote down, its own actors by their key alone."""
        if text.startswith("actors://"):
            ref = self._node.delivery.ref(text)
        else:
            member = self._node.membership.get(peer.name)
            address = None if member is None else member.address
            origin = Origin(peer.name, peer.incarnation, host_port(address))
            ref = self._node.delivery.ref_of(Address(origin, text))
        peer.remember_ref(text, ref)
        return ref

    def _theirs(self, peer: Peer, sender: str) -> ActorRef[Any]:
        """Return the ref of an actor there: no node speaks of watches and ends of another's."""
        ref = self._ref(peer, sender)
        if ref._origin[:2] != (peer.name, peer.incarnation):
            raise ValueError(f"{sender} is no actor of node {peer.name!r}")
        return ref

    # --- answers --------------------------------------------------------------------------------

    def _on_reply(
        self,
        peer: Peer,
        correlation: int,
        tag: str | None,
        body: bytes,
        buffers: Sequence[Buffer],
    ) -> None:
        expected = peer.pending.pop(correlation, None)
        if expected is None:
            return  # its asker has gone away
        try:
            value = self._node.codec.decode(tag, body, buffers)
        except ActorsError as error:
            expected.answer.fail(error)
        else:
            expected.answer.send(value)

    def _on_error(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        expected = peer.pending.pop(correlation, None)
        if expected is not None:
            error = value if isinstance(value, BaseException) else RemoteError(repr(value), "", "")
            expected.answer.fail(error)

    # --- the framework's own --------------------------------------------------------------------

    def _signal(
        self,
        peer: Peer,
        kind: int,
        target: str,
        sender: str | None,
        correlation: int,
        tag: str | None,
        body: bytes,
        buffers: Sequence[Buffer],
    ) -> None:
        handle = self._signals.get(kind)
        if handle is None:
            raise ValueError("there is no such kind")
        try:
            value = self._node.codec.decode(tag, body, buffers)
        except ActorsError as error:
            if kind == Kind.SPAWN:
                parent = None if sender is None else self._ref(peer, sender)
                self._guests.refuse(peer, target, parent, error)
                return
            if kind == Kind.PUBLISH:
                who = None if sender is None else self._ref(peer, sender)
                self._undecodable(target, who, None, tag, body, error)
                return
            if kind not in {Kind.ERROR, Kind.CHILD}:
                self._remote.reply_error(peer, correlation, error)
                return
            # Of what a child says only the error of its failure can be unknown here.
            value = error if kind == Kind.ERROR else ["failed", error, True]
        handle(peer, target, sender, correlation, value)

    def _on_withdraw(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        room = self._rooms.get((peer, correlation))
        if room is not None:
            room.cancel()

    def _on_watch(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        if sender is not None:
            self._node.delivery.local(target)._target.watch(self._theirs(peer, sender))

    def _on_unwatch(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        if sender is not None:
            self._node.delivery.local(target)._target.unwatch(self._theirs(peer, sender))

    def _on_terminated(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        if sender is None:
            return
        ended, (reason, detail) = self._theirs(peer, sender), read_notice(value)
        watcher = self._node.delivery.local(target)
        watchers = peer.watches.get(ended)
        if watchers is not None:
            watchers.pop(watcher, None)
            if not watchers:
                del peer.watches[ended]
        watcher._target.notify(Terminated(ended, reason, detail))

    def _on_spawn(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        name, args, kwargs, restart, shutdown, owner = read_birth(value)
        try:
            actor_class = hosted_class(self._node.name, name)
            parent = None if owner is None else self._node.delivery.ref(owner)
            self._guests.take_in(peer, target, actor_class, args, kwargs, restart, shutdown, parent)
        except Exception as error:  # noqa: BLE001 - a class does what it likes with its arguments
            parent = None if sender is None else self._ref(peer, sender)
            self._guests.refuse(peer, target, parent, error)

    def _on_command(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        done = self._node.delivery.local(target)._target.control(read_command(value))
        done.add_done_callback(lambda d: self._remote.reply(peer, correlation, d.result()))

    def _on_ended(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        ended = self._node.delivery.local(target)._target.ended()
        ended.add_done_callback(
            lambda done: self._remote.reply(peer, correlation, str(done.result()))
        )

    def _on_child(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        if sender is None:
            return
        child = self._ref(peer, sender)
        record = peer.children.get(child)
        if record is None:
            return
        match value:
            case ["started"]:
                record.started()
            case ["failed", BaseException() as error, bool(started)]:
                record.failed(error, started=started)
            case ["exited"]:
                record.exited()
            case ["stopped", *notice]:
                reason, detail = read_notice(notice)
                del peer.children[child]
                record.stopped(reason, detail)
            case _:
                raise ValueError(f"nothing that a child says: {value!r}")

    def _on_resolve(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        ref = self._node.find(target)
        if ref is None:
            error = ActorNotFoundError(target, self._node.name)
            self._remote.reply_error(peer, correlation, error)
        else:
            self._remote.reply(peer, correlation, ref)

    def _on_probe(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        """A probe comes by: where it leads to the asker it has found a cycle, else it goes on."""
        asker, hops = read_probe(value)
        ref, home = self._node.delivery.local(target), self._node.delivery.ref(asker)
        if self._node.cycles.leads_back(ref, home):
            self._close_cycle(home, correlation)
        elif hops < MAX_HOPS:
            self._remote.chase(self._node.cycles.leads_away(ref), asker, correlation, hops)

    def _on_done(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        for number, count in pairs(value):
            peer.tallies.end(number, count)

    def _on_publish(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        who = None if sender is None else peer.refs.get(sender) or self._ref(peer, sender)
        self._node.registry.topics._published(target, value, who)

    def _on_reliable(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        who = None if sender is None else self._ref(peer, sender)
        answer = RemoteAnswer(self._remote, peer, correlation) if correlation else None
        self._node.reliable.intake.receive(peer, target, check_word(value), who, answer)

    def _on_confirmed(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        consumer = self._sender(peer, sender)
        if consumer is not None and consumer.node_name == peer.name:
            self._node.reliable.confirmed(consumer, check_confirmed(value))

    def _on_leaving(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        """A node ends. What is there is let finish; children of actors here move at once."""
        self._node.membership.leaving(peer.name)
        self._node.registry.leaving(peer)
        self._remote.outposts.bring_home(peer, "it is leaving")

    def _on_gossip(
        self, peer: Peer, target: str, sender: str | None, correlation: int, value: Any
    ) -> None:
        self._gossip.received(peer, value)

    def _close_cycle(self, asker: ActorRef[Any], token: int) -> None:
        tables = [self._remote.probed, *(p.pending for p in self._remote.peers.values())]
        for table in tables:
            expected = table.get(token)
            # Whoever makes a token up ends nobody else's ask, and nothing that is none.
            if expected is not None and is_asked_by(expected.answer, asker):
                del table[token]
                expected.answer.fail(AskCycleError(expected.ref, asker))
