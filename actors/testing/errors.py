"""What a simulation raises."""

from __future__ import annotations

from collections.abc import Sequence

from serialization import ActorsError

__all__ = [
    "DeadlockError",
    "HostCrashedError",
    "InvariantError",
    "SimulationError",
    "StandstillError",
    "TimeLimitError",
]


class InvariantError(ActorsError, AssertionError):
    """What must always hold does not. `hosts` are the names of those concerned."""

    def __init__(self, what: str, *hosts: str) -> None:
        super().__init__(what)
        self.hosts = hosts


class DeadlockError(ActorsError):
    """Nothing is ready and no timer is set: what is awaited will never come."""

    def __init__(self, now: float, tasks: Sequence[str]) -> None:
        super().__init__(
            f"deadlock at {now:.6f} s: nothing is ready and no timer is set; "
            f"these tasks wait for ever: {', '.join(tasks) or 'none'}"
        )
        self.now = now
        self.tasks = tuple(tasks)


class StandstillError(ActorsError):
    """Callbacks go on and on, and time does not."""

    def __init__(self, now: float, callbacks: int) -> None:
        super().__init__(
            f"time stands still at {now:.6f} s: {callbacks} callbacks ran, and more are ready; "
            "something goes round in a circle without ever waiting"
        )
        self.now = now


class TimeLimitError(ActorsError):
    """A scenario is not over when it should be."""

    def __init__(self, limit: float) -> None:
        super().__init__(
            f"the scenario is not over after {limit:g} virtual s; it may wait for a node that has "
            "crashed, whose timeouts never come"
        )
        self.limit = limit


class HostCrashedError(ActorsError):
    """A node crashed while the scenario waited for it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} crashed before it was done")
        self.name = name


class SimulationError(ActorsError):
    """A simulation failed; `__cause__` is with what.

    Attributes:
        seed: which one to run again.
        now: virtual seconds since the start.
        trace: the end of the trace, only what concerns the failure.
    """

    def __init__(self, seed: int, now: float, reason: str, trace: Sequence[str]) -> None:
        shown = "".join(f"\n    {line}" for line in trace)
        super().__init__(f"seed {seed} failed at {now:.6f} s: {reason}\n  the trace ends:{shown}")
        self.seed = seed
        self.now = now
        self.reason = reason
        self.trace = tuple(trace)
