"""The public API as both type checkers see it; `make check` runs them on this file."""

from __future__ import annotations

from typing import Any, assert_type

from actors import (
    Actor,
    ActorRef,
    Allow,
    Child,
    Lease,
    Message,
    NameConflict,
    Node,
    OneForAll,
    Props,
    Refusal,
    Reliable,
    Role,
    Router,
    Singleton,
    SqliteJournal,
    Supervisor,
    on,
)
from actors.singleton.zookeeper import ZooKeeperLease


class Deposit(Message[int]):
    """An ask with it answers an int."""

    amount: int


class Close(Message[None], tag="bank.close"):
    """An ask with it answers nothing."""

    reason: str = "customer asked"


class InsufficientFunds(Refusal):
    """An expected error."""

    def __init__(self, missing: int) -> None:
        super().__init__(missing)
        self.missing = missing


class Account(Actor):
    """Has a balance."""

    def __init__(self, opening: int = 0) -> None:
        self.balance = opening

    @on(Deposit)
    async def deposit(self, message: Deposit) -> int:
        """Add to the balance."""
        assert_type(message.amount, int)
        self.balance += message.amount
        return self.balance

    @on(Close)
    def close(self, message: Close) -> None:
        """End."""
        self.stop()


class Bank(Supervisor):
    """Has two accounts."""

    supervision = OneForAll(max_restarts=3)

    def child_specs(self) -> list[Child]:
        """Return what it keeps."""
        return [
            Child(Account.props(opening=1), name="a"),
            Child(Account, name="b", at=Role("branch")),
        ]


async def use(node: Node) -> None:
    """Use it all."""
    props = Account.props(opening=10)
    assert_type(props, Props[Account])
    account = node.spawn(props, name="alice")
    assert_type(account, ActorRef[Account])
    assert_type(node.spawn(Account), ActorRef[Account])
    assert_type(await account.ask(Deposit(5)), int)
    assert_type(await account.ask(Close()), None)
    assert_type(await account.send(Deposit(1)), None)
    account.tell(Close(reason="done"))
    pool = node.spawn(Router.pool(Account.props(), size=2))
    assert_type(pool, ActorRef[Router])


async def find(node: Node, account: ActorRef[Account]) -> None:
    """Names, groups and topics."""
    assert_type(await node.register("alice", account), None)
    assert_type(await node.whereis("alice", timeout=1.0), ActorRef[Any] | None)
    node.groups.join("accounts", account)
    assert_type(node.groups.members("accounts"), tuple[ActorRef[Any], ...])
    assert_type(node.spawn(Router.group("accounts", strategy="random")), ActorRef[Router])
    node.topics.subscribe("accounts.#", account)
    assert_type(node.topics.publish("accounts.alice", Deposit(1)), int)
    node.events.subscribe(mourn, NameConflict)


def mourn(conflict: NameConflict) -> None:
    """An actor here has lost its name."""
    assert_type(conflict.name, str)
    conflict.loser.tell(Close("the name is taken"))


async def send(node: Node, account: ActorRef[Account]) -> None:
    """Reliable delivery."""
    async with node.reliable(account, window=10, journal=SqliteJournal("j.db")) as reliable:
        assert_type(reliable, Reliable)
        assert_type(await reliable.send(Deposit(5)), None)
        assert_type(reliable.pending, int)


def guard(node: Node) -> None:
    """A singleton, and its lease."""
    lease: Lease = ZooKeeperLease("zk1:2181,zk2:2181", root="/shop", session_timeout=5)
    node.spawn(Singleton(Account.props(5), role="bank", lease=lease), name="vault")


def protect(node: Node) -> Node:
    """Rules take classes, names, and lists of both."""
    rules = [
        Allow("teller", "accounts/*", messages=[Deposit, "bank.close"]),
        Allow(Role("auditor"), watch=True),
        Allow(["a", Role("b")], ["x", "y/**"], messages=Deposit, spawn=Account, stop=True),
    ]
    assert_type(rules[0].messages, tuple[str, ...])
    node.replace_rules(rules)
    return Node("bank", allow=rules)
