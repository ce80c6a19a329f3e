"""Runs `actors-node` as a user does, and waits for its lines and its end."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

from tests.integration.kit import APPS

PATIENCE = 60.0
"""Seconds to wait for a line or an end that is certain to come; only a failure takes them all."""
READY = re.compile(r"actors-node (?P<name>\S+) ready at (?P<endpoint>\S+)")


class Lines:
    """The lines of one stream of a process, to be waited for."""

    def __init__(self, stream: IO[str]) -> None:
        self.seen: list[str] = []
        self._queue: queue.Queue[str | None] = queue.Queue()
        self._stream = stream
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with self._stream:
            for line in self._stream:
                self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Return the match in the next line that has one."""
        deadline = time.monotonic() + PATIENCE
        while (line := self._next(deadline, pattern)) is not None:
            if match := re.search(pattern, line):
                return match
        raise AssertionError(f"{pattern!r} never came, but {self.seen}")

    def rest(self) -> list[str]:
        """Return all lines, once the stream has ended."""
        deadline = time.monotonic() + PATIENCE
        while self._next(deadline, "the end") is not None:
            pass
        return self.seen

    def _next(self, deadline: float, wanted: str) -> str | None:
        try:
            line = self._queue.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise AssertionError(f"waited in vain for {wanted!r}; seen: {self.seen}") from None
        if line is None:
            self._queue.put(None)
        else:
            self.seen.append(line)
        return line


class Command:
    """One run of `actors-node`, with the redirections of a shell."""

    def __init__(
        self, arguments: tuple[str, ...], cwd: Path, environ: dict[str, str], redirections: str
    ) -> None:
        command = str(Path(sys.executable).parent / "actors-node")
        self.process = subprocess.Popen(
            ["sh", "-c", f'exec "$0" "$@" {redirections}', command, *arguments],
            cwd=cwd,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.out = Lines(self.process.stdout)
        self.err = Lines(self.process.stderr)

    def ready(self) -> tuple[str, str]:
        """Wait for the next line that says a node is ready; return its name and endpoint."""
        match = self.out.wait_for(READY.pattern)
        return match["name"], match["endpoint"]

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def code(self) -> int:
        """Wait for its end and return its exit code."""
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"does not end; {self.out.seen} {self.err.seen}") from None

    def insist(self, number: signal.Signals) -> int:
        """Send a signal until it ends, and return its exit code.

        The kernel may hand a signal that follows another closely to any thread of the process, and
        a thread that hangs notices only those that it is handed itself.
        """
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            self.send(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.5)
        return self.code()

    def terminate(self) -> int:
        """Tell it to drain and return its exit code."""
        self.send(signal.SIGTERM)
        return self.code()


Start = Callable[..., Command]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start `actors-node` with these arguments; what still runs after the test is killed."""
    started: list[Command] = []
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ACTORS_")}

    def run(
        *arguments: object, app_dir: Path | None = APPS, redirections: str = "", **variables: str
    ) -> Command:
        where = () if app_dir is None else ("--app-dir", str(app_dir))
        given = (*where, *map(str, arguments))
        command = Command(given, tmp_path, {**clean, **variables}, redirections)
        started.append(command)
        return command

    yield run
    for command in started:
        command.process.kill()  # the workers of a killed parent drain by themselves
        command.process.wait()
        command.out.rest()
        command.err.rest()
