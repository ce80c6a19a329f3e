"""The gate: who is turned away, and who never is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport import TransportOptions
from transport.gate import Bounds, Gate, Grounds, address_of, connections_allowed

BOUNDS = Bounds(
    connections=4, per_address=2, patience=6.0, stranger_bytes=1000, unfinished_bytes=5000
)


def gate() -> Gate:
    return Gate(BOUNDS)


def test_one_more_than_the_most_is_turned_away() -> None:
    """At once and with its reason; when one ends there is room again."""
    full = gate()
    for number in range(4):
        assert full.accept(number, f"h{number}") is None
    ending = full.accept(9, "h9")
    assert ending is not None
    assert (ending.number, ending.grounds) == (9, Grounds.CONNECTIONS)
    assert "4 are open" in ending.detail
    full.end(0)
    assert full.accept(10, "h9") is None


def test_an_address_has_a_share() -> None:
    """Others come in while one has its most; paths have no address and no share."""
    crowded = gate()
    assert crowded.accept(1, "h") is None
    assert crowded.accept(2, "h") is None
    ending = crowded.accept(3, "h")
    assert ending is not None
    assert "2 from this address" in ending.detail
    assert crowded.accept(4, "other") is None
    crowded.end(1)
    assert crowded.accept(5, "h") is None
    paths = gate()
    assert [paths.accept(number, "") for number in range(4)] == [None] * 4


def test_who_was_turned_away_takes_nobodys_place() -> None:
    """Though its descriptor is closed a little later."""
    full = gate()
    for number in range(4):
        full.accept(number, f"h{number}")
    full.accept(9, "h9")
    full.end(3)
    assert full.accept(10, "h10") is None
    full.end(9)
    assert full.accept(11, "h11") is not None


def sweeps(swept: Gate, seconds: float, start: float = 0.0) -> dict[int, Grounds]:
    """Let time pass in steps of a tenth of a second; who is ended, and why."""
    steps = range(1, round(10 * seconds) + 1)
    return {e.number: e.grounds for step in steps for e in swept.sweep(start + step / 10)}


def test_a_stranger_has_its_time() -> None:
    """Who has no session after that is ended, once; who has one is not."""
    timed = gate()
    timed.accept(1, "a")
    timed.accept(2, "b")
    timed.establish(2, b"peer")
    assert sweeps(timed, 6.0) == {}
    assert sweeps(timed, 0.2, 6.0) == {1: Grounds.HANDSHAKE}
    assert sweeps(timed, 20.0, 6.2) == {}


def test_the_end_of_a_session_makes_a_stranger() -> None:
    """Its time begins then; sessions that were never heard of change nothing."""
    left = gate()
    left.accept(1, "a")
    left.establish(1, b"peer")
    assert sweeps(left, 20.0) == {}
    left.forget(b"nobody")
    left.forget(b"peer")
    left.forget(b"peer")
    assert left.strangers == 1
    assert sweeps(left, 6.0, 20.0) == {}
    assert sweeps(left, 0.2, 26.0) == {1: Grounds.HANDSHAKE}


def test_a_session_that_moves_leaves_a_stranger_behind() -> None:
    """The same routing id on a second connection, or another one on the same."""
    moved = gate()
    moved.accept(1, "a")
    moved.accept(2, "a")
    moved.establish(1, b"peer")
    moved.establish(2, b"peer")
    assert moved[1].source is None
    assert moved[2].source == b"peer"
    moved.establish(2, b"another")
    moved.forget(b"peer")
    assert moved[2].source == b"another"


def test_time_in_which_the_node_stood_still_counts_for_nobody() -> None:
    """Nothing could be heard meanwhile: a minute is half a second at most."""
    stalled = gate()
    stalled.accept(1, "a")
    assert list(stalled.sweep(60.0)) == []
    assert sweeps(stalled, 5.5, 60.0) == {}
    assert sweeps(stalled, 0.2, 65.5) == {1: Grounds.HANDSHAKE}


def test_a_stranger_may_send_little() -> None:
    """All that it has ever sent counts; one more than the most ends it."""
    strict = gate()
    strict.accept(1, "a")
    [entrant] = strict.suspects(peers=False)
    assert strict.judge(entrant, 1000) is None
    ending = strict.judge(entrant, 1001)
    assert ending is not None
    assert ending.grounds is Grounds.UNAUTHENTICATED
    assert strict.judge(entrant, 2000) is None
    assert strict.suspects(peers=True) == []


def test_a_peer_may_send_much_but_no_endless_message() -> None:
    """What counts is what came since a message was taken from it."""
    fair = gate()
    fair.accept(1, "a")
    fair.establish(1, b"peer")
    received = 0
    for _ in range(10):
        fair[1].hear()
        assert fair.suspects(peers=True) == []
        received += 4000
        [entrant] = fair.suspects(peers=True)
        assert fair.judge(entrant, received) is None
    assert fair.judge(fair[1], received + 5000) is None
    ending = fair.judge(fair[1], received + 5001)
    assert ending is not None
    assert ending.grounds is Grounds.UNFINISHED


def test_what_came_while_a_session_stood_is_not_held_against_who_lost_it() -> None:
    """A peer whose session ends after much was sent is a stranger with clean hands."""
    parted = gate()
    parted.accept(1, "a")
    parted.establish(1, b"peer")
    parted.forget(b"peer")
    assert parted.judge(parted[1], 1_000_000) is None
    ending = parted.judge(parted[1], 1_001_001)
    assert ending is not None
    assert ending.grounds is Grounds.UNAUTHENTICATED


def test_many_strangers_are_looked_at_by_turns() -> None:
    """All of them have their turn, some in each sweep."""
    busy = Gate(Bounds(5000, 5000, 6.0, 1000, 5000))
    for number in range(1300):
        busy.accept(number, "a")
    rounds = [{e.number for e in busy.suspects(peers=False)} for _ in range(3)]
    assert [len(found) for found in rounds] == [512, 512, 512]
    assert set().union(*rounds) == set(range(1300))


def test_a_descriptor_that_is_used_again_is_another_connection() -> None:
    """Nothing of the one before it holds for it."""
    again = gate()
    again.accept(1, "a")
    again.establish(1, b"peer")
    again.accept(1, "b")
    again.forget(b"peer")
    assert again[1].source is None
    assert len(again) == again.strangers == 1
    again.end(1)
    again.end(1)
    assert len(again) == 0


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["accept", "end", "establish", "forget", "sweep", "judge"]),
            st.integers(0, 6),
        ),
        max_size=60,
    )
)
def test_the_counts_are_right_whatever_happens(steps: list[tuple[str, int]]) -> None:
    """Everybody is a stranger or has a session, and no more than the most are let in."""
    tried, now = gate(), 0.0
    for step, number in steps:
        match step:
            case "accept":
                tried.accept(number, f"h{number % 3}")
            case "end":
                tried.end(number)
            case "establish":
                tried.establish(number, b"source %d" % (number % 4))
            case "forget":
                tried.forget(b"source %d" % (number % 4))
            case "sweep":
                now += number
                list(tried.sweep(now))
            case _ if number in tried:
                tried.judge(tried[number], 600 * number)
        inside = [tried[n] for n in range(7) if n in tried and not tried[n].doomed]
        assert len(inside) <= 4
        assert all(sum(e.address == f"h{n}" for e in inside) <= 2 for n in range(3))
        assert len(tried) == tried.strangers + sum(
            tried[n].source is not None for n in range(7) if n in tried
        )
    for number in range(7):
        tried.end(number)
    assert [tried.accept(number, f"h{number}") for number in range(4)] == [None] * 4


@pytest.mark.parametrize(
    ("wanted", "descriptors", "allowed"),
    [
        (4096, None, 4096),
        (4096, 1_048_576, 4096),
        (4096, 1024, 512),
        (100, 1024, 100),
        (4096, 64, 16),
        (4096, 16, 1),
    ],
)
def test_half_of_the_descriptors_stay_free(
    wanted: int, descriptors: int | None, allowed: int
) -> None:
    """For what a node opens by itself; the option may only say less."""
    assert connections_allowed(wanted, descriptors) == allowed
    options = TransportOptions(max_connections=wanted)
    assert Bounds.of(options, descriptors).connections == allowed


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
    ],
)
def test_an_address_is_what_its_owner_cannot_multiply(host: str, address: str) -> None:
    """One of IPv4, however it is written; a network of IPv6."""
    assert address_of(host) == address
