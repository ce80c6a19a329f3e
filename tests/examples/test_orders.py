"""`examples.orders`: shop and depot are killed in the midst of it, and each order counts once."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.timeout(240)  # five processes start, one after the other
def test_each_order_counts_once(run_example: Run) -> None:
    """Nothing is lost and nothing doubled, and no error is seen."""
    done = run_example("orders")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "200 new orders accepted" in done.stdout
    assert "shop: 0 orders of before" not in done.stdout.partition("2.")[2]
    assert done.stdout.splitlines()[-1] == "In the depot's table: 200 orders of 200 customers."
