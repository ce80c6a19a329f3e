"""Python's cyclic garbage collector, as a process that hosts many actors wants it."""

from __future__ import annotations

import gc

YOUNG = 10_000
"""Objects that are made before the collector looks at the new ones; Python's own value is 700."""

OLDER = 20
"""Collections of one generation before the next one's."""


def tune() -> None:
    """Spare the collector what lives as long as the process, and have it come less often.

    Modules, classes and what was built so far are frozen; an actor is four objects that live
    long, and to be looked at three times while it is young costs more than to be made.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, OLDER, OLDER)
