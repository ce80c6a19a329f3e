"""The settings of one run: flags over `ACTORS_*` environment variables over a TOML file."""

from __future__ import annotations

import difflib
import secrets
import tomllib
from argparse import Namespace
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from actors.cli.exits import CommandError, Exit
from actors.cli.options import APP, CONFIG, NAME, OPTIONS, PARENT, Option

_SETTINGS = (APP, *OPTIONS)
_BY_KEY = {option.key: option for option in _SETTINGS}
_MOODS = ("brisk", "calm", "clever", "deft", "eager", "keen", "lucid", "merry", "sturdy", "swift")
_BEASTS = ("badger", "finch", "heron", "lynx", "marten", "otter", "raven", "stoat", "tern", "wren")


class ConfigError(CommandError):
    """A setting is wrong: where it stands, its value, and what was expected there."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(Exit.USAGE, f"{where}: {problem}")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run of `actors-node` goes by."""

    name: str
    app: str | None = None
    bind: tuple[str, ...] = ("tcp://127.0.0.1:0",)
    advertise: str | None = None
    seed: tuple[str, ...] = ()
    role: tuple[str, ...] = ()
    app_version: str = ""
    capacity: float = 1.0
    partition: str | None = None
    quorum_size: int | None = None
    stable_after: float = 5.0
    workers: int | None = None
    imports: tuple[str, ...] = ()
    drain_timeout: float = 25.0
    log_level: str = "info"
    log_format: str = "auto"
    app_dir: Path = field(default_factory=Path.cwd)
    parent_fd: int | None = None


def load_settings(flags: Namespace, environ: Mapping[str, str]) -> Settings:
    """Merge the three sources; a list in one replaces that of another. Raises `ConfigError`."""
    path = getattr(flags, CONFIG.key, None) or environ.get(CONFIG.variable)
    values = {
        **({} if not path else _from_file(Path(path))),
        **_from_environment(environ),
        **_from_flags(flags),
    }
    if "import" in values:  # a keyword in Python
        values["imports"] = values.pop("import")
    values.setdefault("name", made_up_name())
    return _whole(Settings(**values, parent_fd=getattr(flags, PARENT, None)))


def made_up_name() -> str:
    """Return a name for a node that was given none, such as `keen-otter-5f3a`."""
    return f"{secrets.choice(_MOODS)}-{secrets.choice(_BEASTS)}-{secrets.token_hex(2)}"


def stray_variables(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a warning for each variable that looks like a mistyped setting of ours.

    Others are nobody's business: a service called `actors` alone brings several `ACTORS_...`.
    """
    known = [option.variable for option in (*_SETTINGS, CONFIG)]
    for variable in sorted(environ):
        if variable.startswith("ACTORS_") and variable not in known:
            for close in difflib.get_close_matches(variable, known, n=1, cutoff=0.85):
                yield f"{variable} in the environment means nothing here; did you mean {close}?"


def to_arguments(settings: Settings) -> list[str]:
    """Return the command line that leads to exactly these settings."""
    arguments: list[str] = []
    for option in OPTIONS:
        value = getattr(settings, "imports" if option.key == "import" else option.key)
        values = value if option.many else [value] if value is not None else []
        arguments += [f"{option.flag}={each}" for each in values]
    if settings.app is not None:
        arguments += ["--", settings.app]
    return arguments


def _from_flags(flags: Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for option in _SETTINGS:
        texts = getattr(flags, option.key, None)
        if texts is not None:
            where = "APP" if option is APP else option.flag
            found[option.key] = _read(option, where, texts if option.many else [texts])
    return found


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for option in _SETTINGS:
        text = environ.get(option.variable, "").strip()
        if text:  # an empty one is as good as none: that is how compose files unset them
            texts = text.split(",") if option.many else [text]
            texts = [each.strip() for each in texts if each.strip()]
            found[option.key] = _read(option, option.variable, texts)
    return found


def _read(option: Option, where: str, texts: list[str]) -> Any:
    values: list[object] = []
    for text in texts:
        try:
            value = option.kind.read(text)
        except ValueError:
            raise _wrong(option, where, text, "") from None
        values.append(_check(option, where, value))
    return tuple(values) if option.many else values[0]


def _from_file(path: Path) -> dict[str, Any]:
    table = _read_table(path)
    found: dict[str, Any] = {}
    for key, value in table.items():
        option = _BY_KEY.get(key)
        if option is None:
            raise ConfigError(f"{path}, [node]", _unknown("key", key, list(_BY_KEY)))
        values = value if option.many and isinstance(value, list) else [value]
        if key == "app_dir" and isinstance(value, str):
            # A file means the directories beside it, wherever the command is run.
            values = [str(path.absolute().parent / Path(value).expanduser())]
        where = f"{path}, [node], key {key}"
        checked = tuple(_check(option, where, each) for each in values)
        found[key] = checked if option.many else checked[0]
    return found


def _read_table(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), f"is no UTF-8 text: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), f"is not valid TOML: {error}") from None
    for key in document:
        if key != "node":
            raise ConfigError(str(path), _unknown("table", key, ["node"], "settings are in [node]"))
    table = document.get("node", {})
    if not isinstance(table, dict):
        raise ConfigError(str(path), f"node = {table!r}: expected a table, [node]")
    return table


def _unknown(what: str, key: str, known: list[str], otherwise: str = "") -> str:
    close = difflib.get_close_matches(key.replace("-", "_"), known, n=1)
    hint = f"did you mean {close[0]}?" if close else otherwise or f"expected {', '.join(known)}"
    return f"unknown {what} {key}; {hint}"


def _check(option: Option, where: str, value: object) -> object:
    try:
        return option.kind.check(value)
    except ValueError as error:
        raise _wrong(option, where, value, str(error)) from None


def _wrong(option: Option, where: str, value: object, problem: str) -> ConfigError:
    because = f" ({problem})" if problem else ""
    return ConfigError(where, f"{value!r} is wrong{because}; expected {option.kind.expected}")


def _check_partition(settings: Settings) -> None:
    is_quorum = settings.partition == "static-quorum"
    if is_quorum and settings.quorum_size is None:
        raise ConfigError("--partition", "static-quorum needs --quorum-size")
    if settings.quorum_size is not None and not is_quorum:
        raise ConfigError("--quorum-size", "it means nothing without --partition=static-quorum")


def _whole(settings: Settings) -> Settings:
    """Check what one setting means for another."""
    if not settings.bind:
        raise ConfigError("--bind", "a node needs an endpoint to be reached at, and none is named")
    _check_partition(settings)
    if settings.workers is not None:
        longest = f"{settings.name}-{settings.workers}"
        try:
            NAME.check(longest)
        except ValueError:
            problem = f"{settings.name!r} leaves no room for the numbers of {settings.workers}"
            raise ConfigError("--name", f"{problem} workers") from None
    return settings
