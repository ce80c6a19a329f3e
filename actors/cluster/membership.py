"""Who is in the cluster, as one node knows it: a state machine without sockets or clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import Enum
from itertools import islice

import msgspec

from actors.cluster.member import Member, Status
from actors.cluster.probes import MOST_MEMBERS
from transport import Identity
from transport.endpoint import is_dialable
from transport.security.access import NOT_AUTHORISED

QUARANTINED = "quarantined"
"""The code of the refusal of a life that was declared over: the node may come back as another."""

FORGET_AFTER = 10_000
"""How many past lives of nodes are remembered, so that none of them comes back."""


class Precedence(Enum):
    """Which of two lives goes on."""

    OURS = "ours"
    THEIRS = "theirs"
    OPEN = "open"


class _Metadata(msgspec.Struct, array_like=True):
    roles: list[str]
    company: list[int] = []
    """The incarnations of the other nodes that this one has not given up."""
    version: str = ""
    capacity: float = 1.0
    born: float = 0.0


def metadata(member: Member, company: Iterable[int] = ()) -> bytes:
    """Return what a node says of itself when it shakes hands."""
    said = _Metadata(
        sorted(member.roles), list(company), member.version, member.capacity, member.born
    )
    return msgspec.msgpack.encode(said)


def _said(identity: Identity) -> _Metadata:
    try:
        return msgspec.msgpack.decode(identity.metadata, type=_Metadata)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"the metadata of {identity.name!r} makes no sense: {error}") from None


def member_of(identity: Identity) -> Member:
    """Return the member that shook hands. Raises ValueError where it says nonsense of itself."""
    said = _said(identity)
    address = identity.endpoints[0] if identity.endpoints else None
    return Member(
        identity.name,
        address,
        frozenset(said.roles),
        "up",
        identity.incarnation,
        said.version,
        said.capacity if 0 < said.capacity < float("inf") else 1.0,
        said.born,
    )


class Membership:
    """The members that can be reached, and the lives that are over."""

    def __init__(self, own: Member) -> None:
        self.own = own
        self._peers: dict[str, Member] = {}
        self._over: dict[tuple[str, int], None] = {}

    @property
    def members(self) -> tuple[Member, ...]:
        """All that can be reached, this node first."""
        return (self.own, *self._peers.values())

    def is_up(self, name: str) -> bool:
        """Whether that node is there, and not about to leave."""
        member = self.get(name)
        return member is not None and member.status == "up"

    def get(self, name: str) -> Member | None:
        """Return the member of that name."""
        return self.own if name == self.own.name else self._peers.get(name)

    def is_over(self, name: str, incarnation: int) -> bool:
        """Whether that life of that node is known to have ended."""
        return (name, incarnation) in self._over

    @property
    def metadata(self) -> bytes:
        """What this node says of itself at present."""
        return metadata(self.own, (member.incarnation for member in self._peers.values()))

    def precedence(self, identity: Identity) -> Precedence | None:
        """Return which of two lives that are over for each other goes on; None for any others.

        It is the one with more company that the other has not. Who has not noticed yet, and still
        counts on this node, has no say. While both claim the same company one of them has yet to
        learn what those think of it.
        """
        company = set(_said(identity).company)
        if self.own.incarnation in company:
            return None
        if not self.is_over(identity.name, identity.incarnation):
            return None
        own = {member.incarnation for member in self._peers.values()}
        ours, theirs = len(own - company), len(company - own)
        if ours == theirs and own & company:
            return Precedence.OPEN
        if (ours, self.own.incarnation) > (theirs, identity.incarnation):
            return Precedence.OURS
        return Precedence.THEIRS

    def objection(self, identity: Identity, *, holder_reachable: bool) -> str | None:
        """Return why a node may not come in, as `code: words`; None where it may.

        `holder_reachable` says whether the present holder of its name is. Where it is not, and
        yet not given up, the newcomer is to ask again: by then one of the two is settled.
        """
        if self.is_over(identity.name, identity.incarnation):
            return (
                f"{QUARANTINED}: this life of {identity.name!r} was declared over; "
                "it must come back as a new one"
            )
        holder = self.get(identity.name)
        if holder is None or holder.incarnation == identity.incarnation:
            return None
        if holder is self.own or (not _same_place(holder, identity) and holder_reachable):
            return (
                f"name-taken: {identity.name!r} is a living node at {holder.address}; "
                "choose another name"
            )
        if not _same_place(holder, identity):
            return (
                f"unsettled: {identity.name!r} at {holder.address} does not answer, "
                "and is not given up yet"
            )
        return None

    def up(self, identity: Identity) -> Member:
        """A node can be reached both ways. Raises ValueError where it makes no sense."""
        member = member_of(identity)
        self._peers[identity.name] = member
        return member

    def leaving(self, name: str) -> None:
        """A node, or this one, has begun to end."""
        if name == self.own.name:
            self.own = replace(self.own, status="leaving")
        elif name in self._peers:
            self._peers[name] = replace(self._peers[name], status="leaving")

    def suspect(self, identity: Identity) -> Member | None:
        """The link to a node broke; return what it is now, None where that is nothing new."""
        return self._turn(identity, "up", "suspect")

    def reachable(self, identity: Identity) -> Member | None:
        """The link stands again; return what the node is now, None where that is nothing new."""
        return self._turn(identity, "suspect", "up")

    def _turn(self, identity: Identity, old: Status, new: Status) -> Member | None:
        member = self._peers.get(identity.name)
        if member is None or member.incarnation != identity.incarnation or member.status != old:
            return None
        self._peers[identity.name] = member = replace(member, status=new)
        return member

    def joined(self) -> None:
        """This node has tried all that it was to join."""
        if self.own.status == "joining":
            self.own = replace(self.own, status="up")

    def renew(self, incarnation: int, now: float) -> None:
        """Begin a new life of this node, which knows of no others; `now` by the wall clock."""
        self.own = replace(self.own, incarnation=incarnation, born=now)
        self._peers.clear()
        self._over.clear()

    def bury(self, name: str, incarnation: int) -> None:
        """That life is over, wherever it was known."""
        self._over[name, incarnation] = None
        if len(self._over) > FORGET_AFTER:
            del self._over[next(iter(self._over))]

    def down(self, identity: Identity) -> Member | None:
        """A node is gone; return what it was, None where it was not known."""
        self.bury(identity.name, identity.incarnation)
        member = self._peers.get(identity.name)
        if member is None or member.incarnation != identity.incarnation:
            return None
        del self._peers[identity.name]
        return replace(member, status="down")

    # --- what nodes tell each other of third ones -----------------------------------------------

    def directory(self) -> bytes:
        """Return who and where the known peers are, for a newcomer."""
        return msgspec.msgpack.encode(
            {m.name: m.address for m in self._peers.values() if m.address}
        )

    def unknown(self, directory: bytes) -> dict[str, str]:
        """Return the nodes in another one's directory that are new here, and their endpoints."""
        try:
            endpoints = msgspec.msgpack.decode(directory, type=dict[str, str])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return {}
        known = {member.address for member in self.members}
        new = ((n, e) for n, e in endpoints.items() if e not in known and is_dialable(e))
        return dict(islice(new, MOST_MEMBERS))


def role_objection(identity: Identity, allowed: frozenset[str] | None) -> str | None:
    """Return why a node may not have its roles, as `code: words`; None where it may.

    `allowed` are the only ones that its name may have; None is any. Raises ValueError where what
    it says of itself makes no sense.
    """
    if allowed is None:
        return None
    claimed = sorted(set(_said(identity).roles) - allowed)
    if not claimed:
        return None
    return (
        f"{NOT_AUTHORISED}: the roster does not give {identity.name!r} the role "
        f"{' or '.join(map(repr, claimed))}"
    )


def _same_place(holder: Member, identity: Identity) -> bool:
    return holder.address is not None and holder.address in identity.endpoints
