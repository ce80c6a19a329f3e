"""`SqliteJournal`: what is written is there after a crash; who cannot have it learns why."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from actors import Journal as JournalProtocol
from actors import JournalError, JournalRecord, Node, SqliteJournal
from tests.actors.kit import Gate, Journal
from tests.actors.reliable.kit import Shop, handled, send_all, stuck
from tests.actors.remote_kit import Keep, Kept, Servant

RECORDS = [
    JournalRecord(1, "shop.Order", b"\x91\x01"),
    JournalRecord(2, None, b"\xc0", (b"x" * 100_000, b"")),
    JournalRecord(3, "shop.Order", b""),
]


async def reopened(path: Path, producer: str | None = None) -> Any:
    """What a journal says of a producer after it was closed."""
    journal = SqliteJournal(path)
    restored = await journal.open(producer)
    await journal.close(restored.producer)
    return restored


def after_a_crash(path: Path, name: str = "copy.db") -> Path:
    """Return a copy of a journal that is in use: what the next process would find."""
    copy = path.with_name(name)
    for suffix in ("", "-wal"):
        shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
    return copy


def test_it_is_a_journal(tmp_path: Path) -> None:
    """As others may write one."""
    assert isinstance(SqliteJournal(tmp_path / "j.db"), JournalProtocol)


async def test_what_was_written_is_restored(tmp_path: Path) -> None:
    """Records, buffers, and what is handled; under an id of its own, which is kept."""
    path = tmp_path / "j.db"
    journal = SqliteJournal(path)
    producer, done, records = await journal.open(None)
    assert (done, list(records)) == (0, [])
    await journal.write(producer, RECORDS, 0)
    await journal.close(producer)
    assert await reopened(path) == (producer, 0, RECORDS)


async def test_what_is_handled_is_dropped(tmp_path: Path) -> None:
    """The number stays, also where no record does: it is not given out again."""
    path = tmp_path / "j.db"
    journal = SqliteJournal(path)
    producer = (await journal.open("orders")).producer
    await journal.write(producer, RECORDS[:2], 0)
    await journal.write(producer, RECORDS[2:], 2)
    assert (await reopened(after_a_crash(path))) == ("orders", 2, RECORDS[2:])
    await journal.write(producer, [], 3)
    await journal.close(producer)
    assert await reopened(path) == ("orders", 3, [])


async def test_several_producers_share_a_journal(tmp_path: Path) -> None:
    """Each has its own numbers; who does not say which one he is learns that he must."""
    path = tmp_path / "j.db"
    journal = SqliteJournal(path)
    for producer in ("one", "two"):
        await journal.open(producer)
        await journal.write(producer, RECORDS[:1], 0)
    with pytest.raises(JournalError, match="another Reliable of this process"):
        await journal.open("one")
    await journal.close("one")
    await journal.write("two", RECORDS[1:], 1)
    await journal.close("two")
    assert (await reopened(path, "one")) == ("one", 0, RECORDS[:1])
    assert (await reopened(path, "two")) == ("two", 1, RECORDS[1:])
    with pytest.raises(JournalError, match="several producers"):
        await reopened(path)


def test_one_process_has_it_at_a_time(tmp_path: Path) -> None:
    """The error says who; with the end of that one, however it ends, it is free."""
    path = tmp_path / "j.db"
    code = (
        "import asyncio, sys\nfrom actors import SqliteJournal\n"
        f"asyncio.run(SqliteJournal({str(path)!r}).open('p'))\n"
        "print('open', flush=True)\nsys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(JournalError, match=f"process {holder.pid} on .* uses it"):
            asyncio.run(reopened(path))
        holder.kill()
    assert asyncio.run(reopened(path)).producer == "p"


@pytest.mark.parametrize(
    "content", [b"no database at all" * 100, b"SQLite format 3\0" + b"x" * 4096]
)
async def test_a_damaged_file_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    """Nothing in it is used, and nothing is overwritten."""
    path = tmp_path / "j.db"
    path.write_bytes(content)
    with pytest.raises(JournalError, match="move it away"):
        await reopened(path)
    assert path.read_bytes() == content


async def test_missing_messages_are_damage(tmp_path: Path) -> None:
    """Numbers without gaps are what it promises."""
    path = tmp_path / "j.db"
    journal = SqliteJournal(path)
    await journal.open("p")
    await journal.write("p", RECORDS, 0)
    await journal.close("p")
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM messages WHERE sequence = 2")
    db.close()
    with pytest.raises(JournalError, match="missing"):
        await reopened(path)


async def test_another_database_is_left_alone(tmp_path: Path) -> None:
    """It may be somebody's."""
    path = tmp_path / "j.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE customers (name TEXT)")
    db.close()
    with pytest.raises(JournalError, match="no journal of this version"):
        await reopened(path)


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The error has the path."""
    with pytest.raises(JournalError, match="nowhere"):
        await reopened(tmp_path / "nowhere" / "j.db")


async def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    """All records of it or none."""
    path = tmp_path / "j.db"
    journal = SqliteJournal(path)
    await journal.open("p")
    with pytest.raises(JournalError):
        await journal.write("p", [RECORDS[0], RECORDS[0]], 0)
    await journal.write("p", RECORDS[:1], 0)
    await journal.close("p")
    assert (await reopened(path)) == ("p", 0, RECORDS[:1])


def test_its_arguments_are_checked(tmp_path: Path) -> None:
    """OFF would lose what was promised."""
    with pytest.raises(ValueError, match="FULL or NORMAL"):
        SqliteJournal(tmp_path / "j.db", synchronous="OFF")  # type: ignore[arg-type]


async def test_a_producer_that_crashed_goes_on_where_it_was(tmp_path: Path) -> None:
    """What its consumer had not handled is sent again; a living consumer takes nothing twice."""
    path, notes = tmp_path / "j.db", Journal()
    async with Node("n") as node:
        gate = Gate()
        shop = node.spawn(Shop.props(notes, gate))
        crashed = node.reliable(shop, journal=SqliteJournal(path), producer="orders")
        await send_all(crashed, 1, 2, 3)
        journal = SqliteJournal(after_a_crash(path))
        async with node.reliable(shop, journal=journal, producer="orders") as reliable:
            gate.open()
            await send_all(reliable, 4)
        assert [entry[:2] for entry in handled(notes)] == [(1, 1), (2, 2), (3, 3), (4, 4)]
        await crashed.close()


async def test_large_values_survive(tmp_path: Path) -> None:
    """With their buffers, equal and of the same type."""
    path = tmp_path / "j.db"
    value = {"a": (1, b"x" * 200_000), "b": [b"y" * 70_000]}
    async with Node("n") as node:
        nowhere = stuck(node)
        reliable = node.reliable(nowhere, journal=SqliteJournal(path))
        await send_all(reliable, 0)
        await reliable.send(Keep(value))
        await reliable.close()
        servant = node.spawn(Servant)
        async with node.reliable(servant, journal=SqliteJournal(path)) as again:
            assert again.pending == 2
        assert await servant.ask(Kept()) == [value]
