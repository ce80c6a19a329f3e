"""Nodes with keys: who may listen where, who joins whom, and what a new roster changes."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from actors import (
    MemberDown,
    MemberUp,
    Node,
    NodeRefused,
    NodeRefusedError,
    Security,
    SecurityError,
)
from actors.cluster.cluster import ROLES_WITHDRAWN, _is_certain, _missed_for
from actors.testing import MemoryNetwork
from tests.actors.remote_kit import Echo, Servant
from transport import TransportOptions
from transport.revocation import UNLISTED
from transport.security.keys import KeyPair, write_keys

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PATIENCE = 10.0


class Site:
    """A folder with everybody's keys and one roster, and the nodes that go by them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.roster = folder / "roster.toml"
        self.keys: dict[str, KeyPair] = {}
        self.stack = contextlib.AsyncExitStack()

    def key(self, label: str) -> KeyPair:
        if label not in self.keys:
            self.keys[label] = KeyPair.make()
            write_keys(self.folder / label, self.keys[label])
        return self.keys[label]

    def list(self, *names: str, file: str = "roster.toml", more: str = "", **keys: str) -> Path:
        """Write a roster: names with the keys of that label, and names with another label's."""
        entries = {name: name for name in names} | keys
        lines = [f'{name} = "{self.key(label).public}"' for name, label in entries.items()]
        path = self.folder / file
        path.write_text("\n".join([*lines, more]))
        return path

    def security(self, label: str, roster: Path | None = None) -> Security:
        self.key(label)
        return Security.read(self.folder / label, roster or self.roster)

    def node(self, name: str, *seeds: Node, **more: Any) -> Node:
        security = more.pop("security", None) or self.security(name)
        options = TransportOptions(reconnect_initial=0.02, reconnect_maximum=0.1)
        return Node(
            name,
            bind="tcp://127.0.0.1:0",
            seeds=[str(seed.address) for seed in seeds],
            security=security,
            options=options,
            **more,
        )

    async def start(self, name: str, *seeds: Node, **more: Any) -> Node:
        return await self.stack.enter_async_context(self.node(name, *seeds, **more))


@contextlib.asynccontextmanager
async def site(folder: Path) -> AsyncIterator[Site]:
    made = Site(folder)
    async with made.stack:
        yield made


class Log:
    """The events of a node."""

    def __init__(self, node: Node) -> None:
        self.events: list[Any] = []
        self._news = asyncio.Event()
        node.events.subscribe(self._note, MemberUp, MemberDown, NodeRefused)

    def _note(self, event: Any) -> None:
        self.events.append(event)
        self._news.set()

    async def first(self, kind: type, **fields: Any) -> Any:
        async with asyncio.timeout(PATIENCE):
            while True:
                for event in self.events:
                    if isinstance(event, kind) and all(
                        getattr(event, name) == value for name, value in fields.items()
                    ):
                        return event
                self._news.clear()
                await self._news.wait()


@pytest.mark.parametrize(
    "bind",
    ["tcp://0.0.0.0:0", "tcp://*:0", "tcp://[::]:0", "tcp://10.0.0.5:0", "tcp://a.example:0"],
)
def test_without_keys_a_node_listens_on_loopback_only(bind: str) -> None:
    """The error comes when the node is made, is a ValueError, and says what to do."""
    with pytest.raises(SecurityError, match="keygen") as caught:
        Node("n", bind=["tcp://127.0.0.1:0", bind])
    assert isinstance(caught.value, ValueError)
    assert bind in str(caught.value)
    assert "insecure" in str(caught.value)
    Node("n", bind=bind, insecure=True)


@pytest.mark.parametrize(
    "bind",
    ["tcp://127.0.0.1:0", "tcp://127.8.9.1:0", "tcp://[::1]:0", "tcp://localhost:0", "ipc:///x"],
)
def test_loopback_and_ipc_need_no_keys(bind: str) -> None:
    """Nobody on another machine gets there."""
    Node("n", bind=bind)


async def test_with_keys_a_node_listens_anywhere(tmp_path: Path) -> None:
    """And is reached there, encrypted."""
    async with site(tmp_path) as here:
        here.list("a", "b")
        a = Node("a", bind="tcp://0.0.0.0:0", security=here.security("a"))
        await here.stack.enter_async_context(a)
        b = await here.start("b", a)
        await b.wait_for_members(2, timeout=PATIENCE)
        a.spawn(Servant, name="servant")
        servant = await b.resolve("servant", at="a")
        assert await servant.ask(Echo("through")) == "through"


def test_other_carriers_have_no_keys(tmp_path: Path) -> None:
    """A transport of one's own brings its own security, or has none; its binds are its own."""
    here = Site(tmp_path)
    here.list("a")
    with pytest.raises(TypeError, match="security"):
        Node("a", security=here.security("a"), transport=MemoryNetwork().transport("a"))
    Node("a", bind="tcp://10.0.0.5:7770", transport=MemoryNetwork().transport("a"))


async def test_a_node_whose_key_nobody_lists_fails_to_join(tmp_path: Path) -> None:
    """As one that is refused by name does, with words that say what to do."""
    async with site(tmp_path) as here:
        everybody = here.list("a", "b", "stranger", file="everybody.toml")
        here.list("a", "b")
        a = await here.start("a")
        b = await here.start("b", a)
        stranger = here.node("stranger", a, b, security=here.security("stranger", everybody))
        log = Log(stranger)
        with pytest.raises(NodeRefusedError, match="our key is not on its roster") as caught:
            await stranger.start()
        assert caught.value.reason.startswith("not-authorised: ")
        await log.first(NodeRefused, by_us=False)
        assert len(a.members) == 2


async def test_one_seed_with_an_old_roster_keeps_nobody_from_joining(tmp_path: Path) -> None:
    """Rosters do not change everywhere at once: another seed lets it in."""
    async with site(tmp_path) as here:
        old = here.list("a", "b", file="old.toml")
        here.list("a", "b", "new")
        a = await here.start("a", security=here.security("a", old))
        b = await here.start("b", a)
        new = await here.start("new", a, b)
        await new.wait_for_members(2, timeout=PATIENCE)
        assert "new" not in {member.name for member in a.members}


async def test_a_node_cannot_join_under_anothers_name(tmp_path: Path) -> None:
    """Both sides say so: NodeRefusedError there, NodeRefused by us here."""
    async with site(tmp_path) as here:
        here.list("a", "bank", "thief")
        a = await here.start("a")
        log = Log(a)
        thief = here.node("bank", a, security=here.security("thief"))
        with pytest.raises(NodeRefusedError, match="under the name 'bank'"):
            await thief.start()
        event = await log.first(NodeRefused, by_us=True)
        assert event.reason.startswith("not-authorised: ")
        assert len(a.members) == 1


async def test_a_seed_that_poses_as_another_is_not_joined(tmp_path: Path) -> None:
    """The dialler checks as well."""
    async with site(tmp_path) as here:
        here.list("a", "bank", "thief")
        thief = await here.start("bank", security=here.security("thief"))
        a = here.node("a", thief)
        log = Log(a)
        await here.stack.enter_async_context(a)
        assert (await log.first(NodeRefused)).by_us
        assert [member.name for member in a.members] == ["a"]


async def test_roles_are_the_rosters_to_give(tmp_path: Path) -> None:
    """Whoever claims others is refused; a name without roles there may have any."""
    async with site(tmp_path) as here:
        teller = f'[teller]\nkey = "{here.key("teller").public}"\nroles = ["teller", "spare"]'
        here.list("a", "free", more=teller)
        a = await here.start("a")
        log = Log(a)
        with pytest.raises(NodeRefusedError, match="does not give 'teller' the role 'boss'"):
            await here.node("teller", a, roles=["teller", "boss"]).start()
        await log.first(NodeRefused, by_us=True)
        await here.start("teller", a, roles=["teller"])
        await here.start("free", a, roles=["boss"])
        await a.wait_for_members(3, timeout=PATIENCE)


async def test_who_is_struck_from_the_roster_is_down_at_once_and_stays_out(tmp_path: Path) -> None:
    """On every node that reloads; the others go on, and its calls are refused."""
    async with site(tmp_path) as here:
        here.list("a", "b", "gone")
        a = await here.start("a")
        b = await here.start("b", a)
        gone = await here.start("gone", a)
        for node in (a, b, gone):
            await node.wait_for_members(3, timeout=PATIENCE)
        logs, theirs = [Log(a), Log(b)], Log(gone)
        here.list("a", "b")
        for node in (a, b):
            node.reload_security()
        for log in logs:
            down = await log.first(MemberDown)
            assert down.member.name == "gone"
            assert down.reason == "its key is no longer on the roster"
        await theirs.first(NodeRefused, by_us=False)
        for node in (a, b):
            assert node._mesh is not None
            assert node._mesh.stats().dialling == 0, "nobody calls it"
        assert {member.name for member in a.members} == {"a", "b"} == {m.name for m in b.members}
        a.spawn(Servant, name="servant")
        assert await (await b.resolve("servant", at="a")).ask(Echo(1)) == 1
        assert not any(isinstance(e, MemberUp) for log in logs for e in log.events)


async def test_one_node_that_reloads_expels_nobody_elsewhere(tmp_path: Path) -> None:
    """Each goes by its own roster: what one strikes is not dead for the others."""
    async with site(tmp_path) as here:
        here.list("a", "b", "c")
        a = await here.start("a")
        b = await here.start("b", a)
        c = await here.start("c", a)
        for node in (a, b, c):
            await node.wait_for_members(3, timeout=PATIENCE)
        log, others = Log(a), Log(b)
        here.list("a", "b")
        a.reload_security()
        await log.first(MemberDown)
        c.spawn(Servant, name="servant")
        assert await (await b.resolve("servant", at="c")).ask(Echo(1)) == 1
        assert not any(isinstance(event, MemberDown) for event in others.events)


async def test_a_member_that_speaks_of_strangers_has_nobody_dial_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither as newcomers nor in gossip: it could speak of thousands that no roster lists."""
    async with site(tmp_path) as all_:
        all_.list("a", "b", "c")
        a = await all_.start("a")
        others = {"ghost": "tcp://127.0.0.1:9"}
        monkeypatch.setattr(a._cluster, "directory", lambda: msgspec.msgpack.encode(others))
        b = await all_.start("b", a)
        await b.wait_for_members(2, timeout=PATIENCE)
        assert b._mesh is not None
        assert b._cluster is not None
        b._cluster.call("ghost", "tcp://127.0.0.1:9")
        assert b._mesh.stats().dialling == 0
        b._cluster.call("c", "tcp://127.0.0.1:9")
        assert b._mesh.stats().dialling == 1


@pytest.mark.parametrize("reason", [UNLISTED, ROLES_WITHDRAWN])
def test_what_one_roster_strikes_is_not_spread_nor_missed(reason: str) -> None:
    """Unlike a death, which all are told of and after which one calls for a while."""
    assert not _is_certain(reason)
    assert _missed_for(reason) == 0
    assert _is_certain("unreachable: ...")
    assert _missed_for("unreachable: ...") > 0


async def test_roles_that_are_withdrawn_drop_who_has_them(tmp_path: Path) -> None:
    """A reload holds for roles as it does for keys."""
    async with site(tmp_path) as here:
        here.list("a", "b")
        a = await here.start("a")
        await here.start("b", a, roles=["boss"])
        await a.wait_for_members(2, timeout=PATIENCE)
        log = Log(a)
        here.list("a", more=f'[b]\nkey = "{here.key("b").public}"\nroles = ["clerk"]')
        a.reload_security()
        assert (
            await log.first(MemberDown)
        ).reason == "the roster does not give it its roles any more"


async def test_keys_change_without_a_restart_of_the_others(tmp_path: Path) -> None:
    """New key listed, reload; its node restarts with it; old key struck, reload."""
    async with site(tmp_path) as here:
        here.list("a", "b")
        a = await here.start("a")
        b = await here.start("b", a)
        await a.wait_for_members(2, timeout=PATIENCE)
        log = Log(a)
        both = [here.key("b").public, here.key("b-2").public]
        here.list("a", more=f"b = {both}")
        a.reload_security()
        assert log.events == []
        await b.shutdown()
        renewed = here.node("b", a, security=here.security("b-2"))
        await here.stack.enter_async_context(renewed)
        await log.first(MemberUp)
        here.list("a", b="b-2")
        for node in (a, renewed):
            node.reload_security()
        a.spawn(Servant, name="servant")
        assert await (await renewed.resolve("servant", at="a")).ask(Echo("new")) == "new"
        downs = [event for event in log.events if isinstance(event, MemberDown)]
        assert [event.reason for event in downs] == ["left"]


async def test_a_malformed_roster_changes_nothing(tmp_path: Path) -> None:
    """The error says where; the old one is in force, and the next good one is taken."""
    async with site(tmp_path) as here:
        here.list("a", "b")
        a = await here.start("a")
        await here.start("b", a)
        await a.wait_for_members(2, timeout=PATIENCE)
        for nonsense in ("b = [", "", 'a = "short"'):
            here.roster.write_text(nonsense)
            with pytest.raises(SecurityError, match=r"roster\.toml"):
                a.reload_security()
        here.roster.unlink()
        with pytest.raises(SecurityError, match="cannot be read"):
            a.reload_security()
        assert len(a.members) == 2
        here.list("a")
        log = Log(a)
        a.reload_security()
        assert (await log.first(MemberDown)).member.name == "b"


async def test_there_is_nothing_to_reload_without_keys() -> None:
    """And before the start a new roster is the one to begin with."""
    with pytest.raises(SecurityError, match="nothing to reload"):
        Node("a").reload_security()


async def test_a_roster_that_is_reloaded_before_the_start_holds(tmp_path: Path) -> None:
    """Whoever made the node early begins with what is true later."""
    async with site(tmp_path) as here:
        here.list("a")
        a = here.node("a")
        here.list("a", "b")
        a.reload_security()
        await here.stack.enter_async_context(a)
        await here.start("b", a)
        await a.wait_for_members(2, timeout=PATIENCE)


async def test_a_node_that_is_not_on_its_own_roster_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Most likely the others have the same one, and will refuse it."""
    async with site(tmp_path) as here:
        here.list("a", "b")
        await here.start("a", security=here.security("b"))
        assert "does not list a with this node's key" in caplog.text
        assert 'the line that it lacks: a = "' in caplog.text
