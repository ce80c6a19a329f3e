"""`examples.pingpong`: in one go and in two terminals."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import pytest

from examples import pingpong

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]
    Start = Callable[..., subprocess.Popen[str]]

pytestmark = pytest.mark.timeout(300)


def test_in_one_go(run_example: Run) -> None:
    """Without a role it plays against a process of its own and reports two rates."""
    done = run_example("pingpong", "--rounds", 200)
    assert done.returncode == 0, done.stderr
    assert re.search(r"200 round trips, one after another: .* round trips/s", done.stdout)
    assert re.search(r"200 round trips, 100 at once: .* round trips/s", done.stdout)
    assert "ponger ended" in done.stdout


def test_in_two_terminals(
    run_example: Run,
    start_example: Start,
    wait_for_line: Callable[[subprocess.Popen[str], str], str],
) -> None:
    """A pinger finds the ponger at its endpoint; Ctrl-C ends the ponger."""
    ponger = start_example("pingpong", "ponger", "--endpoint", "tcp://127.0.0.1:0")
    ready = wait_for_line(ponger, "ready at")
    endpoint = re.search(r"tcp://127\.0\.0\.1:\d+", ready)
    assert endpoint is not None
    pinger = run_example("pingpong", "pinger", "--endpoint", endpoint[0], "--rounds", 50)
    assert pinger.returncode == 0, pinger.stderr
    assert "50 round trips, one after another" in pinger.stdout
    ponger.send_signal(signal.SIGINT)
    assert wait_for_line(ponger, "ended")
    assert ponger.wait(120) == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--rounds", "0"], "0 is not a number from 1 up"),
        (["--rounds", "many"], "many"),
        (["umpire"], "umpire"),
    ],
)
def test_wrong_arguments(
    capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    """A wrong argument is named, and the exit code is 2."""
    with pytest.raises(SystemExit) as ended:
        pingpong.main(arguments)
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err


def test_a_wrong_endpoint(capsys: pytest.CaptureFixture[str]) -> None:
    """An endpoint that is none is named, and the exit code is 2."""
    assert pingpong.main(["ponger", "--endpoint", "nonsense"]) == 2
    assert "nonsense" in capsys.readouterr().err
