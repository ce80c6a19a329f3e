"""How an exception is described where it cannot travel as itself."""

from __future__ import annotations

import traceback

from actors.errors import RemoteError


def describe(error: BaseException) -> RemoteError:
    """Return a `RemoteError` that carries the class name, text and traceback of `error`."""
    text = "".join(traceback.format_exception(error))
    name, *bases = map(name_of, type(error).__mro__)
    return RemoteError(name, _safe_str(error), text, bases)


def name_of(kind: type) -> str:
    """Return module and qualified name of a class."""
    return f"{kind.__module__}.{kind.__qualname__}"


def _safe_str(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as failure:
        return f"<its __str__ raised {type(failure).__name__}>"


def annotate(error: BaseException, where: str) -> None:
    """Add the traceback to the notes of an error that is about to travel to another node."""
    if error.__traceback__ is not None:
        text = "".join(traceback.format_tb(error.__traceback__))
        error.add_note(f"Traceback on {where} (most recent call last):\n{text.rstrip()}")
