"""The command `actors-node`, one node: its line, its signals, its exit codes."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actors import Node, __version__
from tests.integration.kit import shop

Start = Callable[..., Any]


def test_version(start: Start) -> None:
    """`--version` says name and version on stdout and exits 0."""
    command = start("--version", app_dir=None)
    assert command.code() == 0
    assert command.out.rest() == [f"actors-node {__version__}"]


def test_ready_line_and_json_logs(start: Start) -> None:
    """One line on stdout when ready; logs go to stderr, JSON lines where that is no terminal."""
    command = start("shop:Brief", "--name", "a.shop_1", "--log-level", "debug")
    assert command.code() == 0
    (line,) = command.out.rest()
    assert re.fullmatch(r"actors-node a\.shop_1 ready at tcp://127\.0\.0\.1:[1-9]\d*", line)
    records = [json.loads(line) for line in command.err.rest()]
    assert records
    assert all(record["node"] == "a.shop_1" for record in records)


def test_console_logs_leave_stdout_alone(start: Start) -> None:
    """The ready line is the same whatever the log format."""
    command = start("shop:Brief", "--name", "shop", "--log-format", "console")
    assert command.code() == 0
    assert len(command.out.rest()) == 1
    assert any("INFO     shop  the root has stopped" in line for line in command.err.rest())


def test_a_name_is_made_up(start: Start) -> None:
    """Without --name, and without APP, a node of some name hosts what others spawn on it."""
    command = start(app_dir=None)
    name, endpoint = command.ready()
    assert name
    assert endpoint.startswith("tcp://127.0.0.1:")
    assert command.terminate() == 0


@pytest.mark.timeout(120)  # processes start slowly on a busy machine
@pytest.mark.loops("asyncio")  # of this process; the command has its own
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signals_drain(start: Start, number: signal.Signals) -> None:
    """SIGTERM and SIGINT handle what is queued, stop the actors, and exit 0."""
    command = start("shop:Shop", "--name", "shop")
    _, endpoint = command.ready()
    async with Node("customer", bind="tcp://127.0.0.1:0", seeds=[endpoint]) as node:
        till = await node.resolve("root/till", at="shop", timeout=15.0)
        for amount in range(100):
            await till.send(shop().Add(amount))
        command.send(number)
        assert await asyncio.to_thread(command.code) == 0
    assert f"shop closed: shutdown {sum(range(100))}" in command.out.rest()


def test_setup_functions(start: Start) -> None:
    """APP may be `async def setup(node)`; what it spawned runs until the node drains."""
    command = start("shop:setup", "--name", "shop")
    command.ready()
    assert command.terminate() == 0
    assert "shop closed: shutdown 0" in command.out.rest()


def test_a_signal_ends_an_endless_setup(start: Start) -> None:
    """A setup that still runs is cancelled by the drain: that is no failure."""
    command = start("shop:endless", "--name", "shop")
    command.out.wait_for("shop is setting up")
    assert command.terminate() == 0
    assert "shop gave up setting up" in command.out.rest()


def test_a_setup_that_shuts_its_node_down(start: Start) -> None:
    """A node that ends by itself has drained: exit 0, whenever `setup` does it."""
    for app in ("shop:done", "shop:done_later"):
        command = start(app, "--name", "shop")
        assert command.code() == 0
        assert "shop closed: shutdown 0" in command.out.rest()


@pytest.mark.timeout(120)  # processes start slowly on a busy machine
@pytest.mark.loops("asyncio")
@pytest.mark.parametrize("redirections", ["<&-", ">&-", "<&- >&-"])
async def test_closed_standard_streams(start: Start, redirections: str) -> None:
    """A service may be started without them: their numbers go to no socket, and it drains."""
    async with Node("head", bind="tcp://127.0.0.1:0") as node:
        arguments = ["--name", "shop", "--import", "shop", "--seed", node.address]
        command = start(*arguments, redirections=redirections)
        await node.wait_for_members(2, timeout=60.0)
        till = node.spawn(shop().Till, at="shop")
        assert await till.ask(shop().Add(1), timeout=20.0) == 1
        command.send(signal.SIGTERM)
        assert await asyncio.to_thread(command.code) == 0


def test_a_setup_that_waits_for_others(start: Start) -> None:
    """The line does not wait for a setup that itself waits for nodes that need its endpoint."""
    command = start("shop:company", "--name", "shop")
    _, endpoint = command.ready()
    start("--name", "other", "--seed", endpoint).ready()
    command.out.wait_for("shop has company")
    assert command.terminate() == 0


def test_a_second_signal_ends_it_at_once(start: Start) -> None:
    """While it drains, a second signal means exit 1 without waiting."""
    command = start("shop:Stubborn", "--drain-timeout", "300")
    command.ready()
    command.send(signal.SIGINT)
    command.out.wait_for("stopping shutdown")
    command.send(signal.SIGTERM)
    assert command.code() == 1


def test_the_echo_of_a_signal_is_no_second_one(start: Start) -> None:
    """Sent to the process and to its group at once it still means: drain, and exit 0."""
    command = start("shop:setup", "--name", "shop")
    command.ready()
    command.send(signal.SIGTERM)
    assert command.terminate() == 0
    assert "shop closed: shutdown 0" in command.out.rest()


def test_a_second_signal_counts_even_while_the_loop_hangs(start: Start) -> None:
    """A handler that holds the event loop does not keep a second signal from ending the node."""
    command = start("shop:hang")
    command.out.wait_for("hanging")
    command.send(signal.SIGTERM)
    assert command.insist(signal.SIGINT) == 1


def test_draining_that_takes_too_long(start: Start) -> None:
    """Past --drain-timeout the node gives up: exit 1, and the log says why."""
    command = start("shop:Stubborn", "--drain-timeout", "0.5")
    command.ready()
    assert command.terminate() == 1
    assert any("not drained within 0.5 s" in line for line in command.err.rest())


def test_draining_that_cannot_even_begin(start: Start) -> None:
    """A loop that hangs for ever ends with the drain timeout too."""
    command = start("shop:hang", "--drain-timeout", "0.5")
    command.out.wait_for("hanging")
    assert command.terminate() == 1
    assert any("not drained within 0.5 s" in line for line in command.err.rest())


@pytest.mark.parametrize("app", ["shop:Hopeless", "shop:Ruin"])
def test_a_root_that_fails_for_good(start: Start, app: str) -> None:
    """Exit 1 when the root fails more often than it may be restarted, or escalates."""
    command = start(app)
    assert command.code() == 1
    lines = command.err.rest()
    assert any("failed for good" in line for line in lines)
    assert any("no till in sight" in line for line in lines)


def test_a_setup_that_raises(start: Start) -> None:
    """Exit 1, the error in the log, and no line that says it was ready."""
    command = start("shop:broken", "--name", "shop")
    assert command.code() == 1
    assert command.out.rest() == []
    assert any("shop has no database" in line for line in command.err.rest())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--bind", "tcp://127.0.0.1:port"], "--bind"),
        (["--no-such-flag"], "--no-such-flag"),
        (["--config", "empty.toml"], "none is named"),
        (["--bind", "tcp://127.0.0.1:65535", "--workers", "2"], "65534"),
    ],
)
def test_wrong_usage(start: Start, tmp_path: Path, arguments: list[str], words: str) -> None:
    """Exit 2 with the wrong value on stderr, nothing on stdout, and no traceback."""
    (tmp_path / "empty.toml").write_text("[node]\nbind = []\n")
    command = start(*arguments)
    assert command.code() == 2
    assert command.out.rest() == []
    text = "\n".join(command.err.rest())
    assert words in text
    assert "Traceback" not in text


def test_a_list_of_no_endpoints(start: Start) -> None:
    """Commas alone in the environment name no endpoint either: exit 2."""
    command = start(ACTORS_BIND=",")
    assert command.code() == 2
    assert any("none is named" in line for line in command.err.rest())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere:Bank"], "there is no module nowhere"),
        (["shop:plain"], "plain function"),
        (["shop:Shop", "--import", "shop.tills"], "shop.tills"),
    ],
)
def test_what_cannot_be_imported(start: Start, arguments: list[str], words: str) -> None:
    """Exit 4 where APP or a module of --import cannot be imported, saying which and why."""
    command = start(*arguments)
    assert command.code() == 4
    assert command.out.rest() == []
    assert any(words in line for line in command.err.rest())


def test_a_port_in_use(start: Start) -> None:
    """Exit 3 where the endpoint cannot be bound."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        endpoint = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        command = start("--bind", endpoint)
        assert command.code() == 3
    assert any(endpoint in line for line in command.err.rest())


def test_a_name_that_is_taken(start: Start) -> None:
    """Exit 3 where a living node at another address has the name; both sides say so."""
    first = start("--name", "shop")
    _, endpoint = first.ready()
    second = start("--name", "shop", "--seed", endpoint)
    assert second.code() == 3
    assert any("refused" in line for line in second.err.rest())
    assert first.terminate() == 0
    assert any("refused" in line for line in first.err.rest())


@pytest.mark.timeout(120)  # processes start slowly on a busy machine
@pytest.mark.loops("asyncio")
async def test_classes_from_afar(start: Start) -> None:
    """Without APP the node hosts what others spawn of the classes that --import brings in."""
    command = start("--name", "shop", "--import", "shop", "--role", "till")
    _, endpoint = command.ready()
    async with Node("head", bind="tcp://127.0.0.1:0", seeds=[endpoint]) as node:
        await node.wait_for_members(2, timeout=20.0)
        (member,) = [each for each in node.members if each.name == "shop"]
        assert set(member.roles) == {"till"}
        till = node.spawn(shop().Till, at="shop")
        assert await till.ask(shop().Where(), timeout=20.0) == "shop"
    assert command.terminate() == 0


def test_environment_and_file(start: Start, tmp_path: Path) -> None:
    """Settings come from ACTORS_* variables and from [node] of the TOML file as well."""
    (tmp_path / "node.toml").write_text('[node]\napp = "shop:Brief"\nname = "from-file"\n')
    command = start("--config", "node.toml", ACTORS_BIND="tcp://127.0.0.1:0,tcp://127.0.0.1:0")
    assert command.ready()[0] == "from-file"
    assert command.code() == 0
    command = start("--config", "node.toml", ACTORS_NAME="from-environment")
    assert command.ready()[0] == "from-environment"
    assert command.code() == 0


def test_modules_of_the_current_directory(start: Start, tmp_path: Path) -> None:
    """Without --app-dir the current directory is searched; it cannot hide the framework."""
    (tmp_path / "local.py").write_text("async def setup(node):\n    print('local', flush=True)\n")
    (tmp_path / "transport.py").write_text("raise RuntimeError('taken for the framework')\n")
    command = start("local:setup", app_dir=None)
    command.out.wait_for("local")
    command.ready()
    assert command.terminate() == 0
