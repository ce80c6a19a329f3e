"""Finding what the node runs: APP, and the modules whose classes others may spawn on it."""

from __future__ import annotations

import difflib
import importlib
import inspect
import logging
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

from actors.cli.exits import CommandError, Exit

if TYPE_CHECKING:
    from actors import Actor, Node

    Setup: TypeAlias = Callable[[Node], Awaitable[object]]
    Root: TypeAlias = type[Actor] | Setup

log = logging.getLogger("actors.cli")


def load_app(app: str | None, imports: Iterable[str], app_dir: Path) -> Root | None:
    """Import `imports`, then APP, looking in `app_dir` first; return what APP names.

    That is an actor class or an `async def setup(node)`; None without APP. Raises `CommandError`.
    """
    # Before app_dir is searched: a `transport.py` of the application must not be taken for ours.
    import actors  # noqa: F401  # pyright: ignore[reportUnusedImport]

    directory = str(app_dir.resolve())
    if directory not in sys.path:
        sys.path.insert(0, directory)
    for name in imports:
        _import(name, f"--import {name}", directory)
    return None if app is None else _resolve(app, directory)


def _resolve(app: str, directory: str) -> Any:
    module_name, _, attribute = app.partition(":")
    module = _import(module_name, f"APP {app}", directory)
    found: Any = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise _failure(f"APP {app}: {_missing(module, found, part)}")
        found = getattr(found, part)
    return _checked(app, found)


def _checked(app: str, found: Any) -> Any:
    from actors import Actor

    if isinstance(found, type):
        if issubclass(found, Actor):
            return found
        raise _failure(f"APP {app}: {found.__name__} is a class, but no subclass of actors.Actor")
    if inspect.iscoroutinefunction(found) or inspect.iscoroutinefunction(
        getattr(found, "__call__", None)  # noqa: B004 - looked at, not called
    ):
        return found
    kind = "a plain function" if inspect.isfunction(found) else f"a {type(found).__name__}"
    raise _failure(f"APP {app}: this is {kind}; expected `async def setup(node)` or an Actor class")


def _import(name: str, what: str, directory: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name == missing or name.startswith(f"{missing}."):
            raise _failure(
                f"{what}: there is no module {missing} in {directory} nor among the installed "
                "packages; is --app-dir right?"
            ) from None
        raise _failure(f"{what}: {name} imports {missing}, which is not installed") from error
    except (Exception, SystemExit) as error:
        # The traceback is what its author needs; the one line below is for everybody else.
        log.error("importing %s raised", name, exc_info=error)
        raise _failure(f"{what}: importing {name} raised {type(error).__name__}: {error}") from None


def _missing(module: ModuleType, found: object, part: str) -> str:
    owner = module.__name__ if found is module else getattr(found, "__qualname__", repr(found))
    place = getattr(module, "__file__", None) or "no file"
    close = difflib.get_close_matches(part, dir(found), n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"{owner} ({place}) has no attribute {part}{hint}"


def _failure(message: str) -> CommandError:
    return CommandError(Exit.IMPORT, message)
