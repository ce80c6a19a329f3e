"""Recipes: what to build, where to place it, and how its parent treats it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from actors.durations import check_seconds
from actors.names import check_name
from actors.supervision import Restart, check_restart
from serialization import register

if TYPE_CHECKING:
    from actors.actor import Actor

A_co = TypeVar("A_co", bound="Actor", covariant=True)


@register
@dataclass(frozen=True, slots=True)
class Props(Generic[A_co]):
    """A recipe for an actor: its class and the arguments of its constructor.

    It is used again at every restart, so its arguments should be values that do not change.
    The idea and the name are Akka's.
    """

    actor_class: type[A_co]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def build(self) -> A_co:
        """Run the constructor; what it raises is a failure of the actor."""
        return self.actor_class(*self.args, **self.kwargs)

    def __hash__(self) -> int:
        return hash((self.actor_class, self.args, tuple(sorted(self.kwargs))))


def as_props(recipe: Props[A_co] | type[A_co]) -> Props[A_co]:
    """Return the recipe; a class alone stands for itself without arguments.

    Raises TypeError for anything else, an actor instance above all.
    """
    if isinstance(recipe, Props):
        return recipe
    try:
        return _bare_props(recipe)  # type: ignore[arg-type]
    except TypeError:  # also for what cannot be hashed: let the check find better words
        return _bare_props.__wrapped__(recipe)


@lru_cache(maxsize=1024)
def _bare_props(given: object) -> Props[Any]:
    """One recipe for all actors of a class that takes no arguments."""
    from actors.actor import Actor

    if isinstance(given, Actor):
        name = type(given).__name__
        raise TypeError(f"spawn takes a recipe, not an instance: {name}.props(...)")
    if not (isinstance(given, type) and issubclass(given, Actor)):
        raise TypeError(f"spawn takes an Actor class or its props(...), not {given!r}")
    return Props(given)


@register
@dataclass(frozen=True, slots=True)
class Role:
    """Any node of the cluster that has this role. Raises like a name does."""

    name: str

    def __post_init__(self) -> None:
        check_name(self.name, "role")


@register
@dataclass(frozen=True, slots=True)
class LeastLoaded:
    """The node that has least to do, by what the members say of themselves every second: how late
    their event loops are and how many messages wait, for their capacity. With `role` one of those
    that have it. Raises like a name does.
    """

    role: str | None = None

    def __post_init__(self) -> None:
        if self.role is not None:
            check_name(self.role, "role")


Place = str | Role | LeastLoaded
"""A node by its name, any node of a role, or the least loaded."""


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a parent keeps a child: when it comes back, how long its end may take, where.

    Shared by all children on the same terms: see `terms`.
    """

    restart: Restart
    shutdown: float | None
    at: Place | None

    def __post_init__(self) -> None:
        check_restart(self.restart)
        if self.shutdown is not None:
            check_seconds(self.shutdown, "shutdown", zero=True)
        if isinstance(self.at, str):
            check_name(self.at, "at")
        elif self.at is not None and not isinstance(self.at, Role | LeastLoaded):
            raise TypeError(
                f"at must be the name of a node, a Role or LeastLoaded(), not {self.at!r}"
            )


USUAL_TERMS = Terms("transient", 5.0, None)
"""Those of a `spawn` that says nothing else."""

_known_terms = lru_cache(maxsize=1024, typed=True)(Terms)


def terms(restart: Restart, shutdown: float | None, at: Place | None) -> Terms:
    """Return these terms, checked once however often they are used. TypeError, ValueError."""
    if restart == "transient" and shutdown == 5.0 and at is None:
        return USUAL_TERMS
    try:
        return _known_terms(restart, shutdown, at)
    except TypeError:  # also for what cannot be hashed: let the check find better words
        return Terms(restart, shutdown, at)


@dataclass(frozen=True, slots=True)
class Child:
    """How a supervisor starts and keeps one child (OTP's child specification).

    `restart`: "permanent" (always), "transient" (only after a failure), "temporary" (never).
    `shutdown`: seconds the child has to stop before it is cancelled; 0 cancels at once, None
    waits for ever. `at`: the name of a node, a `Role` or `LeastLoaded()`; None is the parent's
    own node.
    """

    props: Props[Any] | type[Actor]
    name: str | None = None
    restart: Restart = "permanent"
    shutdown: float | None = 5.0
    at: Place | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "props", as_props(self.props))
        if self.name is not None:
            check_name(self.name)
        terms(self.restart, self.shutdown, self.at)

    @property
    def terms(self) -> Terms:
        """On what terms the child is kept."""
        return terms(self.restart, self.shutdown, self.at)

    @property
    def recipe(self) -> Props[Any]:
        """The props, also where the class alone was given."""
        assert isinstance(self.props, Props)
        return self.props
