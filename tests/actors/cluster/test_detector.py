"""The failure detector alone: dead from busy, one broken link from a dead node."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.cluster.detection import (
    Busy,
    Call,
    Detection,
    GivenUp,
    Heard,
    Send,
    Silent,
    Verdict,
)
from actors.cluster.detector import FailureDetector
from actors.cluster.member import Life
from actors.cluster.probes import Finding, Ping, Roster, read, write
from actors.cluster.rumours import LOAD, MAX_VERSION, Rumour
from tests.actors.cluster.kit import NOTICE, Company

NAMES = ("a", "b", "c", "d")


@pytest.mark.parametrize("size", [2, 3, 4])
def test_who_is_silent_is_down_soon_everywhere(size: int) -> None:
    """A second after the links have noticed every other member has declared it down."""
    company = Company(*NAMES[:size])
    company.run(5)
    company.kill("a")
    company.run(NOTICE + 1)
    assert company.verdicts() == {(other, "a") for other in NAMES[1:size]}


def test_one_broken_link_condemns_nobody() -> None:
    """As long as somebody reaches a node it is not declared down, however long that lasts."""
    company = Company(*NAMES)
    company.run(5)
    company.cut("a", "b")
    company.run(60)
    assert company.verdicts() == set()
    company.heal("a", "b")
    company.kill("d")
    company.run(NOTICE + 1)
    assert company.verdicts() == {("a", "d"), ("b", "d"), ("c", "d")}


def test_a_partition_is_seen_by_both_sides() -> None:
    """Each side declares the other down, and nobody of its own."""
    company = Company(*NAMES)
    company.run(5)
    for one in "ab":
        for other in "cd":
            company.cut(one, other)
    company.run(10)
    across = {(one, other) for one in "ab" for other in "cd"}
    assert company.verdicts() == across | {(other, one) for one, other in across}


@pytest.mark.parametrize("size", [2, 4])
def test_a_blocked_loop_is_busy_and_not_down(size: int) -> None:
    """Its links stand: others call it busy, and hear afterwards what kept it."""
    company = Company(*NAMES[:size])
    company.run(5)
    company.block("a", 2.5)
    company.run(10)
    assert company.verdicts() == set()
    told = {who for _, who, busy in company.of(Busy) if busy.culprit == "somebody"}
    assert told == set(NAMES[1:size])
    assert all(busy.life.name == "a" for _, _, busy in company.of(Busy))


def test_a_loop_that_never_runs_again_is_down_at_last() -> None:
    """A process whose loop hangs for good is of no use to anybody."""
    company = Company(*NAMES, timings=Detection(unresponsive=10.0))
    company.run(5)
    company.block("a", 1000)
    company.run(9)
    assert company.verdicts() == set()
    company.run(8)
    assert {("b", "a"), ("c", "a"), ("d", "a")} <= company.verdicts()


def test_who_stood_still_distrusts_what_it_has_seen() -> None:
    """Time that passed while its own loop stood still is held against nobody."""
    company = Company("a", "b")
    company.run(5)
    company.cut("a", "b")
    company.run(NOTICE + 0.1)
    company.block("a", 5.0)
    company.run(5.2)
    assert company.verdicts() == {("b", "a")}
    company.run(3)
    assert company.verdicts() == {("b", "a"), ("a", "b")}


def test_who_distrusts_itself_still_says_who_is_silent() -> None:
    """Its verdict may take many times as long; that nobody is heard it says in time."""
    company = Company("a", "b", "c")
    company.run(5)
    company.detectors["a"]._health.score = 8
    company.cut("a", "b")
    company.cut("a", "c")
    company.run(NOTICE + 3)
    silent = {what.life.name for _, who, what in company.of(Silent) if who == "a"}
    assert silent == {"b", "c"}
    assert ("a", "b") not in company.verdicts()
    company.heal("a", "b")
    assert [what.life.name for _, who, what in company.of(Heard) if who == "a"] == ["b"]


@pytest.mark.parametrize("phase", [0.0, 0.2, 0.4, 0.6, 0.8])
def test_a_stall_of_a_second_is_noticed_whenever_it_begins(phase: float) -> None:
    """Also just before a ping was due: most of it is the time that passed until then."""
    company = Company("a", "b", "c")
    company.run(5 + phase)
    company.block("a", 1.0)
    company.run(10)
    told = {who for _, who, busy in company.of(Busy) if busy.culprit == "somebody"}
    assert told == {"b", "c"}
    assert company.verdicts() == set()


def test_a_member_hears_that_it_is_suspected_and_says_no() -> None:
    """It speaks up in a new version, which gives it all the time again."""
    detector = _detector("a")
    detector.joined(Life("b", 2), "tcp://b:1")
    rumour = Rumour("suspect", "a", 1, 0, by="c")
    detector.received(Life("b", 2), _saying(rumour), 1.0)
    [said] = [r for r in detector._hearsay._rumours.take(3) if r.name == "a"]
    assert (said.said, said.version) == ("up", 1)


def test_a_suspicion_of_the_last_version_leaves_a_member_its_voice() -> None:
    """A lie cannot make it say what nobody understands: what it says can be written and read."""
    detector = _detector("a")
    own, other = Life("a", 1), Life("b", 2)
    detector.joined(other, "tcp://b:1")
    rumour = Rumour("suspect", *own, MAX_VERSION, by="c")
    actions = detector.received(other, _saying(rumour), 0.0)
    actions += detector.received(other, Ping([], 1, 0), 0.0)
    sent = [action.message for action in actions if isinstance(action, Send)]
    assert sent
    for message in sent:
        assert read(write(message, [])).message == message
    assert any(each.version == MAX_VERSION for message in sent for each in message.rumours)


def test_who_is_declared_down_learns_it() -> None:
    """It must begin a new life; it does not argue."""
    detector = _detector("a")
    detector.joined(Life("b", 2), "tcp://b:1")
    rumour = Rumour("down", "a", 1, by="c", detail="silence")
    assert detector.received(Life("b", 2), _saying(rumour), 1.0) == [GivenUp("c")]


def test_a_verdict_travels() -> None:
    """Who hears that a member is down gives it up as well, and passes it on once."""
    detector = _detector("a")
    for number, name in enumerate("bcd", 2):
        detector.joined(Life(name, number), f"tcp://{name}:1")
    rumour = Rumour("down", "c", 3, by="b", detail="silence")
    [verdict] = detector.received(Life("b", 2), _saying(rumour), 1.0)
    assert isinstance(verdict, Verdict)
    assert verdict.life == Life("c", 3)
    assert "declared down by 'b': silence" in verdict.reason


def test_whoever_is_no_member_is_not_listened_to() -> None:
    """A life that is over, or was never here, changes nothing."""
    detector = _detector("a")
    detector.joined(Life("b", 2), "tcp://b:1")
    rumour = Rumour("down", "b", 2, by="x", detail="because")
    assert detector.received(Life("x", 9), _saying(rumour), 1.0) == []


def test_members_that_one_has_missed_are_called() -> None:
    """Different digests make two members compare all that they know: anti-entropy."""
    company = Company("a", "b")
    other = Life("c", 77)
    company.detectors["b"].joined(other, "tcp://c:1")
    for _ in range(20):
        company.detectors["b"]._hearsay._rumours.take(2)  # whoever had to hear of it has
    company.run(5)
    assert ("a", Call("c", "tcp://c:1")) in [(who, what) for _, who, what in company.found]


def test_a_roster_is_answered_once() -> None:
    """Two that differ for good do not talk for ever."""
    detector = _detector("a")
    detector.joined(Life("b", 2), "tcp://b:1")
    assert len(detector.received(Life("b", 2), Roster([], [], False), 1.0)) == 1
    assert detector.received(Life("b", 2), Roster([], [], True), 1.0) == []


def test_equal_companies_have_equal_digests() -> None:
    """Whatever the order in which members came."""
    company = Company(*NAMES)
    company.run(5)
    assert len({detector.digest for detector in company.detectors.values()}) == 1
    company.kill("c")
    company.run(10)
    assert len({detector.digest for detector in company.detectors.values()}) == 1


@pytest.mark.parametrize("size", [3, 10, 40])
def test_what_a_member_says_does_not_grow_with_the_cluster(size: int) -> None:
    """A ping and an answer in each period, with at most so many rumours, however many there are."""
    company = Company(*(f"n{number}" for number in range(size)))
    company.run(10)
    company.sent.clear()
    company.run(20)
    assert max(company.sent.values()) <= 2.6 * 20
    assert sum(company.sent.values()) / size <= 2.05 * 20
    detector = company.detectors["n0"]
    news = detector._hearsay.news(next(iter(detector._neighbours.values())))
    assert len(news) <= LOAD


@given(
    st.integers(min_value=0, max_value=2**32),
    st.lists(
        st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES), st.floats(0.1, 4.0)), max_size=12
    ),
)
def test_links_that_come_and_go_condemn_nobody_who_can_be_reached(
    seed: int, breaks: list[tuple[str, str, float]]
) -> None:
    """While each member is linked to a fifth one that all reach, there is no verdict."""
    company = Company(*NAMES, "hub", seed=seed)
    for one, other, pause in breaks:
        if one != other:
            company.cut(one, other)
            company.run(pause)
            company.heal(one, other)
    company.run(10)
    assert company.verdicts() == set()


@pytest.mark.parametrize("value", [0, -1.0, float("inf"), float("nan")])
def test_timings_are_checked(value: float) -> None:
    """Durations are positive numbers of seconds, and who is alone does not wait less."""
    with pytest.raises(ValueError, match="period"):
        Detection(period=value)
    with pytest.raises(ValueError, match="suspicion_alone"):
        Detection(suspicion=3.0, suspicion_alone=2.0)


def _detector(name: str) -> FailureDetector:
    return FailureDetector(
        Life(name, 1),
        f"tcp://{name}:1",
        lambda *_: False,
        random.Random(0),
        Detection(),
        0.0,
    )


def _saying(rumour: Rumour) -> Finding:
    """Return a message that carries it."""
    return Finding([rumour], "nobody", 0, False)
