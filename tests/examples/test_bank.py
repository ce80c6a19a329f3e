"""`examples.bank`: each step shows what its headline says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]


def steps(output: str) -> dict[int, str]:
    """The output, by the number of the step."""
    parts = re.split(r"^(\d+)\. ", output, flags=re.MULTILINE)
    return {int(number): text for number, text in zip(parts[1::2], parts[2::2], strict=True)}


def test_each_step_does_what_it_says(run_example: Run) -> None:
    """Refusal, crash and restart, behaviour change and closing come out as described."""
    done = run_example("bank")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    step = steps(done.stdout)
    assert len(step) == 5
    assert "alice's account starts with 0" in step[1]
    assert "Deposit(amount=100) -> 100" in step[1]
    assert "Withdraw(amount=30) -> 70" in step[1]
    assert "Withdraw(amount=1000) -> InsufficientFunds: 930" in step[2]
    assert "Balance() -> 70" in step[2]
    assert "starts with" not in step[2]
    assert "SplitEvenly(heads=0) -> ZeroDivisionError" in step[3]
    assert "alice's account starts with 70" in step[3]
    assert "bob's account starts with 0" in step[3]
    assert "Balance() -> 70" in step[3]
    assert "Deposit(amount=1) -> AccountFrozen: alice" in step[4]
    assert "Deposit(amount=1) -> 71" in step[4]
    assert "the bank has closed: shutdown" in step[5]
    assert step[5].index("bob's account stops") < step[5].index("alice's account stops")
    assert "Balance() -> ActorStoppedError" in step[5]
