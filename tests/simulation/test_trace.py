"""The trace: what is in it, in words that are the same in all runs."""

from __future__ import annotations

from typing import Any

import pytest

from actors import (
    ActorFailed,
    ActorRestarted,
    ActorStopped,
    DeadLetter,
    Event,
    HandlerBlocked,
    Member,
    MemberDown,
    MemberSuspect,
    MemberUp,
    Node,
    NodeRefused,
    Reason,
)
from actors.testing.trace import Trace, describe
from tests.simulation.kit import Servant

MEMBER = Member("b", "tcp://b:7000", frozenset({"x", "y"}), "up", 0xBEE)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (MemberUp(MEMBER), "MemberUp b#bee"),
        (MemberSuspect(MEMBER), "MemberSuspect b#bee"),
        (MemberDown(MEMBER, "left"), "MemberDown b#bee: left"),
        (NodeRefused("tcp://b:7000", "name-taken: no"), "NodeRefused tcp://b:7000: name-taken: no"),
        (Event(), "Event"),
    ],
)
def test_what_nodes_say_of_each_other(event: Event, words: str) -> None:
    """Name, incarnation, and why."""
    assert describe(event) == words


async def test_what_nodes_say_of_actors() -> None:
    """Paths and class names; no reprs of messages and errors, which may hold an address."""
    async with Node("a") as node:
        ref = node.spawn(Servant, name="servant")
        unspeakable: Any = object()
        error = ValueError(unspeakable)
        for event, words in (
            (ActorFailed(ref, error, unspeakable), "ActorFailed servant: ValueError"),
            (ActorRestarted(ref, error), "ActorRestarted servant"),
            (ActorStopped(ref, Reason.KILLED), "ActorStopped servant: killed"),
            (HandlerBlocked(ref, "Echo", 0.1), "HandlerBlocked"),
            (
                DeadLetter(unspeakable, ref, None, "unhandled"),
                f"DeadLetter object to {ref.address}: unhandled",
            ),
        ):
            assert describe(event) == words


def test_a_line_has_time_place_and_what() -> None:
    """A frame has two places, and what concerns all a star."""
    trace = Trace()
    trace.add(0.5, (), "heal")
    trace.add(1.0, ("a",), "MemberUp b")
    trace.add(1.25, ("b", "a"), 134)
    assert trace.lines == ["0.500000 * heal", "1.000000 a MemberUp b", "1.250000 b>a 134 bytes"]


def test_a_shortened_trace_keeps_the_end_and_what_concerns_the_hosts() -> None:
    """And says how much it has left out."""
    trace = Trace()
    for number in range(10):
        trace.add(number, ("a",), "of a")
        trace.add(number, ("b", "c"), number)
    trace.add(10, (), "heal")
    assert trace.shortened(["c"], limit=3) == [
        "... 18 lines left out",
        "8.000000 b>c 8 bytes",
        "9.000000 b>c 9 bytes",
        "10.000000 * heal",
    ]
    assert trace.shortened(limit=100) == trace.lines


def test_the_digest_is_that_of_the_lines() -> None:
    """Known once and for all: a change of the form is a change of all digests."""
    trace = Trace()
    trace.add(0.5, (), "heal")
    assert trace.digest == "c526aecfb2767657502b1826a233b1882a21e71836c1ba4d390c79305bd0607b"
