"""What the parent of `--workers N` decides: endpoints, seeds, command lines, delays."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from actors.cli.config import Settings, load_settings
from actors.cli.exits import CommandError, Exit
from actors.cli.main import parser
from actors.cli.ports import dialable, held, shifted
from actors.cli.workers import Patience, command_of, environment, plan, said
from transport.endpoint import parse_endpoint


def test_workers_have_numbered_names_and_ports_and_know_each_other() -> None:
    """NAME-1 to NAME-N listen from the bound port upward, each with all others as seeds."""
    settings = Settings(
        name="bank",
        bind=("tcp://127.0.0.1:7770",),
        advertise="tcp://10.0.0.1:80",
        seed=("tcp://far:1",),
        role=("teller",),
        workers=3,
    )
    first = [parse_endpoint("tcp://127.0.0.1:7770")]
    one, two, three = plan(settings, first, 3)
    assert [each.name for each in (one, two, three)] == ["bank-1", "bank-2", "bank-3"]
    assert three.bind == ("tcp://127.0.0.1:7772",)
    assert two.seed == ("tcp://far:1", "tcp://127.0.0.1:7770", "tcp://127.0.0.1:7772")
    assert two.advertise == "tcp://10.0.0.1:81"
    assert two.role == ("teller",)
    assert two.workers is None


def test_endpoints_of_workers() -> None:
    """Ports count up and paths are numbered; a wildcard is dialled over loopback."""
    assert str(shifted(parse_endpoint("tcp://[::1]:80"), 2)) == "tcp://[::1]:82"
    assert str(shifted(parse_endpoint("ipc:///tmp/bank"), 2)) == "ipc:///tmp/bank-3"
    for wildcard, reached in (
        ("tcp://*:80", "tcp://127.0.0.1:80"),
        ("tcp://0.0.0.0:80", "tcp://127.0.0.1:80"),
        ("tcp://[::]:80", "tcp://[::1]:80"),
        ("tcp://10.0.0.1:80", "tcp://10.0.0.1:80"),
    ):
        assert str(dialable(parse_endpoint(wildcard, listening=True))) == reached


def test_any_port_means_a_free_range() -> None:
    """Port 0 becomes a real one with enough free ports above it; paths stay as they are."""
    with held(["tcp://127.0.0.1:0", "ipc:///tmp/bank"], 4) as (tcp, ipc):
        assert 0 < tcp.port <= 65532
        assert str(ipc) == "ipc:///tmp/bank"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a listener have a held port")
def test_held_ports_are_kept_from_others_and_free_for_workers() -> None:
    """Nobody else gets a held port, but a listener with SO_REUSEADDR does."""
    with held(["tcp://127.0.0.1:0"], 2) as (first,):
        address = ("127.0.0.1", first.port + 1)
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(address)
        with socket.socket() as worker:
            worker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            worker.bind(address)
            worker.listen()


def test_a_port_in_use_is_refused() -> None:
    """Where one of the ports is taken, no worker is started: exit code 3, naming the endpoint."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        bind = f"tcp://127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(CommandError, match=bind) as caught, held([bind], 2):
            pass
    assert caught.value.code == Exit.REFUSED


def test_ports_must_exist() -> None:
    """A range that goes past the last port is a mistake of usage, for what is bound and told."""
    with pytest.raises(CommandError, match="65534") as caught, held(["tcp://127.0.0.1:65535"], 2):
        pass
    assert caught.value.code == Exit.USAGE
    settings = Settings(name="bank", advertise="tcp://a:65535", workers=2)
    with pytest.raises(CommandError, match="65534"):
        plan(settings, [parse_endpoint("tcp://127.0.0.1:1")], 2)


def test_command_lines_lead_to_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker's command line gives it its settings alone, whatever the parent's environment."""
    monkeypatch.setenv("ACTORS_WORKERS", "2")
    monkeypatch.setenv("ACTORS_NAME", "other")
    monkeypatch.setenv("ACTORS_HOME", "kept")
    settings = Settings(name="bank", app="bank:Bank", workers=2, app_dir=Path("/"))
    one, _ = plan(settings, [parse_endpoint("tcp://127.0.0.1:7770")], 2)
    command = command_of(one, 7)
    assert command[0] == sys.executable
    arguments = command[command.index("actors.cli") + 1 :]
    flags = parser().parse_args(arguments)
    assert flags.parent_fd == 7
    flags.parent_fd = None
    assert load_settings(flags, environment()) == one
    assert environment()["ACTORS_HOME"] == "kept"


def test_workers_do_not_take_the_current_directory_for_the_framework(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Elsewhere than in the framework's own folder, workers start with -P."""
    monkeypatch.chdir(tmp_path)
    assert "-P" in command_of(Settings(name="bank"), 7)


def test_delays_double_up_to_a_maximum_and_fall_back_after_a_quiet_time() -> None:
    """Crash after crash waits longer; a life that was long enough starts over."""
    patience = Patience(initial=0.1, maximum=1.0, quiet=10.0)
    assert [patience.after(0.5) for _ in range(5)] == [0.1, 0.2, 0.4, 0.8, 1.0]
    assert patience.after(0.5) == 1.0
    assert patience.after(10.0) == 0.1
    assert patience.after(0.5) == 0.2


def test_ends_in_words() -> None:
    """How a process ended is said in words."""
    assert said(4) == "exit code 4"
    assert said(-9) == "killed by SIGKILL"
    assert said(-99) == "killed by signal 99"
