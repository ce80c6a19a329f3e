"""What travels between nodes: the kinds of records, and how commands are written down.

`docs/protocol.md` has it byte by byte.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

from actors.commands import Command, Halt, Resume, Start, Stop
from actors.durations import check_seconds
from actors.failures import annotate, describe
from actors.reason import Reason
from serialization import Codec


class Kind(IntEnum):
    """What a record is. Those up to COUNTED_SEND carry a message for an actor."""

    TELL = 1
    COUNTED = 2
    """A tell whose end is to be reported, by DONE."""
    ASK = 3
    ASK_IN_HAND = 4
    """An ask that the sender's message in hand waits for, so that a cycle would be a deadlock."""
    SEND = 5
    """A tell whose arrival in the mailbox is to be reported."""
    COUNTED_SEND = 6
    """A SEND whose end is to be reported too: by a second REPLY, under the next correlation."""
    REPLY = 7
    ERROR = 8
    WITHDRAW = 9
    """The sender of a SEND waits no longer."""
    WATCH = 10
    UNWATCH = 11
    TERMINATED = 12
    SPAWN = 13
    COMMAND = 14
    ENDED = 15
    """Report when the actor has ended."""
    CHILD = 16
    """What a child has to say to its parent."""
    RESOLVE = 17
    PROBE = 18
    LEAVING = 19
    """The sender's node ends: it handles what it has, and takes nothing more."""
    DONE = 20
    """How many COUNTED messages have ended."""
    GOSSIP = 21
    """What the failure detectors say to each other."""
    ENTRIES = 22
    """Names, memberships and subscriptions of the sender's actors that have come or gone."""
    ENROL = 23
    """Enter or strike such a one for an actor of the receiver's."""
    WHEREIS = 24
    """Who has this name, as far as the receiver knows."""
    PUBLISH = 25
    """A message for all actors there that have subscribed to its topic."""
    RELIABLE = 26
    """What a reliable producer says to its consumer."""
    CONFIRMED = 27
    """How far a consumer is with the messages of such a producer."""


class Notice(NamedTuple):
    """Why an actor has ended, as its node tells the watchers."""

    reason: Reason
    detail: str


class Birth(NamedTuple):
    """What another node wants spawned here."""

    class_name: str
    args: list[Any]
    kwargs: dict[str, Any]
    restart: Any
    shutdown: float | None
    owner: str | None
    """The address of its parent; None where it is right under this node."""


def portable(codec: Codec, error: BaseException, where: str) -> BaseException:
    """Return the error as it may travel: itself, with its traceback as a note, or described."""
    if isinstance(error, Exception) and codec.sendable_error(error):
        annotate(error, where)
        return error
    return describe(error)


def write_command(command: Command, codec: Codec, where: str) -> list[Any]:
    """Return a command as values that can be sent."""

    def sendable(error: BaseException | None) -> BaseException | None:
        return None if error is None else portable(codec, error, where)

    if isinstance(command, Start):
        return ["start", command.anew, sendable(command.error)]
    if isinstance(command, Halt):
        return ["halt", sendable(command.error), command.deadline]
    if isinstance(command, Stop):
        return ["stop", str(command.reason), command.drain, command.deadline, command.detail]
    if isinstance(command, Resume):
        return ["resume"]
    raise TypeError(f"{command!r} does not leave its node")


def read_command(parts: Any) -> Command:
    """Return the command that was written. Raises ValueError where it is none."""
    match parts:
        case ["start", bool(anew), None | BaseException() as error]:
            return Start(anew, error)
        case ["halt", None | BaseException() as error, deadline]:
            return Halt(error, _read_deadline(deadline))
        case ["stop", str(reason), bool(drain), deadline, str(detail)]:
            return Stop(Reason(reason), drain, _read_deadline(deadline), detail)
        case ["resume"]:
            return Resume()
        case _:
            raise ValueError(f"no command: {parts!r}")


def _read_deadline(seconds: Any) -> float | None:
    """Return it, where it is one: None waits for ever, 0 not at all. Raises ValueError."""
    if seconds is None:
        return None
    try:
        return check_seconds(seconds, "the deadline of a command", zero=True)
    except TypeError as error:
        raise ValueError(str(error)) from None


def read_notice(parts: Any) -> Notice:
    """Return why an actor has ended. Raises ValueError where it does not say that."""
    match parts:
        case [str(reason), str(detail)]:
            return Notice(Reason(reason), detail)
        case _:
            raise ValueError(f"no notice of an end: {parts!r}")


def read_birth(parts: Any) -> Birth:
    """Return what is to be spawned. Raises ValueError where it is nothing."""
    match parts:
        case [str(), list(), dict() as kwargs, _, None | int() | float(), None | str()] if all(
            type(name) is str for name in kwargs
        ):
            return Birth(*parts)
        case _:
            raise ValueError(f"no actor to spawn: {parts!r}")


def read_probe(parts: Any) -> tuple[str, int]:
    """Return who asks, by address, and over how many nodes. Raises ValueError."""
    match parts:
        case [str(asker), int(hops)]:
            return asker, hops
        case _:
            raise ValueError(f"no probe: {parts!r}")
