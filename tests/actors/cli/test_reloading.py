"""SIGHUP: what changed is in the log, and what is wrong changes nothing."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from actors import Allow, Node, Security
from actors.cli.reloading import Reload, changes
from transport.security.keys import KeyPair, write_keys
from transport.security.roster import Entry, Key, Roster

KEYS = {name: KeyPair.make() for name in ("bank", "branch", "audit")}


def lines(*names: str) -> str:
    return "".join(f'{name} = "{KEYS[name].public}"\n' for name in names)


def roster(**public: str) -> Roster:
    return Roster({name: Entry((Key(key),)) for name, key in public.items()})


def test_changes_in_words() -> None:
    """Names that came, went, and have another key; the keys themselves are not shown."""
    before = roster(bank="1", branch="2", audit="3")
    assert changes(before, roster(bank="1", branch="9", till="4", tool="5")) == [
        "added till, tool",
        "removed audit",
        "changed branch",
    ]
    assert changes(before, roster(bank="1", branch="2", audit="3")) == []


async def test_the_roster_is_read_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Who is in it now counts; a broken file is an error in the log, and the old one stays."""
    file = tmp_path / "roster.toml"
    file.write_text(lines("bank", "branch"))
    _, secret = write_keys(tmp_path / "bank", KEYS["bank"])
    caplog.set_level(logging.INFO, "actors.cli")
    async with Node("bank", security=Security.read(secret, file)) as node:
        reload = Reload(node)
        file.write_text(lines("bank", "audit"))
        reload()
        assert caplog.messages == ["SIGHUP: the roster is read again: added audit; removed branch"]
        file.write_text("bank = ")
        reload()
        file.unlink()
        reload()
        for message in caplog.messages[1:]:
            assert message.startswith(f"SIGHUP: the roster stays as it was: {file}: ")
        assert len(caplog.messages) == 3
        assert node.security is not None
        assert node.security.roster.names == ("bank", "audit")
        file.write_text(lines("bank", "audit"))
        reload()
        assert caplog.messages[-1] == "SIGHUP: the roster is read again: nothing changed"


async def test_without_a_roster(caplog: pytest.LogCaptureFixture) -> None:
    """There is nothing to read again, and the log says so."""
    caplog.set_level(logging.INFO, "actors.cli")
    async with Node() as node:
        Reload(node)()
    [said] = caplog.messages
    assert said == "SIGHUP: this node has neither a roster nor a file of rules to read again"


async def test_the_rules_are_read_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """They come, change and go with the file; where that is wrong they stay."""
    file = tmp_path / "node.toml"
    caplog.set_level(logging.INFO, "actors.cli")
    async with Node() as node:
        reload = Reload(node, file)
        for text, rules, said in (
            ("", None, "read again: nothing changed"),
            ("allow = []", (), "now 0, where there were none (everything is allowed)"),
            ("[[allow]]\nfrom = 'x'\nstop = true", (Allow("x", stop=True),), "now 1, where there"),
            ("[[allow]]\nform = 'x'", (Allow("x", stop=True),), "the rules stay as they were"),
            ("[node]\nname = 'n'", None, "now none (everything is allowed), where there were 1"),
        ):
            file.write_text(text)
            reload()
            assert node.rules == rules
            assert said in caplog.messages[-1]
        file.unlink()
        reload()
        assert caplog.messages[-1].startswith(f"SIGHUP: the rules stay as they were: {file}: ")
    assert [record.levelname for record in caplog.records].count("ERROR") == 2
