"""The root of every error of the framework, and the errors of this package.

Each one keeps its data as attributes and can itself be sent to another node.
"""

from __future__ import annotations

__all__ = [
    "ActorsError",
    "EnvelopeError",
    "MessageDecodeError",
    "MessageTooLargeError",
    "SerializationError",
    "UnknownMessageError",
]


class ActorsError(Exception):
    """Root of all errors of the framework: ``except ActorsError`` catches every one of them."""


class SerializationError(ActorsError, TypeError):
    """A value cannot be sent.

    Args:
        message: what happened, where, and what to do about it.
        path: the way from the value that was given to the part that cannot be sent, such as
            ``Deposit.items[3]``; empty where it is the value itself.
    """

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message)
        self.path = path


class MessageTooLargeError(SerializationError, ValueError):
    """A value is larger than the limit that it meets.

    Args:
        message: what is too large and what to do about it.
        size: what the value has, in `unit`; None where counting stopped at the limit.
        limit: what is accepted, in `unit`.
        unit: ``"bytes"`` or ``"buffers"``.
    """

    def __init__(
        self,
        message: str,
        size: int | None = None,
        limit: int | None = None,
        unit: str = "bytes",
        path: str = "",
    ) -> None:
        super().__init__(message, path)
        self.size = size
        self.limit = limit
        self.unit = unit


class MessageDecodeError(ActorsError, ValueError):
    """Bytes from the wire are no valid value, or do not fit the class that they claim to be.

    Args:
        message: what does not fit, and where.
        tag: the name on the wire of the class in question, where there is one.
        field: the field in question, where there is one.
    """

    def __init__(self, message: str, tag: str | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.tag = tag
        self.field = field


class EnvelopeError(MessageDecodeError):
    """A batch of envelopes is malformed: what comes after this point cannot be trusted either."""


class UnknownMessageError(ActorsError, LookupError):
    """The receiver knows no class of this tag.

    Args:
        tag: the name on the wire.
    """

    def __init__(self, tag: str) -> None:
        super().__init__(
            f"no class is registered here under the tag {tag!r}: import the module that defines it"
            " on the receiving node, or register it"
        )
        self.tag = tag
