"""Settings: flags over environment over TOML, and errors that say where, what and what else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from actors import Allow
from actors.cli.config import (
    Settings,
    made_up_name,
    stray_variables,
    to_arguments,
)
from actors.cli.errors import ConfigError
from actors.cli.exits import Exit
from actors.names import check_name
from tests.actors.cli.kit import load, toml


def test_defaults() -> None:
    """Nothing said: a made-up name, any port on loopback, 25 s to drain, no app, no workers."""
    settings = load()
    assert settings == Settings(name=settings.name)
    assert settings.bind == ("tcp://127.0.0.1:0",)
    assert settings.drain_timeout == 25.0
    assert (settings.app, settings.workers, settings.advertise) == (None, None, None)
    assert settings.app_dir == Path.cwd()
    assert (settings.log_level, settings.log_format) == ("info", "auto")


def test_made_up_names_are_names_and_differ() -> None:
    """A made-up name is valid, and two of them are hardly ever the same."""
    names = {check_name(made_up_name()) for _ in range(20)}
    assert len(names) > 15


def test_every_flag() -> None:
    """Each flag of the contract reaches its setting; list flags may be repeated."""
    settings = load(
        *("bank:Bank", "--name", "n1", "--bind", "tcp://127.0.0.1:7770", "--bind", "ipc:///tmp/x"),
        *("--advertise", "tcp://10.0.0.1:7770", "--seed", "tcp://10.0.0.5:1", "--seed=tcp://b:2"),
        *("--role", "a", "--role", "b", "--workers", "3", "--import", "x.y", "--import", "z"),
        *("--app-version", "1.2", "--capacity", "4", "--partition", "Static-Quorum"),
        *("--quorum-size", "2", "--stable-after", "2.5"),
        *("--log-level", "DEBUG", "--log-format", "json", "--app-dir", "/", "--drain-timeout", "1"),
        *("--key", "keys", "--roster", "/etc/roster.toml"),
    )
    assert settings == Settings(
        name="n1",
        app="bank:Bank",
        bind=("tcp://127.0.0.1:7770", "ipc:///tmp/x"),
        advertise="tcp://10.0.0.1:7770",
        seed=("tcp://10.0.0.5:1", "tcp://b:2"),
        role=("a", "b"),
        app_version="1.2",
        capacity=4.0,
        partition="static-quorum",
        quorum_size=2,
        stable_after=2.5,
        workers=3,
        imports=("x.y", "z"),
        drain_timeout=1.0,
        log_level="debug",
        log_format="json",
        app_dir=Path("/"),
        key=Path.cwd() / "keys",
        roster=Path("/etc/roster.toml"),
    )


def test_every_variable() -> None:
    """Each setting has its ACTORS_ variable; lists have commas, spaces around them do not count."""
    settings = load(
        environ={
            "ACTORS_APP": "bank:Bank",
            "ACTORS_NAME": "n1",
            "ACTORS_BIND": "tcp://127.0.0.1:1, tcp://127.0.0.1:2",
            "ACTORS_ADVERTISE": "tcp://a:1",
            "ACTORS_SEED": "tcp://a:1,tcp://b:2,",
            "ACTORS_ROLE": "a,b",
            "ACTORS_APP_VERSION": "7",
            "ACTORS_CAPACITY": "0.5",
            "ACTORS_PARTITION": "keep-majority",
            "ACTORS_STABLE_AFTER": "9",
            "ACTORS_WORKERS": "2",
            "ACTORS_IMPORT": "x,y.z",
            "ACTORS_DRAIN_TIMEOUT": "2.5",
            "ACTORS_LOG_LEVEL": "warning",
            "ACTORS_LOG_FORMAT": "console",
            "ACTORS_APP_DIR": "/",
            "ACTORS_KEY": "/keys/n1",
            "ACTORS_ROSTER": "roster.toml",
            "ACTORS_INSECURE": "no",
        }
    )
    assert settings == Settings(
        name="n1",
        app="bank:Bank",
        bind=("tcp://127.0.0.1:1", "tcp://127.0.0.1:2"),
        advertise="tcp://a:1",
        seed=("tcp://a:1", "tcp://b:2"),
        role=("a", "b"),
        app_version="7",
        capacity=0.5,
        partition="keep-majority",
        stable_after=9.0,
        workers=2,
        imports=("x", "y.z"),
        drain_timeout=2.5,
        log_level="warning",
        log_format="console",
        app_dir=Path("/"),
        key=Path("/keys/n1"),
        roster=Path.cwd() / "roster.toml",
    )


def test_every_key_of_the_file(tmp_path: Path) -> None:
    """The same words with underscores stand under [node] and [security]; lists may be strings.

    Paths are beside the file. `[[allow]]` makes rules.
    """
    (tmp_path / "apps").mkdir()
    path = toml(
        tmp_path,
        """
        [node]
        app = "bank:Bank"
        name = "n1"
        bind = "tcp://127.0.0.1:7770"
        advertise = "tcp://a:1"
        seed = ["tcp://a:1", "tcp://b:2"]
        role = "teller"
        workers = 2
        import = ["x", "y"]
        drain_timeout = 3
        log_level = "error"
        log_format = "json"
        app_dir = "apps"

        [security]
        key = "keys/n1"
        roster = "/etc/roster.toml"
        insecure = false

        [[allow]]
        from = "teller"
        to = "accounts/*"
        messages = ["bank.Deposit"]

        [[allow]]
        from = "audit"
        watch = true
        """,
    )
    assert load("--config", path) == Settings(
        name="n1",
        app="bank:Bank",
        bind=("tcp://127.0.0.1:7770",),
        advertise="tcp://a:1",
        seed=("tcp://a:1", "tcp://b:2"),
        role=("teller",),
        workers=2,
        imports=("x", "y"),
        drain_timeout=3.0,
        log_level="error",
        log_format="json",
        app_dir=tmp_path / "apps",
        key=tmp_path / "keys" / "n1",
        roster=Path("/etc/roster.toml"),
        allow=(
            Allow("teller", "accounts/*", messages=["bank.Deposit"]),
            Allow("audit", watch=True),
        ),
        allow_file=Path(path),
    )


def test_flags_over_environment_over_file(tmp_path: Path) -> None:
    """Each setting comes from the strongest source that has it; lists are replaced, not joined."""
    path = toml(
        tmp_path, '[node]\nname = "file"\nrole = ["file"]\nworkers = 4\nseed = "tcp://file:1"\n'
    )
    environ = {"ACTORS_NAME": "environment", "ACTORS_ROLE": "environment", "ACTORS_CONFIG": path}
    settings = load("--name", "flag", environ=environ)
    assert settings.name == "flag"
    assert settings.role == ("environment",)
    assert settings.workers == 4
    assert settings.seed == ("tcp://file:1",)


def test_config_flag_over_its_variable(tmp_path: Path) -> None:
    """--config wins over ACTORS_CONFIG, and what it hides is not even read."""
    path = toml(tmp_path, '[node]\nname = "seen"\n')
    assert load("--config", path, environ={"ACTORS_CONFIG": "/hidden"}).name == "seen"


def test_empty_variables_and_an_empty_file_say_nothing(tmp_path: Path) -> None:
    """An empty variable unsets nothing and sets nothing; neither does an empty file."""
    path = toml(tmp_path, "")
    settings = load("--config", path, environ={"ACTORS_SEED": "", "ACTORS_NAME": " "})
    assert settings == Settings(name=settings.name, allow_file=Path(path))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["bank"], ["APP", "'bank'", "module:attribute"]),
        (["--name", ".hidden"], ["--name", "'.hidden'", "1 to 128", "no dot first"]),
        (["--name", ""], ["--name", "''"]),
        (["--role", "a b"], ["--role", "'a b'", "1 to 128"]),
        (["--bind", "tcp://127.0.0.1"], ["--bind", "port", "tcp://HOST:PORT"]),
        (["--bind", "tcp://127.0.0.1:65536"], ["--bind", "65535"]),
        (["--bind", "http://a:1"], ["--bind", "http"]),
        (["--bind", "mem://a"], ["--bind", "mem", "ipc://PATH"]),
        (["--seed", "tcp://10.0.0.1:0"], ["--seed", "port 0"]),
        (["--advertise", "tcp://*:80"], ["--advertise", "wildcard"]),
        (["--workers", "0"], ["--workers", "1 or more"]),
        (["--workers", "many"], ["--workers", "'many'", "whole number"]),
        (["--partition", "keep"], ["--partition", "'keep'", "keep-majority", "static-quorum"]),
        (["--partition", "static-quorum"], ["--partition", "--quorum-size"]),
        (["--quorum-size", "2"], ["--quorum-size", "static-quorum"]),
        (["--stable-after", "0"], ["--stable-after", "more than 0"]),
        (["--capacity", "big"], ["--capacity", "'big'", "number"]),
        (["--drain-timeout", "nan"], ["--drain-timeout", "more than 0"]),
        (["--drain-timeout", "-1"], ["--drain-timeout", "-1", "more than 0"]),
        (["--drain-timeout", "soon"], ["--drain-timeout", "'soon'", "seconds"]),
        (["--log-level", "loud"], ["--log-level", "'loud'", "debug", "critical"]),
        (["--log-format", "xml"], ["--log-format", "'xml'", "console", "json"]),
        (["--app-dir", "/no/such/place"], ["--app-dir", "/no/such/place", "directory"]),
        (["--config", "/no/such.toml"], ["/no/such.toml", "No such file"]),
        (["--name", "n" * 127, "--workers", "10"], ["--name", "workers"]),
    ],
)
def test_wrong_flags(arguments: Sequence[str], words: Sequence[str]) -> None:
    """A wrong flag is named with its value and what was expected, and means exit code 2."""
    with pytest.raises(ConfigError) as caught:
        load(*arguments)
    assert caught.value.code == Exit.USAGE
    for word in words:
        assert word in str(caught.value)


def test_wrong_variables_are_named() -> None:
    """An error of the environment names its variable."""
    with pytest.raises(ConfigError, match=r"ACTORS_WORKERS: 'four' .*whole number, 1 or more"):
        load(environ={"ACTORS_WORKERS": "four"})
    with pytest.raises(ConfigError, match=r"ACTORS_SEED: 'b' .*scheme"):
        load(environ={"ACTORS_SEED": "tcp://a:1,b"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[node", ["not valid TOML", "Expected ']'"]),
        ("[nodes]\n", ["unknown table nodes", "did you mean node?"]),
        ("name = 'x'\n", ["unknown table name", "[node]"]),
        ("node = 3\n", ["node is a value", "table, [node]"]),
        ("[node]\nseeds = []\n", ["[node]", "seeds", "did you mean seed?"]),
        ("[node]\ndrain-timeout = 1\n", ["drain-timeout", "did you mean drain_timeout?"]),
        ("[node]\nzzz = 1\n", ["zzz", "expected", "drain_timeout"]),
        ("[node]\nconfig = 'x'\n", ["unknown key config"]),
        ("[node]\nname = 5\n", ["key name", ": 5 is wrong", "1 to 128"]),
        ("[node]\nname = ['a']\n", ["key name", "['a'] is wrong", "1 to 128"]),
        ("[node]\nworkers = '4'\n", ["key workers", "'4'", "whole number"]),
        ("[node]\nworkers = true\n", ["key workers", "True", "whole number"]),
        ("[node]\nworkers = 1.5\n", ["key workers", "1.5", "whole number"]),
        ("[node]\ndrain_timeout = inf\n", ["key drain_timeout", "inf", "more than 0"]),
        ("[node]\ndrain_timeout = '3'\n", ["key drain_timeout", "'3'", "seconds"]),
        ("[node]\nseed = ['tcp://a:1', 7]\n", ["key seed", "7", "not text"]),
        ("[node]\nbind = 'tcp://a'\n", ["key bind", "'tcp://a'", "tcp://HOST:PORT"]),
        ("[node]\napp_dir = 'nowhere'\n", ["key app_dir", "nowhere", "directory"]),
    ],
)
def test_wrong_files(tmp_path: Path, text: str, words: Sequence[str]) -> None:
    """An error of the file names file, key, value, and what was expected."""
    path = toml(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load("--config", path)
    assert caught.value.code == Exit.USAGE
    for word in [path, *words]:
        assert word in str(caught.value)


def test_files_that_are_no_text(tmp_path: Path) -> None:
    """A directory or a binary file is reported, not raised through."""
    with pytest.raises(ConfigError, match=r"cannot be read: Is a directory"):
        load("--config", str(tmp_path))
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"UTF-8"):
        load("--config", str(tmp_path / "binary"))


def test_mistyped_variables_are_pointed_out() -> None:
    """A variable that is nearly ours gets a hint; those of others do not."""
    warnings = list(
        stray_variables(
            {"ACTORS_SEEDS": "x", "ACTORS_SERVICE_HOST": "x", "ACTORS_NAME": "x", "PATH": "x"}
        )
    )
    assert len(warnings) == 1
    assert re.search(r"ACTORS_SEEDS .*ACTORS_SEED\?", warnings[0])


def test_settings_survive_their_command_line() -> None:
    """`to_arguments` leads back to the same settings, whatever the environment of the worker."""
    settings = load(
        *("bank:Bank", "--name=-n", "--bind", "tcp://[::1]:1", "--seed", "tcp://a:1"),
        *("--role", "a", "--import", "x", "--advertise", "tcp://a:1", "--drain-timeout", "0.5"),
        *("--partition", "static-quorum", "--quorum-size", "3", "--capacity", "2"),
    )
    assert load(*to_arguments(settings)) == settings
