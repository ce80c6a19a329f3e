"""What a producer knows of its messages: which are accepted, may go, went, and are handled.

A state machine without I/O, clock or loop. It knows sequence numbers and no messages.
"""

from __future__ import annotations


class Producer:
    """Numbers messages from 1 on, and says which of them are to be sent now.

    Of the numbers, all up to `confirmed` are handled, all up to `accepted` were given out, and no
    more than `window` lie in between. One that is restored from a journal begins with what that
    said: all it had accepted may have been sent, and handled, before.
    """

    __slots__ = ("_attempted", "_doubtful", "_ready", "_sent", "accepted", "attached", "confirmed")

    def __init__(self, confirmed: int = 0, accepted: int = 0) -> None:
        self.confirmed = confirmed
        self.accepted = accepted
        self.attached = False
        """Whether there is a consumer to send to."""
        self._ready = accepted
        """Up to here they may be sent: with a journal, they are on disk."""
        self._sent = confirmed
        """Up to here they were sent to the present consumer."""
        self._attempted = accepted
        """Up to here they were sent to some consumer, as far as one can know."""
        self._doubtful = accepted
        """Up to here they were sent to a consumer before the present one."""

    @property
    def first(self) -> int:
        """The first number that is not known to be handled."""
        return self.confirmed + 1

    @property
    def last(self) -> int:
        """The last number that was sent to the present consumer."""
        return self._sent

    @property
    def pending(self) -> int:
        """How many are accepted and not handled."""
        return self.accepted - self.confirmed

    @property
    def is_waiting(self) -> bool:
        """Whether the present consumer has yet to handle something."""
        return self.attached and self._sent > self.confirmed

    def accept(self) -> int:
        """Give out the next number."""
        self.accepted += 1
        return self.accepted

    def release(self, upto: int) -> None:
        """All up to this number may be sent."""
        self._ready = upto

    def revoke(self) -> None:
        """What may not be sent yet never will be: its numbers are free again."""
        self.accepted = self._ready

    def due(self, window: int) -> range:
        """Return what is to be sent now, as sent: no more than `window` may be unhandled there."""
        start = self._sent + 1
        if self.attached:
            self._sent = max(self._sent, min(self._ready, self.confirmed + window))
            self._attempted = max(self._attempted, self._sent)
        return range(start, self._sent + 1)

    def again(self, received: int) -> range:
        """Return what is to be sent again to a consumer that has all up to `received`."""
        return range(max(received, self.confirmed) + 1, self._sent + 1)

    def confirm(self, upto: int) -> range:
        """Note that all up to this number are handled; return which of them are so newly.

        A consumer of the past may say so too. Raises ValueError where such were never sent.
        """
        if upto > self._attempted:
            raise ValueError(f"{upto} messages are said to be handled, of {self._attempted} sent")
        newly = range(self.confirmed + 1, upto + 1)
        self.confirmed = max(self.confirmed, upto)
        self._sent = max(self._sent, self.confirmed)
        return newly

    def attach(self) -> None:
        """There is a consumer, and maybe another one: it is to get all that is not handled."""
        self.attached = True
        self._doubtful = self._attempted
        self._sent = self.confirmed

    def detach(self) -> None:
        """There is none."""
        self.attached = False

    def is_doubtful(self, sequence: int) -> bool:
        """Whether an earlier consumer, or a consumer of an earlier life, may have handled it."""
        return sequence <= self._doubtful
