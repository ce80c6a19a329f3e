"""What members say to each other stays the same as the cluster grows."""

from __future__ import annotations

import pytest

from tests.simulation.growth import main, measure


@pytest.mark.parametrize("nodes", [3, 10, 20])
def test_a_member_says_as_much_however_many_there_are(nodes: int) -> None:
    """A ping and an answer a second; rumours and loads on them are bounded."""
    share = measure(nodes)
    assert 1.8 <= share.messages <= 2.2
    assert share.size <= 1000


def test_the_command_prints_a_line_for_each_size(capsys: pytest.CaptureFixture[str]) -> None:
    """With what was measured."""
    assert main(["2", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("|")[1].strip() for line in lines] == ["nodes", "2", "3"]
