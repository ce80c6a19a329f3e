"""What travels between nodes: the kinds of records, and how commands are written down.

`docs/protocol.md` has it byte by byte.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from actors.commands import Command, Halt, Resume, Start, Stop
from actors.failures import annotate, describe
from actors.reason import Reason
from serialization import Codec


class Kind(IntEnum):
    """What a record is. Those up to SEND carry a message for an actor."""

    TELL = 1
    ASK = 2
    ASK_IN_HAND = 3
    """An ask that the sender's message in hand waits for, so that a cycle would be a deadlock."""
    COUNTED = 4
    """A tell whose end is to be reported, without a value."""
    SEND = 5
    """A tell whose arrival in the mailbox is to be reported."""
    REPLY = 6
    ERROR = 7
    WITHDRAW = 8
    """The sender of a SEND waits no longer."""
    WATCH = 9
    UNWATCH = 10
    TERMINATED = 11
    SPAWN = 12
    COMMAND = 13
    ENDED = 14
    """Report when the actor has ended."""
    CHILD = 15
    """What a child has to say to its parent."""
    RESOLVE = 16
    PROBE = 17
    LEAVING = 18
    """The sender's node ends: it handles what it has, and takes nothing more."""


LAST_MESSAGE_KIND = Kind.SEND


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
        case ["halt", None | BaseException() as error, None | int() | float() as deadline]:
            return Halt(error, deadline)
        case ["stop", str(reason), bool(drain), None | int() | float() as deadline, str(detail)]:
            return Stop(Reason(reason), drain, deadline, detail)
        case ["resume"]:
            return Resume()
        case _:
            raise ValueError(f"no command: {parts!r}")
