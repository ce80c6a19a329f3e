"""The README: its code runs, its links lead somewhere."""

from __future__ import annotations

import ast
import inspect
import re
from typing import TYPE_CHECKING

import pytest

from actors import Node

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def readme(root: Path) -> str:
    return (root / "README.md").read_text("utf-8")


async def test_its_code_runs(readme: str) -> None:
    """The Python blocks after the first run one after the other, in one namespace with a node."""
    blocks = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)[1:]
    assert len(blocks) >= 4
    async with Node("readme") as node:
        names: dict[str, object] = {"node": node, "__name__": "readme"}
        for block in blocks:
            code = compile(block, "README.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            result = eval(code, names)  # the README is ours
            if inspect.isawaitable(result):
                await result


def test_its_links_lead_somewhere(readme: str, root: Path) -> None:
    """Every link that is no web address is a file of the repository."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", readme)
    assert links
    assert not [link for link in links if not (root / link).exists()]


def test_it_names_every_example(readme: str, root: Path) -> None:
    """Each example can be found from the README."""
    modules = {path.stem for path in (root / "examples").iterdir() if path.stem[0] not in "_."}
    assert modules == set(re.findall(r"`python -m examples\.(\w+)`", readme))
