"""`examples.secure`: two nodes with keys talk, and strangers stay outside."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.timeout(240)
def test_only_the_roster_gets_in(run_example: Run) -> None:
    """What the rule allows is answered, nothing else; strangers stay outside; nothing is logged."""
    done = run_example("secure")
    assert done.returncode == 0, done.stdout + done.stderr
    asked, closed, stranger, nobody, members = done.stdout.splitlines()
    assert asked == "branch asks bank, encrypted: alice has 12"
    assert closed.startswith("branch may not close accounts (")
    assert "examples.secure.Close" in closed
    assert stranger.startswith("stranger stays outside (")
    assert nobody.startswith("nobody stays outside (")
    assert members == "members: bank, branch"
    assert done.stderr == ""
