"""What `actors-node` sets for its own process; tried in another one, for it cannot be undone."""

from __future__ import annotations

import subprocess
import sys

import pytest

FAULTS = """
import resource
from actors.tuning import tune_allocator

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        message = [bytes(2**20) for _ in range(8)]
        del message
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

untuned = faults()
tune_allocator()
faults()
print(untuned, faults())
"""


def run(code: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.split()


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator is what is tuned")
def test_large_messages_find_memory_that_is_there() -> None:
    """Freed memory is used again, instead of being given back and asked for anew."""
    untuned, tuned = map(int, run(FAULTS))
    assert tuned < untuned / 10


def test_the_collector_comes_less_often_and_looks_at_less() -> None:
    """What lives as long as the process is frozen."""
    code = "import gc\nfrom actors.tuning import tune\ntune(); tune()\n"
    frozen, *thresholds = run(code + "print(gc.get_freeze_count(), *gc.get_threshold())")
    assert int(frozen) > 1_000
    assert thresholds == ["10000", "20", "20"]
