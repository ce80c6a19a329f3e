"""What waits for another node, where its link is full."""

from __future__ import annotations

from typing import Any, cast

from actors.peer import Peer


class FullLink:
    """Has no room, until the test says so."""

    capacity = 100

    def __init__(self) -> None:
        self.has_room = False
        self.taken: list[bytes] = []

    def push(self, record: bytes, *_: object) -> bool:
        if self.has_room:
            self.taken.append(record)
        return self.has_room


def stuck() -> tuple[Peer, FullLink, list[Peer]]:
    """A peer whose link is full, that, and who was found to take in too little."""
    given_up: list[Peer] = []
    peer = Peer("p", 1, lambda call: call(), lambda *_: None, given_up.append)
    link = FullLink()
    peer.connected(cast("Any", link))
    return peer, link, given_up


def test_answers_that_nobody_takes_in_are_bounded() -> None:
    """They are kept up to as much as the link holds; then the node is given up, once."""
    peer, _, given_up = stuck()
    for _ in range(10):
        assert peer.push(b"x" * 10)
    assert given_up == []
    for _ in range(3):
        assert peer.push(b"x")
    assert given_up == [peer]


def test_answers_that_are_taken_in_count_no_more() -> None:
    """Who is slow and goes on is not given up, and gets all of them."""
    peer, link, given_up = stuck()
    for _ in range(5):
        link.has_room = False
        for _ in range(9):
            assert peer.push(b"x" * 10)
        link.has_room = True
        peer.writable()
    assert given_up == []
    assert len(link.taken) == 45
    assert peer.overflow_bytes == 0
