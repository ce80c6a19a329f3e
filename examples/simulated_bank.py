"""Two branches of a bank under simulation: whatever fails, no money is made and none is lost.

Run it: `python -m examples.simulated_bank`. It looks for a seed under which a branch that is too
trusting makes money out of nothing, prints how, and sees that the careful one stands all seeds.

    north  ──Deposit──>  south      each on a node of its own; they send each other money, and
           <──Deposit──             try again until the other has said that it came

What it shows:

- The actors know nothing of the simulation: `asyncio.sleep`, timers and timeouts run in virtual
  time: half a minute of crashes, partitions and stalls takes a few hundredths of a second.
- What must survive a crash is in a `Book`, which the scenario hands to each life of a branch. A
  crash may come between any two steps of a branch, but not within one.
- An invariant of one's own is a small object; it is looked at after every step.
- A seed that fails can be run again, as often as one likes, and fails in the same way.
"""

import asyncio
import logging
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from actors import Actor, ActorRef, ActorsError, Message, Node, Props, on
from actors.testing import Invariant, InvariantError, Simulation, SimulationError, chaos

OPENING = 1_000
"""What each branch has at first."""


class SendMoney(Message[None]):
    """Send some to the other branch."""


class Deposit(Message[None]):
    """Take this in. It may come twice: who gets no answer sends it again."""

    transfer: str
    amount: int


@dataclass
class Book:
    """What a branch has written down for good."""

    balance: int = OPENING
    begun: int = 0
    sent: dict[str, int] = field(default_factory=dict)
    """Transfers of which one does not know yet whether they have come."""
    received: set[str] = field(default_factory=set)


Books = dict[str, Book]


class Branch(Actor):
    """Sends money to the other branch, and takes in what that sends."""

    def __init__(self, book: Book, other: str) -> None:
        self.book = book
        self.other = other
        self.partner: ActorRef[Any] | None = None

    async def on_start(self) -> None:
        for transfer in self.book.sent:
            self.create_task(self.deliver(transfer))
        self.timers.every(1.0, SendMoney())

    @on(SendMoney)
    def send(self, message: SendMoney) -> None:
        book, amount = self.book, random.randint(1, 10)
        book.begun += 1
        transfer = f"{self.node.name}-{book.begun}"
        book.balance -= amount
        book.sent[transfer] = amount
        self.create_task(self.deliver(transfer))

    async def deliver(self, transfer: str) -> None:
        """Send it until it is known to have come."""
        while transfer in self.book.sent:
            try:
                partner = await self.find_partner()
                await partner.ask(Deposit(transfer, self.book.sent[transfer]), timeout=1.0)
            except (ActorsError, TimeoutError):
                self.partner = None
                await asyncio.sleep(0.5)
            else:
                del self.book.sent[transfer]

    async def find_partner(self) -> ActorRef[Any]:
        if self.partner is None:
            self.partner = await self.node.resolve("branch", at=self.other, timeout=1.0)
        return self.partner

    @on(Deposit)
    def take_in(self, message: Deposit) -> None:
        if message.transfer not in self.book.received:
            self.book.received.add(message.transfer)
            self.book.balance += message.amount


class TrustingBranch(Branch):
    """Takes every deposit for a new one."""

    @on(Deposit)
    def take_in(self, message: Deposit) -> None:
        self.book.received.add(message.transfer)
        self.book.balance += message.amount


class MoneyIsConserved(Invariant):
    """What the branches have, and what is on its way, is what there was at first."""

    def __init__(self, books: Books) -> None:
        self.books = books

    def after_step(self, sim: Simulation, nodes: Sequence[Node]) -> None:
        books = self.books.values()
        arrived = set[str]().union(*(book.received for book in books))
        on_its_way = sum(
            amount
            for book in books
            for transfer, amount in book.sent.items()
            if transfer not in arrived
        )
        total = sum(book.balance for book in books) + on_its_way
        if total != OPENING * len(self.books):
            raise InvariantError(f"there is {total} in the bank", *self.books)


Recipe = Callable[[Book, str], Props[Branch]]
"""Makes a branch, from its book and the name of the other."""


async def scenario(sim: Simulation, branch: Recipe) -> None:
    """Let two branches work under faults; then all that was sent must come."""
    books = {"north": Book(), "south": Book()}
    others = {"north": "south", "south": "north"}

    async def setup(node: Node) -> None:
        node.spawn(branch(books[node.name], others[node.name]), name="branch")

    sim.check(MoneyIsConserved(books))
    for name in books:
        await sim.start(name, setup=setup)
    await chaos(sim, seconds=30.0)
    known = {name: tuple(book.sent) for name, book in books.items()}
    await sim.until(
        lambda: not any(t in books[name].sent for name in books for t in known[name]), within=60.0
    )


def check(seed: int, branch: Recipe = Branch.props) -> None:
    """Run one seed. Raises SimulationError."""
    Simulation(seed).run(lambda sim: scenario(sim, branch))


def main() -> int:
    """Break the trusting bank, and fail to break the careful one."""
    logging.disable(logging.CRITICAL)  # no word of faults that are meant
    for seed in range(100):
        try:
            check(seed, TrustingBranch.props)
        except SimulationError as error:
            print(f"The trusting bank: {error}\n")
            break
    for seed in range(20):
        check(seed)
    print("The careful bank: 20 seeds, all well.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
