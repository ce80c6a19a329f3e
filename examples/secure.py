"""Two nodes that let in nobody else: `python -m examples.secure`.

Each node has a key pair, and both have the same roster: the names and public keys of all. What
they say to each other is encrypted (CURVE). The bank has a rule of what the branch may do there:
ask for a balance, and nothing else. Then two strangers call: one has the roster and keys of its
own, which are not on it; the other has no keys at all.
"""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import tempfile
from pathlib import Path

from actors import (
    Actor,
    ActorRef,
    ActorsError,
    Allow,
    Message,
    Node,
    NotAuthorizedError,
    Security,
    on,
)

PATIENCE = 3.0
"""Seconds that a stranger waits to be let in."""


class Balance(Message[int]):
    account: str


class Close(Message[None]):
    account: str


class Ledger(Actor):
    def __init__(self) -> None:
        self.accounts = {"alice": 12, "bob": 7}

    @on(Balance)
    def balance(self, message: Balance) -> int:
        return self.accounts[message.account]

    @on(Close)
    def close(self, message: Close) -> None:
        del self.accounts[message.account]


RULES = [Allow("branch", "ledger", messages=[Balance])]
"""What others may do at the bank: whatever is not here is refused."""


def keygen(folder: Path, name: str) -> str:
    """Make a node's keys as one does in a shell; return its line for the roster."""
    command = [sys.executable, "-m", "actors.cli", "keygen", str(folder / name)]
    return subprocess.run(command, check=True, capture_output=True, encoding="ascii").stdout


def prepare(folder: Path) -> tuple[Security, Security, Security]:
    """Return what bank, branch and a stranger go by; the roster lists the first two."""
    roster = folder / "roster.toml"
    roster.write_text(keygen(folder, "bank") + keygen(folder, "branch"), "ascii")
    keygen(folder, "stranger")
    bank, branch, stranger = (folder / name for name in ("bank", "branch", "stranger"))
    return (
        Security.read(bank, roster),
        Security.read(branch, roster),
        Security.read(stranger, roster),
    )


async def knock(name: str, seed: str, security: Security | None) -> bool:
    """Call as a stranger does, and say what comes of it; return whether it is let in."""
    try:
        async with Node(name, "tcp://127.0.0.1:0", [seed], security=security) as node:
            await node.wait_for_members(2, timeout=PATIENCE)
    except (ActorsError, TimeoutError) as error:
        print(f"{name} stays outside ({type(error).__name__}: {error})")
        return False
    print(f"{name} is in, and should not be")
    return True


async def work(ledger: ActorRef[Ledger]) -> bool:
    """Do as the branch what it may, and what it may not; return whether that was let through."""
    print(f"branch asks bank, encrypted: alice has {await ledger.ask(Balance('alice'))}")
    try:
        await ledger.ask(Close("alice"))
    except NotAuthorizedError as error:
        print(f"branch may not close accounts ({error})")
        return False
    print("branch has closed an account, and should not be able to")
    return True


async def main() -> int:
    """Go through it; 0 when only those on the roster got in, and did only what they may."""
    with tempfile.TemporaryDirectory() as folder:
        bank, branch, stranger = prepare(Path(folder))
    async with Node("bank", "tcp://127.0.0.1:0", security=bank, allow=RULES) as first:
        assert first.address is not None
        async with Node("branch", "tcp://127.0.0.1:0", [first.address], security=branch) as second:
            await second.wait_for_members(2, timeout=10)
            first.spawn(Ledger, name="ledger")
            breaches = [
                await work(await second.resolve("ledger", at="bank")),
                await knock("stranger", first.address, stranger),
                await knock("nobody", first.address, None),
            ]
            print("members:", ", ".join(sorted(member.name for member in first.members)))
    return int(any(breaches))


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)  # what nodes say of strangers is for operators
    sys.exit(asyncio.run(main()))
