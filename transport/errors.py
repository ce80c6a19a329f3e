"""What can go wrong between nodes. Everything here is also an `ActorsError`."""

from __future__ import annotations

from serialization.errors import ActorsError

__all__ = [
    "BindError",
    "EndpointError",
    "RecordTooLargeError",
    "SecurityError",
    "TransportError",
]


class TransportError(ActorsError):
    """The root of the errors of this package."""


class EndpointError(TransportError, ValueError):
    """An endpoint that nothing can listen on or dial.

    Attributes:
        endpoint: the text as it was given.
        reason: what is wrong with it.
    """

    def __init__(self, endpoint: str, reason: str) -> None:
        super().__init__(endpoint, reason)
        self.endpoint = endpoint
        self.reason = reason

    def __str__(self) -> str:
        return f"bad endpoint {self.endpoint!r}: {self.reason}"


class BindError(TransportError):
    """An endpoint could not be listened on.

    Attributes:
        endpoint: the endpoint as it was asked for.
        reason: what the operating system said.
    """

    def __init__(self, endpoint: str, reason: str) -> None:
        super().__init__(endpoint, reason)
        self.endpoint = endpoint
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot bind {self.endpoint}: {self.reason}"


class SecurityError(TransportError, ValueError):
    """A key, a roster or a rule is missing or wrong, so that the node would not be safe.

    Attributes:
        where: the file or setting.
        problem: what is wrong with it, and what to do; never a secret.
    """

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(where, problem)
        self.where = where
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}"


class RecordTooLargeError(TransportError, ValueError):
    """A record or buffer larger than one frame may be, here or at the peer.

    Attributes:
        size: bytes of the offending part (or how many buffers there were).
        limit: how many there may be.
    """

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(size, limit)
        self.size = size
        self.limit = limit

    def __str__(self) -> str:
        return f"record part of {self.size} exceeds the limit of {self.limit}"
