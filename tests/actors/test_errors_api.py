"""Bad arguments raise at once, where the call is; all errors have one root."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import actors
from actors import (
    Actor,
    ActorsError,
    Child,
    Mailbox,
    Message,
    Node,
    Props,
    Refusal,
    Role,
    Supervisor,
    on,
    register,
)
from tests.actors.kit import Do, Notes, Puppet

NAN = float("nan")
BAD_TIMEOUTS: list[Any] = [
    (0, ValueError),
    (0.0, ValueError),
    (-1, ValueError),
    (NAN, ValueError),
    ("5", TypeError),
    (True, TypeError),
    pytest.param(10**400, ValueError, id="more than a float holds"),
]


@pytest.mark.parametrize(("timeout", "error"), BAD_TIMEOUTS)
@pytest.mark.parametrize("call", ["ask", "send", "stop"])
async def test_a_bad_timeout_raises_at_the_call(
    call: str, timeout: Any, error: type[Exception]
) -> None:
    """0, negative, NaN or no number: refused before anything is awaited, with the value named."""
    async with Node("n") as node:
        ref = node.spawn(Puppet)
        arguments = () if call == "stop" else (Notes(),)
        with pytest.raises(error, match="timeout"):
            getattr(ref, call)(*arguments, timeout=timeout)
        assert await ref.ask(Notes()) == []


@pytest.mark.parametrize(("timeout", "error"), BAD_TIMEOUTS)
async def test_a_bad_timeout_of_a_node_raises(timeout: Any, error: type[Exception]) -> None:
    """`resolve`, `wait_for_members` and `shutdown` check theirs too."""
    async with Node("n") as node:
        node.spawn(Puppet, name="a")
        with pytest.raises(error, match="timeout"):
            await node.resolve("a", timeout=timeout)
        with pytest.raises(error, match="timeout"):
            await node.wait_for_members(1, timeout=timeout)
        with pytest.raises(error, match="timeout"):
            await node.shutdown(timeout=timeout)


@pytest.mark.parametrize("recipe", [3, "Puppet", int, None, lambda: None, Message])
async def test_only_actors_are_spawned(recipe: Any) -> None:
    """What is no actor class and no props is a TypeError, also in a child spec."""
    async with Node("n") as node:
        with pytest.raises(TypeError):
            node.spawn(recipe)
    with pytest.raises(TypeError):
        Child(recipe)


async def test_an_instance_is_not_a_recipe() -> None:
    """Spawning an actor object instead of its props is a TypeError that says so."""
    async with Node("n") as node:
        with pytest.raises(TypeError, match="props"):
            node.spawn(Puppet())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"restart": "always"}, ValueError),
        ({"restart": 1}, TypeError),
        ({"shutdown": -1}, ValueError),
        ({"shutdown": NAN}, ValueError),
        ({"shutdown": "5"}, TypeError),
        ({"at": 5}, TypeError),
        ({"at": "a b"}, ValueError),
    ],
)
async def test_the_options_of_a_spawn_are_checked(
    options: dict[str, Any], error: type[Exception]
) -> None:
    """A wrong restart kind, shutdown or place is refused by `spawn`, `self.spawn` and `Child`."""
    with pytest.raises(error):
        Child(Puppet, **options)
    async with Node("n") as node:
        with pytest.raises(error):
            node.spawn(Puppet, **options)
        puppet = node.spawn(Puppet)

        def attempt(actor: Any) -> str:
            with pytest.raises(error):
                actor.spawn(Puppet, **options)
            return "refused"

        assert await puppet.ask(Do(attempt)) == "refused"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"bind": 5}, TypeError),
        ({"bind": "127.0.0.1:0"}, ValueError),
        ({"bind": "tcp://127.0.0.1"}, ValueError),
        ({"bind": "http://127.0.0.1:0"}, ValueError),
        ({"bind": "tcp://127.0.0.1:0", "seeds": ["nonsense"]}, ValueError),
        ({"bind": "tcp://127.0.0.1:0", "roles": ["a b"]}, ValueError),
    ],
)
async def test_the_arguments_of_a_node_are_checked(
    arguments: dict[str, Any], error: type[Exception]
) -> None:
    """A malformed endpoint, seed or role is refused where the node is made."""
    with pytest.raises(error):
        Node("n", **arguments)


async def test_a_subscription_is_checked() -> None:
    """A callback must be callable, an event type an event class."""
    async with Node("n") as node:
        with pytest.raises(TypeError):
            node.events.subscribe("print")  # type: ignore[call-overload]
        with pytest.raises(TypeError):
            node.events.subscribe(print, int)  # type: ignore[type-var]


async def test_a_callback_is_a_plain_function() -> None:
    """An `async def` callback, which nobody would await, is a TypeError."""

    async def late(event: object) -> None:
        raise AssertionError("nobody awaits it")

    async with Node("n") as node:
        with pytest.raises(TypeError, match="plain function"):
            node.events.subscribe(late, actors.ActorStopped)
        await node.spawn(Puppet).stop()


@pytest.mark.parametrize("drain", ["x", 1, None])
async def test_a_drain_is_true_or_false(drain: Any) -> None:
    """Another value is a TypeError at the call, and the actor goes on."""
    async with Node("n") as node:
        ref = node.spawn(Puppet)
        with pytest.raises(TypeError, match="drain"):
            ref.stop(drain=drain)
        assert await ref.ask(Notes()) == []


async def test_a_subscription_ends_when_it_is_told_to() -> None:
    """What `subscribe` returns ends it, once or twice; other subscribers go on."""
    async with Node("n") as node:
        one: list[Any] = []
        other: list[Any] = []
        end = node.events.subscribe(one.append, actors.ActorStopped)
        node.events.subscribe(other.append, actors.ActorStopped)
        await node.spawn(Puppet).stop()
        end()
        end()
        await node.spawn(Puppet).stop()
        assert (len(one), len(other)) == (1, 2)


async def test_a_subscriber_that_raises_harms_nobody() -> None:
    """An error in a callback stops neither the actor nor the other subscribers."""
    async with Node("n") as node:
        seen: list[Any] = []

        def bad(event: object) -> None:
            raise ValueError("bad subscriber")

        node.events.subscribe(bad, actors.ActorStopped)
        node.events.subscribe(seen.append, actors.ActorStopped)
        await node.spawn(Puppet).stop()
        assert len(seen) == 1


@pytest.mark.parametrize("count", [0, -1, 1.5, "2", True])
async def test_the_number_of_members_is_checked(count: Any) -> None:
    """`wait_for_members` takes an int of at least 1."""
    async with Node("n") as node:
        with pytest.raises((TypeError, ValueError)):
            await node.wait_for_members(count, timeout=1)


def test_on_takes_classes() -> None:
    """`@on()` and `@on(not a class)` are TypeErrors where they are written."""
    with pytest.raises(TypeError):
        on()
    with pytest.raises(TypeError):
        on("Deposit")  # type: ignore[arg-type]


def test_two_handlers_of_one_class_are_a_mistake() -> None:
    """An actor class with two handlers for one message class is refused when it is defined."""
    with pytest.raises(TypeError, match="Notes"):

        class Twice(Actor):
            @on(Notes)
            def one(self, message: Notes) -> None: ...

            @on(Notes)
            def other(self, message: Notes) -> None: ...


@pytest.mark.parametrize(
    ("attributes", "error"),
    [
        ({"concurrency": 0}, ValueError),
        ({"concurrency": 1.5}, TypeError),
        ({"mailbox": 5}, TypeError),
        ({"supervision": "one-for-one"}, TypeError),
    ],
)
def test_class_attributes_of_an_actor_are_checked(
    attributes: dict[str, Any], error: type[Exception]
) -> None:
    """Nonsense in `concurrency` and the like is refused when the class is defined."""
    with pytest.raises(error, match=next(iter(attributes))):
        type("Odd", (Actor,), attributes)


async def test_child_specs_must_be_specs() -> None:
    """A supervisor whose `child_specs` lists something else fails and says what."""
    failures: list[Any] = []

    class Odd(Supervisor):
        supervision = actors.OneForOne()

        def child_specs(self) -> list[Child]:
            return [Puppet]  # type: ignore[list-item]

    async with Node("n") as node:
        node.events.subscribe(failures.append, actors.ActorFailed)
        odd = node.spawn(Odd, restart="temporary")
        assert await odd.stopped() == "error"
        assert "Puppet" in str(failures[0].error)


def test_registering_what_is_no_data_is_a_mistake() -> None:
    """`register` takes dataclasses, attrs classes, Enums and exceptions."""
    with pytest.raises(TypeError):
        register(int)
    with pytest.raises(TypeError):
        register(5)  # type: ignore[type-var]


def test_messages_are_frozen() -> None:
    """A message cannot be changed once it is made."""

    class Frozen(Message[None]):
        value: int

    message = Frozen(1)
    with pytest.raises(AttributeError):
        message.value = 2  # type: ignore[misc]


def test_values_are_frozen_and_comparable() -> None:
    """Mailbox, Child, Props and Role are equal when their parts are, and cannot be changed."""
    pairs = [
        (Mailbox(5), Mailbox(5)),
        (Child(Puppet.props(), name="a"), Child(Puppet.props(), name="a")),
        (Puppet.props(None, label="x"), Puppet.props(None, label="x")),
        (Role("worker"), Role("worker")),
    ]
    for one, other in pairs:
        assert one == other
        with pytest.raises(AttributeError):
            setattr(one, next(iter(one.__dataclass_fields__)), None)
    assert isinstance(Puppet.props(), Props)
    assert Puppet.props() != Puppet.props(label="y")


def test_all_errors_have_one_root_and_end_in_error() -> None:
    """Every exception class that is exported is an ActorsError named `...Error`, or `Refusal`."""
    errors = [
        value
        for value in vars(actors).values()
        if inspect.isclass(value) and issubclass(value, BaseException)
    ]
    assert errors
    for error in errors:
        assert issubclass(error, ActorsError)
        assert error is Refusal or error.__name__.endswith("Error")


@pytest.mark.parametrize(
    ("error", "bases"),
    [
        ("AskTimeoutError", (TimeoutError,)),
        ("SendTimeoutError", (TimeoutError,)),
        ("SerializationError", (TypeError,)),
        ("MessageTooLargeError", (ValueError,)),
    ],
)
def test_errors_are_what_python_would_call_them(error: str, bases: tuple[type, ...]) -> None:
    """A timeout is a TimeoutError, an unsendable value a TypeError, one too large a ValueError."""
    assert issubclass(getattr(actors, error), bases)


def test_the_reason_of_an_error_is_a_reason() -> None:
    """Given as a word, as a journey leaves it, it is a `Reason` all the same."""
    for given in (actors.Reason.KILLED, "killed"):
        word: Any = given
        assert actors.ActorStoppedError("actors://n/a", word).reason is actors.Reason.KILLED
        assert actors.DeathPactError("actors://n/a", word).reason is actors.Reason.KILLED


async def test_the_reason_of_an_error_that_travelled_is_a_reason() -> None:
    """`ActorStoppedError` and `DeathPactError` carry a `Reason` through the codec too."""

    class Carrier(Actor):
        async def receive(self, message: object) -> object:
            return message

    stopped = actors.ActorStoppedError("actors://n/a", actors.Reason.KILLED, "late")
    pact = actors.DeathPactError("actors://n/a", actors.Reason.NOPROC)
    async with Node("n", serialize_local=True) as node:
        carrier = node.spawn(Carrier)
        for error in (stopped, pact):
            arrived = await carrier.ask(error)
            assert arrived is not error
            assert type(arrived) is type(error)
            assert arrived.reason is error.reason
            assert str(arrived) == str(error)


async def test_a_node_is_used_inside_async_with() -> None:
    """Before it is entered, and after its end, a node raises an ActorsError that says so."""
    node = Node("n")
    with pytest.raises(ActorsError):
        node.spawn(Puppet)
    async with node:
        assert await node.spawn(Puppet).ask(Notes()) == []
    with pytest.raises(ActorsError):
        node.spawn(Puppet)
