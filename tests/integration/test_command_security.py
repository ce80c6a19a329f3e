"""`actors-node` with keys: from keygen to SIGHUP, and its secret in none of what others can see."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

Start = Callable[..., Any]

ON_A_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "os.execv(sys.argv[1], sys.argv[1:])"
)
"""Takes the terminal on stdin for its own, then becomes another program."""


@pytest.fixture
def keys(start: Start, tmp_path: Path) -> list[str]:
    """Flags with the keys of `shop`, which `keygen` has made, and a roster that lists it."""
    command = start("keygen", "keys/shop", app_dir=None)
    assert command.code() == 0
    (line,) = command.out.rest()
    public = line.partition(" = ")[2]
    names = ("shop", "shop-1", "shop-2")
    (tmp_path / "roster.toml").write_text("".join(f"{name} = {public}\n" for name in names))
    return ["--key", "keys/shop", "--roster", "roster.toml"]


def test_keygen_overwrites_nothing(start: Start, keys: list[str]) -> None:
    """Where keys are there already: exit 2, one line on stderr, nothing on stdout."""
    command = start(*("keygen", keys[1]), app_dir=None)
    assert command.code() == 2
    assert command.out.rest() == []
    (line,) = command.err.rest()
    assert "keys/shop/secret.key: it is there already" in line


@pytest.mark.parametrize("workers", [(), ("--workers", "2")])
def test_an_open_bind_is_refused(start: Start, workers: tuple[str, ...]) -> None:
    """Without keys a bind that others can reach is exit 2, said once, before APP is imported."""
    command = start("shop:Brief", "--bind", "tcp://0.0.0.0:0", *workers)
    assert command.code() == 2
    assert command.out.rest() == []
    (line,) = command.err.rest()
    assert "tcp://0.0.0.0:0" in line
    assert "--insecure" in line


def test_an_open_bind_by_wish(start: Start) -> None:
    """With --insecure it starts, and one warning says what is open."""
    command = start("shop:Brief", "--bind", "tcp://0.0.0.0:0", "--insecure")
    assert command.code() == 0
    (warning,) = [line for line in command.err.rest() if '"warning"' in line]
    assert "--insecure: whoever can reach tcp://0.0.0.0:0 may join" in warning


def test_a_secret_that_others_can_read(start: Start, keys: list[str], tmp_path: Path) -> None:
    """It is refused at the start with the chmod to run: exit 2."""
    secret = tmp_path / "keys" / "shop" / "secret.key"
    secret.chmod(0o604)
    command = start("shop:Brief", *keys)
    assert command.code() == 2
    (line,) = command.err.rest()
    assert f"chmod 600 {secret}" in line


def test_the_secret_is_nowhere_to_be_seen(start: Start, keys: list[str], tmp_path: Path) -> None:
    """Not in logs at debug, tracebacks, `ps` or the config dump, while files break and APP does."""
    secret = (tmp_path / "keys" / "shop" / "secret.key").read_text().strip()
    roster = tmp_path / "roster.toml"
    log = ("--log-level", "debug", "--name", "shop")
    command = start("shop:setup", *keys, *log)
    command.ready()
    process = psutil.Process(command.process.pid)
    seen = [*process.cmdline(), *process.environ().items()]
    roster.write_text(roster.read_text() + f"spy = ['{secret}', 5]\n")
    command.send(signal.SIGHUP)
    command.err.wait_for("SIGHUP: the roster stays as it was")
    assert command.terminate() == 0
    refused = start("shop:setup", *keys, *log)
    assert refused.code() == 2
    roster.write_text(f'shop = "{(tmp_path / "keys/shop/public.key").read_text().strip()}"\n')
    failing = start("shop:broken", *keys, *log)
    assert failing.code() == 1
    misplaced = start("shop:setup", ACTORS_KEY=secret, ACTORS_ROSTER="roster.toml")
    assert misplaced.code() == 2
    dumped = start(*keys, *log, "--show-config")
    assert dumped.code() == 0
    for each in (command, refused, failing, misplaced, dumped):
        seen += [*each.out.rest(), *each.err.rest()]
    assert len(seen) > 20
    assert not [each for each in seen if secret in str(each)]


def test_the_roster_is_read_again_at_sighup(start: Start, keys: list[str], tmp_path: Path) -> None:
    """The log says who came and went; the node lives on, and drains when it is told to."""
    command = start("shop:setup", *keys, "--name", "shop")
    command.ready()
    roster = tmp_path / "roster.toml"
    lines = roster.read_text().splitlines()
    roster.write_text(f"{lines[0]}\n{lines[1].replace('shop-1', 'till')}\n")
    command.send(signal.SIGHUP)
    command.err.wait_for("read again: added till; removed shop-1, shop-2")
    roster.write_text("shop = 'no key'\n")
    command.send(signal.SIGHUP)
    command.err.wait_for("stays as it was: .*roster.toml: shop: a key is 40 characters")
    assert command.terminate() == 0


def test_sighup_without_keys(start: Start) -> None:
    """There is nothing to read again: the node says so and lives on."""
    command = start("shop:setup", "--name", "shop")
    command.ready()
    command.send(signal.SIGHUP)
    command.err.wait_for("SIGHUP: this node has neither")
    assert command.terminate() == 0
    assert "shop closed: shutdown 0" in command.out.rest()


@pytest.mark.timeout(120)  # processes start slowly on a busy machine
def test_workers_read_it_again_too(start: Start, keys: list[str], tmp_path: Path) -> None:
    """All of them share key and roster, and each hears of a SIGHUP to the parent."""
    command = start("shop:setup", *keys, "--name", "shop", "--workers", "2")
    for _ in range(2):
        command.ready()
    roster = tmp_path / "roster.toml"
    roster.write_text("".join(roster.read_text().splitlines(keepends=True)[1:]))
    command.send(signal.SIGHUP)
    for _ in range(2):
        command.err.wait_for(r"read again: removed shop\b")
    assert command.terminate() == 0


@pytest.mark.timeout(120)
def test_sighup_while_workers_start(start: Start, keys: list[str]) -> None:
    """It ends none of them, however early it comes; each reads the roster again once it runs."""
    command = start("shop:setup", *keys, "--name", "shop", "--workers", "2")
    parent = psutil.Process(command.process.pid)
    while not parent.children():
        assert command.process.poll() is None
    command.send(signal.SIGHUP)
    for _ in range(2):
        command.ready()
    command.err.wait_for("SIGHUP: passed on to [12] workers")
    command.err.wait_for("read again: nothing changed")
    assert command.terminate() == 0
    assert not any("starting it again" in line for line in command.err.rest())


def test_a_terminal_that_is_gone(tmp_path: Path) -> None:
    """SIGHUP then means what its name says: the node drains and exits 0."""
    ours, theirs = pty.openpty()
    command = str(Path(sys.executable).parent / "actors-node")
    apps = str(Path(__file__).parent / "apps")
    with subprocess.Popen(
        [sys.executable, "-c", ON_A_TERMINAL, command, "shop:setup", "--name=shop"],
        cwd=tmp_path,
        env=os.environ | {"ACTORS_APP_DIR": apps},
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as process:
        os.close(theirs)
        assert process.stdout is not None
        assert "ready" in process.stdout.readline()
        os.close(ours)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "shop closed: shutdown 0" in out
