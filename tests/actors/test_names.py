"""Names, paths, addresses and refs."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from actors import (
    ActorNotFoundError,
    ActorStoppedError,
    Child,
    NameTakenError,
    Node,
    Reason,
    Role,
)
from tests.actors.kit import Do, Notes, Puppet

GOOD = ["a", "A-Z_0.9", "-", "_", "9", "x" * 128, "a.b", "tail."]
BAD = ["", ".", ".a", "a/b", "a b", "ä", "a#b", "a@b", "a:b", "x" * 129, "a\n"]


@pytest.mark.parametrize("name", GOOD)
async def test_a_good_name_is_taken(name: str) -> None:
    """1 to 128 of `A-Z a-z 0-9 _ . -`, not starting with a dot, name actors and nodes."""
    async with Node(name) as node:
        ref = node.spawn(Puppet, name=name)
        assert node.name == name
        assert await node.resolve(name) == ref


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_name_is_refused(name: str) -> None:
    """Anything else is a ValueError where it is written: actor, child, spec, node, role."""
    with pytest.raises(ValueError, match="name"):
        Node(name)
    with pytest.raises(ValueError, match=r"name|role"):
        Role(name)
    with pytest.raises(ValueError, match="name"):
        Child(Puppet, name=name)
    async with Node("n") as node:
        with pytest.raises(ValueError, match="name"):
            node.spawn(Puppet, name=name)
        puppet = node.spawn(Puppet)

        def attempt(actor: Any) -> str:
            with pytest.raises(ValueError, match="name"):
                actor.spawn(Puppet, name=name)
            return "refused"

        assert await puppet.ask(Do(attempt)) == "refused"


@pytest.mark.parametrize("name", [3, b"a", ["a"]])
async def test_a_name_is_a_str(name: Any) -> None:
    """Another type is a TypeError."""
    with pytest.raises(TypeError):
        Node(name)
    async with Node("n") as node:
        with pytest.raises(TypeError):
            node.spawn(Puppet, name=name)


async def test_a_living_name_is_taken() -> None:
    """The second of a name raises NameTakenError at the call; the first is unharmed."""
    async with Node("n") as node:
        first = node.spawn(Puppet, name="a")
        with pytest.raises(NameTakenError, match="a"):
            node.spawn(Puppet, name="a")
        assert await first.ask(Notes()) == []


async def test_a_name_is_free_again_after_the_end() -> None:
    """A new actor may have the name, under another incarnation."""
    async with Node("n") as node:
        first = node.spawn(Puppet, name="a")
        await first.stop()
        second = node.spawn(Puppet, name="a")
        assert first != second
        assert first.address != second.address
        assert await node.resolve("a") == second


async def test_names_are_unique_among_siblings_only() -> None:
    """Children of different parents may share a name."""
    async with Node("n") as node:
        tops = [node.spawn(Puppet, name=name) for name in ("one", "two")]
        children = [
            await top.ask(Do(lambda actor: actor.spawn(Puppet, name="same"))) for top in tops
        ]
        assert children[0] != children[1]
        assert await node.resolve("one/same") == children[0]
        assert await node.resolve("two/same") == children[1]

        def attempt(actor: Any) -> str:
            with pytest.raises(NameTakenError):
                actor.spawn(Puppet, name="same")
            return "refused"

        assert await tops[0].ask(Do(attempt)) == "refused"


async def test_without_a_name_one_is_made_up() -> None:
    """A thousand nameless actors have a thousand addresses."""
    async with Node("n") as node:
        refs = [node.spawn(Puppet) for _ in range(1000)]
        assert len({ref.address for ref in refs}) == 1000


async def test_made_up_names_avoid_the_taken_ones() -> None:
    """Names that look made up may be given; those that are made up later do not collide."""
    async with Node("n") as node:
        given = [node.spawn(Puppet, name=f"Puppet-{number}") for number in range(10)]
        made_up = [node.spawn(Puppet) for _ in range(20)]
        assert len({ref.address for ref in [*given, *made_up]}) == 30
        for ref in [*given, *made_up]:
            assert await ref.ask(Notes()) == []
        top = node.spawn(Puppet, name="top")

        def family(actor: Any) -> Any:
            refs = [actor.spawn(Puppet, name=f"Puppet-{number}") for number in range(60)]
            return [*refs, *[actor.spawn(Puppet) for _ in range(20)]]

        refs = await top.ask(Do(family))
        assert len({ref.address for ref in refs}) == 80
        assert await top.ask(Do(lambda actor: actor.children)) == tuple(refs)


@pytest.mark.parametrize("class_name", ["Größe", "A" * 300, "Has<generic>[int]", ".hidden"])
async def test_a_made_up_name_is_a_good_name(class_name: str) -> None:
    """Whatever its class is called, a nameless actor has an address that works."""
    kind = type(class_name, (Puppet,), {})
    async with Node("n") as node:
        ref = node.spawn(kind)
        assert node.ref(ref.address) == ref
        path = ref.address.removeprefix("actors://n/").partition("#")[0]
        assert await node.resolve(path) == ref


async def test_an_address_says_node_path_and_incarnation() -> None:
    """`actors://<node>/<path>#<incarnation>` where the node has no tcp endpoint; `str` is it."""
    async with Node("local") as node:
        top = node.spawn(Puppet, name="top")
        child = await top.ask(Do(lambda actor: actor.spawn(Puppet, name="child")))
        assert re.fullmatch(r"actors://local/top#\S+", top.address)
        assert re.fullmatch(r"actors://local/top/child#\S+", child.address)
        assert str(child) == child.address
        assert node.address is None


async def test_an_address_gives_an_equal_ref_back() -> None:
    """`node.ref(address)` equals the ref, hashes alike and works like it."""
    async with Node("n") as node:
        ref = node.spawn(Puppet, name="a")
        again = node.ref(ref.address)
        assert again == ref
        assert hash(again) == hash(ref)
        assert await again.ask(Notes()) == []


@pytest.mark.parametrize("address", ["", "a", "http://n/a#1", "actors://", "actors://n/../a#1"])
async def test_a_malformed_address_is_refused(address: str) -> None:
    """What is no address is a ValueError."""
    async with Node("n") as node:
        with pytest.raises(ValueError, match="address"):
            node.ref(address)


async def test_refs_are_hashable_and_comparable() -> None:
    """Refs work as keys, and only refs of the same incarnation are equal."""
    async with Node("n") as node:
        one, other = node.spawn(Puppet), node.spawn(Puppet)
        assert {one: 1, other: 2}[node.ref(one.address)] == 1
        assert one != other
        assert one != one.address


async def test_resolving_a_name_that_nobody_has() -> None:
    """`resolve` of an unknown or dead name raises ActorNotFoundError."""
    async with Node("n") as node:
        gone = node.spawn(Puppet, name="gone")
        await gone.stop()
        for path in ("never", "gone", "gone/child"):
            with pytest.raises(ActorNotFoundError):
                await node.resolve(path)


@pytest.mark.parametrize("path", ["", "/", "a//b", "/a", "a/", "a/.b", "a b"])
async def test_a_malformed_path_is_refused(path: str) -> None:
    """A path is names joined by slashes."""
    async with Node("n") as node:
        with pytest.raises(ValueError, match=r"name|path"):
            await node.resolve(path)


async def test_a_node_without_a_name_makes_one_up() -> None:
    """`Node()` is local only and has a name."""
    async with Node() as node:
        assert node.name
        assert node.address is None
        assert await node.spawn(Puppet).ask(Notes()) == []


async def test_a_copy_of_a_ref_is_the_ref() -> None:
    """`copy.copy` and `copy.deepcopy` give the same ref, inside other values too."""
    async with Node("n") as node:
        ref = node.spawn(Puppet)
        assert copy.copy(ref) is ref
        assert copy.deepcopy(ref) is ref
        assert copy.deepcopy({"refs": [ref]})["refs"][0] is ref


async def test_an_address_of_another_life_of_the_node_is_nobody() -> None:
    """An incarnation that this node does not have, or no longer, is `noproc` at once."""
    async with Node("n") as node:
        ref = node.spawn(Puppet, name="a")
        front, _, incarnation = ref.address.partition("#")
        life, _, serial = incarnation.partition(".")
        other = node.ref(f"{front}#{int(life, 16) ^ 2:x}.{serial}")
        assert other != ref
        assert await other.stopped() == Reason.NOPROC
        with pytest.raises(ActorStoppedError) as caught:
            await other.ask(Notes())
        assert caught.value.reason is Reason.NOPROC
        assert await ref.ask(Notes()) == []
