"""The C library's allocator: what it keeps of freed memory, and how it is made to give that back.

All of this is glibc's, and one setting for the whole process. With another C library nothing
happens.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any

__all__ = ["give_back", "keep", "keep_little"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's `mallopt`."""
_LITTLE = 128 * 1024
"""Bytes; glibc's own threshold."""

_kept = 0


def keep(most: int, map_above: int) -> None:
    """Keep up to `most` bytes of freed memory; blocks larger than `map_above` are never kept."""
    global _kept
    glibc = _glibc()
    if glibc is not None:
        _kept = most
        glibc.mallopt(_TRIM_THRESHOLD, most)
        glibc.mallopt(_MMAP_THRESHOLD, map_above)


def keep_little() -> None:
    """Keep next to nothing from now on, until `give_back`.

    What other threads have allocated goes back only as it is freed: so this comes before. It does
    nothing where nobody has called `keep`; glibc sees to itself there.
    """
    glibc = _glibc()
    if glibc is not None and _kept:
        glibc.mallopt(_TRIM_THRESHOLD, _LITTLE)


def give_back() -> None:
    """Give back what is free now, gaps included; afterwards keep as much as before."""
    glibc = _glibc()
    if glibc is not None:
        glibc.malloc_trim(0)
        if _kept:
            glibc.mallopt(_TRIM_THRESHOLD, _kept)


@cache
def _glibc() -> Any:
    """The C library where it is glibc, else None."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") and hasattr(library, "mallopt") else None
