"""Each bad input gets what the table says, and the node goes on."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.hostile.rows import ROWS
from tests.hostile.stage import Stage
from tests.hostile.table import Row, as_document

LEAST = 80
DOCUMENT = Path(__file__).parents[2] / "docs" / "bad-inputs.md"


@pytest.mark.loops("asyncio")
@pytest.mark.parametrize("row", ROWS, ids=[f"{row.place}-{row.id}" for row in ROWS])
async def test_bad_input(row: Row, tmp_path: Path) -> None:
    """What the row says; after it every node of the row answers, and its ledger adds up."""
    async with Stage(tmp_path) as stage:
        await row.check(stage)
        await stage.still_answers()


def test_the_table_is_long_enough() -> None:
    """There are at least 80 rows."""
    assert len(ROWS) >= LEAST


def test_no_two_rows_are_one() -> None:
    """Each has an id, and words, of its own."""
    for key in ("id", "name"):
        (_, most), *_ = Counter(getattr(row, key) for row in ROWS).most_common(1)
        assert most == 1, key


def test_the_document_is_what_the_table_says() -> None:
    """`docs/bad-inputs.md` is written by `python -m tests.hostile`."""
    assert DOCUMENT.read_text(encoding="utf-8") == as_document(ROWS)
