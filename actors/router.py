"""Routers: one ref in front of many actors, without a mailbox of its own.

What is told to a router goes into the mailbox of a routee at once, in the caller's turn.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from actors.actor import Actor
from actors.balancing import Balancer, Load
from actors.cell import Cell
from actors.errors import ActorsError, AskCycleError, NoRouteesError, SerializationError
from actors.family import Family
from actors.letter import Answer, Letter
from actors.names import check_name
from actors.props import Child, Place, Props, as_props, terms
from actors.ref import ActorRef
from actors.routing import Picker, RoundRobin, Routees
from actors.spread import Branch, Broadcast, ScatterGather
from actors.strategies import BALANCERS, SPREADING, check_strategy, make_balancer, make_picker
from actors.supervision import OneForOne, Strategy
from serialization import register

if TYPE_CHECKING:
    from actors.reason import Terminated


@register
@dataclass(frozen=True, slots=True)
class Plan:
    """How a router routes, and to whom: a pool of its own, or a group of others'."""

    strategy: str
    key: Callable[[Any], Any] | None = None
    weights: tuple[float, ...] | None = None
    pool: Props[Any] | None = None
    size: int = 0
    at: Place | None = None
    supervision: Strategy = field(default_factory=OneForOne)
    group: tuple[ActorRef[Any], ...] = ()
    follows: str | None = None
    """The name of a group of the cluster, whose members are the routees."""


class Router(Actor):
    """Spreads messages over routees. Make one with `Router.pool` or `Router.group`, and spawn it.

    Strategies: round-robin, weighted-round-robin, least-connections, random, power-of-two,
    consistent-hash, broadcast, scatter-gather.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    @classmethod
    def pool(
        cls,
        props: Props[Any] | type[Actor],
        size: int,
        strategy: str = "round-robin",
        *,
        at: Place | None = None,
        key: Callable[[Any], Any] | None = None,
        weights: Sequence[float] | None = None,
        supervision: Strategy | None = None,
    ) -> Props[Router]:
        """Return the recipe of a router with `size` routees of its own, its permanent children.

        `at` places them on a node, or spread evenly over the nodes of a `Role`. `key`, a function
        of the message, is for consistent-hash; `weights`, one a routee, for weighted-round-robin.
        Raises TypeError or ValueError.
        """
        if isinstance(size, bool) or not isinstance(size, int):
            raise TypeError(f"size must be an int, not {size!r}")
        if size < 1:
            raise ValueError(f"size must be at least 1, not {size}")
        if supervision is not None and not isinstance(supervision, Strategy):
            raise TypeError(f"supervision must be OneForOne(...) or alike, not {supervision!r}")
        Child(as_props(props), at=at)
        checked = _checked(strategy, key, weights, size)
        plan = Plan(strategy, key, checked, as_props(props), size, at, supervision or OneForOne())
        return Props(cls, (plan,))

    @classmethod
    def group(
        cls,
        routees: Sequence[ActorRef[Any]] | str,
        strategy: str = "round-robin",
        *,
        key: Callable[[Any], Any] | None = None,
        weights: Sequence[float] | None = None,
    ) -> Props[Router]:
        """Return the recipe of a router over actors that live their own lives.

        `routees` are refs, or the name of a group of the cluster (`node.groups`): then the router
        follows its members as they join, leave and end. A routee that ends leaves the group.
        Arguments as in `pool`; `weights` are for refs alone. Raises TypeError, ValueError.
        """
        if isinstance(routees, str):
            return cls._following(routees, strategy, key, weights)
        group = tuple(routees)
        for routee in group:
            if not isinstance(routee, ActorRef):
                raise TypeError(f"routees must be refs, not {routee!r}")
        if not group:
            raise ValueError("a group needs at least one routee")
        checked = _checked(strategy, key, weights, len(group))
        return Props(cls, (Plan(strategy, key, checked, group=group),))

    @classmethod
    def _following(
        cls,
        group: str,
        strategy: str,
        key: Callable[[Any], Any] | None,
        weights: Sequence[float] | None,
    ) -> Props[Router]:
        check_name(group, "group")
        if weights is not None:
            raise TypeError(
                f"weights are for a list of routees: nobody knows how many join the group {group!r}"
            )
        _checked(strategy, key, None, 0)
        return Props(cls, (Plan(strategy, key, follows=group),))


def _checked(
    strategy: str,
    key: Callable[[Any], Any] | None,
    weights: Sequence[float] | None,
    count: int,
) -> tuple[float, ...] | None:
    if strategy in SPREADING:
        if key is not None or weights is not None:
            raise ValueError(f"{strategy} takes neither key nor weights")
        return None
    check_strategy(strategy, key=key, weights=weights, count=count)
    return None if weights is None else tuple(weights)


class RouterCell(Cell):
    """The cell of a router, whose door leads straight to the routees'; this part knows them."""

    _plan: Plan = cast("Any", None)
    _routees: Routees[ActorRef[Any]] = cast("Any", None)
    _paused: dict[ActorRef[Any], None] = cast("Any", None)
    _weights: dict[str, float] = cast("Any", None)
    _unfollow: Callable[[], None] | None = None

    def _construct(self) -> None:
        super()._construct()
        assert isinstance(self.actor, Router)
        self._plan = self.actor.plan
        self._routees = self._made_routees(self._plan)
        self._paused = {}
        self._weights = {}

    def _started(self) -> None:
        super()._started()
        if self._plan.pool is not None:
            self._open_pool(self._plan, self._plan.pool)
        elif self._plan.follows is not None:
            self._unfollow = self.node.registry.groups._follow(self._plan.follows, self)
        else:
            self._open_group(self._plan)

    def _made_routees(self, plan: Plan) -> Routees[ActorRef[Any]]:
        raise NotImplementedError

    def _open_pool(self, plan: Plan, props: Props[Any]) -> None:
        family = Family(self.node, self, self.ref, plan.supervision, by_child=True)
        family.watcher = self
        self.family = family
        agreed = terms("permanent", 5.0, plan.at)
        for index in range(plan.size):
            name = f"routee-{index + 1}"
            self._weights[name] = plan.weights[index] if plan.weights else 1
            family.spawn(props, name, agreed, patient=True)

    def _open_group(self, plan: Plan) -> None:
        self.watching = {}
        for index, ref in enumerate(plan.group):
            if ref not in self.watching:
                self._routees.add(ref, plan.weights[index] if plan.weights else 1)
                self.watching[ref] = False
                ref._target.watch(self.ref)

    def _shed(self, error: BaseException | None) -> None:
        super()._shed(error)
        self._dismiss()

    def _close_door(self) -> None:
        super()._close_door()
        self._dismiss()

    def _dismiss(self) -> None:
        """Hand nothing more to anybody."""
        if self._unfollow is not None:
            self._unfollow()
            self._unfollow = None
        for ref in tuple(self._routees or ()):
            self._routees.remove(ref)
        self._paused = {}

    def child_joined(self, ref: ActorRef[Any]) -> None:
        """A routee runs: hand it messages."""
        self._paused.pop(ref, None)
        if ref not in self._routees and not self.closing:
            self._routees.add(ref, self._weights.get(ref.name, 1))

    def child_paused(self, ref: ActorRef[Any]) -> None:
        """A routee failed: hand it messages only while there is no other."""
        self.child_left(ref)
        if not self.closing:
            self._paused[ref] = None

    def child_left(self, ref: ActorRef[Any]) -> None:
        """A routee is gone."""
        self._paused.pop(ref, None)
        if ref in self._routees:
            self._routees.remove(ref)

    def member_joined(self, ref: ActorRef[Any]) -> None:
        """An actor joined the group that this router follows; it never routes to itself."""
        if ref != self.ref:
            self.child_joined(ref)

    def member_paused(self, ref: ActorRef[Any]) -> None:
        """The link to its node broke: hand it messages only while there is no other."""
        if ref in self._routees:
            self.child_paused(ref)

    def member_left(self, ref: ActorRef[Any]) -> None:
        """One has left that group, has ended, or was lost with its node."""
        self.child_left(ref)

    def notify(self, notice: Terminated) -> None:
        """A routee of the group has ended."""
        if self.watching is not None and self.watching.pop(notice.ref, None) is not None:
            self.child_left(notice.ref)

    def deliver_ask(self, letter: Letter) -> None:
        """Hand the letter to a routee, or to each of them."""
        self.deliver(letter)

    def _fall_back(self, letter: Letter, error: Exception) -> ActorRef[Any] | None:
        """Nobody was chosen: where nobody runs, a routee that is about to come back will do."""
        if self.closing:
            self._refuse(letter, "stopped", self._stopped_error())
        elif len(self._routees):
            self._refuse(letter, f"not routable: {error}", error)
        elif not self._paused:
            self._refuse(letter, "no routee", NoRouteesError(self.ref))
        else:
            routee = next(iter(self._paused))
            self._paused[routee] = self._paused.pop(routee)
            if self._joins(letter, routee):
                return routee
        return None

    def _joins(self, letter: Letter, routee: ActorRef[Any]) -> bool:
        """Let the routee answer; False where the asker would wait for itself."""
        answer = letter.answer
        if answer is None or (cycle := answer.redirect(routee)) is None:
            return True
        self._refuse(letter, "ask cycle", cycle)
        return False

    def _refuse(self, letter: Letter, reason: str, error: BaseException) -> None:
        self.ledger.told += 1
        self.node.bury(letter, self.ref, reason, error)

    def _no_offer(self) -> ActorsError:
        """Return why a `send` cannot be."""
        return self._stopped_error() if self.closing else NoRouteesError(self.ref)


class PickingCell(RouterCell):
    """Hands each letter to one routee, whatever that has in its hands."""

    _picker: Picker[ActorRef[Any]]

    def _made_routees(self, plan: Plan) -> Picker[ActorRef[Any]]:
        self._picker = make_picker(
            plan.strategy,
            key=plan.key,
            weights=plan.weights,
            random=self.node.random,
            name=_path if plan.pool is not None else _place,
        )
        return self._picker

    def deliver(self, letter: Letter) -> None:
        """Hand the letter to a routee."""
        try:
            routee = self._picker.pick(letter.message)
        except Exception as error:
            fallback = self._fall_back(letter, error)
            if fallback is not None:
                fallback._target.deliver(letter)
            return
        if letter.answer is None or self._joins(letter, routee):
            routee._target.deliver(letter)

    def offer(self, letter: Letter) -> Future[None] | None:
        """Hand the letter to a routee when that has room. Raises what `send` raises."""
        routee: ActorRef[Any] | None
        try:
            routee = self._picker.pick(letter.message)
        except Exception as error:
            routee = self._fall_back(letter, error)
        if routee is None:
            raise self._no_offer()
        return routee._target.offer(letter)


class BalancingCell(RouterCell):
    """Hands each letter to one routee, and counts what these have in their hands."""

    _balancer: Balancer[ActorRef[Any]]

    def _made_routees(self, plan: Plan) -> Balancer[ActorRef[Any]]:
        self._balancer = make_balancer(plan.strategy, random=self.node.random)
        return self._balancer

    def deliver(self, letter: Letter) -> None:
        """Hand the letter to a routee."""
        try:
            load = self._balancer.hand(letter.message)
        except LookupError as error:
            fallback = self._fall_back(letter, error)
            if fallback is not None:
                fallback._target.deliver(letter)
            return
        answer = letter.answer
        if answer is None:
            letter.answer = load
        elif self._joins(letter, load.routee):
            letter.answer = Counted(load, answer)
        else:
            load.send(None)
            return
        try:
            load.routee._target.deliver(letter)
        except SerializationError:  # it never left
            load.send(None)
            raise

    def offer(self, letter: Letter) -> Future[None] | None:
        """Hand the letter to a routee when that has room. Raises what `send` raises."""
        try:
            load = self._balancer.hand(letter.message)
        except LookupError as error:
            fallback = self._fall_back(letter, error)
            if fallback is None:
                raise self._no_offer() from None
            return fallback._target.offer(letter)
        letter.answer = load
        try:
            return load.routee._target.offer(letter)
        except SerializationError:
            load.send(None)
            raise


class SpreadingCell(RouterCell):
    """Hands each letter to all routees."""

    def _made_routees(self, plan: Plan) -> Routees[ActorRef[Any]]:
        return RoundRobin()

    def deliver(self, letter: Letter) -> None:
        """Hand the letter to each of the living routees."""
        routees = () if self.closing else self._in_order()
        if not routees:
            self._fall_back(letter, NoRouteesError(self.ref))
            return
        answer = letter.answer
        every = self._plan.strategy == "broadcast"
        if answer is not None and (cycle := answer.redirect(*routees, every=every)) is not None:
            self._refuse(letter, "ask cycle", cycle)
            return
        kind = Broadcast if every else ScatterGather
        whole = None if answer is None else kind(answer, len(routees))
        for index, routee in enumerate(routees):
            branch = None if whole is None else Branch(whole, index)
            routee._target.deliver(Letter(letter.message, letter.sender, branch))

    def offer(self, letter: Letter) -> None:
        """Hand the letter to each of the living routees, without waiting for any."""
        self.deliver(letter)

    def _in_order(self) -> tuple[ActorRef[Any], ...]:
        """Return the living routees in the order in which they were given, or have joined."""
        if self._plan.follows is not None:
            members = self.node.registry.groups.members(self._plan.follows)
            return tuple(ref for ref in members if ref != self.ref)
        if self.family is not None:
            return self.family.refs
        return tuple(ref for ref in self._plan.group if ref in (self.watching or ()))


def router_cell(plan: Plan) -> type[RouterCell]:
    """Return the kind of cell for a router of that plan."""
    if plan.strategy in SPREADING:
        return SpreadingCell
    return BalancingCell if plan.strategy in BALANCERS else PickingCell


class Counted:
    """The answer of an ask to a routee whose load is counted."""

    __slots__ = ("_inner", "_load", "wanted")

    def __init__(self, load: Load[ActorRef[Any]], inner: Answer) -> None:
        self._load = load
        self._inner = inner
        self.wanted = inner.wanted

    def send(self, value: object) -> None:
        """It was handled."""
        self._load.send(value)
        self._inner.send(value)

    def fail(self, error: BaseException) -> None:
        """It ended otherwise."""
        self._load.fail(error)
        self._inner.fail(error)

    def redirect(self, *refs: ActorRef[Any], every: bool = True) -> AskCycleError | None:
        """Hand on who is to answer."""
        return self._inner.redirect(*refs, every=every)


def _path(ref: ActorRef[Any]) -> str:
    """The place on the hash ring of a pool's routee: its name, which a restart elsewhere keeps."""
    return ref.path


def _place(ref: ActorRef[Any]) -> str:
    """That of any other: routees on different nodes may have the same path."""
    return f"{ref.node_name}/{ref.path}"
