"""From settings to a node: open binds, keys and rosters that are refused, the warning."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from actors.cli.config import Settings
from actors.cli.exits import CommandError, Exit
from actors.cli.making import make_node, open_doors
from transport.security.keys import KeyPair, write_keys
from transport.security.roster import roster_line

OPEN = ("tcp://127.0.0.1:0", "tcp://0.0.0.0:0")


@pytest.fixture
def secured(tmp_path: Path) -> Settings:
    """Settings with a key and a roster."""
    keys = KeyPair.make()
    _, secret = write_keys(tmp_path / "bank", keys)
    roster = tmp_path / "roster.toml"
    roster.write_text(roster_line("bank", keys.public))
    return Settings(name="bank", bind=OPEN, key=secret, roster=roster)


def refused(settings: Settings) -> str:
    with pytest.raises(CommandError) as caught:
        make_node(settings)
    assert caught.value.code == Exit.USAGE
    return str(caught.value)


def test_an_open_bind_without_keys_is_refused() -> None:
    """Exit code 2, with the endpoint and the three ways out."""
    problem = refused(Settings(name="bank", bind=OPEN))
    for words in ("tcp://0.0.0.0:0", "--key", "--roster", "--insecure", "loopback"):
        assert words in problem


def test_an_open_bind_with_keys_or_by_wish(secured: Settings) -> None:
    """With keys, or with --insecure, it is a node; the keys get into it."""
    node = make_node(secured)
    assert node.security is not None
    assert node.security.roster.names == ("bank",)
    assert make_node(Settings(name="bank", bind=OPEN, insecure=True)).security is None


def test_loopback_needs_no_keys() -> None:
    """The default is a node that other machines cannot reach."""
    assert make_node(Settings(name="bank", bind=("ipc:///tmp/x", "tcp://[::1]:0"))).name == "bank"


def test_files_that_are_missing_or_readable_for_all(secured: Settings) -> None:
    """Each error has the file, and the chmod where that helps."""
    assert secured.key is not None
    assert secured.roster is not None
    nowhere = Path("/nowhere")
    assert "/nowhere: cannot be read" in refused(replace(secured, key=nowhere))
    assert "/nowhere: cannot be read" in refused(replace(secured, roster=nowhere))
    secured.roster.write_text("bank = 'short'\n")
    assert f"{secured.roster}: bank: a key is 40 characters" in refused(secured)
    secured.key.chmod(0o644)
    assert f"chmod 600 {secured.key}" in refused(secured)


def test_what_insecure_has_opened_is_said_once() -> None:
    """One warning names the binds that others can reach; loopback alone is worth none."""
    (warning,) = open_doors(Settings(name="bank", bind=OPEN, insecure=True))
    assert "tcp://0.0.0.0:0" in warning
    assert "127.0.0.1" not in warning
    assert not list(open_doors(Settings(name="bank", insecure=True)))
    assert not list(open_doors(Settings(name="bank", bind=OPEN)))
