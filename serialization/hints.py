"""The annotations of a class, resolved as far as they can be."""

from __future__ import annotations

import sys
import typing
from typing import Any

__all__ = ["field_hints"]


def field_hints(cls: type) -> dict[str, Any]:
    """The annotation of each field, by name, those of base classes included.

    One that cannot be resolved (a name that exists under TYPE_CHECKING only, or inside of a
    function) becomes Any: its field then takes every value.
    """
    try:
        return typing.get_type_hints(cls, include_extras=True)
    except Exception:  # noqa: BLE001 - annotations are code of the user's, and fail as they like
        return _one_by_one(cls)


def _one_by_one(cls: type) -> dict[str, Any]:
    hints: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        module = sys.modules.get(base.__module__)
        names = {**vars(base), base.__name__: base}
        for name, annotation in vars(base).get("__annotations__", {}).items():
            hints[name] = _resolved(annotation, dict(vars(module)) if module else {}, names)
    return hints


def _resolved(annotation: object, module: dict[str, Any], names: dict[str, Any]) -> Any:
    holder = type("_Holder", (), {"__annotations__": {"field": annotation}})
    try:
        hints = typing.get_type_hints(holder, module, names, include_extras=True)
    except Exception:  # noqa: BLE001 - as above
        return Any
    return hints["field"]
