"""The names that nodes, actors and roles may have."""

from __future__ import annotations

import re
from functools import lru_cache

_NAME = re.compile(r"[A-Za-z0-9_\-][A-Za-z0-9_.\-]{0,127}")


def check_name(name: object, what: str = "name") -> str:
    """Return `name` if it may name something, 1 to 128 of `A-Z a-z 0-9 _ . -` without a dot first.

    Raises TypeError where it is no str, ValueError where it has another form.
    """
    if not isinstance(name, str):
        raise TypeError(f"{what} must be a str, not {type(name).__name__}: {name!r}")
    if _NAME.fullmatch(name) is None:
        raise ValueError(
            f"{what} {name!r} must be 1 to 128 of A-Z a-z 0-9 _ . - and not start with a dot"
        )
    return name


def check_path(path: object) -> str:
    """Return `path` if it is names joined by slashes, such as `bank/teller`. Raises as above."""
    if not isinstance(path, str):
        raise TypeError(f"path must be a str, not {type(path).__name__}: {path!r}")
    for part in path.split("/"):
        check_name(part, f"part of the path {path!r},")
    return path


@lru_cache(maxsize=1024)
def legal_name(text: str) -> str:
    """Return what of `text` may begin a made-up name: at most 64 characters, never none."""
    return re.sub(r"[^A-Za-z0-9_\-]", "", text)[:64] or "actor"
