"""What the framework logs of its own mistakes: nobody raises them, so somebody has to listen."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager

FAILURES = "actors"
"""The logger of actors that fail, which is their supervisors' business."""


class Listener(logging.Handler):
    """Hands on what is logged as an error, unless an actor has failed."""

    def __init__(self, complain: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self._complain = complain

    def emit(self, record: logging.LogRecord) -> None:
        if record.name != FAILURES:
            cause = "" if record.exc_info is None else f": {record.exc_info[1]!r}"
            self._complain(f"{record.getMessage()}{cause}")


@contextmanager
def complaints(complain: Callable[[str], None]) -> Generator[None]:
    """Hear all errors of the framework, and keep them and all warnings from everybody else."""
    logger, listener = logging.getLogger("actors"), Listener(complain)
    level, propagate, disabled = logger.level, logger.propagate, logging.root.manager.disable
    logging.disable(logging.NOTSET)
    logger.setLevel(logging.ERROR)
    logger.propagate = False
    logger.addHandler(listener)
    try:
        yield
    finally:
        logger.removeHandler(listener)
        logger.propagate = propagate
        logger.setLevel(level)
        logging.disable(disabled)
