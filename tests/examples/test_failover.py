"""`examples.failover`: jobs move between nodes that are killed, and the film becomes whole."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from examples.failover import __main__ as program
from examples.failover.film import Scene
from examples.failover.picture import Picture

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.timeout(300)

SCENE = Scene(10, 4, 0, 1, {"node-1": 3, "node-2": 1}, {"node-1": ["renderer-1", "renderer-2"]})


def test_every_frame_is_rendered_though_nodes_are_killed(run_example: Run) -> None:
    """At least one node is killed, its frame is taken back, and nothing is missing at the end."""
    done = run_example("failover", "--frames", 700, "--auto")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert re.search(r"node-\d gets SIGKILL", done.stdout)
    assert re.search(r"node-\d is down: ", done.stdout)
    whole = re.search(r"700 of 700 frames, (\d+) kills", done.stdout)
    assert whole is not None
    kills = int(whole[1])
    again = re.search(r"(\d+) frames taken back from the dead, (\d+) rendered twice", done.stdout)
    assert again is not None
    assert kills >= 1
    assert int(again[2]) <= kills * 3


def test_the_picture_shows_who_runs_what(capsys: pytest.CaptureFixture[str]) -> None:
    """Nodes with their status, what runs there, and the keys; without a terminal the events."""
    picture = Picture(["node-1", "node-2"], live=True)
    picture.note("node-2 gets SIGKILL")
    picture.draw(SCENE, {"node-1": "up"})
    picture.close()
    drawn = capsys.readouterr().out
    for words in ("4 of 10 frames", "renderer-1, renderer-2", "down", "gets SIGKILL", "1, 2, 3"):
        assert words in drawn
    Picture(["node-1"], live=False).note("node-1 is up")
    assert capsys.readouterr().out == "node-1 is up\n"


def test_wrong_arguments_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A film has a frame at least."""
    with pytest.raises(SystemExit) as caught:
        program.main(["--frames", "0"])
    assert caught.value.code == 2
    assert "--frames" in capsys.readouterr().err
