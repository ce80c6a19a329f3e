"""What the demo shows: how far it is while it counts, then a table.

On a terminal `live.py` draws both with rich. Anywhere else, and where rich is not installed, they
are plain lines without control codes.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from examples.wordcount.job import Share, Tally

__all__ = ["TOP", "Display", "PlainDisplay", "Rate", "Result", "load", "make_display", "rows"]

MB: Final = 1_000_000
TOP: Final = 10
"""How many of the most frequent words are shown."""

_LINES: Final = 10
"""How many lines a count takes where there is no progress bar."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came out, with all that the table says."""

    tally: Tally
    workers: list[str]
    killed: str | None
    seconds: float
    alone_seconds: float
    not_text: int
    unreadable: int


class Display(Protocol):
    """Something that shows how the demo gets on."""

    def note(self, text: str) -> None:
        """Show a line of text."""
        ...

    def begin(self, files: int, size: int, workers: Iterable[str]) -> None:
        """Start to show progress."""
        ...

    def update(self, tally: Tally, killed: str | None) -> None:
        """Show how far the count is."""
        ...

    def end(self) -> None:
        """Stop showing progress; may be called at any time, and twice."""
        ...

    def table(self, result: Result) -> None:
        """Show the result."""
        ...


def make_display() -> Display:
    """Return the display that fits where the output goes."""
    try:
        from examples.wordcount.live import LiveDisplay, is_terminal
    except ModuleNotFoundError:
        return PlainDisplay()  # rich is not installed
    return LiveDisplay() if is_terminal() else PlainDisplay()


class Rate:
    """Bytes a second since it was made."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    def of(self, size: int) -> str:
        """Return the rate at which `size` bytes were done, in words."""
        elapsed = max(time.perf_counter() - self._began, 1e-6)
        return f"{size / elapsed / MB:.1f} MB/s"


class PlainDisplay:
    """Plain lines, about ten of them while it counts."""

    def __init__(self) -> None:
        self._files = 0
        self._size = 1
        self._shown = 0
        self._rate = Rate()

    def note(self, text: str) -> None:
        print(text, flush=True)

    def begin(self, files: int, size: int, workers: Iterable[str]) -> None:
        self._files, self._size, self._rate = files, size, Rate()

    def update(self, tally: Tally, killed: str | None) -> None:
        step = _LINES * tally.bytes // self._size
        if step > self._shown:
            self._shown = step
            self.note(self._line(tally))

    def _line(self, tally: Tally) -> str:
        percent = f"{100 * tally.bytes // self._size:3d} %"
        files = f"{tally.files:,}/{self._files:,} files"
        loads = ", ".join(f"{name} {load(tally, name)}" for name in sorted(tally.shares))
        return f"{percent}  {files}  {self._rate.of(tally.bytes)}  {loads}"

    def end(self) -> None:
        pass

    def table(self, result: Result) -> None:
        for label, value in rows(result):
            self.note(f"{label:<20}{value}")
        self.note("most frequent words")
        for word, times in result.tally.words.most_common(TOP):
            self.note(f"{'  ' + word:<20}{times:,}")


def load(tally: Tally, name: str) -> str:
    """Return the share that the node `name` has of the work done so far, in words."""
    done = tally.shares.get(name, Share()).bytes
    return f"{done / MB:.1f} MB ({100 * done / max(tally.bytes, 1):.0f} %)"


def rows(result: Result) -> list[tuple[str, str]]:
    """Return the table's rows but for the words: a label and a value each."""
    tally = result.tally
    rate = tally.bytes / max(result.seconds, 1e-6) / MB
    return [
        ("files", f"{tally.files:,}"),
        ("bytes", f"{tally.bytes:,}"),
        ("words", f"{tally.words.total():,}, {len(tally.words):,} of them different"),
        ("seconds", f"{result.seconds:.2f} ({rate:.1f} MB/s)"),
        *((name, _share(result, name)) for name in result.workers),
        ("retried", f"{tally.retried:,}"),
        ("lost", f"{tally.lost:,}"),
        ("skipped, not text", f"{result.not_text:,}"),
        ("skipped, unreadable", f"{result.unreadable:,}"),
        ("one process alone", f"{result.alone_seconds:.2f} seconds"),
    ]


def _share(result: Result, name: str) -> str:
    chunks = result.tally.shares.get(name, Share()).chunks
    killed = ", killed" if name == result.killed else ""
    return f"{load(result.tally, name)}, {chunks:,} chunks{killed}"
