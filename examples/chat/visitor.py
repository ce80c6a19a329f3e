"""One person in the chat."""

import re
from collections.abc import Callable
from typing import Any

from actors import Actor, GroupJoined, GroupLeft, Message, Reason, on

LOBBY = "lobby"
WORD = re.compile(r"[A-Za-z0-9_-]+")
"""What a room and a visitor may be called."""

HELP = """/enter ROOM    go to another room
/who           who is in this room
/tell WHO ...  say something to one visitor alone
/hear PATTERN  hear other rooms too: `*` is one word, `#` any number of them
/quit          leave"""


class Said(Message[None]):
    """Somebody has said something: in a room, or (no room) to one visitor alone."""

    who: str
    text: str
    room: str | None = None


class Typed(Message[bool]):
    """A line that was typed; answers whether there is more to do."""

    text: str


class Visitor(Actor):
    """Is in one room at a time, by a name that no other visitor has."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.room = LOBBY
        self.end_events: Callable[[], None] | None = None

    async def on_start(self) -> None:
        self.end_events = self.node.events.subscribe(self.ref.tell, GroupJoined, GroupLeft)
        self.enter(LOBBY)

    async def on_stop(self, reason: Reason) -> None:
        if self.end_events is not None:
            self.end_events()

    def enter(self, room: str) -> None:
        """Leave the room for another. Members and listeners elsewhere follow by themselves."""
        self.node.groups.leave(self.room, self.ref)
        self.node.topics.unsubscribe(f"chat.{self.room}", self.ref)
        self.room = room
        self.node.topics.subscribe(f"chat.{room}", self.ref)
        self.node.groups.join(room, self.ref)  # who sees this visitor here is heard by it

    @on(Typed)
    async def typed(self, message: Typed) -> bool:
        match message.text.split(maxsplit=2):
            case ["/quit"]:
                return False
            case ["/who"]:
                members = self.node.groups.members(self.room)
                show(f"in {self.room}: {', '.join(ref.name for ref in members)}")
            case ["/enter", room] if WORD.fullmatch(room):
                self.enter(room)
            case ["/hear", pattern]:
                self.hear_also(pattern)
            case ["/tell", who, text]:
                await self.tell(who, text)
            case [command, *_] if command.startswith("/"):
                show(HELP)
            case []:
                pass
            case _:
                said = Said(self.name, message.text.strip(), self.room)
                self.node.topics.publish(f"chat.{self.room}", said)
        return True

    def hear_also(self, pattern: str) -> None:
        """Hear other rooms, too."""
        try:
            self.node.topics.subscribe(f"chat.{pattern}", self.ref)
        except ValueError as error:
            show(str(error))

    async def tell(self, who: str, text: str) -> None:
        """Say it to one visitor, wherever that is."""
        visitor = await self.node.whereis(who) if WORD.fullmatch(who) else None
        if visitor is None:
            show(f"nobody is called {who}")
        else:
            visitor.tell(Said(self.name, text))

    @on(Said)
    def hear(self, message: Said) -> None:
        if message.room is None:
            show(f"{message.who} tells you: {message.text}")
        else:
            show(f"[{message.room}] {message.who}: {message.text}")

    @on(GroupJoined, GroupLeft)
    def come_or_gone(self, event: Any) -> None:
        if event.group == self.room:
            what = "is here" if isinstance(event, GroupJoined) else "has left"
            show(f"{event.ref.name} {what}")


def show(text: str) -> None:
    """Print what the visitor sees."""
    print(text, flush=True)
