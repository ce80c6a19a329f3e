"""`Message`, the frozen typed struct that actors send each other, and `Refusal`."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar, dataclass_transform

import msgspec

from serialization.errors import ActorsError
from serialization.registry import default_registry

__all__ = ["Message", "MessageMeta", "Refusal"]

AnswerT_co = TypeVar("AnswerT_co", covariant=True)

# The wire form is ours: it must not depend on an option of one class.
_FIXED_OPTIONS = frozenset({"array_like", "frozen", "tag_field"})


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class MessageMeta(msgspec.StructMeta):
    """Makes each message a frozen, array-like struct and registers it under its tag."""

    def __new__(
        mcls,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        *,
        tag: str | None = None,
        **options: Any,
    ) -> MessageMeta:
        """What a class statement does: see `Message`."""
        refused = _FIXED_OPTIONS & options.keys()
        if refused and any(isinstance(base, MessageMeta) for base in bases):
            raise TypeError(f"{name}: a message does not take {', '.join(sorted(refused))}")
        cls = super().__new__(mcls, name, bases, namespace, **options)
        if any(isinstance(base, MessageMeta) for base in bases):
            default_registry.register(cls, tag)
        return cls


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class Message(
    msgspec.Struct, Generic[AnswerT_co], metaclass=MessageMeta, frozen=True, array_like=True
):
    """What actors send each other: frozen, compared by value, typed by its answer.

    ``class Deposit(Message[int])`` declares a message that is answered with an int; the answer of
    one that is only told is None. Fields are annotated as in a dataclass, and a body from the wire
    is checked against them. ``class Close(Message[None], tag="bank.close")`` gives it a name on
    the wire of its own; the default is ``<module>.<QualName>``. A subclass has its own tag.

    A newer sender's additional last fields are ignored, and an older sender's missing ones take
    their defaults: add fields at the end, with a default.

    Raises:
        TypeError: at definition, where the tag belongs to another class.
    """

    __is_message__: ClassVar[bool] = True


class Refusal(ActorsError):  # noqa: N818 - expected, and so no error by name
    """An expected error: it answers the asker and leaves the actor unharmed.

    Subclasses become sendable when they are defined, whatever their ``__init__`` takes: what
    travels is ``args``, the instance's attributes and its notes. As with a message,
    ``class NoFunds(Refusal, tag="bank.no-funds")`` names it on the wire.

    Raises:
        TypeError: at definition, where the tag belongs to another class.
    """

    def __init_subclass__(cls, *, tag: str | None = None, **options: Any) -> None:
        super().__init_subclass__(**options)
        default_registry.register(cls, tag)


default_registry.register(Refusal)
