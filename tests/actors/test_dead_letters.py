"""Dead letters in the log."""

from __future__ import annotations

import logging

import pytest

from actors import Actor, Node
from actors.testing import VirtualClock


async def test_dead_letters_leave_one_line_a_second(caplog: pytest.LogCaptureFixture) -> None:
    """Each dead letter leaves a trace; a flood of them is one line a second, which counts them."""
    clock = VirtualClock()
    with caplog.at_level(logging.WARNING, "actors.dead_letters"):
        async with Node("n", clock=clock) as node:
            ref = node.spawn(Actor, name="gone")
            await ref.stop()
            for number in range(5):
                ref.tell(number)
            await clock.advance(1.5)
            ref.tell("late")
    lines = [record.getMessage() for record in caplog.records if "dead letter" in record.msg]
    assert lines == [
        "dead letter: int for gone (stopped)",
        "dead letter: str for gone (stopped); 4 more since the last of these lines",
    ]
