"""The tasks of a simulation: in one order in all runs, and ended without a word."""

from __future__ import annotations

import asyncio
import contextlib
from asyncio import Task
from collections.abc import Coroutine
from contextvars import Context
from typing import Any

__all__ = ["NumberedTask", "dissolve", "words_for"]

PATIENCE = 10
"""How often a coroutine that awaits in its `finally` blocks is closed again."""


class NumberedTask(Task[Any]):
    """A task whose hash is its number: sets of tasks have one order in all runs.

    `asyncio.TaskGroup` keeps its tasks in a set, and cancels them in the order of that.
    """

    def __init__(
        self,
        number: int,
        coro: Coroutine[Any, Any, Any],
        loop: asyncio.AbstractEventLoop,
        name: str | None,
        context: Context | None,
    ) -> None:
        self._number = number
        super().__init__(coro, loop=loop, name=name or f"task-{number}", context=context)

    def __hash__(self) -> int:
        return self._number


def words_for(task: Task[Any]) -> str:
    """Say which task it is, in words that are the same in all runs."""
    where = getattr(task.get_coro(), "__qualname__", "?")
    return f"{task.get_name()} in {where}" if isinstance(task, NumberedTask) else where


def dissolve(task: Task[Any]) -> None:
    """Close what a task was waiting in; what its `finally` blocks raise then, nobody hears."""
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    coroutine = task.get_coro()
    for _ in range(PATIENCE):
        with contextlib.suppress(BaseException):
            if isinstance(coroutine, Coroutine):
                coroutine.close()
            return
