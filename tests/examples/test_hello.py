"""The README's first lines of code are `examples/hello.py`, and they run."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]


def code_of(source: str) -> str:
    """What follows the module's docstring."""
    docstring = ast.parse(source).body[0]
    assert docstring.end_lineno is not None
    return "\n".join(source.splitlines()[docstring.end_lineno :]).strip()


def test_it_greets(run_example: Run) -> None:
    """It prints the greeting and nothing else."""
    done = run_example("hello")
    assert (done.stdout, done.stderr, done.returncode) == ("Hello, world!\n", "", 0)


def test_the_readme_shows_the_same_twelve_lines(root: Path) -> None:
    """The README's first Python block is the example, line for line."""
    code = code_of((root / "examples" / "hello.py").read_text("utf-8"))
    block = re.search(r"```python\n(.*?)```", (root / "README.md").read_text("utf-8"), re.DOTALL)
    assert block is not None
    assert block[1].strip() == code
    assert len([line for line in code.splitlines() if line.strip()]) == 12
