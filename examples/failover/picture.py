"""Who runs what, as lines of text, or drawn live by rich where there is a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from examples.failover.film import Scene

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

__all__ = ["Picture"]

LATEST: Final = 8
"""Events that the live picture shows."""

COLOURS: Final = {"up": "green", "suspect": "yellow", "down": "red"}


class Picture:
    """Draws the nodes, what runs there, and what happened last."""

    def __init__(self, names: Sequence[str], *, live: bool) -> None:
        self._names = names
        self._events: list[str] = []
        self._live = _started() if live else None

    def close(self) -> None:
        """Leave the last picture there."""
        if self._live is not None:
            self._live.stop()

    def note(self, text: str) -> None:
        """Say that something happened."""
        self._events.append(text)
        if self._live is None:
            print(text, flush=True)

    def draw(self, scene: Scene, statuses: Mapping[str, str]) -> None:
        """Draw how it is now."""
        if self._live is not None:
            drawn = _drawn(self._names, scene, statuses, self._events[-LATEST:])
            self._live.update(drawn, refresh=True)


def _started() -> Live:
    from rich.live import Live

    live = Live(auto_refresh=False)
    live.start()
    return live


def _drawn(
    names: Sequence[str], scene: Scene, statuses: Mapping[str, str], events: Sequence[str]
) -> RenderableType:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    title = f"{scene.rendered} of {scene.frames} frames"
    table = Table("node", "status", "runs", "frames", title=title, title_justify="left")
    for name in names:
        status = statuses.get(name, "down")
        runs = ", ".join(sorted(scene.runs.get(name, [])))
        frames = str(scene.by_node.get(name, 0))
        table.add_row(name, Text(status, COLOURS.get(status, "")), runs, frames)
    keys = Text("1, 2, 3: kill a node    q: stop", "dim")
    return Group(table, keys, *map(Text, events))
