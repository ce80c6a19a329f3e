"""What the parent of an actor, or its node, has it do between two messages."""

from __future__ import annotations

from dataclasses import dataclass

from actors.reason import Reason


@dataclass(frozen=True, slots=True)
class Command:
    """The root of all commands. An actor obeys them in order, after the message in hand."""


@dataclass(frozen=True, slots=True)
class Start(Command):
    """Build the instance and run `on_start`; nothing where it runs already.

    `anew` says that this is a restart, `error` what it follows on.
    """

    anew: bool = False
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Halt(Command):
    """End the instance, its children and what it began; mailbox, ref and watchers stay.

    `error` is the actor's own failure, None for a sibling that is restarted with it. Past
    `deadline` (seconds; None: never; 0: at once) what runs is cancelled.
    """

    error: BaseException | None = None
    deadline: float | None = None


@dataclass(frozen=True, slots=True)
class Resume(Command):
    """Go on with the next message after a failure, as if nothing had happened."""


@dataclass(frozen=True, slots=True)
class Fail(Command):
    """Fail with this error: a task of the actor did, or its children failed too often.

    With `escalated` the children are stopped first.
    """

    error: BaseException
    escalated: bool = False


@dataclass(frozen=True, slots=True)
class Stop(Command):
    """End for good: queued messages first with `drain`, children, `on_stop`, then the rest.

    `deadline` as in `Halt`.
    """

    reason: Reason
    drain: bool = False
    deadline: float | None = None
    detail: str = ""
