"""The simulation notices what is missing: each mutant is caught, and soon.

`make mutants` does the same with 1,000 seeds, and with the code as it is beside them.
"""

from __future__ import annotations

import pytest

from tests.simulation.mutants import MUTANTS, hunt
from tests.simulation.mutants.__main__ import main
from tests.simulation.mutants.hunt import CONTROL, reason_of
from tests.simulation.workload.deliveries import Deliveries
from tests.simulation.workload.play import WORKS
from tests.simulation.workload.singletons import Singletons
from transport.session import Arrival, Incoming

MOST = 450
"""Seeds that are tried; of these only those of one kind of work, where that alone is concerned."""

CONCERNED = {
    "confirmation": Deliveries,
    "journal": Deliveries,
    "redelivery-dedup": Deliveries,
    "resignation": Singletons,
    "settling": Singletons,
}


def seeds_for(name: str) -> range:
    """Return the seeds that may catch a mutant."""
    work = CONCERNED.get(name)
    return range(MOST) if work is None else range(WORKS.index(work), MOST, len(WORKS))


@pytest.mark.parametrize("name", MUTANTS)
def test_each_mutant_is_caught(name: str) -> None:
    """An invariant fails, or something that should come true does not."""
    caught = hunt(name, seeds_for(name), jobs=1)
    assert caught.seed is not None
    assert caught.reason


def test_a_mutant_lacks_what_it_says_only_while_it_is_applied() -> None:
    """Afterwards the code is what it was."""
    with MUTANTS["dedup"].applied():
        assert arrivals() == [Arrival.NEXT, Arrival.NEXT]
    assert arrivals() == [Arrival.NEXT, Arrival.DUPLICATE]


def arrivals() -> list[Arrival]:
    """Return what becomes of a batch that comes twice."""
    incoming = Incoming(1000)
    return [incoming.arrive(1, 10) for _ in range(2)]


def test_the_reason_is_what_failed_without_seed_and_trace() -> None:
    """Of whatever a seed ended with, the first line counts."""
    failure = "SimulationError: seed 3 failed at 1.5 s: InvariantError: two\n  the trace ends:"
    assert reason_of(failure) == "InvariantError: two"
    assert reason_of("KeyError: 'x'\nmore") == "KeyError: 'x'"


def test_the_command_says_who_was_caught_by_what(capsys: pytest.CaptureFixture[str]) -> None:
    """And the exit code is 0."""
    assert main(["--only", "acknowledgement", "--seeds", "30", "--jobs", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("mutant ")
    assert lines[1].startswith("acknowledgement ")
    assert "Error: " in lines[1]


def test_the_command_fails_where_a_mutant_survives(capsys: pytest.CaptureFixture[str]) -> None:
    """One that only singletons notice does, where nobody has one."""
    assert main(["--only", "settling", "--seeds", "1", "--jobs", "1"]) == 1
    assert "survived" in capsys.readouterr().out


def test_the_code_as_it_is_survives(capsys: pytest.CaptureFixture[str]) -> None:
    """Then all is well: what catches the others catches nothing here."""
    assert main(["--only", CONTROL, "--seeds", "5", "--jobs", "1"]) == 0
    assert "survived" in capsys.readouterr().out
