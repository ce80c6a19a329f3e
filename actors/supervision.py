"""What to do about a failed child: decided here, done elsewhere.

The rules are those of OTP's `supervisor` (Erlang, stdlib `supervisor.erl`): which children
restart together, how many restarts are too many, which kinds of child come back. OTP has no
back-off; that is added. Nothing in this module does I/O, reads a clock or knows an actor: time and
chance are arguments.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Final, Literal, TypeVar, cast, get_args

from actors.errors import RemoteError
from actors.failures import name_of
from serialization import register

__all__ = [
    "RESTART_KINDS",
    "Backoff",
    "Directive",
    "OneForAll",
    "OneForOne",
    "RestForOne",
    "Restart",
    "RestartWindow",
    "Strategy",
    "check_restart",
    "restarts",
]

_T = TypeVar("_T")

Restart = Literal["permanent", "transient", "temporary"]
"""When a child comes back, in OTP's words: always, only after a failure, or never."""

RESTART_KINDS: Final[tuple[Restart, ...]] = get_args(Restart)
"""The values that a `restart=` may have."""


class Directive(Enum):
    """What a parent does with a child that failed."""

    RESUME = "resume"
    """Go on with the same instance and the next message; it does not count as a restart."""
    RESTART = "restart"
    """Build a new instance from the same props."""
    STOP = "stop"
    """End the child for good, even a permanent one."""
    ESCALATE = "escalate"
    """Fail the parent with the child's error."""


@register
@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait: `initial` seconds, then `factor` times as long each time.

    The wait never passes `maximum`. `jitter` is the largest share of a wait that chance takes
    off it, so that what failed together does not come back together; a wait is never longer than
    it would be without.
    """

    initial: float
    maximum: float
    factor: float = 2.0
    jitter: float = 0.1

    def __post_init__(self) -> None:
        _check_number("initial", self.initial, at_least=0.0)
        _check_number("maximum", self.maximum, at_least=0.0)
        _check_number("factor", self.factor, at_least=1.0)
        _check_number("jitter", self.jitter, at_least=0.0)
        if self.maximum < self.initial:
            raise ValueError(
                f"maximum must not be below initial ({self.initial!r}), got {self.maximum!r}"
            )
        if self.jitter > 1:
            raise ValueError(f"jitter must be from 0 to 1, got {self.jitter!r}")

    def delay(self, attempt: int, random: Callable[[], float]) -> float:
        """Return the seconds to wait before an attempt; attempt 0 waits `initial`.

        `random` returns a float from 0 to 1, as `random.random` does.
        """
        return self._full_delay(attempt) * (1.0 - self.jitter * random())

    def _full_delay(self, attempt: int) -> float:
        try:
            return min(self.initial * float(self.factor) ** attempt, self.maximum)
        except OverflowError:
            return self.maximum if self.initial else 0.0


@dataclass(frozen=True, slots=True)
class Strategy:
    """How a parent treats its children: OTP's supervisor flags, a back-off, a choice by exception.

    More than `max_restarts` restarts within `within` seconds (OTP's intensity and period) are
    too many. The first restart is made at once; further ones wait for `backoff`. `decide` maps
    exception classes to what to do about them; for all others it is `Directive.RESTART`.
    """

    max_restarts: int = 5
    within: float = 5.0
    backoff: Backoff = field(default_factory=lambda: Backoff(0.1, 10.0))
    decide: Mapping[type[BaseException], Directive] | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        _check_max_restarts(self.max_restarts)
        _check_within(self.within)
        if not isinstance(self.backoff, Backoff):
            raise TypeError(f"backoff must be a Backoff, got {self.backoff!r}")
        if self.decide is not None:
            object.__setattr__(self, "decide", _checked_decide(self.decide))

    def directive_for(self, error: BaseException) -> Directive:
        """Return what to do about `error`: what `decide` says of the nearest of its classes.

        One that could not travel from its node as itself is known by the names of its classes.
        """
        if self.decide is None:
            return Directive.RESTART
        if isinstance(error, RemoteError):
            named = {name_of(cls): directive for cls, directive in self.decide.items()}
            for name in (error.type_name, *error.bases):
                if name in named:
                    return named[name]
        for cls in type(error).__mro__:
            directive = self.decide.get(cls)
            if directive is not None:
                return directive
        return Directive.RESTART

    def affected(self, order: Sequence[_T], failed: _T) -> Sequence[_T]:
        """Return the children that restart when `failed` does, itself included, in start order.

        `order` is all children in start order; ValueError if `failed` is not among them.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say who restarts together")


@register
@dataclass(frozen=True, slots=True)
class OneForOne(Strategy):
    """Only the child that failed restarts (OTP's `one_for_one`)."""

    def affected(self, order: Sequence[_T], failed: _T) -> Sequence[_T]:
        """Return `failed` alone."""
        return (order[_position(order, failed)],)


@register
@dataclass(frozen=True, slots=True)
class OneForAll(Strategy):
    """All children restart when one fails (OTP's `one_for_all`)."""

    def affected(self, order: Sequence[_T], failed: _T) -> Sequence[_T]:
        """Return all of `order`."""
        _position(order, failed)
        return tuple(order)


@register
@dataclass(frozen=True, slots=True)
class RestForOne(Strategy):
    """The child that failed restarts, and all started after it (OTP's `rest_for_one`)."""

    def affected(self, order: Sequence[_T], failed: _T) -> Sequence[_T]:
        """Return `failed` and what comes after it in `order`."""
        return tuple(order[_position(order, failed) :])


class RestartWindow:
    """Counts restarts and says how long to wait for the next, or that there have been too many.

    The window slides, as in OTP's `supervisor`: a restart that is `within` seconds old has left
    it. A group restart is one restart: record it once.
    """

    __slots__ = ("_attempt", "_restarts", "_settled", "_strategy")

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy
        self._restarts: deque[float] = deque()
        self._attempt = 0
        self._settled = -math.inf

    def record(self, now: float, random: Callable[[], float]) -> float | None:
        """Count a restart at `now` and return the seconds to wait before it: 0.0 for the first.

        None says that this one is too many. After `within` quiet seconds, counted from the moment
        of the last restart itself, the next one is a first again.
        """
        self._forget_before(now - self._strategy.within)
        self._restarts.append(now)
        if len(self._restarts) > self._strategy.max_restarts:
            return None
        if now - self._settled >= self._strategy.within:
            self._attempt = 0
        delay = self._next_delay(random)
        self._settled = now + delay
        return delay

    def _forget_before(self, start: float) -> None:
        restarts = self._restarts
        while restarts and restarts[0] <= start:
            restarts.popleft()

    def _next_delay(self, random: Callable[[], float]) -> float:
        attempt = self._attempt
        self._attempt = attempt + 1
        return self._strategy.backoff.delay(attempt - 1, random) if attempt else 0.0


def restarts(kind: Restart, reason_is_failure: bool) -> bool:
    """Return whether a child of this kind comes back after it ended by itself."""
    if kind == "permanent":
        return True
    return kind == "transient" and reason_is_failure


def check_restart(kind: object) -> Restart:
    """Return `kind` if it is one of `RESTART_KINDS`; TypeError or ValueError if it is not."""
    for known in RESTART_KINDS:
        if kind == known:
            return known
    error = ValueError if isinstance(kind, str) else TypeError
    raise error(f"restart must be one of {', '.join(RESTART_KINDS)}, got {kind!r}")


def _position(order: Sequence[_T], failed: _T) -> int:
    for position, child in enumerate(order):
        if child is failed or child == failed:
            return position
    raise ValueError(f"{failed!r} is not one of the children")


def _check_number(name: str, value: object, *, at_least: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not (math.isfinite(value) and value >= at_least):
        raise ValueError(f"{name} must be a finite number of at least {at_least:g}, got {value!r}")


def _check_max_restarts(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"max_restarts must be an int, got {value!r}")
    if value < 0:
        raise ValueError(f"max_restarts must be 0 or more, got {value!r}")


def _check_within(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"within must be a number of seconds, got {value!r}")
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"within must be a finite number of seconds above 0, got {value!r}")


def _checked_decide(decide: object) -> Mapping[type[BaseException], Directive]:
    if not isinstance(decide, Mapping):
        raise TypeError(f"decide must map exception classes to directives, got {decide!r}")
    checked: dict[type[BaseException], Directive] = {}
    for cls, directive in cast("Mapping[object, object]", decide).items():
        if not (isinstance(cls, type) and issubclass(cls, BaseException)):
            raise TypeError(f"decide must have exception classes as keys, got {cls!r}")
        if not isinstance(directive, Directive):
            raise TypeError(f"decide must have directives as values, got {directive!r}")
        checked[cls] = directive
    return MappingProxyType(checked)
