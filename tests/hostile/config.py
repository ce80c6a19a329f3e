"""Bad inputs in flags, environment and configuration file: all of them exit 2, in this process."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from typing import Any

import pytest

from actors.cli.config import load_settings
from actors.cli.exits import CommandError, Exit
from actors.cli.main import parser
from tests.hostile.stage import Stage
from tests.hostile.table import Table

TABLE = Table("config")
row = TABLE.row


def wrong(*arguments: str, environ: Mapping[str, str] | None = None) -> str:
    """Exit code 2; returns what it says."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), pytest.raises((CommandError, SystemExit)) as caught:
        load_settings(parser().parse_args(arguments), environ or {})
    error: Any = caught.value
    assert error.code == Exit.USAGE
    return said.getvalue() + str(error)


def wrong_file(stage: Stage, text: str | bytes) -> str:
    """The same for a file of this text; what it says begins with the file's name."""
    path = stage.folder / "node.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    said = wrong("--config", str(path))
    assert str(path) in said
    return said


@row("flag-unknown", "the flag `--nmae`", "exit 2, naming it")
async def flag_unknown(stage: Stage) -> None:
    assert "--nmae" in wrong("--nmae", "x")


@row("flag-bare", "`--name` without a value", "exit 2, naming it")
async def flag_bare(stage: Stage) -> None:
    assert "--name" in wrong("--name")


@row(
    "flag-port",
    "`--bind` with port 65536 or abc, or none",
    "exit 2, naming flag, value and what is expected",
)
async def flag_port(stage: Stage) -> None:
    for bad in ("tcp://127.0.0.1:65536", "tcp://127.0.0.1:abc", "tcp://127.0.0.1"):
        said = wrong("--bind", bad)
        assert "--bind" in said
        assert bad in said


@row("flag-ipv6", "`--bind tcp://::1:7770`", "exit 2, saying that brackets are missing")
async def flag_ipv6(stage: Stage) -> None:
    assert "brackets" in wrong("--bind", "tcp://::1:7770")


@row("flag-seed", "`--seed` with port 0 or a wildcard", "exit 2: nobody can dial it")
async def flag_seed(stage: Stage) -> None:
    for bad in ("tcp://127.0.0.1:0", "tcp://*:5", "tcp://0.0.0.0:5"):
        assert "dial" in wrong("--seed", bad)


@row("flag-number", "`--workers` 0, -1, 1.5 or nan", "exit 2, naming flag and value")
async def flag_number(stage: Stage) -> None:
    for bad in ("0", "-1", "1.5", "nan"):
        assert "--workers" in wrong(f"--workers={bad}")


@row("flag-seconds", "`--drain-timeout` 0, -1, nan, inf or soon", "exit 2, naming flag and value")
async def flag_seconds(stage: Stage) -> None:
    for bad in ("0", "-1", "nan", "inf", "soon"):
        assert "--drain-timeout" in wrong(f"--drain-timeout={bad}")


@row("flag-name", "`--name` with a slash, a line break or 129 letters", "exit 2")
async def flag_name(stage: Stage) -> None:
    for bad in ("a/b", "a\nb", "a" * 129, ""):
        assert "--name" in wrong(f"--name={bad}")


@row("variable", "`ACTORS_BIND=http://a:1`", "exit 2, naming the variable")
async def variable(stage: Stage) -> None:
    assert "ACTORS_BIND" in wrong(environ={"ACTORS_BIND": "http://a:1"})


@row("variable-commas", "`ACTORS_BIND=,,`", "exit 2: no endpoint is named")
async def variable_commas(stage: Stage) -> None:
    assert "none is named" in wrong(environ={"ACTORS_BIND": ",,"})


@row(
    "file-missing", "a file that is not there, or a folder", "exit 2, saying why it cannot be read"
)
async def file_missing(stage: Stage) -> None:
    assert "cannot be read" in wrong("--config", str(stage.folder / "none.toml"))
    assert "cannot be read" in wrong("--config", str(stage.folder))


@row("file-no-toml", "a file that is no TOML", "exit 2, naming line and column")
async def file_no_toml(stage: Stage) -> None:
    assert "line 1" in wrong_file(stage, "[node\n")


@row("file-binary", "a file of random bytes, of zeros, or in UTF-16", "exit 2")
async def file_binary(stage: Stage) -> None:
    for data in (bytes(range(256)), bytes(64), "[node]\n".encode("utf-16")):
        wrong_file(stage, data)


@row(
    "file-bomb",
    "a YAML bomb: anchors that multiply",
    "exit 2: it is no TOML, which has no references",
)
async def file_bomb(stage: Stage) -> None:
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    lines += [f"{c}: &{c} [*{b},*{b},*{b},*{b}]" for b, c in zip("abcdefg", "bcdefgh", strict=True)]
    assert "not valid TOML" in wrong_file(stage, "\n".join(lines))


@row("file-nested", "TOML arrays, 10,000 deep", "exit 2; the interpreter's stack holds")
async def file_nested(stage: Stage) -> None:
    wrong_file(stage, "[node]\nname = " + "[" * 10_000 + "]" * 10_000)


@row("file-tables", "TOML tables, 5,000 deep", "exit 2; the interpreter's stack holds")
async def file_tables(stage: Stage) -> None:
    wrong_file(stage, "[" + ".".join("a" * 5_000) + "]\n")


@row("file-number", "a TOML number of 10,000 digits", "exit 2")
async def file_number(stage: Stage) -> None:
    wrong_file(stage, "[node]\nworkers = " + "9" * 10_000)


@row("file-large", "a file of more than 64 KiB", "exit 2; it is not read to its end")
async def file_large(stage: Stage) -> None:
    assert "larger than" in wrong_file(stage, "#" * (2 << 20))


@row("file-endless", "the file `/dev/zero`", "exit 2; it is not read to its end, as it has none")
async def file_endless(stage: Stage) -> None:
    assert "/dev/zero" in wrong("--config", "/dev/zero")


@row("file-key", "an unknown key, and an unknown table", "exit 2, with the one that was meant")
async def file_key(stage: Stage) -> None:
    assert "did you mean name?" in wrong_file(stage, '[node]\nnmae = "x"\n')
    assert "nodes" in wrong_file(stage, '[nodes]\nname = "x"\n')


@row(
    "file-types",
    "values of wrong types for every key",
    "exit 2, naming file, key and what is expected",
)
async def file_types(stage: Stage) -> None:
    for line in ("name = 5", "workers = '2'", "workers = true", "seed = [[]]", "bind = {}"):
        key = line.split()[0]
        assert f"key {key}" in wrong_file(stage, f"[node]\n{line}\n")


@row("file-twice", "a key twice", "exit 2, naming the line")
async def file_twice(stage: Stage) -> None:
    assert "line 3" in wrong_file(stage, '[node]\nname = "a"\nname = "b"\n')
