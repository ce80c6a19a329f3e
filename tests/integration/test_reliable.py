"""Reliable delivery where processes die: the consumer's, and, with a journal, the producer's."""

from __future__ import annotations

import asyncio
import importlib
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actors import Node
from tests.integration.kit import APPS

Start = Callable[..., Any]

pytestmark = [pytest.mark.timeout(120), pytest.mark.loops("asyncio")]


def depot_module() -> Any:
    """The module that the command runs, as this process imports it: by the same name."""
    if str(APPS) not in sys.path:
        sys.path.insert(0, str(APPS))
    return importlib.import_module("depot")


def entries(path: Path) -> list[tuple[int, str, bool]]:
    """What the depot has written: number, id, and whether it was marked."""
    lines = [line.split() for line in path.read_text().splitlines()]
    return [(int(number), id_, mark == "True") for number, id_, mark in lines]


def check(path: Path, count: int) -> None:
    """Nothing is lost; but for repetitions of an id each is there once, in order, marks hold."""
    once: dict[str, int] = {}
    for number, id_, mark in entries(path):
        assert id_ not in once or (mark and once[id_] == number)
        once.setdefault(id_, number)
    assert list(once.values()) == list(range(count))


async def test_the_consumers_node_is_killed_in_the_midst_of_it(
    start: Start, tmp_path: Path
) -> None:
    """Restarted, it gets all that was not handled; by their ids each counts once."""
    written, item = tmp_path / "handled", depot_module().Item
    depot = start("depot:depot", "--name", "depot", DEPOT=str(written))
    _, endpoint = depot.ready()
    async with Node("head", bind="tcp://127.0.0.1:0", seeds=[endpoint]) as node:
        consumer = await node.resolve("depot", at="depot", timeout=20)
        reliable = node.reliable(consumer, window=20, wait=True)

        async def send_all() -> None:
            for number in range(300):
                await reliable.send(item(number))

        sending = asyncio.create_task(send_all())
        for milestone in (50, 150):
            await asyncio.to_thread(depot.out.wait_for, f"handled {milestone}$")
            depot.send(signal.SIGKILL)
            await asyncio.to_thread(depot.code)
            depot = start("depot:depot", "--name", "depot", "--bind", endpoint, DEPOT=str(written))
            await asyncio.to_thread(depot.ready)
            await node.wait_for_members(2, timeout=20)
            reliable.redirect(await node.resolve("depot", at="depot", timeout=20))
        await sending
        await reliable.flush(timeout=60)
        assert reliable.pending == 0
        await reliable.close()
    check(written, 300)


@pytest.mark.parametrize("restarts", [1, 2])
async def test_the_producers_process_is_killed_in_the_midst_of_it(
    start: Start, tmp_path: Path, restarts: int
) -> None:
    """With a journal the next life sends what was accepted; a living consumer takes none twice."""
    written = tmp_path / "handled"
    depot = start("depot:depot", "--name", "depot", DEPOT=str(written))
    _, endpoint = depot.ready()

    def open_shop(items: int) -> Any:
        environ = {"JOURNAL": str(tmp_path / "journal.db"), "ITEMS": str(items)}
        return start("depot:shop", "--name", "shop", "--seed", endpoint, **environ)

    shop = open_shop(400)
    await asyncio.to_thread(shop.out.wait_for, "accepted 400")
    for life in range(restarts):
        await asyncio.to_thread(depot.out.wait_for, f"handled {50 + 100 * life}$")
        shop.send(signal.SIGKILL)
        await asyncio.to_thread(shop.code)
        shop = open_shop(0)
    await asyncio.to_thread(shop.out.wait_for, "flushed")
    check(written, 400)
    assert len(entries(written)) == 400
    assert await asyncio.to_thread(shop.terminate) == 0
