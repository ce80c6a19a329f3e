"""A film whose frames are rendered wherever a node of the role is up."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Final

from actors import (
    Actor,
    ActorRef,
    Child,
    Message,
    OneForOne,
    Role,
    Supervisor,
    Terminated,
    on,
    register,
)

ROLE: Final = "renderer"
A_FRAME_TAKES: Final = 0.02
"""Seconds."""


class Next(Message[int | None]):
    """Which frame is next? None: all are done, or in somebody's hands."""


class Done(Message[None]):
    """This frame is rendered."""

    frame: int


@register
@dataclass(frozen=True, slots=True)
class Scene:
    """How far the film is, and who is at work on it."""

    frames: int
    rendered: int
    """Frames that are done."""
    again: int
    """Frames that were rendered a second time: their node was lost before it could say so."""
    taken_back: int
    """Frames that were in the hands of a renderer that was lost."""
    by_node: dict[str, int]
    """How many frames each node has rendered."""
    runs: dict[str, list[str]]
    """The renderers that each node runs."""

    @property
    def is_whole(self) -> bool:
        """Whether all frames are done."""
        return self.rendered == self.frames


class Show(Message[Scene]):
    """How far is it?"""


class Renderer(Actor):
    """Renders one frame after the other. It keeps nothing that could be lost with it."""

    async def on_start(self) -> None:
        self.create_task(self.work())

    async def work(self) -> None:
        film = self.parent
        assert film is not None
        while True:
            frame = await film.ask(Next(), timeout=None)
            await asyncio.sleep(A_FRAME_TAKES)
            if frame is not None:
                film.tell(Done(frame))


class Film(Supervisor):
    """Hands out frames, and takes back those of a renderer that is gone.

    The renderers are its children on other nodes. The loss of a node is a failure of those that
    lived there: they are started on another node of the role, under new refs.
    """

    supervision = OneForOne(max_restarts=1_000)

    def __init__(self, frames: int, renderers: int) -> None:
        self.frames = frames
        self.renderers = renderers
        self.given = 0
        self.returned: list[int] = []
        self.in_hand: dict[ActorRef[Renderer], int] = {}
        self.rendered: Counter[int] = Counter()
        self.by_node: Counter[str] = Counter()
        self.taken_back = 0

    def child_specs(self) -> list[Child]:
        at = Role(ROLE)
        return [
            Child(Renderer.props(), name=f"renderer-{number}", at=at, shutdown=0.5)
            for number in range(1, self.renderers + 1)
        ]

    @on(Next)
    def next(self, message: Next) -> int | None:
        renderer = self.sender
        assert renderer is not None
        frame = self._frame()
        if frame is not None:
            self.in_hand[renderer] = frame
            self.watch(renderer)
        return frame

    def _frame(self) -> int | None:
        if self.returned:
            return self.returned.pop()
        if self.given == self.frames:
            return None
        self.given += 1
        return self.given

    @on(Done)
    def done(self, message: Done) -> None:
        renderer = self.sender
        assert renderer is not None
        self.in_hand.pop(renderer, None)
        self.rendered[message.frame] += 1
        self.by_node[renderer.node_name] += 1

    @on(Show)
    def show(self, message: Show) -> Scene:
        runs: dict[str, list[str]] = {}
        for child in self.children:
            runs.setdefault(child.node_name, []).append(child.name)
        return Scene(
            self.frames,
            len(self.rendered),
            self.rendered.total() - len(self.rendered),
            self.taken_back,
            dict(self.by_node),
            runs,
        )

    @on(Terminated)
    def gone(self, message: Terminated) -> None:
        frame = self.in_hand.pop(message.ref, None)
        if frame is not None:
            self.taken_back += 1
            self.returned.append(frame)
