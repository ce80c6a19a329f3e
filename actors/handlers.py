"""Which method of an actor takes which message."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
_TAKES = "__actor_takes__"


class Handler(NamedTuple):
    """A method that takes messages, as a function of actor and message."""

    function: Callable[[Any, Any], Any]
    is_async: bool


def on(*message_types: type) -> Callable[[F], F]:
    """Mark a method as the handler of these message classes and their subclasses.

    The method is `async def` or plain `def`, takes the message, and returns the answer.
    Raises TypeError where a type is no class, or none is given.
    """
    if not message_types:
        raise TypeError("@on needs at least one message class: @on(Deposit)")
    for message_type in message_types:
        if not isinstance(message_type, type):
            raise TypeError(f"@on takes message classes, not {message_type!r}")

    def mark(function: F) -> F:
        setattr(function, _TAKES, (*getattr(function, _TAKES, ()), *message_types))
        return function

    return mark


def collect(actor_class: type) -> dict[type, Handler]:
    """Return the handlers of a class by message class; a subclass's stand before its base's.

    Raises TypeError where one class body has two handlers for one message class.
    """
    table: dict[type, Handler] = {}
    for base in reversed(actor_class.__mro__):
        taken: dict[type, str] = {}
        for name, message_type in _marked(base):
            if message_type in taken:
                raise TypeError(
                    f"{base.__qualname__} has two handlers for {message_type.__qualname__}: "
                    f"{taken[message_type]} and {name}"
                )
            taken[message_type] = name
            table[message_type] = as_handler(getattr(actor_class, name))
    return table


def _marked(base: type) -> Iterator[tuple[str, type]]:
    for name, value in vars(base).items():
        for message_type in getattr(value, _TAKES, ()):
            yield name, message_type


def as_handler(function: Callable[..., Any]) -> Handler:
    """Return the handler that calls this function."""
    return Handler(function, inspect.iscoroutinefunction(function))


def functions(
    table: dict[type, Handler], *, is_async: bool
) -> dict[type, Callable[[Any, Any], Any]]:
    """Return the handlers that are `async`, or those that are plain, by the class of a message."""
    return {kind: made.function for kind, made in table.items() if made.is_async is is_async}


def find(table: dict[type, Handler], message_type: type) -> Handler | None:
    """Return the most specific handler, and remember it in `table`; None where there is none."""
    for base in message_type.__mro__:
        handler = table.get(base)
        if handler is not None:
            table[message_type] = handler
            return handler
    return None
