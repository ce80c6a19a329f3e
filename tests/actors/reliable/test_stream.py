"""One producer at one actor: words as they may come, in any order."""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorRef, Node
from actors.reliable.stream import _pause
from actors.reliable.words import Attach, Detach, Entry, Inquiry, Local, ToConsumer
from tests.actors.kit import Journal
from tests.actors.reliable.kit import Order, Shop, handled


def message(number: int, first: int = 1) -> Local:
    """A message with that number."""
    return Local("p", number, first, False, Entry(Order(number), sequence=number))


def say(node: Node, ref: ActorRef[Any], *words: ToConsumer) -> None:
    """Let the actor's stream have these."""
    for word in words:
        node._runtime.reliable.intake.receive(None, ref._key, word)


def numbers(journal: Journal) -> list[int]:
    """What was handled."""
    return [number for number, *_ in handled(journal)]


@pytest.mark.parametrize("news", [Attach("p", 3), Inquiry("p", 3, 3), message(3, first=3)])
async def test_news_of_what_was_handled_elsewhere_let_the_next_one_go(news: ToConsumer) -> None:
    """It had come before them, and waited."""
    journal = Journal()
    async with Node("n") as node:
        shop = node.spawn(Shop.props(journal))
        say(node, shop, Attach("p", 1), message(3), news)
        await journal.has((3, 3, False))


async def test_they_may_come_in_any_order_and_twice() -> None:
    """Even the first word may be a late one."""
    journal = Journal()
    async with Node("n") as node:
        shop = node.spawn(Shop.props(journal))
        say(node, shop, message(2), message(4), message(1), message(2), Attach("p", 1), message(3))
        await journal.has((4, 4, False))
        assert numbers(journal) == [1, 2, 3, 4]


async def test_what_was_taken_back_may_come_again() -> None:
    """After a detour to another consumer."""
    journal = Journal()
    async with Node("n") as node:
        shop = node.spawn(Shop.props(journal))
        say(node, shop, Attach("p", 1), message(2), Detach("p", False))
        say(node, shop, Attach("p", 1), message(1), message(2))
        await journal.has((2, 2, False))
        assert numbers(journal) == [1, 2]


async def test_words_for_the_dead_are_dropped() -> None:
    """And so is the farewell of a producer that nobody knows."""
    journal = Journal()
    async with Node("n") as node:
        shop = node.spawn(Shop.props(journal))
        say(node, shop, Detach("p", True))
        await shop.stop()
        say(node, shop, Attach("p", 1), message(1), Inquiry("p", 1, 1), Detach("p", True))
        assert not numbers(journal)


def test_the_pauses_before_another_attempt_grow_up_to_a_limit() -> None:
    """The second attempt follows at once, and the thousandth is no problem."""
    pauses = [_pause(attempts) for attempts in (2, 3, 4, 5, 10, 5000)]
    assert pauses == [0.0, 0.1, 0.2, 0.4, 10.0, 10.0]
