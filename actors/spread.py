"""The answers of several routees to one question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.letter import Answer

if TYPE_CHECKING:
    from actors.ref import ActorRef


class Broadcast:
    """Answers the list of all answers, in routee order, or the first failure."""

    __slots__ = ("_answer", "_failed", "_missing", "_values", "wanted")

    def __init__(self, answer: Answer, count: int) -> None:
        self._answer = answer
        self._values: list[object] = [None] * count
        self._missing = count
        self._failed = False
        self.wanted = answer.wanted

    def succeeded(self, index: int, value: object) -> None:
        """One routee answered."""
        self._values[index] = value
        self._missing -= 1
        if not self._missing and not self._failed:
            self._answer.send(self._values)

    def failed(self, error: BaseException) -> None:
        """One routee failed: so does the whole."""
        self._missing -= 1
        if not self._failed:
            self._failed = True
            self._answer.fail(error)


class ScatterGather:
    """Answers the first success; the first failure only when all have failed."""

    __slots__ = ("_answer", "_done", "_error", "_missing", "wanted")

    def __init__(self, answer: Answer, count: int) -> None:
        self._answer = answer
        self._missing = count
        self._error: BaseException | None = None
        self._done = False
        self.wanted = answer.wanted

    def succeeded(self, index: int, value: object) -> None:
        """One routee answered: the first one wins."""
        self._missing -= 1
        if not self._done:
            self._done = True
            self._answer.send(value)

    def failed(self, error: BaseException) -> None:
        """One routee failed."""
        self._missing -= 1
        self._error = self._error or error
        if not self._missing and not self._done:
            self._done = True
            self._answer.fail(self._error)


class Branch:
    """One routee's part in it."""

    __slots__ = ("_index", "_whole", "wanted")

    def __init__(self, whole: Broadcast | ScatterGather, index: int) -> None:
        self._whole = whole
        self._index = index
        self.wanted = whole.wanted

    def send(self, value: object) -> None:
        """This routee answered."""
        self._whole.succeeded(self._index, value)

    def fail(self, error: BaseException) -> None:
        """This routee failed."""
        self._whole.failed(error)

    def redirect(self, *refs: ActorRef[Any], every: bool = True) -> None:
        """The whole follows its routees, and not to whom they hand the question on."""
