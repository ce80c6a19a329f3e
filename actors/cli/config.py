"""The settings of one run: flags over `ACTORS_*` environment variables over a TOML file."""

from __future__ import annotations

import difflib
import secrets
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from actors.authorisation import Allow
from actors.cli.config_file import read_allow, read_file
from actors.cli.errors import ConfigError, check, wrong
from actors.cli.options import ALLOW_FILE, BY_KEY, CONFIG, OPTIONS, PARENT, Option
from actors.names import check_name

_SETTINGS = tuple(BY_KEY.values())
_MOODS = ("brisk", "calm", "clever", "deft", "eager", "keen", "lucid", "merry", "sturdy", "swift")
_BEASTS = ("badger", "finch", "heron", "lynx", "marten", "otter", "raven", "stoat", "tern", "wren")


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
    key: Path | None = None
    roster: Path | None = None
    insecure: bool = False
    allow: tuple[Allow, ...] | None = None
    """The rules of the `[[allow]]` tables; None where there are none."""
    allow_file: Path | None = None
    """Where they can be read again; None where that was a pipe."""
    parent_fd: int | None = None
    origins: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    """Where each setting comes from, by its key; what is not in it is a default."""


def load_settings(flags: Namespace, environ: Mapping[str, str]) -> Settings:
    """Merge the three sources; a list in one replaces that of another. Raises `ConfigError`."""
    path = getattr(flags, CONFIG.key, None) or environ.get(CONFIG.variable)
    from_file, allow = read_file(Path(path)) if path else ({}, None)
    from_environment, from_flags = _from_environment(environ), _from_flags(flags)
    values = {**from_file, **from_environment, **from_flags}
    named = {option.field: values[option.key] for option in _SETTINGS if option.key in values}
    named.setdefault("name", made_up_name())
    settings = Settings(
        **named,
        allow=allow,
        parent_fd=getattr(flags, PARENT, None),
        origins={
            **dict.fromkeys(from_file, str(path)),
            **{key: BY_KEY[key].variable for key in from_environment},
            **{key: BY_KEY[key].place for key in from_flags},
        },
    )
    return _whole(_with_allow_file(settings, getattr(flags, ALLOW_FILE, None), path))


def _with_allow_file(settings: Settings, for_worker: str | None, path: str | None) -> Settings:
    """Say where the rules are read again: not where that was a pipe, which is empty now."""
    if for_worker is not None:
        file = Path(for_worker)
        return replace(settings, allow=read_allow(file), allow_file=file)
    if path and Path(path).is_file():
        return replace(settings, allow_file=Path(path).absolute())
    return settings


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
    arguments = [word for option in OPTIONS for word in _words(option, settings)]
    if settings.allow_file is not None:
        arguments.append(f"--allow-file={settings.allow_file}")
    if settings.app is not None:
        arguments += ["--", settings.app]
    return arguments


def _words(option: Option, settings: Settings) -> list[str]:
    value = getattr(settings, option.field)
    if option.switch:
        return [option.flag] if value else []
    values = value if option.many else [value] if value is not None else []
    return [f"{option.flag}={each}" for each in values]


def _from_flags(flags: Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for option in _SETTINGS:
        texts = getattr(flags, option.key, None)
        if texts is not None:
            found[option.key] = _read(option, option.place, texts if option.many else [texts])
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


def _read(option: Option, where: str, texts: Sequence[str]) -> Any:
    values = tuple(check(option, where, _parsed(option, where, text)) for text in texts)
    return values if option.many else values[0]


def _parsed(option: Option, where: str, text: str) -> object:
    try:
        return option.kind.read(text)
    except ValueError:
        raise wrong(option, where, text, "") from None


def _check_partition(settings: Settings) -> None:
    is_quorum = settings.partition == "static-quorum"
    if is_quorum and settings.quorum_size is None:
        raise ConfigError("--partition", "static-quorum needs --quorum-size")
    if settings.quorum_size is not None and not is_quorum:
        raise ConfigError("--quorum-size", "it means nothing without --partition=static-quorum")


def _check_security(settings: Settings) -> None:
    if settings.key is not None and settings.roster is None:
        raise ConfigError("--key", "it needs --roster, the file that lists who else is let in")
    if settings.roster is not None and settings.key is None:
        raise ConfigError("--roster", "it needs --key, the file of this node's own secret key")
    if settings.insecure and settings.key is not None:
        raise ConfigError("--insecure", "it says the opposite of --key; take one of them away")


def _check_workers(settings: Settings) -> None:
    if settings.workers is None:
        return
    if settings.allow is not None and settings.allow_file is None:
        raise ConfigError("--config", "with [[allow]] it must be a file that workers can read, too")
    try:
        check_name(f"{settings.name}-{settings.workers}")
    except ValueError:
        problem = f"{settings.name!r} leaves no room for the numbers of {settings.workers}"
        raise ConfigError("--name", f"{problem} workers") from None


def _whole(settings: Settings) -> Settings:
    """Check what one setting means for another."""
    if not settings.bind:
        raise ConfigError("--bind", "a node needs an endpoint to be reached at, and none is named")
    _check_partition(settings)
    _check_security(settings)
    _check_workers(settings)
    return settings
