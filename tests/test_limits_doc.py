"""`docs/limits.md` names limits, defaults and tests; all of them must be so."""

from __future__ import annotations

import re

import pytest

from serialization import Limits
from tests.test_semantics_doc import ROOT, names_in
from transport import TransportOptions

TEXT = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in TEXT.splitlines()
    if line.startswith("| ") and "**" not in line.split("|")[1]
][1:]
LIMITS = ["message_bytes", "depth", "buffers", "number_bytes", "equal_hashes"]
OPTIONS = [
    "max_connections",
    "max_connections_per_address",
    "unauthenticated_bytes",
    "handshake_timeout",
    "capacity",
    "max_frame",
    "max_buffers",
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_limit_names_a_test_that_exists(row: list[str]) -> None:
    """Whoever renames one renames it in the table too."""
    assert len(row) == 5
    found = re.fullmatch(r"`(tests/[\w/]+\.py)::(\w+)` ?\|?", row[4])
    assert found is not None
    assert found[2] in names_in(found[1])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_file_that_sets_a_limit_exists(row: list[str]) -> None:
    """It is where a reader looks for the number."""
    for path in re.findall(r"`([\w/]+\.py)`", row[2]):
        assert (ROOT / path).is_file()


@pytest.mark.parametrize("name", [*LIMITS, *OPTIONS])
def test_every_limit_that_can_be_set_is_in_the_table(name: str) -> None:
    """With the default that it has."""
    default = getattr(Limits() if name in LIMITS else TransportOptions(), name)
    rows = [row for row in ROWS if f"`{name}`" in row[2] and "+" not in row[2]]
    written = {f"{default:g}", str(default), f"{default / 1024:g} KiB", f"{default / 2**20:g} MiB"}
    assert any(re.search(rf"(^|\s){re.escape(w)}\b", row[1]) for row in rows for w in written), rows


def test_every_limit_of_the_codec_is_listed() -> None:
    """A new one needs a row, and a test."""
    assert sorted(LIMITS) == sorted(Limits.__slots__)
