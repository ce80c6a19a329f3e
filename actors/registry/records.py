"""How entries are written down for other nodes, and what of theirs is taken for good.

`docs/protocol.md` has it byte by byte. What comes from outside is checked here, before anybody
acts on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, NamedTuple

import msgspec

from actors.address import check_key
from actors.durations import check_timeout
from actors.names import check_name
from actors.ref import ActorRef
from actors.registry.patterns import check_pattern
from actors.registry.table import MAX_TIME, Change, Section

RECORD_CHANGES = 1_000
"""How many changes one record carries; a receiver takes no more."""

_MAX_KEY = 4_096
"""Characters of an actor's key."""

_Time = Annotated[int, msgspec.Meta(ge=1, le=MAX_TIME)]
_Key = Annotated[str, msgspec.Meta(max_length=_MAX_KEY)]
_Change = tuple[Section, str, _Key, _Time | None]
_Changes = tuple[
    Annotated[int, msgspec.Meta(ge=0, le=MAX_TIME)],
    Annotated[list[_Change], msgspec.Meta(max_length=RECORD_CHANGES)],
]

RefOf = Callable[[str], ActorRef[Any]]
"""Returns the ref of a key of the node that wrote it."""


class Order(NamedTuple):
    """What a node wants entered, or struck, for an actor of another one."""

    section: Section
    name: str
    is_entry: bool
    """Whether it is to be entered; else struck."""
    timeout: float | None
    """Seconds that the other node may take to make a name known to all."""


def write_changes(time: int, changes: Iterable[Change[ActorRef[Any]]]) -> list[Any]:
    """Return changes as values that can be sent."""
    written = [[int(section), name, ref._key, made] for section, name, ref, made in changes]
    return [time, written]


def in_records(changes: list[Change[ActorRef[Any]]]) -> Iterator[list[Change[ActorRef[Any]]]]:
    """Divide changes into what one record may carry each; no changes are one record too."""
    for start in range(0, max(len(changes), 1), RECORD_CHANGES):
        yield changes[start : start + RECORD_CHANGES]


def read_changes(value: object, ref_of: RefOf) -> tuple[int, list[Change[ActorRef[Any]]]]:
    """Return the time and the changes that were written. Raises ValueError where it is nonsense."""
    time, written = _convert(value, _Changes)
    keys = {key for _, _, key, _ in written}
    refs = {key: ref_of(check_key(key)) for key in keys}
    return time, [
        Change(section, check_entry(section, name), refs[key], made)
        for section, name, key, made in written
    ]


def write_order(order: Order) -> list[Any]:
    """Return an order as values that can be sent."""
    return [int(order.section), *order[1:]]


def read_order(value: object) -> Order:
    """Return the order that was written. Raises ValueError where it is nonsense."""
    section, name, is_entry, timeout = _convert(value, tuple[Section, str, bool, float | None])
    return Order(section, check_entry(section, name), is_entry, check_timeout(timeout))


def check_entry(section: Section, name: object) -> str:
    """Return the name of an entry if that section may have it. Raises TypeError or ValueError."""
    if section is Section.TOPICS:
        return check_pattern(name)
    return check_name(name, "name" if section is Section.NAMES else "group")


def _convert(value: object, form: Any) -> Any:
    try:
        return msgspec.convert(value, form)
    except msgspec.ValidationError as error:
        raise ValueError(f"it makes no sense: {error}") from None
