"""Routers: one ref in front of many actors, without a mailbox of its own.

What is told to a router goes into the mailbox of a routee at once, in the caller's turn.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from actors.actor import Actor
from actors.cell import Cell
from actors.errors import AskCycleError, NoRouteesError
from actors.family import Family
from actors.letter import Answer, Letter
from actors.props import Child, Props, Role, as_props, terms
from actors.ref import ActorRef
from actors.routing import Picker, check_strategy, make_picker
from actors.spread import Branch, Broadcast, ScatterGather
from actors.supervision import OneForOne, Strategy
from serialization import register

if TYPE_CHECKING:
    from actors.reason import Terminated

SPREADING = ("broadcast", "scatter-gather")


@register
@dataclass(frozen=True, slots=True)
class Plan:
    """How a router routes, and to whom: a pool of its own, or a group of others'."""

    strategy: str
    key: Callable[[Any], Any] | None = None
    weights: tuple[float, ...] | None = None
    pool: Props[Any] | None = None
    size: int = 0
    at: str | Role | None = None
    supervision: Strategy = field(default_factory=OneForOne)
    group: tuple[ActorRef[Any], ...] = ()


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
        at: str | Role | None = None,
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
        routees: Sequence[ActorRef[Any]],
        strategy: str = "round-robin",
        *,
        key: Callable[[Any], Any] | None = None,
        weights: Sequence[float] | None = None,
    ) -> Props[Router]:
        """Return the recipe of a router over actors that live their own lives.

        A routee that ends leaves the group. Arguments as in `pool`. Raises TypeError, ValueError.
        """
        group = tuple(routees)
        for routee in group:
            if not isinstance(routee, ActorRef):
                raise TypeError(f"routees must be refs, not {routee!r}")
        if not group:
            raise ValueError("a group needs at least one routee")
        checked = _checked(strategy, key, weights, len(group))
        return Props(cls, (Plan(strategy, key, checked, group=group),))


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
    """The cell of a router: its door leads straight to the routees'."""

    _plan: Plan = cast("Any", None)
    _picker: Picker[ActorRef[Any]] = cast("Any", None)
    _paused: dict[ActorRef[Any], None] = cast("Any", None)
    _weights: dict[str, float] = cast("Any", None)

    def _started(self) -> None:
        actor = self.actor
        assert isinstance(actor, Router)
        plan = self._plan = actor.plan
        strategy = "round-robin" if plan.strategy in SPREADING else plan.strategy
        self._picker = make_picker(
            strategy, key=plan.key, weights=plan.weights, random=self.node.random, name=_ring_name
        )
        self._paused = {}
        self._weights = {}
        super()._started()
        if plan.pool is not None:
            self._open_pool(plan, plan.pool)
        else:
            self._open_group(plan)

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
                self._picker.add(ref, plan.weights[index] if plan.weights else 1)
                self.watching[ref] = False
                ref._target.watch(self.ref)

    def _shed(self, error: BaseException | None) -> None:
        super()._shed(error)
        if self._started_once():
            for ref in tuple(self._picker):
                self._picker.remove(ref)
            self._paused.clear()

    def _started_once(self) -> bool:
        return self._plan is not None

    # --- who is there ---------------------------------------------------------------------------

    def child_joined(self, ref: ActorRef[Any]) -> None:
        """A routee runs: hand it messages."""
        self._paused.pop(ref, None)
        if ref not in self._picker:
            self._picker.add(ref, self._weights.get(ref.name, 1))

    def child_paused(self, ref: ActorRef[Any]) -> None:
        """A routee failed: hand it messages only while there is no other."""
        if ref in self._picker:
            self._picker.remove(ref)
        self._paused[ref] = None

    def child_left(self, ref: ActorRef[Any]) -> None:
        """A routee is gone."""
        self._paused.pop(ref, None)
        if ref in self._picker:
            self._picker.remove(ref)

    def notify(self, notice: Terminated) -> None:
        """A routee of the group has ended."""
        if self.watching is not None and self.watching.pop(notice.ref, None) is not None:
            self.child_left(notice.ref)

    # --- the door -------------------------------------------------------------------------------

    def deliver(self, letter: Letter) -> None:
        """Hand the letter to a routee, or to each of them."""
        if self._plan.strategy in SPREADING:
            self._spread(letter)
            return
        routee = self._route(letter)
        if routee is not None:
            routee._target.deliver(letter)

    def deliver_ask(self, letter: Letter) -> None:
        """Hand the letter to a routee, or to each of them."""
        self.deliver(letter)

    def offer(self, letter: Letter) -> Future[None] | None:
        """Hand the letter to a routee that has room, or wait for the chosen one's."""
        if self._plan.strategy in SPREADING:
            self._spread(letter)
            return None
        routee = self._route(letter)
        if routee is None:
            raise self._stopped_error() if self.closing else NoRouteesError(self.ref)
        return routee._target.offer(letter)

    def _route(self, letter: Letter) -> ActorRef[Any] | None:
        """Choose the routee of a letter, and count it there; None where it became a dead letter."""
        picker = self._picker
        if self.closing or not len(picker):
            return self._fallback(letter)
        try:
            routee = picker.pick(letter.message)
        except Exception as error:
            self._refuse(letter, f"not routable: {error}", error)
            return None
        answer = letter.answer
        if answer is not None and (cycle := answer.redirect(routee)) is not None:
            self._refuse(letter, "ask cycle", cycle)
            return None
        if picker.counts:
            picker.started(routee)
            letter.answer = Counted(picker, routee, answer)
        return routee

    def _fallback(self, letter: Letter) -> ActorRef[Any] | None:
        """Nobody runs: a routee that is about to come back will do."""
        if self.closing:
            self._refuse(letter, "stopped", self._stopped_error())
            return None
        if not self._paused:
            self._refuse(letter, "no routee", NoRouteesError(self.ref))
            return None
        routee = next(iter(self._paused))
        del self._paused[routee]
        self._paused[routee] = None
        return routee

    def _refuse(self, letter: Letter, reason: str, error: BaseException) -> None:
        self.ledger.told += 1
        self.node.bury(letter, self.ref, reason, error)

    def _spread(self, letter: Letter) -> None:
        routees = () if self.closing else self._in_order()
        if not routees:
            self._fallback(letter)
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

    def _in_order(self) -> tuple[ActorRef[Any], ...]:
        """Return the living routees in the order in which they were given."""
        if self.family is not None:
            return self.family.refs
        return tuple(ref for ref in self._plan.group if ref in (self.watching or ()))


class Counted:
    """Tells the picker when a routee has finished a message, told or asked."""

    __slots__ = ("_inner", "_picker", "_routee", "wanted")

    def __init__(
        self, picker: Picker[ActorRef[Any]], routee: ActorRef[Any], inner: Answer | None
    ) -> None:
        self._picker = picker
        self._routee = routee
        self._inner = inner
        self.wanted = inner is not None and inner.wanted

    def send(self, value: object) -> None:
        """It was handled."""
        self._picker.finished(self._routee)
        if self._inner is not None:
            self._inner.send(value)

    def fail(self, error: BaseException) -> None:
        """It ended otherwise."""
        self._picker.finished(self._routee)
        if self._inner is not None:
            self._inner.fail(error)

    def redirect(self, *refs: ActorRef[Any], every: bool = True) -> AskCycleError | None:
        """Hand on who is to answer."""
        return None if self._inner is None else self._inner.redirect(*refs, every=every)


def _ring_name(ref: ActorRef[Any]) -> str:
    """The place of a routee on the hash ring: its name, which a restart elsewhere keeps."""
    return ref.path
