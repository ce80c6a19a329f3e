"""Tasks that belong to an actor: they act in its name and end with it."""

from __future__ import annotations

import asyncio
import logging
from asyncio import CancelledError, Task
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from actors.asks import presentable
from actors.cell.activation import is_abandoned
from actors.letter import TaskTurn, Turn, current_turn, detour
from actors.timers import refuse_the_dead

if TYPE_CHECKING:
    from actors.cell import Cell

log = logging.getLogger("actors.tasks")

T = TypeVar("T")


def start_task(cell: Cell, coro: Coroutine[Any, Any, T], name: str | None) -> Task[T]:
    """Run `coro` for the actor. Raises TypeError where it is no coroutine."""
    if not asyncio.iscoroutine(coro):
        raise TypeError(f"create_task takes a coroutine, not {coro!r}")
    if cell.fate is not None:
        coro.close()
        refuse_the_dead(cell, "tasks")
    turn = current_turn.get()
    origin = turn if turn is not None and turn.cell is cell else TaskTurn(cell, cell.ref)
    task = cell.node.loop.create_task(
        _guard(cell, coro, origin), name=name, context=cell.node.context.copy()
    )
    if cell.tasks is None:
        cell.tasks = {}
    cell.tasks[task] = None
    task.add_done_callback(lambda done: _ended(cell, coro, done))
    return task


async def _guard(cell: Cell, coro: Coroutine[Any, Any, T], origin: Turn) -> T:
    current_turn.set(detour(origin))
    try:
        return await coro
    except CancelledError:
        raise
    except BaseException as error:
        if is_abandoned(error):
            raise
        if asyncio.current_task() in (cell.tasks or ()):
            cell.fail(error)
        else:  # the instance that started it is gone: this is no failure of the next one
            log.error("a task of %s failed while it was ended: %r", cell.ref, error, exc_info=error)
        # SystemExit and its like would end the event loop from a task: the actor has them now.
        raise presentable(error) from None


def _ended(cell: Cell, coro: Coroutine[Any, Any, Any], task: Task[Any]) -> None:
    coro.close()  # one that was cancelled before its first step was never awaited
    if cell.tasks is not None:
        cell.tasks.pop(task, None)
    if not task.cancelled():
        task.exception()  # seen: the actor has failed with it
