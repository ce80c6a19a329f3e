"""Runs examples as a reader does: `python -m examples.NAME`, from the root of the clone."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 240.0
"""Seconds; long, for a machine that has much else to do."""

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]


def command(name: str, *arguments: object) -> list[str]:
    """The command line of an example."""
    return [sys.executable, "-m", f"examples.{name}", *map(str, arguments)]


@pytest.fixture
def root() -> Path:
    """The root of the clone."""
    return ROOT


@pytest.fixture
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of an example, with a temporary folder of its own."""
    unwanted = ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS")
    kept = {key: value for key, value in os.environ.items() if key not in unwanted}
    return kept | {"TMPDIR": str(tmp_path_factory.mktemp("tmp"))}


@pytest.fixture
def run_example(env: dict[str, str]) -> Run:
    """Run an example to its end and return what it printed."""

    def run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(name, *arguments),
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
        )

    return run


@pytest.fixture
def run_on_terminal(env: dict[str, str]) -> Callable[..., tuple[int, str]]:
    """Run an example with a terminal as its output; return its exit code and what it wrote."""

    def run(name: str, *arguments: object) -> tuple[int, str]:
        ours, theirs = pty.openpty()
        drawing = env | {"TERM": "xterm", "COLUMNS": "110", "LINES": "40"}
        with subprocess.Popen(
            command(name, *arguments), cwd=ROOT, env=drawing, stdout=theirs, stderr=theirs
        ) as process:
            os.close(theirs)
            output = b"".join(iter(lambda: read_terminal(ours), b""))
            code = process.wait(PATIENCE)
        os.close(ours)
        return code, output.decode()

    return run


def read_terminal(descriptor: int) -> bytes:
    """Read what there is; nothing once the other side is closed."""
    try:
        return os.read(descriptor, 65536)
    except OSError:  # EIO
        return b""


@pytest.fixture
def start_example(request: pytest.FixtureRequest, env: dict[str, str]) -> Start:
    """Start an example; it is ended with the test, if it still runs then."""

    def start(name: str, *arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command(name, *arguments),
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        request.addfinalizer(lambda: end(process))
        return process

    return start


def end(process: subprocess.Popen[str]) -> None:
    """End a process and close its pipes."""
    with process:
        if process.poll() is None:
            process.kill()


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Read the process's output up to the line that contains `text`, and return that line."""
    assert process.stdout is not None
    seen: list[str] = []
    for line in process.stdout:
        seen.append(line)
        if text in line:
            return line
    stderr = process.stderr.read() if process.stderr is not None else ""
    raise AssertionError(f"it ended without {text!r}; stdout: {''.join(seen)} stderr: {stderr}")


@pytest.fixture
def wait_for_line() -> Callable[[subprocess.Popen[str], str], str]:
    """Read a process's output up to a line that contains a text."""
    return read_until
