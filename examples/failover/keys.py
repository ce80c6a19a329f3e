"""Single keys from a terminal, while everything else goes on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import termios
import tty
from collections.abc import Callable, Generator


@contextlib.contextmanager
def pressed(on_key: Callable[[str], None]) -> Generator[None, None, None]:
    """Call `on_key` with each key that is pressed; the terminal is as before afterwards."""
    descriptor, loop = sys.stdin.fileno(), asyncio.get_running_loop()
    before = termios.tcgetattr(descriptor)

    def read() -> None:
        for key in os.read(descriptor, 64).decode("utf-8", "ignore"):
            on_key(key)

    tty.setcbreak(descriptor)
    loop.add_reader(descriptor, read)
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
