"""Many seeds at once, and the command that runs them."""

from __future__ import annotations

import pytest

from actors.testing import InvariantError, Outcome, Simulation, sweep
from actors.testing.simulate import main

HERE = "tests.simulation.test_sweep"


def well(seed: int) -> None:
    """Nothing goes wrong."""

    async def scenario(sim: Simulation) -> None:
        await sim.sleep(1.0)

    Simulation(seed).run(scenario)


def fails_at_five(seed: int) -> None:
    """One seed of ten finds something."""

    async def scenario(sim: Simulation) -> None:
        await sim.start("a")
        if seed == 5:
            raise InvariantError("five is out")

    Simulation(seed).run(scenario)


def test_every_seed_has_an_outcome() -> None:
    """In this process, in their order."""
    outcomes = list(sweep(fails_at_five, range(4, 7), jobs=1))
    assert [outcome.seed for outcome in outcomes] == [4, 5, 6]
    assert outcomes[0] == Outcome(4, None)
    assert outcomes[1].failure is not None
    assert "seed 5 failed" in outcomes[1].failure


def test_processes_give_the_same_outcomes() -> None:
    """In whatever order they end."""
    by_one = set(sweep(fails_at_five, range(20), jobs=1))
    assert set(sweep(fails_at_five, range(20), jobs=2)) == by_one


def test_the_command_says_that_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    """And how fast it was."""
    assert main([f"{HERE}:well", "--seeds", "5", "--jobs", "1"]) == 0
    assert "5 of 5 seeds" in capsys.readouterr().out


def test_the_command_ends_at_the_first_failure(capsys: pytest.CaptureFixture[str]) -> None:
    """With the seed, the trace, and what to type to see it again."""
    assert main([f"{HERE}:fails_at_five", "--seeds", "100", "--jobs", "1"]) == 1
    said = capsys.readouterr().err
    assert "seed 5 failed" in said
    assert "* start a" in said
    assert f"{HERE}:fails_at_five --first 5 --seeds 1" in said


def test_the_command_runs_the_seeds_it_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """From the first one on."""
    target = f"{HERE}:fails_at_five"
    assert main([target, "--first", "6", "--seeds", "10", "--jobs", "1"]) == 0
    assert main([target, "--first", "5", "--seeds", "1"]) == 1
    capsys.readouterr()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        [HERE],
        [f"{HERE}:nothing"],
        ["tests.simulation.nowhere:check"],
        [f"{HERE}:HERE"],
        [f"{HERE}:well", "--seeds", "0"],
        [f"{HERE}:well", "--jobs", "none"],
    ],
)
def test_wrong_arguments_are_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit code 2, and words."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err
