"""The command line is checked before anything runs."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from benchmarks.__main__ import main


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("--only W99 --peers", "there is no workload 'W99'"),
        ("--repeat 0", "--repeat must be at least 1"),
        ("--scale 0", "--scale above 0"),
        ("--plot figures.txt", "ends in .svg or .png"),
        ("--plot no/such/place.svg", "there is no directory"),
        ("--plot figures.svg", "needs matplotlib: pip install matplotlib"),
    ],
)
def test_wrong_arguments_are_refused(
    arguments: str,
    complaint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With what is wrong, and exit code 2; a minute later would be too late."""
    monkeypatch.setattr(sys, "argv", ["benchmarks", *arguments.split()])
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(SystemExit, match="2"):
        main()
    assert complaint in " ".join(capsys.readouterr().err.split())
