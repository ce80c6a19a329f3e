"""The show: nodes are started and killed, renderers move, and the film becomes whole."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Final

from actors import ActorRef, Event, MemberDown, MemberSuspect, MemberUp, Node
from examples.failover.film import Film, Scene, Show
from examples.failover.nodes import Nodes
from examples.failover.picture import Picture

NAMES: Final = ("node-1", "node-2", "node-3")
JOIN_TIMEOUT: Final = 60.0
LOOK: Final = 0.1
"""Seconds between two pictures."""
A_KILL_EVERY: Final = 3.0
"""Seconds, where nobody presses a key."""


class Stage:
    """The director's node, the three others, and the picture."""

    def __init__(self, node: Node, nodes: Nodes, picture: Picture) -> None:
        self.node = node
        self.nodes = nodes
        self.picture = picture
        self.stopped = asyncio.Event()
        node.events.subscribe(self._note, MemberUp, MemberSuspect, MemberDown)

    def _note(self, event: Event) -> None:
        if isinstance(event, MemberDown):
            self.picture.note(f"{event.member.name} is down: {event.reason}")
        elif isinstance(event, MemberUp | MemberSuspect):
            self.picture.note(f"{event.member.name} is {event.member.status}")

    def on_key(self, key: str) -> None:
        """A key was pressed: 1 to 3 kill a node, q stops."""
        if key == "q":
            self.stopped.set()
        elif key in "123":
            self.kill(NAMES[int(key) - 1])

    def kill(self, name: str) -> None:
        """Kill a node, and say so."""
        if self.nodes.kill(name):
            self.picture.note(f"{name} gets SIGKILL")

    async def kill_now_and_then(self, rng: random.Random) -> None:
        """Kill one of them every few seconds."""
        while True:
            await asyncio.sleep(A_KILL_EVERY)
            self.kill(rng.choice(NAMES))

    async def play(self, film: ActorRef[Film]) -> Scene:
        """Draw until the film is whole, or somebody has seen enough."""
        while True:
            scene = await film.ask(Show())
            statuses = {member.name: member.status for member in self.node.members}
            self.picture.draw(scene, statuses)
            if scene.is_whole or self.stopped.is_set():
                return scene
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopped.wait(), LOOK)
