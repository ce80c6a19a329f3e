"""What the distribution says about itself is true."""

from __future__ import annotations

import tomllib
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

import actors
from actors.cli.main import main

ROOT = Path(__file__).parent.parent


@pytest.fixture
def project() -> dict[str, Any]:
    """The project as pyproject.toml declares it."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def test_one_version(project: dict[str, Any]) -> None:
    """`actors.__version__` is the version of the distribution."""
    assert project["project"]["version"] == actors.__version__


def test_all_packages_are_typed(project: dict[str, Any]) -> None:
    """Each package that is shipped tells type checkers that its annotations count."""
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert sorted(packages) == ["actors", "serialization", "transport"]
    for package in packages:
        assert (ROOT / package / "py.typed").is_file()


def test_the_script_is_the_command() -> None:
    """The script `actors-node` is the entry point of the command."""
    (script,) = entry_points(group="console_scripts", name="actors-node")
    assert script.load() is main
