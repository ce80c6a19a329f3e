"""`examples.simulated_bank`: the simulation finds the bug, and none where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from actors.testing import InvariantError, SimulationError
from examples.simulated_bank import Branch, TrustingBranch, check

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]


def test_the_careful_bank_stands_all_faults() -> None:
    """Money is conserved, and what was sent arrives."""
    for seed in range(10):
        check(seed, Branch.props)


def test_a_failing_seed_fails_in_the_same_way_again() -> None:
    """The trusting bank makes money, at the same moment each time."""
    failures = []
    for seed in range(100):
        try:
            check(seed, TrustingBranch.props)
        except SimulationError as error:
            failures.append(error)
            break
    assert failures, "no seed has found the bug"
    with pytest.raises(SimulationError) as again:
        check(failures[0].seed, TrustingBranch.props)
    assert isinstance(again.value.__cause__, InvariantError)
    assert str(again.value) == str(failures[0])


def test_the_example_shows_both(run_example: Run) -> None:
    """A trace of the one, a word on the other."""
    done = run_example("simulated_bank")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "there is 20" in done.stdout
    assert "The careful bank: 20 seeds, all well." in done.stdout
