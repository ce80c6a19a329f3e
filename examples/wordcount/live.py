"""The progress bar and the table on a terminal, drawn with rich."""

from collections.abc import Iterable

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
)
from rich.table import Table

from examples.wordcount.display import TOP, Rate, Result, load, rows
from examples.wordcount.job import Share, Tally

__all__ = ["LiveDisplay", "is_terminal"]


def is_terminal() -> bool:
    """Say whether the output goes to a terminal that can draw."""
    console = Console()
    return console.is_terminal and not console.is_dumb_terminal


class LiveDisplay:
    """A progress bar for the whole count and one for each worker's share of it."""

    def __init__(self) -> None:
        self._console = Console()
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[detail]}"),
            console=self._console,
        )
        self._counting: TaskID | None = None
        self._workers: dict[str, TaskID] = {}
        self._files = 0
        self._rate = Rate()

    def note(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, emoji=False)

    def begin(self, files: int, size: int, workers: Iterable[str]) -> None:
        self._files, self._rate = files, Rate()
        self._counting = self._progress.add_task("counting", total=size, detail="")
        for name in workers:
            self._workers[name] = self._progress.add_task(f"  {name}", total=size, detail="")
        self._progress.start()

    def update(self, tally: Tally, killed: str | None) -> None:
        if self._counting is None:
            return
        detail = f"{tally.files:,}/{self._files:,} files, {self._rate.of(tally.bytes)}"
        self._progress.update(self._counting, completed=tally.bytes, detail=detail)
        for name, task in self._workers.items():
            mark = ", [red]killed[/red]" if name == killed else ""
            done = tally.shares.get(name, Share()).bytes
            self._progress.update(task, completed=done, detail=load(tally, name) + mark)

    def end(self) -> None:
        self._progress.stop()

    def table(self, result: Result) -> None:
        summary = Table(show_header=False)
        summary.add_column()
        summary.add_column()
        for label, value in rows(result):
            summary.add_row(label, value)
        words = Table("most frequent words")
        words.add_column("times", justify="right")
        for word, times in result.tally.words.most_common(TOP):
            words.add_row(word, f"{times:,}")
        self._console.print(summary)
        self._console.print(words)
