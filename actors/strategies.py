"""The strategies of a router by their names: which there are, what they take, who does them."""

from __future__ import annotations

import random as _random
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar, cast

from actors.balancing import Balancer, LeastConnections, PowerOfTwo
from actors.routing import (
    ConsistentHash,
    Key,
    Picker,
    RandomChoice,
    RoundRobin,
    WeightedRoundRobin,
    check_weight,
)

R = TypeVar("R")

PICKERS: Final = ("round-robin", "weighted-round-robin", "random", "consistent-hash")
"""The strategies that choose one routee; `make_picker` takes these."""

BALANCERS: Final = ("least-connections", "power-of-two")
"""The strategies that choose one routee by its load; `make_balancer` takes these."""

SPREADING: Final = ("broadcast", "scatter-gather")
"""The strategies that choose nobody: everybody gets each message."""

STRATEGIES: Final = (*PICKERS, *BALANCERS, *SPREADING)
"""All strategies of a router; `check_strategy` takes these."""


def make_picker(
    strategy: str,
    *,
    key: Callable[[Any], Key] | None = None,
    weights: Sequence[float] | None = None,
    random: _random.Random | None = None,
    name: Callable[[R], str] = str,
) -> Picker[R]:
    """Return a picker without routees for one of `PICKERS`. Raises TypeError or ValueError.

    `key` is for consistent-hash alone and required there; `name` gives the routee's place on
    its ring. `weights` are for weighted-round-robin alone and only checked here: each goes in
    with its routee, by `Picker.add`.
    """
    check_strategy(strategy, key=key, weights=weights)
    if strategy == "consistent-hash" and key is not None:
        return ConsistentHash(key, name)
    if strategy == "random":
        return RandomChoice(random if random is not None else _random.Random())
    if strategy == "round-robin":
        return RoundRobin()
    if strategy == "weighted-round-robin":
        return WeightedRoundRobin()
    raise ValueError(f"strategy must be one of {', '.join(PICKERS)}, got {strategy!r}")


def make_balancer(strategy: str, *, random: _random.Random | None = None) -> Balancer[R]:
    """Return a balancer without routees for one of `BALANCERS`. Raises TypeError or ValueError."""
    check_strategy(strategy)
    if strategy == "least-connections":
        return LeastConnections()
    if strategy == "power-of-two":
        return PowerOfTwo(random if random is not None else _random.Random())
    raise ValueError(f"strategy must be one of {', '.join(BALANCERS)}, got {strategy!r}")


def check_strategy(
    strategy: object, *, key: object = None, weights: object = None, count: int | None = None
) -> None:
    """Raise a TypeError or ValueError that names what is wrong with a router's arguments.

    `count` is the number of routees, where it is known: there must be as many weights.
    """
    if not isinstance(strategy, str):
        raise TypeError(f"strategy must be a str, one of {', '.join(STRATEGIES)}, got {strategy!r}")
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy must be one of {', '.join(STRATEGIES)}, got {strategy!r}")
    _check_key_function(strategy, key)
    _check_weights(strategy, weights, count)


def _check_key_function(strategy: str, key: object) -> None:
    if strategy == "consistent-hash":
        if not callable(key):
            raise TypeError(f"consistent-hash needs key=, a function of the message, got {key!r}")
    elif key is not None:
        raise ValueError(f"key is for consistent-hash, not for {strategy}: {key!r}")


def _check_weights(strategy: str, weights: object, count: int | None) -> None:
    if weights is None:
        return
    if strategy != "weighted-round-robin":
        raise ValueError(f"weights are for weighted-round-robin, not for {strategy}: {weights!r}")
    if isinstance(weights, str | bytes) or not isinstance(weights, Sequence):
        raise TypeError(f"weights must be a sequence of numbers, got {weights!r}")
    known = cast("Sequence[object]", weights)
    for weight in known:
        check_weight(weight)
    if count is not None and len(known) != count:
        raise ValueError(f"weights must be one a routee: {len(known)} weights, {count} routees")
