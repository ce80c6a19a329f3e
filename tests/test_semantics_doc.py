"""`docs/semantics.md` names tests; every one of them must exist."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOC = ROOT / "docs" / "semantics.md"
TEXT = DOC.read_text(encoding="utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)
PROMISES = re.findall(r"^(\d+)\. .+\n((?: .*\n?)*)", TEXT, flags=re.MULTILINE)


@functools.cache
def names_in(path: str) -> frozenset[str]:
    """The names of all test functions of a file."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def test_every_named_test_exists() -> None:
    """Whoever renames a test renames it in the document too."""
    assert NAMED
    assert [f"{path}::{name}" for path, name in NAMED if name not in names_in(path)] == []


def test_the_promises_are_numbered_through() -> None:
    """Numbers begin at 1 and leave none out, so that they can be quoted."""
    assert [int(number) for number, _ in PROMISES] == list(range(1, len(PROMISES) + 1))


def test_every_promise_names_a_test() -> None:
    """A promise that nothing shows is none."""
    assert [number for number, rest in PROMISES if "::test_" not in rest] == []
