"""What a reliable message is known by, however often it is handed over."""

from __future__ import annotations

from dataclasses import dataclass

from serialization import register


@register
@dataclass(frozen=True, order=True, slots=True)
class MessageId:
    """Producer and sequence number of a reliable message; `str` of it is `producer:sequence`.

    The same message has the same id in every attempt, at every consumer, and, with a journal, in
    every life of its producer. No other message ever has it. Sendable, hashable, ordered.
    """

    producer: str
    sequence: int

    def __str__(self) -> str:
        return f"{self.producer}:{self.sequence}"
