"""Which refusals end `actors-node`."""

from __future__ import annotations

from typing import Any

from actors import Node
from actors.cli.exits import Exit
from actors.cli.run import _watch_refusals
from actors.events import NodeRefused


class Ending:
    """Stands in for what ends the process."""

    def __init__(self) -> None:
        self.asked: list[Exit] = []

    def ask(self, code: Exit) -> None:
        self.asked.append(code)


def asked(event: NodeRefused) -> list[Exit]:
    node, ending = Node("n"), Ending()
    stand_in: Any = ending
    _watch_refusals(node, stand_in)
    node.events.publish(event)
    return ending.asked


async def test_a_refusal_for_the_name_ends_the_process() -> None:
    """It can only get better by another name."""
    assert asked(NodeRefused("tcp://a:1", "name-taken: held by another")) == [Exit.REFUSED]


async def test_a_refusal_for_the_key_does_not() -> None:
    """Other nodes may list it, and that word can be forged; who enters fails in another way."""
    assert asked(NodeRefused("tcp://a:1", "not-authorised: our key is not on its roster")) == []


async def test_whom_this_node_refuses_is_no_reason_either() -> None:
    """Or strangers could end it."""
    assert asked(NodeRefused("tcp://a:1", "name-taken: held by another", by_us=True)) == []
