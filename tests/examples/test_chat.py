"""`examples.chat`: the demonstration, one visitor alone, and wrong arguments."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from examples.chat import __main__ as program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.timeout(300)


def test_three_visitors_talk_and_one_is_killed(run_example: Run) -> None:
    """Each step shows what it says: rooms, topics, names, and the loss of a process."""
    done = run_example("chat")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    for name in ("alice", "bob", "carol"):
        assert f"{name:>6}   [lobby] bob: hello" in lines
    for line in (
        " alice   carol tells you: psst",
        " alice   chat: somebody is called alice already",
        " carol   bob has left",
        " alice   [garden] bob: anybody?",
        " alice   carol has left",
        " alice   in lobby: alice",
    ):
        assert line in lines


def visitor(root: Path, env: dict[str, str], typed: str) -> subprocess.CompletedProcess[str]:
    """One visitor who types this and then ends the input."""
    from tests.examples.conftest import PATIENCE, command

    return subprocess.run(
        command("chat", "zoe"),
        cwd=root,
        env=env,
        input=typed,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )


def test_a_visitor_alone(root: Path, env: dict[str, str]) -> None:
    """Commands do what the help says; the end of the input is the end."""
    done = visitor(root, env, "/who\n/enter b/c\n/hear ..\n/tell nobody hi\n\nhello\n")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "in lobby: zoe" in done.stdout
    assert done.stdout.count("/enter ROOM") == 2  # the help: no room is called that
    assert "'chat...'" in done.stdout
    assert "nobody is called nobody" in done.stdout
    assert "[lobby] zoe: hello" in done.stdout


def test_a_visitor_may_quit(root: Path, env: dict[str, str]) -> None:
    """What stands behind `/quit` is not said."""
    done = visitor(root, env, "/quit\nhello\n")
    assert done.returncode == 0, done.stderr
    assert "hello" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [(["not a name"], "not a name"), (["zoe", "--seed", "nowhere"], "nowhere")],
)
def test_wrong_arguments(
    capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    """They are named, and the exit code is 2."""
    assert program.main(arguments) == 2
    assert complaint in capsys.readouterr().err
