"""Every error of the framework that an application can meet, under one root, `ActorsError`.

Data travels in attributes; the text says what happened, where, and what to do next.
All of them are registered, so they reach an asker on another node as themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

from actors.reason import Reason
from serialization import (
    ActorsError,
    MessageDecodeError,
    MessageTooLargeError,
    Refusal,
    SerializationError,
    UnknownMessageError,
    register,
)
from transport import BindError
from transport.errors import SecurityError

__all__ = [
    "ActorNotFoundError",
    "ActorStoppedError",
    "ActorsError",
    "AskCycleError",
    "AskTimeoutError",
    "BindError",
    "DeathPactError",
    "JournalError",
    "LinkFullError",
    "MailboxFullError",
    "MessageDecodeError",
    "MessageTooLargeError",
    "NameTakenError",
    "NoRouteesError",
    "NodeClosedError",
    "NodeFullError",
    "NodeRefusedError",
    "NodeUnreachableError",
    "NotAuthorizedError",
    "Refusal",
    "RegistryFullError",
    "ReliableClosedError",
    "RemoteError",
    "RestartLimitError",
    "SecurityError",
    "SendTimeoutError",
    "SerializationError",
    "UnhandledMessageError",
    "UnknownMessageError",
]


@register
class ActorStoppedError(ActorsError):
    """The recipient has stopped, or stopped before it answered.

    Attributes: `recipient` (its address), `reason` (a `Reason`), `detail` (more in words).
    """

    def __init__(self, recipient: object, reason: Reason, detail: str = "") -> None:
        more = f" ({detail})" if detail else ""
        super().__init__(f"{recipient} has stopped: {reason}{more}")
        self.recipient = str(recipient)
        self.reason = Reason(reason)
        self.detail = detail


@register
class NodeUnreachableError(ActorsError, ConnectionError):
    """The node that the recipient lives on is gone, unknown, or cannot be reached.

    Attributes: `recipient` (its address), `detail`.
    """

    def __init__(self, recipient: object, detail: str) -> None:
        super().__init__(f"{recipient} cannot be reached: {detail}")
        self.recipient = str(recipient)
        self.detail = detail


@register
class AskTimeoutError(ActorsError, TimeoutError):
    """No answer in time.

    Attributes: `recipient` (its address), `message_type`, `timeout` (seconds), and where the
    recipient is on this node its `state` and `queued` (messages waiting in its mailbox).
    """

    def __init__(
        self,
        recipient: object,
        message_type: str,
        timeout: float,
        state: str | None = None,
        queued: int | None = None,
    ) -> None:
        where = "" if state is None else f"; it is {state} with {queued} messages queued"
        super().__init__(f"{recipient} did not answer {message_type} within {timeout} s{where}")
        self.recipient = str(recipient)
        self.message_type = message_type
        self.timeout = timeout
        self.state = state
        self.queued = queued


@register
class SendTimeoutError(ActorsError, TimeoutError):
    """The message could not be put into the recipient's mailbox in time.

    Attributes: `recipient` (its address), `message_type`, `timeout` (seconds).
    """

    def __init__(self, recipient: object, message_type: str, timeout: float) -> None:
        super().__init__(
            f"{recipient} had no room for {message_type} within {timeout} s; "
            "its mailbox, the link to its node or the window of a Reliable is full"
        )
        self.recipient = str(recipient)
        self.message_type = message_type
        self.timeout = timeout


@register
class AskCycleError(ActorsError):
    """Waiting would never end: the recipient waits, straight or through others, for the asker.

    Attributes: `recipient` (its address), `asker` (address of the one that would wait).
    """

    def __init__(self, recipient: object, asker: object) -> None:
        super().__init__(
            f"{asker} cannot wait for {recipient}, which itself waits for {asker}; "
            "use tell, defer_reply, or concurrency > 1"
        )
        self.recipient = str(recipient)
        self.asker = str(asker)


@register
class MailboxFullError(ActorsError):
    """A bounded mailbox refused the message, or dropped it for a newer one.

    Attributes: `recipient` (its address), `capacity` (messages).
    """

    def __init__(self, recipient: object, capacity: int) -> None:
        super().__init__(
            f"the mailbox of {recipient} is full ({capacity} messages); use send to wait for room"
        )
        self.recipient = str(recipient)
        self.capacity = capacity


@register
class LinkFullError(MailboxFullError):
    """The queue to the recipient's node is full; node and recipient may be well.

    Attributes: `recipient` (its address), `node` (its node's name), `capacity` (bytes).
    """

    def __init__(self, recipient: object, node: str, capacity: int) -> None:
        ActorsError.__init__(
            self,
            f"the queue to node {node!r} is full ({capacity} bytes), so {recipient} gets no more "
            "at present; use send to wait for room",
        )
        self.recipient = str(recipient)
        self.node = node
        self.capacity = capacity


@register
class NodeFullError(MailboxFullError):
    """The recipient's node has as many messages queued, in all mailboxes, as it may have.

    Attributes: `recipient` (its address), `node` (its node's name), `capacity` (messages).
    """

    def __init__(self, recipient: object, node: str, capacity: int) -> None:
        ActorsError.__init__(
            self,
            f"node {node!r} has {capacity} messages queued, so {recipient} gets no more from other "
            "nodes at present; give its mailboxes a capacity, and use send to wait for room",
        )
        self.recipient = str(recipient)
        self.node = node
        self.capacity = capacity


@register
class UnhandledMessageError(ActorsError):
    """No handler of the recipient takes this message. It is unharmed.

    Attributes: `recipient` (its address), `message_type`.
    """

    def __init__(self, recipient: object, message_type: str) -> None:
        super().__init__(
            f"{recipient} has no handler for {message_type}; add an @on({message_type}) method"
        )
        self.recipient = str(recipient)
        self.message_type = message_type


@register
class DeathPactError(ActorsError):
    """An actor watched another and had no handler for its `Terminated`.

    Attributes: `terminated` (address of the one that ended), `reason`.
    """

    def __init__(self, terminated: object, reason: Reason) -> None:
        super().__init__(f"{terminated}, which this actor watches, ended: {reason}")
        self.terminated = str(terminated)
        self.reason = Reason(reason)


@register
class RestartLimitError(ActorsError):
    """A permanent child kept ending, more often than its parent's strategy allows.

    Attributes: `child` (its address).
    """

    def __init__(self, child: object) -> None:
        super().__init__(f"{child} ended more often than its parent restarts it")
        self.child = str(child)


@register
class NoRouteesError(ActorsError):
    """A router had nobody to hand the message to. Attribute: `recipient` (the router's address)."""

    def __init__(self, recipient: object) -> None:
        super().__init__(f"{recipient} has no routee at present")
        self.recipient = str(recipient)


@register
class ActorNotFoundError(ActorsError, LookupError):
    """No living actor has that path. Attributes: `path`, `node`."""

    def __init__(self, path: str, node: str) -> None:
        super().__init__(f"no actor {path!r} on node {node!r}")
        self.path = path
        self.node = node


@register
class NameTakenError(ActorsError, ValueError):
    """A living actor has that name already.

    Attributes: `path`, and for a name in the cluster `holder` (its address, None where unknown).
    """

    def __init__(self, path: str, holder: object = None) -> None:
        by = "a living actor" if holder is None else str(holder)
        super().__init__(f"the name {path!r} is taken by {by}; choose another")
        self.path = path
        self.holder = None if holder is None else str(holder)


@register
class RegistryFullError(ActorsError):
    """A node has as many names, memberships and subscriptions as it may have.

    Attributes: `node`, `limit`.
    """

    def __init__(self, node: str, limit: int) -> None:
        super().__init__(
            f"the actors of node {node!r} have {limit} names, memberships and subscriptions "
            "already; take some away, or spread the actors over more nodes"
        )
        self.node = node
        self.limit = limit


@register
class NotAuthorizedError(ActorsError, PermissionError):
    """The rules of the recipient's node do not allow this to the node that asked.

    Attributes: `recipient` (its address), `node` (the name of the node that asked), `action`
    (`send`, `spawn`, `stop`, `watch` or `enrol`), `what` (the tag of the message, `*` for an
    untyped value, or the name of the class; "" where there is none, or it was not looked at).
    """

    def __init__(self, recipient: str, node: str, action: str, what: str = "") -> None:
        deed, right = _words_for(action, what)
        address = _shortened(recipient)
        host, _, rest = address.removeprefix("actors://").partition("/")
        path, here = rest.partition("#")[0], host.partition("@")[0]
        super().__init__(
            f"node {node!r} may not {deed} {address}; where it should, give node {here!r} the rule "
            f"Allow({node!r}, {path!r}, {right}), in Node(allow=[...]) or as [[allow]] in its file"
        )
        self.recipient = recipient
        self.node = node
        self.action = action
        self.what = what


def _words_for(action: str, what: str) -> tuple[str, str]:
    """Return what was to be done, and which argument of a rule allows it."""
    name = _shortened(what)
    listed = f"[{name!r}]" if name else "[...]"
    if action == "send":
        return f"send {_NAMELESS.get(name, name)} to", f"messages={listed}"
    if action == "spawn":
        return f"spawn {_NAMELESS.get(name, name)} as", f"spawn={listed}"
    if action == "resolve":
        return action, "messages=[...]"
    return action, f"{action}=True"


_NAMELESS = {"": "anything", "*": "an untyped value"}


def _shortened(text: str) -> str:
    """Return the beginning: what a stranger wrote may be of any length."""
    return text if len(text) <= 300 else f"{text[:300]}..."


@register
class NodeRefusedError(ActorsError):
    """Another node refused to let this one in.

    Attributes: `endpoint` (who refused), `reason` (in its words).
    """

    def __init__(self, endpoint: str, reason: str) -> None:
        super().__init__(f"{endpoint} refused this node: {reason}")
        self.endpoint = endpoint
        self.reason = reason


@register
class NodeClosedError(ActorsError, RuntimeError):
    """The node is not running: not entered yet, or shut down. Attribute: `node`."""

    def __init__(self, node: str) -> None:
        super().__init__(f"node {node!r} is not running; use it inside `async with Node(...)`")
        self.node = node


@register
class ReliableClosedError(ActorsError, RuntimeError):
    """This `Reliable` was closed, or its node ends. Attribute: `producer` (its id)."""

    def __init__(self, producer: str) -> None:
        super().__init__(f"the reliable producer {producer!r} is closed; make another one")
        self.producer = producer


@register
class JournalError(ActorsError):
    """A journal cannot be opened, read or written.

    Attributes: `path` (the journal, in words or as a path), `detail` (what is wrong, and what to
    do).
    """

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(f"the journal {path}: {detail}")
        self.path = path
        self.detail = detail


@register
class RemoteError(ActorsError):
    """A handler raised something that cannot travel as itself.

    Attributes: `type_name` (module and qualified name of its class), `text` (its `str`),
    `traceback` (formatted, as the other side saw it), `bases` (the names of its base classes, the
    nearest first).
    """

    def __init__(
        self, type_name: str, text: str, traceback: str, bases: Sequence[str] = ()
    ) -> None:
        super().__init__(f"{type_name}: {text}" if text else type_name)
        self.type_name = type_name
        self.text = text
        self.traceback = traceback
        self.bases = tuple(bases)
