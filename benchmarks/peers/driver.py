"""A contender in a process of its own, so that it neither blocks nor burdens the benchmark's.

`python -m benchmarks.peers.driver MODULE FUNCTION SCALE` opens what that function opens, and makes
one repetition for each line that it reads. Each of its answers is one line of JSON, the first when
it is open: `{"figures": {...}}`, or `{"error": "..."}`. It ends with its input.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import os
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping
from typing import IO, Any

import psutil
import uvloop

from benchmarks.harness import Open, Run
from benchmarks.processes import environment

WITHIN = 120.0
"""Seconds for one answer: opening, or one repetition."""
ENDS_WITHIN = 20.0
"""Seconds for ending by itself."""


def elsewhere(module: str, function: str, within: float = WITHIN) -> Open:
    """Open what that function of that module opens, in a process of its own.

    Opening and running raise RuntimeError where it fails there, and TimeoutError when no answer
    comes `within` so many seconds.
    """

    @contextlib.asynccontextmanager
    async def open_(scale: float) -> AsyncGenerator[Run, None]:
        # What is killed cannot tidy up: its files are where they are removed with it.
        with (
            tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch,
            tempfile.TemporaryFile() as errors,
        ):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "benchmarks.peers.driver", module, function, str(scale)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env={**environment(), "TMPDIR": scratch},
                start_new_session=True,  # an interrupt ends us, and the end of its input ends it
            )
            assert process.stdin is not None

            async def run() -> Mapping[str, float]:
                assert process.stdin is not None
                process.stdin.write(b"run\n")
                return await _answer(process, errors, within)

            try:
                await _answer(process, errors, within)
                yield run
            finally:
                process.stdin.close()
                await _end(process, ENDS_WITHIN)

    return open_


async def _answer(
    process: asyncio.subprocess.Process, errors: IO[bytes], within: float
) -> Mapping[str, float]:
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), within)
    except TimeoutError:
        await _end(process, 0)  # what hangs may be busy, and would slow the others
        raise TimeoutError(f"no answer within {within:g} s") from None
    answer: dict[str, Any] = json.loads(line) if line else {"error": _last_line(errors)}
    if "error" in answer:
        raise RuntimeError(answer["error"])
    figures: dict[str, float] = answer["figures"]
    return figures


def _last_line(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read().decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "ended without a word")


async def _end(process: asyncio.subprocess.Process, within: float) -> None:
    """Wait for the end of the process, and kill what it has left, itself included."""
    family: list[psutil.Process] = []
    with contextlib.suppress(psutil.NoSuchProcess):
        first = psutil.Process(process.pid)
        family = [first, *first.children(recursive=True)]
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), within)
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()  # a process that took its id meanwhile is left alone
    await process.wait()


async def serve(module: str, function: str, scale: float, answers: IO[str]) -> None:
    """Be the process: one repetition for each line of the standard input."""

    def answer(**what: Any) -> None:
        print(json.dumps(what), file=answers, flush=True)

    try:
        open_ = getattr(importlib.import_module(module), function)
        async with open_(scale) as run:
            answer(figures={})
            while await asyncio.to_thread(sys.stdin.readline):
                answer(figures=await run())
    except Exception as error:  # noqa: BLE001 - whatever it is, the benchmark reports it
        answer(error=f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    # What a library prints goes to the standard error; the standard output is for answers only.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as own:
        os.dup2(2, 1)
        uvloop.run(serve(sys.argv[1], sys.argv[2], float(sys.argv[3]), own))
