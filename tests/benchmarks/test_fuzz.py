"""What `make fuzz` fires, and what it is told."""

from __future__ import annotations

import random

import pytest

from benchmarks.fuzz import zmtp
from benchmarks.fuzz.__main__ import parse
from benchmarks.fuzz.mutation import LONGEST, mutate, splice

VALID = b"\x97\x01\xa8target#1\xc0\x00\xc0\xc4\x01\xc0\x00"


def test_mutations_are_those_of_their_seed() -> None:
    """The same seed gives the same inputs, another one others."""

    def some(seed: int) -> list[bytes]:
        chance = random.Random(seed)
        return [mutate(VALID, chance) for _ in range(100)]

    assert some(1) == some(1)
    assert some(1) != some(2)


def test_mutations_change_and_are_bounded() -> None:
    """Nearly all differ from what they began with, and none is longer than allowed."""
    chance = random.Random(1)
    made = [mutate(VALID, chance) for _ in range(1000)]
    assert sum(each != VALID for each in made) > 950
    assert max(map(len, made)) <= LONGEST
    assert mutate(b"", chance) is not None
    assert splice(b"", b"", chance) == b""


def test_frames_are_as_zmtp_has_them() -> None:
    """Short and long ones, commands, and such as declare what they have not (RFC 23)."""
    assert zmtp.frame(b"ab") == b"\x00\x02ab"
    assert zmtp.frame(bytes(256))[:9] == b"\x02" + (256).to_bytes(8, "big")
    assert zmtp.frame(b"x", zmtp.MORE, declared=2**63) == b"\x03\x80" + bytes(7) + b"x"
    assert zmtp.command(b"PING", b"\0\0") == b"\x04\x07\x04PING\0\0"
    assert len(zmtp.greeting()) == zmtp.GREETING_BYTES


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--inputs", "0"], "must be at least 1"),
        (["--only", "rivers"], "--only takes some of inputs,streams"),
    ],
)
def test_wrong_arguments_are_refused(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what is wrong, and exit code 2."""
    with pytest.raises(SystemExit, match="2"):
        parse(arguments)
    assert complaint in " ".join(capsys.readouterr().err.split())
