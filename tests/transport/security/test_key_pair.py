"""A secret key gets out of its pair in no way that is not asked for by its name."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from serialization.codec import Codec
from serialization.errors import SerializationError
from transport.errors import SecurityError
from transport.security.keys import KeyPair, is_key, write_keys
from transport.security.roster import Entry, Key, Roster
from transport.security.security import Security

KEYS = KeyPair.make()
SECURITY = Security(KEYS, Roster({"bank": Entry((Key(KEYS.public),))}))


@pytest.mark.parametrize("value", [KEYS, SECURITY], ids=["keys", "security"])
@pytest.mark.parametrize("show", [repr, str, "{}".format, "{0!r:>200}".format, "%s".__mod__])
def test_it_is_not_shown(value: object, show: Callable[[object], str]) -> None:
    """Whatever makes a text of it shows the public key at most."""
    assert KEYS.secret not in show(value)


@pytest.mark.parametrize("value", [KEYS, SECURITY], ids=["keys", "security"])
@pytest.mark.parametrize(
    "take", [pickle.dumps, copy.copy, copy.deepcopy, vars, dataclasses.asdict, dataclasses.astuple]
)
def test_it_is_not_taken_out(value: Any, take: Callable[[Any], object]) -> None:
    """Pickles, deep copies and what lists attributes are refused; a copy of `Security` shares."""
    if take is copy.copy and value is SECURITY:
        return
    with pytest.raises(TypeError) as caught:
        take(value)
    assert KEYS.secret not in str(caught.value)


@pytest.mark.parametrize("value", [KEYS, SECURITY, [KEYS], {"a": SECURITY}])
def test_it_is_not_sent(value: object) -> None:
    """It is of no registered class, alone or inside of something else, and the error is silent."""
    with pytest.raises(SerializationError) as caught:
        Codec().encode(value)
    assert KEYS.secret not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("spoil", ["x", "\n\n#", "ключ"])
def test_it_is_not_in_errors(tmp_path: Path, spoil: str) -> None:
    """A file that holds something beside the key is not repeated, nor in the traceback."""
    _, path = write_keys(tmp_path, KEYS)
    path.write_text(KEYS.secret + spoil)
    with pytest.raises(SecurityError, match="it holds no secret key") as caught:
        KeyPair.read(path)
    assert KEYS.secret not in "".join(traceback.format_exception(caught.value))


def test_it_comes_back_from_its_file(tmp_path: Path) -> None:
    """By the file or its directory; pairs are equal where their keys are."""
    _, path = write_keys(tmp_path, KEYS)
    assert KeyPair.read(path) == KeyPair.read(tmp_path) == KEYS
    assert hash(KeyPair.read(path)) == hash(KEYS)
    assert KeyPair.make() != KEYS
    assert KEYS != "keys"


def test_a_secret_in_the_roster_is_not_told_from_a_public_key() -> None:
    """Both are forty characters of Z85: nothing but care keeps a secret out of a roster."""
    assert is_key(KEYS.secret)
    assert is_key(KEYS.public)
    assert not is_key(KEYS.public[:-1])
