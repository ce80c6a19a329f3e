"""APP and --import: what is found, and what is said where it is not."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors import Actor, Supervisor
from actors.cli.app import load_app
from actors.cli.exits import CommandError, Exit

SOURCE = """
from actors import Actor, Supervisor

class Bank(Supervisor):
    class Teller(Actor):
        pass

class Plain:
    pass

class Ready:
    async def __call__(self, node):
        pass

async def setup(node):
    pass

def sync_setup(node):
    pass

ready = Ready()
number = 5
"""


@pytest.fixture(autouse=True)
def _same_path() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


@pytest.fixture
def module(tmp_path: Path) -> str:
    """The name of a module in tmp_path that no other test has imported."""
    name = f"app_{uuid.uuid4().hex}"
    (tmp_path / f"{name}.py").write_text(SOURCE)
    return name


def failure(app: str | None, imports: list[str], folder: Path) -> str:
    with pytest.raises(CommandError) as caught:
        load_app(app, imports, folder)
    assert caught.value.code == Exit.IMPORT
    return str(caught.value)


def test_classes_and_setups_are_found(tmp_path: Path, module: str) -> None:
    """APP may be an Actor or Supervisor class, nested ones too, or a coroutine function."""
    bank = load_app(f"{module}:Bank", [], tmp_path)
    assert isinstance(bank, type)
    assert issubclass(bank, Supervisor)
    teller = load_app(f"{module}:Bank.Teller", [], tmp_path)
    assert isinstance(teller, type)
    assert issubclass(teller, Actor)
    for name in ("setup", "ready"):
        found = load_app(f"{module}:{name}", [], tmp_path)
        assert callable(found)
        assert not isinstance(found, type)


def test_imports_without_app(tmp_path: Path, module: str) -> None:
    """Without APP the modules of --import are still imported, and nothing is returned."""
    assert load_app(None, [module], tmp_path) is None
    assert module in sys.modules


def test_missing_modules(tmp_path: Path) -> None:
    """A module that is not there is named, with the directory that was searched."""
    assert f"there is no module nosuch in {tmp_path}" in failure("nosuch.bank:Bank", [], tmp_path)
    text = failure(None, ["nosuch"], tmp_path)
    assert "--import nosuch" in text
    assert "--app-dir" in text


def test_missing_dependencies_are_told_from_missing_modules(tmp_path: Path) -> None:
    """Where the module is there but what it imports is not, the latter is named."""
    name = f"app_{uuid.uuid4().hex}"
    (tmp_path / f"{name}.py").write_text("import not_installed_here\n")
    assert f"{name} imports not_installed_here, which is not installed" in failure(
        f"{name}:x", [], tmp_path
    )


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("raise RuntimeError('no database')", "RuntimeError: no database"),
        ("def broken(:\n", "SyntaxError"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
    ],
)
def test_modules_that_raise(
    tmp_path: Path, source: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What a module raises while it is imported is said, and its traceback logged."""
    name = f"app_{uuid.uuid4().hex}"
    (tmp_path / f"{name}.py").write_text(source)
    text = failure(f"{name}:x", [], tmp_path)
    assert name in text
    assert words in text
    assert any(record.exc_info for record in caplog.records)


def test_missing_attributes(tmp_path: Path, module: str) -> None:
    """A missing attribute is named with its module's file and the nearest name."""
    text = failure(f"{module}:bank", [], tmp_path)
    assert str(tmp_path / f"{module}.py") in text
    assert "has no attribute bank; did you mean Bank?" in text
    assert "Bank has no attribute Till" in " ".join(
        failure(f"{module}:Bank.Till", [], tmp_path).split()
    ).replace(f" ({tmp_path / f'{module}.py'})", "")


@pytest.mark.parametrize(
    ("attribute", "words"),
    [
        ("Plain", "no subclass of actors.Actor"),
        ("sync_setup", "a plain function; expected `async def setup(node)`"),
        ("number", "a int; expected"),
    ],
)
def test_attributes_of_another_kind(
    tmp_path: Path, module: str, attribute: str, words: str
) -> None:
    """What is neither an actor class nor a coroutine function is refused, saying what it is."""
    assert words in failure(f"{module}:{attribute}", [], tmp_path)


def test_the_application_cannot_hide_the_framework(tmp_path: Path) -> None:
    """A `transport.py` beside the application does not replace the framework's own."""
    (tmp_path / "transport.py").write_text("raise RuntimeError('taken for the framework')")
    name = f"app_{uuid.uuid4().hex}"
    (tmp_path / f"{name}.py").write_text("import transport\nasync def setup(node): ...\n")
    assert load_app(f"{name}:setup", [], tmp_path) is not None
