"""SIGHUP: a reload, or the end where the terminal is gone."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from types import FrameType

import pytest

from actors.cli import hangup
from actors.cli.hangup import Hangup


class Heard:
    """What a `Hangup` has called, in this order."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def ended(self, number: int, _: FrameType | None) -> None:
        self.calls.append(f"ended by {signal.Signals(number).name}")

    def reload(self) -> None:
        self.calls.append("reload")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave the process as it was."""
    before = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether there is a terminal: the last element."""
    states = [True]
    monkeypatch.setattr(hangup, "has_terminal", lambda: states[-1])
    return states


def installed(heard: Heard) -> Hangup:
    made = Hangup(heard.ended)
    made.install()
    return made


def hang_up() -> None:
    """Send it to this thread, which has it blocked or not: others of the process never do."""
    signal.pthread_kill(threading.get_ident(), signal.SIGHUP)


@pytest.mark.parametrize("there", [True, False])
def test_it_reloads_whenever_it_comes(terminal: list[bool], there: bool) -> None:
    """With the terminal still there, or none from the beginning: each one is a reload."""
    terminal.append(there)
    heard = Heard()
    made = installed(heard)
    made.attach(heard.reload)
    hang_up()
    hang_up()
    assert heard.calls == ["reload", "reload"]
    made.detach()
    hang_up()
    assert heard.calls == ["reload", "reload"]


def test_one_that_comes_during_the_start_is_remembered(terminal: list[bool]) -> None:
    """It is not lost, and does not end the process: the reload follows, once."""
    terminal.append(False)
    heard = Heard()
    made = installed(heard)
    hang_up()
    hang_up()
    assert heard.calls == []
    made.attach(heard.reload)
    assert heard.calls == ["reload"]


def test_one_that_was_held_back_comes_through(terminal: list[bool]) -> None:
    """A worker is started with the signal blocked; what came meanwhile is not lost."""
    terminal.append(False)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    hang_up()
    heard = Heard()
    installed(heard).attach(heard.reload)
    assert heard.calls == ["reload"]
    assert signal.SIGHUP not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_without_its_terminal_it_ends_once(terminal: list[bool]) -> None:
    """The kernel and the shell both say it: that is one end, and no second signal."""
    heard = Heard()
    installed(heard).attach(heard.reload)
    terminal.append(False)
    hang_up()
    hang_up()
    assert heard.calls == ["ended by SIGHUP"]


def test_under_nohup_it_only_reloads(terminal: list[bool]) -> None:
    """Who had it ignored means to outlive the terminal."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    heard = Heard()
    installed(heard).attach(heard.reload)
    terminal.append(False)
    hang_up()
    assert heard.calls == ["reload"]


def test_a_worker_only_reloads(terminal: list[bool]) -> None:
    """It hears of its parent's end in another way."""
    heard = Heard()
    made = installed(heard)
    made.only_reload()
    made.attach(heard.reload)
    terminal.append(False)
    hang_up()
    assert heard.calls == ["reload"]
