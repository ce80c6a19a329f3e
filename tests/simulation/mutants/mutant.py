"""One thing that is taken away from the running code."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A patch of one attribute of one class.

    Attributes:
        name: what it is called on the command line.
        removes: what is missing then, in words.
    """

    name: str
    removes: str
    owner: type
    attribute: str
    replacement: object

    @contextmanager
    def applied(self) -> Generator[None]:
        """Run the code without it."""
        original = vars(self.owner)[self.attribute]
        setattr(self.owner, self.attribute, self.replacement)
        try:
            yield
        finally:
            setattr(self.owner, self.attribute, original)
