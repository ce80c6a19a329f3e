"""The sizes, depths and counts that are accepted, in both directions."""

from __future__ import annotations

from dataclasses import dataclass, fields

__all__ = ["OUT_OF_BAND_BYTES", "Limits"]

OUT_OF_BAND_BYTES = 64 * 1024
"""From this many bytes on, binary data travels beside the body: below it a copy is cheaper."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a codec accepts; both sides check.

    The length of a collection needs no limit of its own: an element takes at least one byte, and
    the decoder grows a collection with the elements that it finds, not with the length that the
    header declares.

    Args:
        message_bytes: the body of a message and its buffers together, in bytes.
        depth: how deep collections and registered values may be nested.
        buffers: how many out-of-band buffers one message may have.
        number_bytes: one integer or Decimal, in bytes; their arithmetic is worse than linear.
        equal_hashes: how many values of one message may have the hash of another one. Sets and
            maps of such values take quadratic time; those of honest senders are next to none.

    Raises:
        TypeError: a limit is no int.
        ValueError: a limit is not positive.
    """

    message_bytes: int = 64 * 1024 * 1024
    depth: int = 64
    buffers: int = 1024
    number_bytes: int = 1024 * 1024
    equal_hashes: int = 1024

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self)):
            value: object = getattr(self, name)
            if type(value) is not int:
                raise TypeError(f"Limits.{name} must be an int, not {type(value).__name__}")
            if value < 1:
                raise ValueError(f"Limits.{name} must be positive, not {value}")
