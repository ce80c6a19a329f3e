"""Makes sure that the packages beside this one are its own.

`transport` and `serialization` are plain names: a file of that name in a user's folder would be
imported in their stead, and fail in ways that nobody understands.
"""

from __future__ import annotations

import importlib
from pathlib import Path


def check() -> None:
    """Raise ImportError naming the file that shadows a package of this distribution."""
    home = Path(__file__).resolve().parent.parent
    for name in ("serialization", "transport"):
        found = importlib.import_module(name)
        origin = Path(getattr(found, "__file__", None) or "").resolve()
        if origin.parent.parent != home:
            raise ImportError(
                f"'import {name}' found {origin}, which shadows the {name!r} package of "
                "actors-node; rename that file or folder, or remove it from sys.path"
            )


check()  # before any other module of this package is imported: they need the right siblings
