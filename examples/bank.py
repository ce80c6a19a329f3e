"""A small bank: supervision, refusals, a crash and what survives it, and changing behaviour.

Run it: `python -m examples.bank`. It prints each step and what came of it.

    bank              Supervisor, RestForOne: with what failed, all that came after it starts anew
    ├── ledger        keeps the book
    ├── alice         an account; when it starts, it works out its balance from the book
    └── bob           another

What it shows:

- A `Refusal` is an expected error: it answers the asker and leaves the actor unharmed.
- Any other exception is a failure: the asker gets it and the supervisor starts the actor anew. The
  ref stays good, queued messages survive. What must outlive a crash is kept elsewhere, here in the
  ledger.
- `become` exchanges what an actor does with its messages, here for a frozen account.
- `watch` tells an actor when another has ended.
"""

import asyncio
import logging
from typing import Any

from actors import (
    Actor,
    ActorFailed,
    ActorRef,
    ActorRestarted,
    ActorsError,
    Backoff,
    Child,
    Message,
    Node,
    Reason,
    Refusal,
    RestForOne,
    Supervisor,
    Terminated,
    on,
)


class Find(Message[ActorRef[Any] | None]):
    """Answers the account of this owner."""

    owner: str


class Entry(Message[None]):
    """Write this into the book."""

    account: str
    amount: int


class History(Message[list[int]]):
    """What the book says about an account."""

    account: str


class Deposit(Message[int]):
    """Pay in; answers the new balance."""

    amount: int


class Withdraw(Message[int]):
    """Pay out; answers the new balance, or refuses with `InsufficientFunds`."""

    amount: int


class Balance(Message[int]):
    """Answers the balance."""


class Freeze(Message[None]):
    """Refuse everything until `Thaw`."""


class Thaw(Message[None]):
    """Be an ordinary account again."""


class SplitEvenly(Message[int]):
    """Answers an equal share of the balance. Its handler has a bug: nobody thought of zero."""

    heads: int


class InsufficientFunds(Refusal):
    """There is too little in the account."""

    def __init__(self, missing: int) -> None:
        super().__init__(missing)
        self.missing = missing


class AccountFrozen(Refusal):
    """The account is frozen."""


class Ledger(Actor):
    """Keeps the book: all entries, in order."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    @on(Entry)
    def write(self, message: Entry) -> None:
        self.entries.append(message)

    @on(History)
    def read(self, message: History) -> list[int]:
        return [entry.amount for entry in self.entries if entry.account == message.account]


class Account(Actor):
    """An account. Its balance is in memory only; the ledger knows how it came about."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.balance = 0
        self.ledger: ActorRef[Any]

    async def on_start(self) -> None:
        self.ledger = await self.node.resolve("bank/ledger")
        self.balance = sum(await self.ledger.ask(History(self.owner)))
        say(f"{self.owner}'s account starts with {self.balance}")

    async def on_stop(self, reason: Reason) -> None:
        say(f"{self.owner}'s account stops: {reason}")

    @on(Deposit)
    async def deposit(self, message: Deposit) -> int:
        return await self.enter(message.amount)

    @on(Withdraw)
    async def withdraw(self, message: Withdraw) -> int:
        if message.amount > self.balance:
            raise InsufficientFunds(message.amount - self.balance)
        return await self.enter(-message.amount)

    async def enter(self, amount: int) -> int:
        await self.ledger.ask(Entry(self.owner, amount))
        self.balance += amount
        return self.balance

    @on(Balance)
    def tell_balance(self, message: Balance) -> int:
        return self.balance

    @on(SplitEvenly)
    def split(self, message: SplitEvenly) -> int:
        return self.balance // message.heads

    @on(Freeze)
    def freeze(self, message: Freeze) -> None:
        self.become(self.frozen)

    def frozen(self, message: object) -> None:
        if not isinstance(message, Thaw):
            raise AccountFrozen(self.owner)
        self.unbecome()


class Bank(Supervisor):
    """Starts the ledger first: the accounts need it."""

    supervision = RestForOne(max_restarts=5, within=5.0, backoff=Backoff(0.1, 10.0))

    def child_specs(self) -> list[Child]:
        return [
            Child(Ledger.props(), name="ledger"),
            Child(Account.props("alice"), name="alice"),
            Child(Account.props("bob"), name="bob"),
        ]

    @on(Find)
    def find(self, message: Find) -> ActorRef[Any] | None:
        return self.child(message.owner)


class Auditor(Actor):
    """Watches the bank and says when it has closed."""

    def __init__(self, bank: ActorRef[Any]) -> None:
        self.bank = bank

    async def on_start(self) -> None:
        self.watch(self.bank)

    @on(Terminated)
    def closed(self, message: Terminated) -> None:
        say(f"the auditor sees that the bank has closed: {message.reason}")
        self.stop()


def say(text: str) -> None:
    """Print what an actor does, indented."""
    print(f"    {text}", flush=True)


def step(text: str) -> None:
    """Print what is about to be shown."""
    print(f"\n{text}", flush=True)


async def attempt(account: ActorRef[Any], message: Message[Any]) -> None:
    """Ask, and print the answer or the error."""
    try:
        answer = await account.ask(message)
    except (ActorsError, ZeroDivisionError) as error:
        say(f"{message!r} -> {type(error).__name__}: {error}")
    else:
        say(f"{message!r} -> {answer}")


async def main() -> None:
    """Go through the steps."""
    async with Node("city") as node:
        node.events.subscribe(lambda event: say(f"event: {type(event).__name__}"), ActorFailed)
        node.events.subscribe(lambda event: say(f"event: {type(event).__name__}"), ActorRestarted)

        step("1. The bank opens: a supervisor starts its children, left to right.")
        bank = node.spawn(Bank, name="bank")
        auditor = node.spawn(Auditor.props(bank), name="auditor")
        alice, bob = await bank.ask(Find("alice")), await bank.ask(Find("bob"))
        assert alice is not None
        assert bob is not None
        await attempt(alice, Deposit(100))
        await attempt(alice, Withdraw(30))

        step("2. A refusal is an answer, not a failure: the account goes on as before.")
        await attempt(alice, Withdraw(1000))
        await attempt(alice, Balance())

        step("3. A bug is a failure: alice starts anew, and with her bob, who comes after her.")
        await attempt(alice, SplitEvenly(0))
        await attempt(alice, Balance())
        await attempt(bob, Balance())

        step("4. A frozen account becomes another: it refuses all but Thaw.")
        await attempt(alice, Freeze())
        await attempt(alice, Deposit(1))
        await attempt(alice, Thaw())
        await attempt(alice, Deposit(1))

        step("5. The bank closes: its children stop right to left, then whoever watches is told.")
        await bank.stop()
        await auditor.stopped()
        await attempt(alice, Balance())


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)  # no traceback: the crash is meant
    asyncio.run(main())
