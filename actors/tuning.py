"""Python's collector and the C library's allocator, as a process that only hosts actors wants them.

`actors-node` calls this. A process of your own may, where it is free to decide about itself.
"""

from __future__ import annotations

import gc

from transport import allocator

YOUNG = 10_000
"""Objects that are made before the collector looks at the new ones; Python's own value is 700."""

OLDER = 20
"""Collections of one generation before the next one's."""

_MIB = 1024 * 1024
_KEEP, _MAP_ABOVE = 64 * _MIB, 32 * _MIB
"""Bytes of freed memory that are kept, and of one block that never are."""


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
    allocator.keep(_KEEP, _MAP_ABOVE)
