"""One rule: who of the other nodes may do what to which actors of this one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from actors.actor import sendable_class
from actors.authorisation.patterns import Pattern
from actors.names import check_name
from actors.props import Role
from serialization import default_registry

__all__ = ["EVERYTHING", "NODE", "ROLE", "Action", "Allow"]

EVERYTHING = "*"
"""As the whole of `from`, `messages` or `spawn`: every member, message or class."""

NODE, ROLE = "node:", "role:"
"""What a name in `from` may begin with to mean the one and not the other."""


class Action(StrEnum):
    """What another node wants to do to an actor of this one."""

    SEND = "send"
    SPAWN = "spawn"
    STOP = "stop"
    WATCH = "watch"
    ENROL = "enrol"
    RESOLVE = "resolve"
    """Learn its ref from its path: who may send to it, stop it or watch it may."""


Sources = str | Role | Sequence[str | Role]
Names = str | type | Sequence[str | type]


@dataclass(frozen=True, slots=True, init=False)
class Allow:
    """Other nodes may do this to actors of this one; what no rule allows is refused.

    Give rules to a node as `Node(allow=[Allow("teller", "bank/*", messages=[Deposit])])`. A rule
    grants exactly what it names. See `docs/authorisation.md`.

    Attributes:
        from_: whom: the name of a node or a role, several, or `"*"` for every member. `"node:x"`
            means the node x alone; `"role:x"`, or `Role("x")`, the role alone.
        to: which actors, by the pattern of their path, or several: names joined by `/`, where `*`
            stands for one name and `**` for any number of them. For `spawn`, where it may start.
        messages: which messages it may send, as classes or tags (a subclass has a tag of its own).
            `bank.*` and `bank.**` are patterns of tags; `"*"` is all, untyped values included.
        spawn: which actor classes it may start, as classes or names, in the same way.
        stop: whether it may stop them.
        watch: whether it may watch them, and wait for their end.
        enrol: whether it may give them names, and enter them in groups and topics.

    Raises TypeError or ValueError where that makes no sense, or grants nothing.
    """

    from_: tuple[str, ...]
    to: tuple[str, ...]
    messages: tuple[str, ...]
    spawn: tuple[str, ...]
    stop: bool
    watch: bool
    enrol: bool

    def __init__(
        self,
        from_: Sources,
        to: str | Sequence[str] = "**",
        *,
        messages: Names = (),
        spawn: Names = (),
        stop: bool = False,
        watch: bool = False,
        enrol: bool = False,
    ) -> None:
        values = {
            "from_": _some("from", [_source(each) for each in _listed(from_)]),
            "to": _some("to", [_path(each) for each in _listed(to)]),
            "messages": tuple(_name("messages", each, _tag) for each in _listed(messages)),
            "spawn": tuple(_name("spawn", each, sendable_class) for each in _listed(spawn)),
            "stop": _flag("stop", stop),
            "watch": _flag("watch", watch),
            "enrol": _flag("enrol", enrol),
        }
        for field, value in values.items():
            object.__setattr__(self, field, value)
        if not any((self.messages, self.spawn, stop, watch, enrol)):
            raise ValueError(
                "the rule grants nothing: give it messages, spawn, stop, watch or enrol"
            )


def _listed(value: object) -> Sequence[object]:
    """One thing is a list of one; whether they are of the right kind is seen to for each."""
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return value
    return (value,)


def _some(field: str, values: list[str]) -> tuple[str, ...]:
    if not values:
        raise ValueError(f"{field} names nobody; leave the rule out to grant nothing")
    return tuple(values)


def _source(value: object) -> str:
    if isinstance(value, Role):
        return f"{ROLE}{value.name}"
    if value == EVERYTHING:
        return EVERYTHING
    text = _text("from", value, "the name of a node or role, or '*'")
    check_name(text.removeprefix(ROLE if text.startswith(ROLE) else NODE), "from")
    return text


def _path(value: object) -> str:
    text = _text("to", value, "the pattern of a path, such as 'bank/*'")
    for word in Pattern(text, "/").text.split("/"):
        if word not in {"*", "**"}:
            check_name(word, f"part of the pattern {text!r},")
    return text


def _name(field: str, value: object, name_of: type | object) -> str:
    if isinstance(value, type):
        assert callable(name_of)
        return str(name_of(value))
    text = _text(field, value, "a class, its name, or a pattern of names such as 'bank.*'")
    return Pattern(text, ".").text if "*" in text else text


def _text(field: str, value: object, expected: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{field} must be {expected}, not {value!r}")
    if not value:
        raise ValueError(f"{field} must be {expected}, and is empty")
    return value


def _tag(message_class: type) -> str:
    try:
        return default_registry.tag_of(message_class)
    except KeyError:
        raise TypeError(
            f"messages names {message_class.__qualname__}, which has no tag: make it a Message, or "
            f"register it; values without a class of their own are allowed by {EVERYTHING!r} alone"
        ) from None


def _flag(field: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{field} must be True or False, not {value!r}")
    return value
