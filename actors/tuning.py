"""Python's collector and the C library's allocator, as a process that only hosts actors wants them.

`actors-node` calls this. A process of your own may, where it is free to decide about itself.
"""

from __future__ import annotations

import contextlib
import gc
import sys

YOUNG = 10_000
"""Objects that are made before the collector looks at the new ones; Python's own value is 700."""

OLDER = 20
"""Collections of one generation before the next one's."""

_MIB = 1024 * 1024
_TRIM_THRESHOLD, _TRIM_ABOVE = -1, 64 * _MIB
_MMAP_THRESHOLD, _MAP_ABOVE = -3, 32 * _MIB
"""Parameters of glibc's `mallopt`, and their values in bytes."""


def tune() -> None:
    """Tune what there is to tune; harmless to repeat."""
    tune_collector()
    tune_allocator()


def tune_collector() -> None:
    """Spare the collector what lives as long as the process, and have it come less often.

    Modules, classes and what was built so far are frozen; an actor is four objects that live
    long, and to be looked at three times while it is young costs more than to be made.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, OLDER, OLDER)


def tune_allocator() -> None:
    """Keep up to 64 MiB of freed memory for the next large message.

    glibc gives the memory of a message of 1 MiB back to the system and asks for it anew with the
    next one; the page faults of that cost three times as much as to copy it. Elsewhere than with
    glibc this does nothing.
    """
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(AttributeError, OSError):  # another C library
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(_TRIM_THRESHOLD, _TRIM_ABOVE)
            mallopt(_MMAP_THRESHOLD, _MAP_ABOVE)
