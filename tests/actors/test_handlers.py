"""How messages find their handlers, and what a handler can do with one."""

from __future__ import annotations

import asyncio
import functools
import logging
import math
import threading
from typing import Any

import pytest

from actors import (
    Actor,
    ActorFailed,
    ActorRestarted,
    ActorStoppedError,
    DeadLetter,
    Message,
    Node,
    UnhandledMessageError,
    on,
)
from actors.testing import VirtualClock
from tests.actors.kit import (
    Do,
    Fail,
    Gate,
    Hold,
    Journal,
    Note,
    NotEnough,
    Notes,
    Puppet,
    Seen,
    Unknown,
    begin,
    occupy,
)


class Shape(Message[str]):
    """The base of a family of messages."""


class Round(Shape):
    """More specific."""


class Circle(Round):
    """Most specific."""


class Square(Shape):
    """A sibling."""


class Zoo(Actor):
    @on(Shape)
    async def shape(self, message: Shape) -> str:
        return "shape"

    @on(Circle)
    def circle(self, message: Circle) -> str:
        return "circle"


class Child(Zoo):
    @on(Square)
    def square(self, message: Square) -> str:
        return "square"

    @on(Circle)
    def circle(self, message: Circle) -> str:
        return "better " + super().circle(message)


class Pair(Actor):
    @on(Square, Circle)
    def either(self, message: Square | Circle) -> str:
        return type(message).__name__


class Matcher(Actor):
    async def receive(self, message: object) -> object:
        match message:
            case {"op": "add", "values": [*values]}:
                return sum(values)
            case int():
                return message + 1
            case _:
                return await super().receive(message)


# --- dispatch


async def test_a_handler_takes_its_class_and_subclasses_the_most_specific_first() -> None:
    """A message goes to the handler of its nearest ancestor."""
    async with Node("n") as node:
        zoo = node.spawn(Zoo)
        assert await zoo.ask(Shape()) == "shape"
        assert await zoo.ask(Round()) == "shape"
        assert await zoo.ask(Circle()) == "circle"


async def test_handlers_are_inherited_and_overridden() -> None:
    """A subclass of an actor keeps its handlers, adds to them and replaces them."""
    async with Node("n") as node:
        child = node.spawn(Child)
        assert await child.ask(Round()) == "shape"
        assert await child.ask(Square()) == "square"
        assert await child.ask(Circle()) == "better circle"


async def test_one_handler_may_take_several_classes() -> None:
    """`@on(A, B)` takes both."""
    async with Node("n") as node:
        pair = node.spawn(Pair)
        assert await pair.ask(Square()) == "Square"
        assert await pair.ask(Circle()) == "Circle"


async def test_receive_takes_what_no_handler_took() -> None:
    """Untyped data goes to `receive`, whose return value is the answer."""
    async with Node("n") as node:
        matcher = node.spawn(Matcher)
        assert await matcher.ask({"op": "add", "values": [1, 2, 3]}) == 6
        assert await matcher.ask(41) == 42


def traced(function: Any) -> Any:
    """Decorate as many libraries do: a plain function that returns the coroutine."""

    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        return function(*args)

    return wrapper


class Decorated(Actor):
    @on(Shape)
    @traced
    async def shape(self, message: Shape) -> str:
        return "decorated"


async def test_a_decorated_handler_is_awaited() -> None:
    """A plain function that returns a coroutine works like the `async def` it wraps."""
    async with Node("n") as node:
        assert await node.spawn(Decorated).ask(Shape()) == "decorated"


async def test_what_nobody_handles_answers_unhandled_and_harms_nobody() -> None:
    """An ask that nobody handles raises UnhandledMessageError and leaves one dead letter."""
    async with Node("n") as node:
        events = Seen(node, DeadLetter, ActorFailed)
        puppet, matcher = node.spawn(Puppet), node.spawn(Matcher)
        await puppet.ask(Note(1))
        with pytest.raises(UnhandledMessageError, match="Unknown"):
            await puppet.ask(Unknown())
        with pytest.raises(UnhandledMessageError):
            await matcher.ask("unmatched")
        assert await puppet.ask(Notes()) == [1]
        letters = [(event.message, event.recipient, event.reason) for event in events.entries]
        assert [letter[:2] for letter in letters] == [(Unknown(), puppet), ("unmatched", matcher)]
        assert all("unhandled" in letter[2] for letter in letters)


async def test_messages_are_handled_one_at_a_time() -> None:
    """With `concurrency` 1 the next message waits until the one in hand is done, across awaits."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        gate = await occupy(puppet)
        second = Gate()
        puppet.tell(Hold(second))
        probe = node.spawn(Puppet)
        await probe.ask(Notes())
        assert not second.entered.is_set()
        gate.open()
        await second.entered.wait()
        second.open()


# --- concurrency


class Three(Puppet):
    concurrency = 3


async def test_concurrency_handles_that_many_at_once() -> None:
    """With `concurrency` 3 three messages are in hand together and the fourth waits."""
    async with Node("n") as node:
        three = node.spawn(Three)
        gates = [Gate(number) for number in range(4)]
        asks = [await begin(three.ask(Hold(gate))) for gate in gates]
        for gate in gates[:3]:
            await gate.entered.wait()
        assert not gates[3].entered.is_set()
        gates[1].open()
        assert await asks[1] == 1
        await gates[3].entered.wait()
        for gate in gates:
            gate.open()
        assert await asyncio.gather(*asks) == [0, 1, 2, 3]


async def test_a_failure_lets_the_other_messages_in_hand_finish_first() -> None:
    """With `concurrency` > 1 a restart waits for what else is in hand, and that is answered."""
    async with Node("n") as node:
        journal = Journal()
        three = node.spawn(Three.props(journal))
        gate = Gate("finished")
        held = await begin(three.ask(Hold(gate)))
        await gate.entered.wait()
        with pytest.raises(ValueError, match="bad"):
            await three.ask(Fail(ValueError("bad")))
        after = await begin(three.ask(Note("after")))
        probe = node.spawn(Puppet)
        await probe.ask(Notes())
        assert journal.entries == [("init",), ("start",)]
        gate.open()
        assert await held == "finished"
        assert await after == 1
        assert journal.entries == [
            ("init",),
            ("start",),
            ("restart", ValueError),
            ("init",),
            ("start",),
            ("note", "after"),
        ]


async def test_each_message_in_hand_has_its_own_sender() -> None:
    """With `concurrency` > 1 `self.sender` stays right across awaits."""
    async with Node("n") as node:
        three = node.spawn(Three)
        gate = Gate()

        async def sender_after_waiting(actor: Any) -> Any:
            await gate.pass_through()
            return actor.sender

        one, two = node.spawn(Puppet), node.spawn(Puppet)
        asks = [
            await begin(asker.ask(Do(lambda actor: three.ask(Do(sender_after_waiting)))))
            for asker in (one, two)
        ]
        await gate.entered.wait()
        gate.open()
        assert await asyncio.gather(*asks) == [one, two]


# --- behaviours


def becoming(handler: Any) -> Do:
    return Do(lambda actor: actor.become(handler))


async def test_become_replaces_the_handlers_and_unbecome_restores_them() -> None:
    """A behaviour takes every message, until the one below it is restored; they are a stack."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        this: list[Any] = []

        async def outer(message: object) -> object:
            if message == "inner":
                this[0].become(inner)
            if message == "back":
                this[0].unbecome()
            return "outer", message

        def inner(message: object) -> object:
            if message == "back":
                this[0].unbecome()
            return "inner", message

        def begin(actor: Any) -> None:
            this.append(actor)
            actor.become(outer)

        await puppet.ask(Do(begin))
        assert await puppet.ask(Notes()) == ("outer", Notes())
        assert await puppet.ask("inner") == ("outer", "inner")
        assert await puppet.ask("x") == ("inner", "x")
        assert await puppet.ask("back") == ("inner", "back")
        assert await puppet.ask("back") == ("outer", "back")
        assert await puppet.ask(Notes()) == []


async def test_a_restart_ends_behaviours() -> None:
    """A new instance begins with its own handlers."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)

        def stubborn(message: object) -> object:
            raise ValueError("bad")

        await puppet.ask(becoming(stubborn))
        with pytest.raises(ValueError, match="bad"):
            await puppet.ask(Notes())
        assert await puppet.ask(Notes()) == []


# --- stash


class Door(Puppet):
    """Puts notes aside while it is closed."""

    def __init__(self, journal: Journal | None = None) -> None:
        super().__init__(journal)
        self.is_open = False

    @on(Note)
    def note(self, message: Note) -> int:
        if not self.is_open:
            self.stash()
            return -1
        return super().note(message)


def opening(actor: Any) -> None:
    actor.is_open = True
    actor.unstash_all()


async def test_stashed_messages_come_back_in_order_and_before_the_rest() -> None:
    """`unstash_all` puts them, in order, in front of what is queued."""
    async with Node("n") as node:
        door = node.spawn(Door)
        door.tell(Note(1))
        door.tell(Note(2))
        gate = await occupy(door)
        door.tell(Do(opening))
        door.tell(Note(3))
        gate.open()
        assert await door.ask(Notes()) == [1, 2, 3]


async def test_a_stashed_ask_is_answered_when_its_turn_comes() -> None:
    """A stashed ask waits; what its handler returned while stashing is no answer."""
    async with Node("n") as node:
        door = node.spawn(Door)
        waiting = await begin(door.ask(Note("x"), timeout=None))
        assert await door.ask(Notes()) == []
        assert not waiting.done()
        await door.ask(Do(opening))
        assert await waiting == 1


async def test_the_stash_survives_a_restart_in_the_mailbox() -> None:
    """Stashed messages go back to the front of the mailbox when the actor restarts."""
    async with Node("n") as node:
        journal = Journal()
        door = node.spawn(Door.props(journal))
        door.tell(Note(1))
        door.tell(Note(2))
        gate = await occupy(door)
        door.tell(Fail(ValueError("bad")))
        door.tell(Do(opening))
        door.tell(Note(3))
        gate.open()
        assert await door.ask(Notes()) == [1, 2, 3]


async def test_stashed_messages_of_a_stopped_actor_are_dead_letters() -> None:
    """What is stashed when the actor ends becomes dead letters, and stashed asks fail."""
    async with Node("n") as node:
        letters = Seen(node, DeadLetter)
        door = node.spawn(Door)
        door.tell(Note(1))
        waiting = await begin(door.ask(Note(2), timeout=None))
        assert await door.ask(Notes()) == []
        await door.stop()
        assert [letter.message for letter in await letters.count(2)] == [Note(1), Note(2)]
        with pytest.raises(ActorStoppedError):
            await waiting


# --- forward, defer_reply


async def test_forward_keeps_the_sender_and_the_answer_goes_to_the_asker() -> None:
    """The one that finally handles it sees the first sender and answers the first asker."""
    async with Node("n") as node:
        last = node.spawn(Puppet)
        asker = node.spawn(Puppet)
        middle = node.spawn(Puppet)
        look = Do(lambda actor: (actor.sender, "answered"))

        class Pass(Actor):
            async def receive(self, message: object) -> object:
                self.forward(last, message)
                return "not the answer"

        first = node.spawn(Pass)
        assert await first.ask(look) == (None, "answered")
        assert await asker.ask(Do(lambda actor: first.ask(look))) == (asker, "answered")
        assert await middle.ask(Notes()) == []


async def test_an_error_of_a_forwarded_ask_reaches_the_asker() -> None:
    """The asker gets what the last handler raised; the one that forwarded is unharmed."""
    async with Node("n") as node:
        failures = Seen(node, ActorFailed)
        last = node.spawn(Puppet)

        class Pass(Actor):
            async def receive(self, message: object) -> object:
                self.forward(last, message)
                return None

        first = node.spawn(Pass)
        with pytest.raises(KeyError):
            await first.ask(Fail(KeyError("k")))
        assert [failure.ref for failure in failures.entries] == [last]


class Later(Puppet):
    """Answers `"later"` when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.replies: list[Any] = []

    async def receive(self, message: object) -> object:
        self.replies.append(self.defer_reply())
        return "not the answer"


async def test_a_deferred_reply_answers_later() -> None:
    """After `defer_reply` other messages are handled, and `send` answers in any order."""
    async with Node("n") as node:
        later = node.spawn(Later)
        first, second = await begin(later.ask("first")), await begin(later.ask("second"))
        await later.ask(Notes())
        assert not first.done()
        await later.ask(Do(lambda actor: actor.replies[1].send("two")))
        assert await second == "two"
        assert not first.done()
        await later.ask(Do(lambda actor: actor.replies[0].send("one")))
        assert await first == "one"


async def test_a_deferred_reply_may_fail() -> None:
    """`reply.fail` raises its error at the asker and harms nobody else."""
    async with Node("n") as node:
        failures = Seen(node, ActorFailed)
        later = node.spawn(Later)
        waiting = await begin(later.ask("first"))
        await later.ask(Do(lambda actor: actor.replies[0].fail(NotEnough(7))))
        with pytest.raises(NotEnough) as caught:
            await waiting
        assert caught.value.missing == 7
        assert failures.entries == []


async def test_a_deferred_reply_to_a_tell_goes_nowhere() -> None:
    """Where nobody asked, sending the reply does nothing."""
    async with Node("n") as node:
        events = Seen(node, ActorFailed, DeadLetter)
        later = node.spawn(Later)
        later.tell("told")
        await later.ask(Do(lambda actor: actor.replies[0].send("x")))
        assert await later.ask(Notes()) == []
        assert events.entries == []


# --- tasks and pools


async def test_a_task_of_the_actor_ends_with_it() -> None:
    """What `create_task` began is cancelled when the actor stops."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        ended = asyncio.Event()
        began = asyncio.Event()

        async def work() -> None:
            began.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        await puppet.ask(Do(lambda actor: actor.create_task(work()) and None))
        await began.wait()
        await puppet.stop()
        assert ended.is_set()


async def test_a_task_of_the_actor_ends_with_a_restart() -> None:
    """A restarted actor has none of the tasks of its old instance."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        ended = asyncio.Event()
        began = asyncio.Event()

        async def work() -> None:
            began.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        await puppet.ask(Do(lambda actor: actor.create_task(work()) and None))
        await began.wait()
        puppet.tell(Fail(ValueError("bad")))
        await ended.wait()
        assert await puppet.ask(Notes()) == []


async def test_a_failed_task_is_a_failure_of_the_actor() -> None:
    """What a task raises fails and restarts its actor, with no message in hand."""
    async with Node("n") as node:
        events = Seen(node, ActorFailed, ActorRestarted)
        puppet = node.spawn(Puppet)
        error = ValueError("in a task")

        async def work() -> None:
            raise error

        await puppet.ask(Do(lambda actor: actor.create_task(work()) and None))
        failed, restarted = await events.count(2)
        assert (failed.ref, failed.error) == (puppet, error)
        assert restarted.ref == puppet
        assert await puppet.ask(Notes()) == []


async def test_a_task_that_fails_while_it_is_cancelled_harms_nobody() -> None:
    """An error in the clean-up of a task, when its actor stops, is neither loud nor a failure."""
    async with Node("n") as node:
        failures = Seen(node, ActorFailed)
        puppet = node.spawn(Puppet)
        began = asyncio.Event()

        async def work() -> None:
            began.set()
            try:
                await asyncio.Event().wait()
            finally:
                raise ValueError("in the clean-up")

        await puppet.ask(Do(lambda actor: actor.create_task(work()) and None))
        await began.wait()
        await puppet.stop()
        assert failures.entries == []


async def test_run_blocking_leaves_the_loop_free() -> None:
    """A blocking function runs in another thread; meanwhile other actors are handled."""
    async with Node("n") as node:
        puppet, other = node.spawn(Puppet), node.spawn(Puppet)
        release = threading.Event()

        def block(answer: str) -> tuple[str, bool]:
            release.wait(10)
            return answer, threading.current_thread() is threading.main_thread()

        waiting = await begin(puppet.ask(Do(lambda actor: actor.run_blocking(block, "done"))))
        assert await other.ask(Note(1)) == 1
        assert not waiting.done()
        release.set()
        assert await waiting == ("done", False)


async def test_run_blocking_raises_what_the_function_raised() -> None:
    """An error in the other thread is an error of the handler."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        with pytest.raises(ValueError, match="invalid literal"):
            await puppet.ask(Do(lambda actor: actor.run_blocking(int, "x")))


@pytest.mark.timeout(60)
async def test_run_cpu_computes_in_another_process() -> None:
    """A function runs in the process pool and answers its result or its error."""
    async with Node("n") as node:
        puppet = node.spawn(Puppet)
        work = Do(lambda actor: actor.run_cpu(math.factorial, 20))
        assert await puppet.ask(work, timeout=50) == math.factorial(20)
        with pytest.raises(ValueError, match="factorial"):
            await puppet.ask(Do(lambda actor: actor.run_cpu(math.factorial, -1)), timeout=50)


# --- what an actor knows


async def test_an_actor_knows_itself_and_its_family() -> None:
    """`ref`, `node`, `parent`, `children` and `child(name)` are what they say."""
    async with Node("n") as node:
        top = node.spawn(Puppet, name="top")
        first = await top.ask(Do(lambda actor: actor.spawn(Puppet, name="first")))
        second = await top.ask(Do(lambda actor: actor.spawn(Puppet, name="second")))
        assert await top.ask(Do(lambda actor: actor.ref)) == top
        assert await top.ask(Do(lambda actor: actor.node)) is node
        assert await top.ask(Do(lambda actor: actor.children)) == (first, second)
        assert await top.ask(Do(lambda actor: actor.child("second"))) == second
        assert await top.ask(Do(lambda actor: actor.child("third"))) is None
        assert await first.ask(Do(lambda actor: actor.parent)) == top
        assert await top.ask(Do(lambda actor: actor.parent)) is None
        await first.stop()
        assert await top.ask(Do(lambda actor: actor.children)) == (second,)
        assert await top.ask(Do(lambda actor: actor.child("first"))) is None


async def test_the_log_of_an_actor_carries_node_and_path(caplog: pytest.LogCaptureFixture) -> None:
    """A record of `self.log` says which actor of which node wrote it."""
    async with Node("lognode") as node:
        puppet = node.spawn(Puppet, name="writer")
        with caplog.at_level(logging.INFO):
            await puppet.ask(Do(lambda actor: actor.log.info("hello from %s", "me")))
        [record] = [rec for rec in caplog.records if "hello from me" in rec.getMessage()]
        carried = f"{record.getMessage()} {record.__dict__}"
        assert "lognode" in carried
        assert "writer" in carried


async def test_the_sender_is_the_parents_child_ref_in_both_directions() -> None:
    """A parent that asks its child is the sender there, and the child may tell it back."""
    clock = VirtualClock()
    async with Node("n", clock=clock) as node:
        journal = Journal()
        top = node.spawn(Puppet.props(journal), name="top")

        async def ask_child(actor: Any) -> Any:
            child = actor.spawn(Puppet)
            return await child.ask(Do(lambda there: there.sender.tell(Note("back"))))

        await top.ask(Do(ask_child))
        await journal.has(("note", "back"))
