"""Bank transaction: a teller moves money between accounts (Savina, concurrency).

Stresses chains of synchronous requests: the teller waits for the debited account, and that for
the credited one, which may itself be waiting. Money goes to higher numbers only, so no two
accounts ever wait for each other.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import NamedTuple

from actors import Actor, ActorRef, Message, Node, on
from benchmarks.savina.program import Program, batches, check

ACCOUNTS = 1_000
OPENING = 10_000


class Transfer(NamedTuple):
    """From one account to another."""

    source: int
    target: int
    amount: int


def transfers(count: int) -> list[Transfer]:
    """Return so many transfers, always the same."""
    chance = random.Random(count)
    made = []
    for _ in range(count):
        source, target = sorted(chance.sample(range(ACCOUNTS), 2))
        made.append(Transfer(source, target, chance.randint(1, 100)))
    return made


class Credit(Message[None]):
    """Pay in."""

    amount: int


class Debit(Message[None]):
    """Pay to another account; answered when the money is there."""

    amount: int
    to: ActorRef[Account]


class Balance(Message[int]):
    """Answers the balance."""


class Execute(Message[None]):
    """Make these transfers; answered when all are done."""

    transfers: list[Transfer]


class Account(Actor):
    """Takes and gives."""

    def __init__(self) -> None:
        self.balance = OPENING

    @on(Credit)
    def credit(self, message: Credit) -> None:
        self.balance += message.amount

    @on(Debit)
    async def debit(self, message: Debit) -> None:
        self.balance -= message.amount
        await message.to.ask(Credit(message.amount), timeout=None)

    @on(Balance)
    def tell_balance(self, message: Balance) -> int:
        return self.balance


class Teller(Actor):
    """Has many transfers under way at once."""

    def __init__(self, accounts: Sequence[ActorRef[Account]]) -> None:
        self.accounts = accounts

    @on(Execute)
    async def execute(self, message: Execute) -> None:
        for batch in batches(len(message.transfers)):
            await asyncio.gather(*(self.transfer(message.transfers[number]) for number in batch))

    async def transfer(self, transfer: Transfer) -> None:
        debit = Debit(transfer.amount, to=self.accounts[transfer.target])
        await self.accounts[transfer.source].ask(debit, timeout=None)


async def run(node: Node, size: int) -> int:
    """Make so many transfers."""
    accounts = [node.spawn(Account) for _ in range(ACCOUNTS)]
    orders = transfers(size)
    await node.spawn(Teller.props(accounts)).ask(Execute(orders), timeout=None)
    balances = [await account.ask(Balance()) for account in accounts]
    expected = [OPENING] * ACCOUNTS
    for order in orders:
        expected[order.source] -= order.amount
        expected[order.target] += order.amount
    check("the bank's money", sum(balances), OPENING * ACCOUNTS)
    check("the balances", balances, expected)
    return 4 * size


PROGRAM = Program(
    "bank",
    "chains of synchronous requests",
    "every balance, and their sum",
    run,
    size=25_000,
    unit="transfers",
)
