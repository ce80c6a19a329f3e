"""Memory that is given back after an attack."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from transport import relief
from transport.relief import Relief


class Allocator:
    """Notes what it is asked for."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.done = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def begin(self) -> None:
        self.calls.append("begin")

    def finish(self) -> None:
        on_main = threading.current_thread() is threading.main_thread()
        self.calls.append("finish here" if on_main else "finish")
        self._loop.call_soon_threadsafe(self.done.set)


async def test_many_needs_are_met_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It begins at once, and ends in a thread of its own; then it may begin anew."""
    monkeypatch.setattr(relief, "_DELAY", 0.05)
    allocator = Allocator()
    tried = Relief(allocator.begin, allocator.finish)
    for _ in range(2):
        allocator.done.clear()
        for _ in range(100):
            tried.needed()
        await allocator.done.wait()
    assert allocator.calls == ["begin", "finish"] * 2
    tried.close()
    assert allocator.calls == ["begin", "finish"] * 2


async def test_what_was_begun_is_finished() -> None:
    """Also where the node closes meanwhile: the process may go on."""
    allocator = Allocator()
    tried = Relief(allocator.begin, allocator.finish)
    tried.needed()
    tried.close()
    await allocator.done.wait()
    assert allocator.calls == ["begin", "finish"]


KEPT = """
import ctypes, resource
from transport import allocator

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]

def grown(finish):
    before = resident()
    blocks = [libc.malloc(50_000) for _ in range(800)]
    for block in blocks:
        ctypes.memset(block, 1, 50_000)
    for block in reversed(blocks):
        libc.free(block)
    finish()
    return (resident() - before) // 2**20

allocator.keep(64 * 2**20, 32 * 2**20)
kept = grown(lambda: None)
allocator.keep_little()
allocator.give_back()
print(kept, grown(allocator.give_back), grown(lambda: None))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator is what is asked")
def test_what_is_freed_goes_back_to_the_system() -> None:
    """What was to be kept is kept until then, and again afterwards."""
    done = subprocess.run(
        [sys.executable, "-c", KEPT], capture_output=True, text=True, check=True, timeout=60
    )
    kept, given_back, kept_again = map(int, done.stdout.split())
    assert kept > 30
    assert given_back < 5
    assert kept_again > 30
