"""`actors-node keygen`: keys with the right modes, a line for the roster, nothing overwritten."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.cli.exits import CommandError, Exit
from actors.cli.keygen import keygen, parser
from actors.cli.main import main
from actors.cli.main import parser as command_parser
from transport.security.keys import KeyPair
from transport.security.roster import Roster


def run(*arguments: object) -> int:
    return keygen([str(each) for each in arguments], "actors-node")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_it_makes_a_pair(tmp_path: Path, umask: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever the umask: 0600 for the secret, 0644 for the public key, 0700 for the folders."""
    directory = tmp_path / "keys" / "bank"
    assert run(directory) == Exit.DRAINED
    keys = KeyPair.read(directory)
    assert (directory / "public.key").read_text() == f"{keys.public}\n"
    assert mode(directory / "secret.key") == 0o600
    assert mode(directory / "public.key") == 0o644
    assert mode(directory) == mode(tmp_path / "keys") == 0o700
    out, err = capsys.readouterr()
    assert out == f'bank = "{keys.public}"\n'
    assert f"--name bank --key {directory}" in err
    assert '["OLD", "NEW"]' in err  # a name that has a key already
    assert keys.secret not in out + err


def test_its_output_is_a_roster(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What several runs print is a roster of all of them; names with a dot are quoted."""
    assert run(tmp_path / "bank") == 0
    assert run(tmp_path / "two", "--name", "eu.branch-2") == 0
    roster = tmp_path / "roster.toml"
    roster.write_text(capsys.readouterr().out)
    read = Roster.read(roster)
    assert read.names == ("bank", "eu.branch-2")
    assert read.keys_of("eu.branch-2", 0.0) == (KeyPair.read(tmp_path / "two").public,)


@pytest.mark.parametrize("there", ["secret.key", "public.key"])
def test_nothing_is_overwritten(
    tmp_path: Path, there: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where either key is, nothing is changed, left behind or printed: exit 2."""
    (tmp_path / there).write_text("precious")
    with pytest.raises(CommandError, match=f"{there}: it is there already") as caught:
        run(tmp_path)
    assert caught.value.code == Exit.USAGE
    assert [each.name for each in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "precious"
    assert capsys.readouterr().out == ""


def test_a_link_in_the_place_of_a_key_is_not_followed(tmp_path: Path) -> None:
    """A symbolic link that leads nowhere yet does not say where the secret goes."""
    (tmp_path / "secret.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CommandError, match="it is there already"):
        run(tmp_path, "--name", "bank")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("open_to", [0o777, 0o770, 0o722])
def test_a_directory_that_others_can_write_to(tmp_path: Path, open_to: int) -> None:
    """Others could replace the keys there: exit 2 with the chmod to run, and no keys."""
    tmp_path.chmod(open_to)
    with pytest.raises(CommandError, match=rf"run: chmod go-w {tmp_path}"):
        run(tmp_path, "--name", "bank")
    assert not list(tmp_path.iterdir())


def test_a_sticky_directory_is_fine(tmp_path: Path) -> None:
    """Where nobody can replace what is another's, as in /tmp, the keys are safe."""
    tmp_path.chmod(0o1777)
    assert run(tmp_path, "--name", "bank") == 0


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_file_in_the_place_of_the_directory(tmp_path: Path, below: str) -> None:
    """DIR, or what is above it, may be a file: exit 2, naming it."""
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match=rf"{tmp_path}/file") as caught:
        run(tmp_path / "file" / below, "--name", "bank")
    assert caught.value.code == Exit.USAGE


def test_where_nothing_can_be_written() -> None:
    """A directory that cannot be made is an error with its name: exit 2."""
    with pytest.raises(CommandError, match=r"/proc/none: cannot be written"):
        run("/proc/none")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["/"], "DIR: .*say --name"),
        (["keys", "--name", "a b"], "--name: "),
        (["", "--name", "x"], "DIR: it is empty"),
    ],
)
def test_wrong_arguments(arguments: list[str], words: str) -> None:
    """A name must be one; where DIR gives none it has to be said. No DIR is not this one."""
    with pytest.raises(CommandError, match=words) as caught:
        run(*arguments)
    assert caught.value.code == Exit.USAGE


def test_a_disk_that_is_full_for_the_line(tmp_path: Path) -> None:
    """Where the line cannot be printed the keys are there, and the error says where: exit 1."""
    command = [sys.executable, "-m", "actors.cli", "keygen", str(tmp_path), "--name", "bank"]
    with Path("/dev/full").open("wb", buffering=0) as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == Exit.FAILED, done.stderr
    assert done.stderr.count("\n") == 1
    assert f"its key is in {tmp_path}/public.key" in done.stderr
    KeyPair.read(tmp_path)


def test_the_command_knows_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`keygen` is the first word; an error is one line on stderr."""
    assert main(["keygen", str(tmp_path / "bank")]) == 0
    capsys.readouterr()
    assert main(["keygen", str(tmp_path / "bank")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "is not overwritten" in err


def test_help_tells_of_it() -> None:
    """The help of the command names it, and its own says what it takes."""
    assert "actors-node keygen DIR" in " ".join(command_parser().format_help().split())
    assert "--name NAME" in parser("actors-node").format_help()
