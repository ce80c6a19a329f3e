"""Which classes may be built from the wire, and under which name."""

from __future__ import annotations

import enum
import importlib.util
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest

from serialization import (
    Codec,
    Message,
    MessageDecodeError,
    Refusal,
    Registry,
    SerializationError,
    UnknownMessageError,
    register,
)
from serialization.message import MessageMeta
from serialization.registry import default_registry

HERE = __name__


class Close(Message[None], tag="registry.close"):
    reason: str = ""


class Child(Close):
    pass


@dataclass
class Late:
    x: int


def dataclass_named(name: str, module: str = HERE) -> type:
    return dataclass(type(name, (), {"__annotations__": {"x": int}, "__module__": module}))


def message_named(name: str, tag: str | None = None, module: str = HERE) -> Any:
    namespace = {"__annotations__": {"x": int}, "__module__": module}
    return MessageMeta(name, (Message,), namespace, tag=tag)


def test_the_default_tag_is_module_and_name() -> None:
    """Without a tag of its own a class is named by its module and qualified name."""
    assert default_registry.tag_of(Late if Late in default_registry else register(Late)) == (
        f"{HERE}.Late"
    )


def test_a_subclass_has_its_own_tag() -> None:
    """A tag is not inherited."""
    assert default_registry.tag_of(Close) == "registry.close"
    assert default_registry.tag_of(Child) == f"{HERE}.Child"
    assert default_registry.class_of("registry.close") is Close


def test_one_tag_for_two_classes_is_refused_at_definition() -> None:
    """The second class with a tag raises where it is defined, and the first one keeps it."""
    message_named("First", "registry.twice")
    with pytest.raises(TypeError, match=r"two classes with the tag 'registry.twice'"):
        message_named("Second", "registry.twice")
    with pytest.raises(TypeError, match="two classes"):

        class Odd(Refusal, tag="registry.twice"):
            pass

    assert default_registry.class_of("registry.twice").__name__ == "First"


def test_the_same_class_again_replaces_it() -> None:
    """Module, name and file being the same, the newest class is decoded; older instances go on."""
    codec = Codec()
    old = message_named("Again", "registry.again")
    assert type(codec.decode(*codec.encode(old(1)))) is old
    new = message_named("Again", "registry.again")
    assert type(codec.decode(*codec.encode(old(1)))) is new
    assert type(codec.decode(*codec.encode(new(1)))) is new


def test_the_same_name_in_another_file_is_another_class(tmp_path: Path) -> None:
    """Two files that are both imported as `twin` cannot both have a class `twin.A`."""
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "twin.py").write_text(
            "from serialization import Message\nclass A(Message[None]): pass\n"
        )
    load_file(tmp_path / "1" / "twin.py")
    load_file(tmp_path / "1" / "twin.py")
    with pytest.raises(TypeError, match="two classes"):
        load_file(tmp_path / "2" / "twin.py")


def load_file(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[path.stem]
    return module


@pytest.mark.parametrize(
    ("tag", "error"),
    [
        ("", ValueError),
        ("x" * 256, ValueError),
        (3, TypeError),
        (True, TypeError),
        (b"x", TypeError),
    ],
)
def test_tags_that_are_none(tag: Any, error: type[Exception]) -> None:
    """A tag is a str of 1 to 255 characters."""
    with pytest.raises(error, match="tag of Odd"):
        message_named("Odd", tag)
    with pytest.raises(error, match="tag of Odd"):
        Registry().register(dataclass_named("Odd"), tag)


@pytest.mark.parametrize(
    "candidate",
    [
        object,
        int,
        list,
        type("Mine", (), {}),
        type("Text", (str,), {}),
        msgspec.defstruct("Struct", [("x", int)]),
        type("Fatal", (BaseException,), {}),
        dataclass(type("Rows", (list,), {"__annotations__": {"x": int}})),
        len,
        Late(1),
        "Late",
        list[int],
    ],
    ids=repr,
)
def test_only_some_kinds_of_classes_can_be_registered(candidate: Any) -> None:
    """Anything but a dataclass, attrs class, Enum or exception raises and says what is accepted."""
    with pytest.raises(TypeError, match=r"a dataclass, an attrs class, an Enum or an exception"):
        register(candidate)


@pytest.mark.parametrize(
    "make",
    [
        lambda: dataclass_named("Data"),
        lambda: attrs.make_class("Attrs", ["x"]),
        lambda: enum.Enum("Kind", "A B"),
        lambda: type("OopsError", (Exception,), {"__module__": HERE}),
    ],
)
def test_register_is_a_decorator(make: Callable[[], Any]) -> None:
    """`register` gives the class back, with and without a tag, and may be called twice."""
    plain, tagged = make(), make()
    registry = Registry()
    assert registry.register(plain) is plain
    assert registry.register(plain) is plain
    assert registry.register(tag="registry.tagged")(tagged) is tagged
    assert registry.tag_of(tagged) == "registry.tagged"
    assert plain in registry
    assert "registry.tagged" in list(registry)


def test_a_class_has_one_tag() -> None:
    """Registering a class anew under another tag is refused."""
    registry = Registry()
    cls = registry.register(dataclass_named("Single"), "registry.one")
    with pytest.raises(TypeError, match="one tag"):
        registry.register(cls, "registry.two")
    with pytest.raises(TypeError, match="one tag"):
        register(Close, "registry.other")


def test_another_registry_knows_only_what_it_was_told() -> None:
    """A codec sends and builds the classes of its own registry, under their usual tags."""
    registry = Registry()
    codec = Codec(registry)
    with pytest.raises(SerializationError, match="Close"):
        codec.encode(Close())
    with pytest.raises(UnknownMessageError) as caught:
        codec.decode("registry.close", b"\x90")
    assert caught.value.tag == "registry.close"
    registry.register(Close)
    assert codec.decode(*codec.encode(Close("x"))) == Close("x")
    assert registry.tag_of(Close) == "registry.close"


def test_unknown_tags_are_unknown_wherever_they_stand() -> None:
    """A tag that nobody registered is unknown at the top and inside of a value."""
    codec = Codec()
    nested = codec.encode([Close()]).body.replace(b"registry.close", b"antigravity.Go")
    for tag, body in ((None, nested), ("antigravity.Go", b"\x90")):
        with pytest.raises(UnknownMessageError, match=r"antigravity\.Go"):
            codec.decode(tag, body)
    assert "antigravity" not in sys.modules


def test_builtin_exceptions_cannot_be_taken_over() -> None:
    """The tag of a builtin exception belongs to it."""
    with pytest.raises(TypeError, match="two classes"):
        register(dataclass_named("Mine"), "builtins.ValueError")


SCRIPT = """
    import sys
    from serialization import Message, Refusal, register
    from serialization.registry import default_registry
    from enum import Enum
    class A(Message[None]): pass
    class B(Refusal): pass
    @register
    class C(Enum): X = 1
    if __name__ in ("__main__", "__mp_main__"):
        print(*(default_registry.tag_of(cls) for cls in (A, B, C)))
"""


def run(arguments: list[str], cwd: Path) -> list[str]:
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={"PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    package = tmp_path / "pkg" / "sub"
    package.mkdir(parents=True)
    for name in ("__init__", "__main__", "mod"):
        (package / f"{name}.py").write_text(textwrap.dedent(SCRIPT if name != "__init__" else ""))
    (tmp_path / "pkg" / "__init__.py").write_text("")
    (tmp_path / "app.py").write_text(textwrap.dedent(SCRIPT))
    (tmp_path / "twice.py").write_text(
        textwrap.dedent(SCRIPT)
        + textwrap.dedent("""
        if __name__ == "__main__":
            import twice
            from serialization import Codec
            codec = Codec()
            print(type(codec.decode(*codec.encode(A()))).__module__)
        """)
    )
    (tmp_path / "spawn.py").write_text(
        textwrap.dedent(SCRIPT)
        + textwrap.dedent("""
        if __name__ == "__main__":
            import multiprocessing
            child = multiprocessing.get_context("spawn").Process(target=print, args=("end",))
            child.start()
            child.join()
        """)
    )
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "module"),
    [
        (["app.py"], "app"),
        (["-m", "app"], "app"),
        (["-m", "pkg.sub.mod"], "pkg.sub.mod"),
        (["-m", "pkg.sub"], "pkg.sub.__main__"),
        (["-P", "app.py"], "app"),
        (["-c", textwrap.dedent(SCRIPT)], "__main__"),
    ],
    ids=lambda value: str(value[:2]) if isinstance(value, list) else value,
)
def test_a_script_has_the_name_that_others_import_it_by(
    folder: Path, arguments: list[str], module: str
) -> None:
    """A class of a `__main__` gets the tag that it has where its module is imported."""
    assert run(arguments, folder) == [f"{module}.{name}" for name in "ABC"]


def test_a_script_that_is_also_imported_defines_its_classes_twice(folder: Path) -> None:
    """That is no clash, and the newest class is the one that is decoded."""
    assert run(["twice.py"], folder)[-1] == "twice"


def test_a_spawned_child_uses_the_same_tags(folder: Path) -> None:
    """A child of multiprocessing, which runs the script again, gives its classes the same tags."""
    tags = ["spawn.A", "spawn.B", "spawn.C"]
    assert run(["spawn.py"], folder) == [*tags, *tags, "end"]


def test_nothing_is_built_of_a_malformed_enum_body() -> None:
    """An Enum member is named by its name, and nothing else is accepted."""
    registry = Registry()
    cls = registry.register(enum.Enum("Kind", "A B"), "registry.kind")
    codec = Codec(registry)
    assert codec.decode("registry.kind", msgspec.msgpack.encode("A")) is cls.A
    for body in ("C", 1, None, ["A"], "_member_map_", "name"):
        with pytest.raises(MessageDecodeError, match="no member"):
            codec.decode("registry.kind", msgspec.msgpack.encode(body))
