"""The table of names, groups and topics: a machine of its own, and several that tell each other."""

from __future__ import annotations

from collections import deque
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors.registry.table import MAX_TIME, Change, Conflict, Owner, Section, Table

NAMES, GROUPS, TOPICS = Section.NAMES, Section.GROUPS, Section.TOPICS
NODES = ("a", "b", "c", "d")
LABELS = ("x", "y")
ACTORS = (1, 2)
Ref = tuple[str, int]


def told(table: Table[Any], owner: Owner, *changes: Change[Any]) -> Any:
    """What a table makes of changes that another node tells."""
    return table.receive(owner, max((c.time or 0 for c in changes), default=0), changes)


def test_an_entry_is_known_until_it_is_struck() -> None:
    """Entering and striking show at once, each once."""
    table: Table[str] = Table("a")
    change = table.enter(GROUPS, "g", "one")
    assert change == Change(GROUPS, "g", "one", 1)
    assert table.enter(GROUPS, "g", "one") is None
    assert table.refs(GROUPS, "g") == ("one",)
    assert table.refs(TOPICS, "g") == ()
    assert table.strike(GROUPS, "g", "one") == Change(GROUPS, "g", "one", None)
    assert table.strike(GROUPS, "g", "one") is None
    assert table.refs(GROUPS, "g") == ()
    assert not table.has_any(GROUPS, "g")
    assert table.is_empty


def test_all_entries_of_an_actor_go_with_it() -> None:
    """Of whatever section, and nobody else's."""
    table: Table[str] = Table("a")
    for section in Section:
        table.enter(section, "x", "one")
    table.enter(GROUPS, "x", "other")
    assert {change.section for change in table.strike_all("one")} == set(Section)
    assert table.own() == [Change(GROUPS, "x", "other", 4)]


def test_members_stand_in_the_order_of_their_entry() -> None:
    """By the time that each was given, then by the name of its node: alike everywhere."""
    first, second = Owner("b", 1), Owner("c", 1)
    table: Table[str] = Table("a")
    table.connected(first)
    table.connected(second)
    told(table, second, Change(GROUPS, "g", "c1", 1), Change(GROUPS, "g", "c3", 3))
    table.enter(GROUPS, "g", "a4")
    told(table, first, Change(GROUPS, "g", "b1", 1))
    assert table.refs(GROUPS, "g") == ("b1", "c1", "c3", "a4")


def test_time_goes_on_from_the_latest_that_was_heard_of() -> None:
    """An entry is later than all that its node knew when it was made, also without entries."""
    other = Owner("b", 1)
    table: Table[str] = Table("a")
    table.connected(other)
    table.receive(other, 41, ())
    assert table.enter(NAMES, "x", "one") == Change(NAMES, "x", "one", 42)


def test_a_time_that_is_a_lie_silences_nobody() -> None:
    """A clock that was set to its end stays there: what is entered then is taken elsewhere."""
    table: Table[str] = Table("a")
    other = Owner("b", 1)
    table.connected(other)
    table.receive(other, MAX_TIME, ())
    for name in ("x", "y"):
        change = table.enter(NAMES, name, "one")
        assert change is not None
        assert change.time == MAX_TIME


def test_a_lost_node_is_forgotten() -> None:
    """All that it told goes, and what still comes from it is not taken."""
    other = Owner("b", 1)
    table: Table[str] = Table("a")
    table.connected(other)
    told(table, other, Change(GROUPS, "g", "b1", 1), Change(TOPICS, "t", "b1", 2))
    assert len(table.disconnected(other)) == 2
    assert table.refs(GROUPS, "g") == ()
    assert table.disconnected(other) == []
    assert told(table, other, Change(GROUPS, "g", "b1", 1)).changes == []
    assert table.refs(GROUPS, "g") == ()


def test_the_later_of_two_holders_of_a_name_gives_way() -> None:
    """The node of the loser strikes it and says who won."""
    other = Owner("b", 1)
    table: Table[str] = Table("a")
    table.enter(GROUPS, "g", "one")
    table.enter(NAMES, "x", "one")
    table.connected(other)
    received = told(table, other, Change(NAMES, "x", "b1", 1))
    assert received.conflicts == [Conflict("x", "b1", "one")]
    assert received.changes == [Change(NAMES, "x", "b1", 1), Change(NAMES, "x", "one", None)]
    assert table.refs(NAMES, "x") == ("b1",)
    assert table.refs(GROUPS, "g") == ("one",)


def test_the_earlier_holder_keeps_its_name() -> None:
    """Also where the times are equal and its node has the smaller name."""
    other = Owner("b", 1)
    table: Table[str] = Table("a")
    table.enter(NAMES, "x", "one")
    table.connected(other)
    assert told(table, other, Change(NAMES, "x", "b1", 1)).conflicts == []
    assert table.first(NAMES, "x") == "one"


def test_too_many_entries_are_refused() -> None:
    """Of another node what is beyond the limit is counted and not kept."""
    other = Owner("b", 1)
    table: Table[str] = Table("a", limit=2)
    table.connected(other)
    received = told(table, other, *(Change(GROUPS, "g", f"b{n}", n) for n in range(1, 5)))
    assert received.refused == 2
    assert table.refs(GROUPS, "g") == ("b1", "b2")
    for name in ("one", "two"):
        assert not table.is_full
        table.enter(GROUPS, "g", name)
    assert table.is_full


class Node:
    """One table, and the links from it to others."""

    def __init__(self, name: str) -> None:
        self.owner = Owner(name, 1)
        self.table: Table[Ref] = Table(name)
        self.links: dict[str, deque[tuple[int, list[Change[Ref]]]]] = {}
        self.conflicts: list[Conflict[Ref]] = []

    def tell(self, changes: list[Change[Ref]]) -> None:
        for link in self.links.values():
            link.append((self.table.time, changes))


class Cluster(RuleBasedStateMachine):
    """Some nodes that enter, strike, lose their actors, and each other, in any interleaving."""

    @initialize(size=st.integers(2, len(NODES)))
    def begin(self, size: int) -> None:
        self.nodes = {name: Node(name) for name in NODES[:size]}
        self.up: set[frozenset[str]] = set()
        self.lost_by: dict[frozenset[str], set[str]] = {}

    def node(self, data: st.DataObject) -> Node:
        return self.nodes[data.draw(st.sampled_from(sorted(self.nodes)), label="node")]

    def pairs(self) -> list[tuple[str, str]]:
        names = sorted(self.nodes)
        return [(one, other) for one in names for other in names if one < other]

    @rule(
        data=st.data(),
        section=st.sampled_from(Section),
        label=st.sampled_from(LABELS),
        actor=st.sampled_from(ACTORS),
    )
    def enter(self, data: st.DataObject, section: Section, label: str, actor: int) -> None:
        node = self.node(data)
        if section is NAMES and node.table.first(NAMES, label) is not None:
            return
        change = node.table.enter(section, label, (node.owner.node, actor))
        if change is not None:
            node.tell([change])

    @rule(
        data=st.data(),
        section=st.sampled_from(Section),
        label=st.sampled_from(LABELS),
        actor=st.sampled_from(ACTORS),
    )
    def strike(self, data: st.DataObject, section: Section, label: str, actor: int) -> None:
        node = self.node(data)
        change = node.table.strike(section, label, (node.owner.node, actor))
        if change is not None:
            node.tell([change])

    @rule(data=st.data(), actor=st.sampled_from(ACTORS))
    def end(self, data: st.DataObject, actor: int) -> None:
        node = self.node(data)
        node.tell(node.table.strike_all((node.owner.node, actor)))

    @rule(data=st.data())
    def connect(self, data: st.DataObject) -> None:
        one, other = data.draw(st.sampled_from(self.pairs()), label="pair")
        self.join(one, other)

    def join(self, one: str, other: str) -> None:
        pair = frozenset((one, other))
        if pair in self.up or self.lost_by.get(pair):
            return  # nobody comes back before both have given each other up
        self.up.add(pair)
        for own, peer in ((self.nodes[one], other), (self.nodes[other], one)):
            own.table.connected(self.nodes[peer].owner)
            own.links[peer] = deque([(own.table.time, own.table.own())])

    @precondition(lambda self: self.up)
    @rule(data=st.data())
    def cut(self, data: st.DataObject) -> None:
        pair = data.draw(st.sampled_from(sorted(self.up, key=sorted)), label="pair")
        self.up.discard(pair)
        self.lost_by[pair] = set(pair)
        for name in pair:
            [other] = pair - {name}
            del self.nodes[name].links[other]

    @precondition(lambda self: any(self.lost_by.values()))
    @rule(data=st.data())
    def notice(self, data: st.DataObject) -> None:
        open_pairs = [pair for pair, names in self.lost_by.items() if names]
        pair = data.draw(st.sampled_from(sorted(open_pairs, key=sorted)), label="pair")
        self.give_up(pair, data.draw(st.sampled_from(sorted(self.lost_by[pair])), label="who"))

    def give_up(self, pair: frozenset[str], name: str) -> None:
        [other] = pair - {name}
        self.lost_by[pair].discard(name)
        self.nodes[name].table.disconnected(self.nodes[other].owner)

    @precondition(lambda self: any(link for n in self.nodes.values() for link in n.links.values()))
    @rule(data=st.data())
    def arrive(self, data: st.DataObject) -> None:
        links = [(n, o) for n, node in self.nodes.items() for o, link in node.links.items() if link]
        sender, receiver = data.draw(st.sampled_from(sorted(links)), label="link")
        self.hand_over(self.nodes[sender], self.nodes[receiver])

    def hand_over(self, sender: Node, receiver: Node) -> None:
        time, changes = sender.links[receiver.owner.node].popleft()
        received = receiver.table.receive(sender.owner, time, changes)
        receiver.conflicts += received.conflicts
        for conflict in received.conflicts:
            receiver.tell([Change(NAMES, conflict.name, conflict.loser, None)])

    @invariant()
    def a_node_has_one_holder_of_a_name(self) -> None:
        """Whatever others say, of its own actors one at most has a name."""
        for node in getattr(self, "nodes", {}).values():
            own = [(change.name) for change in node.table.own() if change.section is NAMES]
            assert len(own) == len(set(own))

    def teardown(self) -> None:
        """Connect all and let everything arrive: all agree, and nothing was invented or lost."""
        if not hasattr(self, "nodes"):
            return
        for pair, names in self.lost_by.items():
            for name in sorted(names):
                self.give_up(pair, name)
        self.rest()  # from here on nothing is told that is not so any more
        before = self.own()
        for one, other in self.pairs():
            self.join(one, other)
        self.rest()
        own = self.own()
        views = [self.view(node) for node in self.nodes.values()]
        assert all(view == views[0] for view in views)
        for section in Section:
            for label in LABELS:
                mine = {ref for sec, name, ref, _ in own if (sec, name) == (section, label)}
                assert set(views[0][section, label]) == mine
                self.check_winner(section, label, before, mine)

    def rest(self) -> None:
        """Let everything arrive, and what comes of it."""
        while links := [(n, o) for n in self.nodes.values() for o, li in n.links.items() if li]:
            for sender, receiver in links:
                self.hand_over(sender, self.nodes[receiver])

    def check_winner(
        self, section: Section, label: str, before: list[Change[Ref]], mine: set[Ref]
    ) -> None:
        entries = [c for c in before if (c.section, c.name) == (section, label)]
        if section is not NAMES:
            assert mine == {change.ref for change in entries}
        else:
            earliest = sorted(entries, key=lambda change: (change.time, change.ref))[:1]
            assert mine == {change.ref for change in earliest}

    def own(self) -> list[Change[Ref]]:
        return [change for node in self.nodes.values() for change in node.table.own()]

    def view(self, node: Node) -> dict[tuple[Section, str], tuple[Ref, ...]]:
        return {(s, label): node.table.refs(s, label) for s in Section for label in LABELS}


TestCluster = Cluster.TestCase
TestCluster.settings = settings(stateful_step_count=40)
