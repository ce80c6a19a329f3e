"""Key pairs and their files: only the owner reads the secret, and nothing is overwritten."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from transport.errors import SecurityError
from transport.security.keys import PUBLIC_FILE, SECRET_FILE, KeyPair, check_key, write_keys


@pytest.fixture
def pair() -> KeyPair:
    return KeyPair.make()


def test_a_pair_comes_back_from_its_files(pair: KeyPair, tmp_path: Path) -> None:
    """By the directory or by the file of the secret; the public key follows from it."""
    public, secret = write_keys(tmp_path / "new" / "keys", pair)
    assert KeyPair.read(tmp_path / "new" / "keys") == pair
    assert KeyPair.read(secret) == pair
    assert public.read_text() == f"{pair.public}\n"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_the_owner_can_read_the_secret(pair: KeyPair, tmp_path: Path, umask: int) -> None:
    """Whatever the umask; a directory that is made is the owner's own, too."""
    before = os.umask(umask)
    try:
        _, secret = write_keys(tmp_path / "keys", pair)
    finally:
        os.umask(before)
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE(secret.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("there", [PUBLIC_FILE, SECRET_FILE])
def test_nothing_is_overwritten(pair: KeyPair, tmp_path: Path, there: str) -> None:
    """One of the two files is enough to refuse, and then neither is left behind."""
    (tmp_path / there).write_text("precious")
    with pytest.raises(SecurityError, match="not overwritten; choose another directory"):
        write_keys(tmp_path, pair)
    assert [path.name for path in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "precious"


def test_a_link_in_the_place_of_the_secret_is_not_followed(pair: KeyPair, tmp_path: Path) -> None:
    """Else it would be written where somebody else wants it."""
    (tmp_path / SECRET_FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SecurityError):
        write_keys(tmp_path, pair)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o666, 0o610])
def test_a_secret_that_others_can_read_is_refused(pair: KeyPair, tmp_path: Path, mode: int) -> None:
    """The error says which command puts it right."""
    _, secret = write_keys(tmp_path / "keys", pair)
    secret.chmod(mode)
    with pytest.raises(SecurityError, match=f"run: chmod 600 {secret}"):
        KeyPair.read(secret)


@pytest.mark.parametrize(
    "content", [b"", b"short", b"\xff" * 40, b"'" * 40, b"a" * 41, b"a" * 40 + b"\n" + b"b" * 40]
)
def test_what_is_no_key_is_refused_without_being_shown(tmp_path: Path, content: bytes) -> None:
    """It may be a secret with a slip of the pen."""
    path = tmp_path / SECRET_FILE
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(SecurityError) as caught:
        KeyPair.read(path)
    assert str(path) in str(caught.value)
    assert not content.strip() or content.strip().decode("latin-1") not in str(caught.value)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A file that is missing, and one that is none."""
    with pytest.raises(SecurityError, match=r"cannot be read: No such file.* keygen DIR"):
        KeyPair.read(tmp_path / "missing")
    with pytest.raises(SecurityError, match="no regular file"):
        KeyPair.read(Path(os.devnull))


def test_a_folder_that_cannot_be_made_is_named(pair: KeyPair, tmp_path: Path) -> None:
    """There is a file where the folder should be."""
    (tmp_path / "file").touch()
    with pytest.raises(SecurityError, match="file"):
        write_keys(tmp_path / "file" / "keys", pair)


def test_the_secret_is_not_shown(pair: KeyPair) -> None:
    """Neither by repr nor by str, nor by format."""
    for shown in (repr(pair), str(pair), f"{pair}"):
        assert pair.secret not in shown
        assert pair.public in shown


def test_a_key_is_forty_characters() -> None:
    """Anything else raises, and is not repeated."""
    assert check_key("a" * 40) == "a" * 40
    with pytest.raises(ValueError, match="40 characters of Z85") as caught:
        check_key("my secret")
    assert "my secret" not in str(caught.value)
