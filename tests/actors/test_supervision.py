"""The pure rules of supervision, measured against OTP's words; no actor runs here."""

from __future__ import annotations

import dataclasses
import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.failures import describe
from actors.supervision import (
    RESTART_KINDS,
    Backoff,
    Directive,
    OneForAll,
    OneForOne,
    RestartWindow,
    RestForOne,
    Strategy,
    check_restart,
    restarts,
)

if TYPE_CHECKING:
    from collections.abc import Callable

STRATEGIES = [OneForOne, OneForAll, RestForOne]
CHILDREN = ("a", "b", "c", "d")


def no_chance() -> float:
    """The chance that takes nothing off a delay."""
    return 0.0


def full_chance() -> float:
    """The chance that takes off what the jitter allows."""
    return 1.0


def window(max_restarts: int = 5, within: float = 5.0, **backoff: float) -> RestartWindow:
    chosen = Backoff(**{"initial": 0.1, "maximum": 10.0, "jitter": 0.0, **backoff})
    return RestartWindow(OneForOne(max_restarts=max_restarts, within=within, backoff=chosen))


def record(restarts: RestartWindow, *times: float) -> list[float | None]:
    return [restarts.record(now, no_chance) for now in times]


# --- back-off


def test_a_delay_doubles_up_to_the_maximum() -> None:
    """Attempt 0 waits `initial`, each further one twice as long, none longer than `maximum`."""
    backoff = Backoff(0.1, 1.0, jitter=0.0)
    delays = [backoff.delay(attempt, no_chance) for attempt in range(6)]
    assert delays == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.0, 1.0])


def test_the_factor_is_free() -> None:
    """A factor of 3 triples the delay, a factor of 1 keeps it."""
    tripled = Backoff(1, 100, factor=3, jitter=0)
    assert [tripled.delay(n, no_chance) for n in range(3)] == [1, 3, 9]
    assert Backoff(1, 100, factor=1, jitter=0).delay(50, no_chance) == 1


@given(
    attempt=st.integers(0, 100_000),
    jitter=st.floats(0, 1),
    chance=st.floats(0, 1, exclude_max=True),
)
def test_jitter_only_shortens_and_by_no_more_than_its_share(
    attempt: int, jitter: float, chance: float
) -> None:
    """Whatever chance says, a delay lies between the full one and the jitter's share less."""
    full = Backoff(0.1, 10.0, jitter=0.0).delay(attempt, no_chance)
    delay = Backoff(0.1, 10.0, jitter=jitter).delay(attempt, lambda: chance)
    assert full * (1 - jitter) <= delay <= full


def test_a_huge_attempt_waits_the_maximum() -> None:
    """The doubling cannot overflow."""
    assert Backoff(0.1, 10.0).delay(10**6, no_chance) == 10.0
    assert Backoff(0, 10.0).delay(10**6, no_chance) == 0.0


@pytest.mark.parametrize(
    ("values", "error", "named"),
    [
        ({"initial": -0.1}, ValueError, "initial"),
        ({"initial": float("nan")}, ValueError, "initial"),
        ({"initial": "1"}, TypeError, "initial"),
        ({"initial": True}, TypeError, "initial"),
        ({"maximum": float("inf")}, ValueError, "maximum"),
        ({"maximum": 0.05}, ValueError, "maximum"),
        ({"maximum": None}, TypeError, "maximum"),
        ({"factor": 0.5}, ValueError, "factor"),
        ({"factor": "2"}, TypeError, "factor"),
        ({"jitter": -0.1}, ValueError, "jitter"),
        ({"jitter": 1.1}, ValueError, "jitter"),
        ({"jitter": []}, TypeError, "jitter"),
    ],
)
def test_a_bad_backoff_names_the_value(
    values: dict[str, Any], error: type[Exception], named: str
) -> None:
    """A back-off that makes no sense is refused where it is written, by the name of the value."""
    with pytest.raises(error, match=named):
        Backoff(**{"initial": 0.1, "maximum": 10.0, **values})


# --- strategies


@pytest.mark.parametrize("kind", STRATEGIES)
def test_a_strategy_has_the_promised_defaults(kind: type[Strategy]) -> None:
    """By default 5 restarts within 5 s, and a back-off from 0.1 to 10 s."""
    strategy = kind()
    assert (strategy.max_restarts, strategy.within) == (5, 5.0)
    assert strategy.backoff == Backoff(0.1, 10.0)
    assert strategy.decide is None


@pytest.mark.parametrize("kind", STRATEGIES)
def test_a_strategy_is_frozen_comparable_and_hashable(kind: type[Strategy]) -> None:
    """Equal strategies are equal and hash alike, with `decide` too; none can be changed."""
    one = kind(decide={KeyError: Directive.STOP})
    other = kind(decide={KeyError: Directive.STOP})
    assert one == other
    assert hash(one) == hash(other)
    assert one != kind()
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.max_restarts = 9  # type: ignore[misc]
    with pytest.raises(TypeError):
        one.decide[ValueError] = Directive.STOP  # type: ignore[index]


def test_strategies_of_different_kinds_differ() -> None:
    """`OneForOne()` does not equal `OneForAll()`."""
    assert len({OneForOne(), OneForAll(), RestForOne()}) == 3


def test_a_strategy_keeps_its_own_copy_of_decide() -> None:
    """Changing the mapping afterwards does not change the strategy."""
    decide: dict[type[BaseException], Directive] = {KeyError: Directive.STOP}
    strategy = OneForOne(decide=decide)
    decide[KeyError] = Directive.RESUME
    assert strategy.directive_for(KeyError()) is Directive.STOP


@pytest.mark.parametrize(
    ("values", "error", "named"),
    [
        ({"max_restarts": -1}, ValueError, "max_restarts"),
        ({"max_restarts": 2.0}, TypeError, "max_restarts"),
        ({"max_restarts": True}, TypeError, "max_restarts"),
        ({"within": 0}, ValueError, "within"),
        ({"within": float("nan")}, ValueError, "within"),
        ({"within": "5"}, TypeError, "within"),
        ({"backoff": 0.1}, TypeError, "backoff"),
        ({"decide": [KeyError]}, TypeError, "decide"),
        ({"decide": {"KeyError": Directive.STOP}}, TypeError, "decide"),
        ({"decide": {int: Directive.STOP}}, TypeError, "decide"),
        ({"decide": {KeyError: "stop"}}, TypeError, "decide"),
    ],
)
@pytest.mark.parametrize("kind", STRATEGIES)
def test_a_bad_strategy_names_the_value(
    kind: type[Strategy], values: dict[str, Any], error: type[Exception], named: str
) -> None:
    """A strategy that makes no sense is refused where it is written, by the name of the value."""
    with pytest.raises(error, match=named):
        kind(**values)


def test_the_directive_is_restart_by_default() -> None:
    """What `decide` does not mention restarts, whatever class it has."""
    strategy = OneForOne(decide={KeyError: Directive.STOP})
    errors = [ValueError(), StopIteration(), SystemExit(), KeyboardInterrupt(), GeneratorExit()]
    assert {strategy.directive_for(error) for error in errors} == {Directive.RESTART}
    assert OneForOne().directive_for(KeyError()) is Directive.RESTART


def test_decide_takes_subclasses_the_most_specific_first() -> None:
    """A subclass is decided as its nearest ancestor that is listed, in whatever order they are."""
    strategy = OneForOne(
        decide={
            Exception: Directive.ESCALATE,
            LookupError: Directive.STOP,
            KeyError: Directive.RESUME,
        }
    )
    assert strategy.directive_for(KeyError()) is Directive.RESUME
    assert strategy.directive_for(IndexError()) is Directive.STOP
    assert strategy.directive_for(ValueError()) is Directive.ESCALATE
    assert strategy.directive_for(SystemExit()) is Directive.RESTART


def test_decide_knows_an_error_that_could_not_travel_by_its_names() -> None:
    """A RemoteError is decided as the error that it describes, the most specific class first."""

    class StrangeError(KeyError): ...

    strategy = OneForOne(
        decide={
            Exception: Directive.ESCALATE,
            LookupError: Directive.STOP,
            OSError: Directive.RESUME,
        }
    )
    assert strategy.directive_for(describe(StrangeError("k"))) is Directive.STOP
    assert strategy.directive_for(describe(ValueError("v"))) is Directive.ESCALATE
    assert strategy.directive_for(describe(SystemExit(1))) is Directive.ESCALATE
    own = OneForOne(decide={StrangeError: Directive.RESUME, LookupError: Directive.STOP})
    assert own.directive_for(describe(StrangeError("k"))) is Directive.RESUME
    assert own.directive_for(describe(ValueError("v"))) is Directive.RESTART


def test_decide_follows_the_method_resolution_order() -> None:
    """With several bases the first of the MRO that is listed wins."""

    class BothError(KeyError, OSError): ...

    strategy = OneForOne(decide={OSError: Directive.STOP, LookupError: Directive.RESUME})
    assert strategy.directive_for(BothError()) is Directive.RESUME


@pytest.mark.parametrize(
    ("kind", "failed", "expected"),
    [
        (OneForOne, "b", ("b",)),
        (OneForAll, "b", CHILDREN),
        (RestForOne, "a", CHILDREN),
        (RestForOne, "b", ("b", "c", "d")),
        (RestForOne, "d", ("d",)),
    ],
)
def test_the_strategy_says_who_restarts_together(
    kind: type[Strategy], failed: str, expected: tuple[str, ...]
) -> None:
    """One alone, all, or the rest from the failed one on, in start order."""
    assert tuple(kind().affected(CHILDREN, failed)) == expected


@pytest.mark.parametrize("kind", STRATEGIES)
def test_a_stranger_affects_nobody(kind: type[Strategy]) -> None:
    """A failed child that is not among the children is a mistake of the caller."""
    with pytest.raises(ValueError, match="'z'"):
        kind().affected(CHILDREN, "z")


# --- the window


def test_the_first_restart_is_at_once_and_then_the_backoff_counts() -> None:
    """0, then 0.1, 0.2, 0.4, 0.8 seconds: the defaults' five restarts."""
    assert record(window(), *[0.0] * 5) == pytest.approx([0.0, 0.1, 0.2, 0.4, 0.8])


def test_one_more_than_the_intensity_within_the_period_is_too_many() -> None:
    """The sixth within five seconds is refused, the fifth is not."""
    assert record(window(), 0, 1, 2, 3, 4, 4.5)[4:] == [pytest.approx(0.8), None]


def test_the_period_slides() -> None:
    """Old restarts leave the window one by one, as in OTP, not all at once."""
    restarts = window(max_restarts=2, within=10)
    assert None not in record(restarts, 0, 9)
    assert record(restarts, 10.5) != [None]
    assert record(restarts, 18) == [None]


def test_no_restart_allowed_means_that_the_first_failure_is_too_many() -> None:
    """`max_restarts=0` escalates at once."""
    assert record(window(max_restarts=0), 0.0) == [None]


def test_the_delay_falls_back_after_a_quiet_period() -> None:
    """After `within` seconds without a failure the next restart is at once again."""
    restarts = window(max_restarts=100, within=5)
    record(restarts, 0, 0.1, 0.3)
    assert record(restarts, 20.0, 20.0) == pytest.approx([0.0, 0.1])


def test_waiting_is_not_quiet() -> None:
    """A delay longer than `within` does not make itself fall back: quiet begins at the restart."""
    restarts = window(max_restarts=100, within=1, initial=4, maximum=64)
    assert record(restarts, 0.0, 0.1) == [0.0, 4.0]
    assert record(restarts, 4.2) == [8.0]
    assert record(restarts, 12.3) == [16.0]
    assert record(restarts, 29.4) == [0.0]


def test_the_window_draws_its_jitter_from_the_given_chance() -> None:
    """The second restart waits `initial` less the jitter's share."""
    restarts = window(jitter=0.5)
    assert restarts.record(0.0, full_chance) == 0.0
    assert restarts.record(0.0, full_chance) == pytest.approx(0.05)


@given(
    max_restarts=st.integers(0, 6),
    within=st.integers(1, 20),
    gaps=st.lists(st.integers(0, 12), max_size=60),
)
def test_the_window_counts_as_a_plain_list_would(
    max_restarts: int, within: int, gaps: list[int]
) -> None:
    """None comes exactly when more than `max_restarts` fall within the last `within` seconds."""
    restarts = window(max_restarts, within)
    times: list[int] = []
    now = 0
    for gap in gaps:
        now += gap
        times.append(now)
        recent = [time for time in times if time > now - within]
        assert (restarts.record(now, no_chance) is None) == (len(recent) > max_restarts)


@given(gaps=st.lists(st.floats(0, 30), max_size=40), seed=st.integers())
def test_no_delay_is_below_zero_or_above_the_maximum(gaps: list[float], seed: int) -> None:
    """Whenever children fail, the wait is between nothing and the back-off's maximum."""
    chance: Callable[[], float] = random.Random(seed).random
    restarts = RestartWindow(OneForOne(max_restarts=10_000, backoff=Backoff(0.1, 3.0)))
    now = 0.0
    for gap in gaps:
        now += gap
        delay = restarts.record(now, chance)
        assert delay is not None
        assert 0.0 <= delay <= 3.0


# --- kinds of child


@pytest.mark.parametrize(
    ("kind", "after_failure", "after_normal_end"),
    [("permanent", True, True), ("transient", True, False), ("temporary", False, False)],
)
def test_a_kind_says_when_a_child_comes_back(
    kind: Any, after_failure: bool, after_normal_end: bool
) -> None:
    """Permanent always, transient after a failure only, temporary never."""
    assert restarts(kind, True) is after_failure
    assert restarts(kind, False) is after_normal_end


def test_the_kinds_are_checked_by_name() -> None:
    """A wrong kind is refused with the list of the right ones."""
    assert [check_restart(kind) for kind in RESTART_KINDS] == list(RESTART_KINDS)
    with pytest.raises(ValueError, match="permanent, transient, temporary, got 'always'"):
        check_restart("always")
    with pytest.raises(TypeError, match="restart"):
        check_restart(None)
