"""What the tests of the lease run: a singleton that writes to a file, which checks its token."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from shop import say

from actors import Actor, Message, Node, Reason, Singleton, on
from actors.singleton.zookeeper import ZooKeeperLease

FILE = Path("vault.sqlite")


class WriteLate(Message[bool]):
    """Write when something comes through a pipe; answers whether the write was taken."""

    pipe: str


def write(writer: str, token: int) -> bool:
    """Write unless someone with a larger token has: the check and the write are one statement."""
    with closing(sqlite3.connect(FILE, timeout=30)) as file, file:
        file.execute("CREATE TABLE IF NOT EXISTS vault (id PRIMARY KEY, writer, token)")
        taken = file.execute(
            "INSERT INTO vault VALUES (1, ?, ?) ON CONFLICT (id) DO UPDATE"
            " SET writer = excluded.writer, token = excluded.token"
            " WHERE excluded.token >= vault.token",
            (writer, token),
        )
        return taken.rowcount == 1


def written(folder: Path) -> tuple[str, int]:
    """Return who wrote last, and with which token."""
    with closing(sqlite3.connect(folder / FILE, timeout=30)) as file:
        writer, token = file.execute("SELECT writer, token FROM vault").fetchone()
        return writer, token


class Keeper(Actor):
    """The one that may write."""

    def __init__(self, fencing_token: int) -> None:
        self.token = fencing_token

    async def on_start(self) -> None:
        """Write, and say so."""
        taken = write(self.node.name, self.token)
        say(self.node.name, "runs with", self.token, "taken" if taken else "refused")

    @on(WriteLate)
    async def write_late(self, message: WriteLate) -> bool:
        """Begin now, in a thread that nobody can stop, and end whenever the pipe says so."""
        return await self.run_blocking(self._write_late, message.pipe)

    def _write_late(self, pipe: str) -> bool:
        say(self.node.name, "is about to write")
        Path(pipe).read_bytes()
        taken = write(self.node.name, self.token)
        say(self.node.name, "wrote with", self.token, "taken" if taken else "refused")
        return taken

    async def on_stop(self, reason: Reason) -> None:
        """Say so."""
        say(self.node.name, "ended", self.token)


async def keep(node: Node) -> None:
    """Take part in running the one keeper."""
    lease = ZooKeeperLease(os.environ["VAULT_ZOOKEEPER"], session_timeout=4.0)
    node.spawn(Singleton(Keeper, lease=lease), name="keeper")
