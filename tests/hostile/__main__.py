"""`python -m tests.hostile`: write `docs/bad-inputs.md` from the table."""

from __future__ import annotations

from pathlib import Path

from tests.hostile.rows import ROWS
from tests.hostile.table import as_document

DOCUMENT = Path(__file__).parents[2] / "docs" / "bad-inputs.md"

if __name__ == "__main__":
    DOCUMENT.write_text(as_document(ROWS), encoding="utf-8")
