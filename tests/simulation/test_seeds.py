"""The framework under simulation: what it promises holds under any fault, with any seed.

`make simulate SEEDS=10000` runs more of them, on all processors.
"""

from __future__ import annotations

import pytest

from tests.simulation.workload import check

SEEDS, BLOCK = 200, 20


@pytest.mark.parametrize("first", range(0, SEEDS, BLOCK))
def test_no_seed_breaks_what_is_promised(first: int) -> None:
    """Order, one `Terminated`, ledgers, incarnations, and members that agree in the end."""
    for seed in range(first, first + BLOCK):
        check(seed)
