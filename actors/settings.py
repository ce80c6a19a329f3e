"""What a node is given when it is made, checked there and then."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from actors.authorisation.rules import Allow
from actors.cluster.detection import Detection
from actors.cluster.member import Member, check_capacity
from actors.cluster.partition import PartitionPolicy
from actors.names import check_name
from transport import Security, SecurityError, TransportOptions
from transport.endpoint import parse_endpoint


@dataclass(frozen=True, slots=True)
class Settings:
    """The arguments of a `Node`, but for what tests put in its surroundings' place."""

    name: str
    binds: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    advertise: tuple[str, ...] = ()
    serialize_local: bool = False
    options: TransportOptions = field(default_factory=TransportOptions)
    detection: Detection = field(default_factory=Detection)
    partition: PartitionPolicy | None = None
    version: str = ""
    capacity: float = 1.0
    security: Security | None = None
    allow: tuple[Allow, ...] | None = None
    """None: others may do everything."""
    max_queued: int = 4_000_000

    def __post_init__(self) -> None:
        for role in self.roles:
            check_name(role, "role")
        check_capacity(self.capacity)
        check_max_queued(self.max_queued)
        if self.seeds and not self.binds:
            raise ValueError("a node with seeds needs bind=, so that others can reach it")

    def check_exposure(self) -> None:
        """Whoever reaches a node without keys can do all with it that a member can.

        Raises SecurityError where somebody on another machine could.
        """
        if self.security is not None:
            return
        for bind in self.binds:
            if not parse_endpoint(bind, listening=True).local:
                raise SecurityError(
                    bind,
                    "other machines can reach it, and this node has no keys: whoever connects can "
                    "run any of its actors. Make keys with `actors-node keygen` and give them "
                    "(security=, --key and --roster), bind it to loopback or ipc, or say that this "
                    "is meant (insecure=True, --insecure)",
                )

    def member(self, address: str | None, incarnation: int, now: float) -> Member:
        """Return the node as a member, at the beginning of its life; `now` by the wall clock."""
        return Member(
            self.name,
            address,
            frozenset(self.roles),
            "joining" if self.binds else "up",
            incarnation,
            self.version,
            float(self.capacity),
            now,
        )


def check_max_queued(value: object) -> None:
    """Raises TypeError or ValueError where it is no number of messages."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"max_queued must be an int, not {value!r}")
    if value < 1:
        raise ValueError(f"max_queued must be at least 1, not {value}")


def name_or_made_up(name: str | None) -> str:
    """Return the name of a node, a made-up one where it was given none. Raises like a name does."""
    return f"node-{secrets.token_hex(4)}" if name is None else check_name(name)


def strings(value: Sequence[str], what: str) -> tuple[str, ...]:
    """Return a list of texts as a tuple. Raises TypeError for anything else, one text above all."""
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise TypeError(f"{what} must be a list of str, not {value!r}")
    for each in value:
        if not isinstance(each, str):
            raise TypeError(f"{what} must be a list of str, and {each!r} is none")
    return tuple(value)


def rules(value: Sequence[Allow] | None) -> tuple[Allow, ...] | None:
    """Return rules as a tuple; None for none at all. Raises TypeError."""
    if value is None:
        return None
    if not isinstance(value, Sequence):
        raise TypeError(f"allow must be a list of Allow(...), not {value!r}")
    for each in value:
        if not isinstance(each, Allow):
            raise TypeError(f"allow must be a list of Allow(...), and {each!r} is none")
    return tuple(value)


def endpoints(value: str | Sequence[str] | None, what: str) -> tuple[str, ...]:
    """Return one endpoint, several or none as a tuple. Raises TypeError, ValueError."""
    if value is None:
        return ()
    listed = (value,) if isinstance(value, str) else strings(value, what)
    if not listed and what == "bind":
        raise ValueError("bind names no endpoint; a node without bind= is local only")
    for endpoint in listed:
        parse_endpoint(endpoint, listening=what == "bind")
    return listed
