"""The files of keys and rosters: modes that are refused, and what is no file at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from transport.errors import SecurityError
from transport.security.files import (
    check_private,
    check_public,
    create_files,
    make_directory,
    read_file,
)
from transport.security.keys import KeyPair, write_keys
from transport.security.roster import Roster


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o601, 0o666])
def test_a_secret_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    """Any right of group or others on an own secret: the error has the file and the chmod."""
    write_keys(tmp_path, KeyPair.make())
    (tmp_path / "secret.key").chmod(mode)
    with pytest.raises(SecurityError) as caught:
        KeyPair.read(tmp_path)
    path = tmp_path / "secret.key"
    assert str(caught.value).startswith(f"{path}: others can read this secret")
    assert f"run: chmod 600 {path}" in str(caught.value)


def status(mode: int, owner: int) -> os.stat_result:
    return os.stat_result((stat.S_IFREG | mode, 0, 0, 1, owner, 0, 1, 0, 0, 0))


def test_a_mounted_secret_may_be_for_our_group() -> None:
    """Where somebody else owns it our group may read it, but not everybody."""
    stranger = os.geteuid() + 1
    check_private(Path("secret"), status(0o440, stranger))
    with pytest.raises(SecurityError, match="-r--r--r--"):
        check_private(Path("secret"), status(0o444, stranger))


def test_a_roster_that_anybody_can_change_is_refused(tmp_path: Path) -> None:
    """Whoever can write to it can let in whom he likes; a group may, everybody may not."""
    path = tmp_path / "roster.toml"
    path.write_text(f'bank = "{KeyPair.make().public}"\n')
    path.chmod(0o664)
    assert Roster.read(path).names == ("bank",)
    path.chmod(0o666)
    with pytest.raises(SecurityError, match=rf"anybody can change it .*chmod o-w {path}"):
        Roster.read(path)


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    """A pipe without a writer, a device or a directory hold nothing up."""
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(SecurityError, match="no regular file"):
            read_file(path, 10, check_public)


def test_what_is_missing_or_too_large_is_named(tmp_path: Path) -> None:
    """The file, and what is wrong with it."""
    with pytest.raises(SecurityError, match=rf"{tmp_path}/none: cannot be read: No such file"):
        read_file(tmp_path / "none", 10, check_public)
    (tmp_path / "large").write_bytes(b"x" * 11)
    with pytest.raises(SecurityError, match="more than 10 bytes"):
        read_file(tmp_path / "large", 10, check_public)
    (tmp_path / "large").write_bytes(b"x" * 10)
    assert read_file(tmp_path / "large", 10, check_public) == b"x" * 10


def test_all_files_are_created_or_none(tmp_path: Path) -> None:
    """Where the second cannot be, the first one goes again."""
    (tmp_path / "second").touch()
    files = [(tmp_path / "first", "1", 0o600), (tmp_path / "second", "2", 0o644)]
    with pytest.raises(SecurityError, match="second: it is there already"):
        create_files(files)
    assert not (tmp_path / "first").exists()


def test_a_file_that_cannot_be_written_to_the_end_goes_again(tmp_path: Path) -> None:
    """Half a key would be in the way of the next attempt."""
    with pytest.raises(UnicodeEncodeError):
        create_files([(tmp_path / "key", "ключ", 0o600)])
    assert not (tmp_path / "key").exists()


def test_a_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    """And so is what was missing above it."""
    before = os.umask(0)
    try:
        make_directory(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / "a", tmp_path / "a" / "b")]
    assert modes == [0o700, 0o700]
