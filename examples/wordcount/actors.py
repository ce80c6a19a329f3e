"""The worker's actors and messages. A worker node imports this module with `--import`."""

from collections.abc import Callable
from typing import Final

from actors import Actor, MemberDown, MemberUp, Message, Reason, on
from examples.wordcount.words import count_words

__all__ = ["DEMO", "CountChunk", "CountWords", "Counted", "Worker"]

DEMO: Final = "wordcount"
"""The name of the demo's own node."""

PATIENCE_AT_FIRST: Final = 60.0
PATIENCE: Final = 5.0
"""For how many seconds a worker waits for a demo that it does not see, at first and later."""


class Counted(Message[None]):
    """The answer to a `CountChunk`: who counted, which chunk, and how often each word is in it."""

    chunk: int
    node: str
    words: dict[str, int]


class CountChunk(Message[Counted]):
    """Count the words of this text, please."""

    chunk: int
    text: bytes


class CountWords(Actor):
    """Counts words. It keeps no state: with it are lost the chunks in its mailbox, no more."""

    @on(CountChunk)
    def count(self, message: CountChunk) -> Counted:
        return Counted(message.chunk, self.node.name, dict(count_words(message.text)))


class DemoSeen(Message[None]):
    """The demo's node has come up, or has gone."""

    up: bool


class Alone(Message[None]):
    """The demo's node has been away for too long."""


class Worker(Actor):
    """The root of a worker node: when the demo is gone, even by SIGKILL, it ends the node."""

    unsubscribe: Callable[[], None]

    async def on_start(self) -> None:
        self.unsubscribe = self.node.events.subscribe(self.on_member, MemberUp, MemberDown)
        if not any(member.name == DEMO for member in self.node.members):
            self.timers.once(PATIENCE_AT_FIRST, Alone(), key="alone")

    async def on_stop(self, reason: Reason) -> None:
        self.unsubscribe()

    def on_member(self, event: MemberUp | MemberDown) -> None:
        if event.member.name == DEMO:
            self.ref.tell(DemoSeen(isinstance(event, MemberUp)))

    @on(DemoSeen)
    def wait(self, message: DemoSeen) -> None:
        if message.up:
            self.timers.cancel("alone")
        else:
            self.timers.once(PATIENCE, Alone(), key="alone")

    @on(Alone)
    def leave(self, message: Alone) -> None:
        self.stop()
