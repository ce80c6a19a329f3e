"""What tests that start processes share with them."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

APPS = Path(__file__).parent / "apps"


def shop() -> Any:
    """The module that the command runs, as this process imports it: by the same name."""
    return _app("shop")


def vault() -> Any:
    """The module of the tests of the lease."""
    return _app("vault")


def _app(name: str) -> Any:
    if str(APPS) not in sys.path:
        sys.path.insert(0, str(APPS))
    return importlib.import_module(name)
