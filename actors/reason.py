"""Why an actor ended, and the notices the framework sends to actors."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from serialization import register

if TYPE_CHECKING:
    from actors.ref import ActorRef


@register
class Reason(StrEnum):
    """Why an actor ended. The words are OTP's exit reasons where it has them."""

    NORMAL = "normal"
    """It called `self.stop()`."""
    SHUTDOWN = "shutdown"
    """Somebody else stopped it: `ref.stop()`, its parent, or its node."""
    ERROR = "error"
    """It failed, and is not started again."""
    KILLED = "killed"
    """It did not stop in time and was cancelled."""
    NOPROC = "noproc"
    """It was dead already, or never lived."""
    NOCONNECTION = "noconnection"
    """Its node was lost."""


@register
@dataclass(frozen=True, slots=True)
class Terminated:
    """An actor that this one watches has ended; `detail` says more in words."""

    ref: ActorRef[Any]
    reason: Reason
    detail: str = ""


@register
@dataclass(frozen=True, slots=True)
class ReceiveTimeout:
    """Nothing came for `receive_timeout` seconds."""
