"""`[security]`: what is needed together, what excludes another, and that no key is ever shown."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from actors import Allow
from actors.cli.config import stray_variables, to_arguments
from actors.cli.errors import ConfigError
from actors.cli.exits import CommandError, Exit
from tests.actors.cli.kit import load, toml

SECRET = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"
"""Forty characters of Z85, as a secret key has them."""


def test_the_flag_without_a_value() -> None:
    """--insecure needs no value; without it nothing is open."""
    assert load("--insecure").insecure is True
    assert load().insecure is False


@pytest.mark.parametrize(("word", "means"), [("1", True), ("YES", True), ("off", False)])
def test_booleans_of_the_environment(word: str, means: bool) -> None:
    """ACTORS_INSECURE takes the usual words for yes and no."""
    assert load(environ={"ACTORS_INSECURE": word}).insecure is means


def test_other_words_are_no_booleans() -> None:
    """What is neither yes nor no is named, and means exit code 2."""
    with pytest.raises(ConfigError, match=r"ACTORS_INSECURE: 'maybe' is wrong; expected true") as e:
        load(environ={"ACTORS_INSECURE": "maybe"})
    assert e.value.code == Exit.USAGE


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--key", "k"], ["--key", "needs --roster"]),
        (["--roster", "r"], ["--roster", "needs --key"]),
        (["--insecure", "--key", "k", "--roster", "r"], ["--insecure", "--key"]),
        (["--key", ""], ["--key", "no path"]),
        (["--key", "a\0b"], ["--key", "no path"]),
        (["--key", "~nobody-of-that-name/k"], ["--key", "home"]),
    ],
)
def test_what_does_not_go_together(arguments: Sequence[str], words: Sequence[str]) -> None:
    """Half of the keys, or keys and none, is a mistake that is named: exit code 2."""
    with pytest.raises(ConfigError) as caught:
        load(*arguments)
    assert caught.value.code == Exit.USAGE
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[node]\nkey = 'x'\n", ["key does not belong here", "[security]"]),
        ("[security]\nname = 'x'\n", ["name does not belong here", "[node]"]),
        ("[security]\nrooster = 'x'\n", ["[security]", "rooster", "did you mean roster?"]),
        ("[secruity]\n", ["unknown table secruity", "did you mean security?"]),
        ("[[alow]]\n", ["unknown table alow", "did you mean allow?"]),
        ("[security]\ninsecure = 'yes'\n", ["[security], key insecure", "'yes'", "true or false"]),
        ("[security]\nkey = 5\n", ["[security], key key", "a number, not text"]),
        ("security = 'x'\n", ["security is a value", "[security]"]),
        ("[allow]\nfrom = 'x'\n", ["allow", "headed [[allow]]"]),
        ("allow = [1]\n", ["allow", "headed [[allow]]"]),
        ("[[allow]]\nfrom = 'x'\n", ["[[allow]] number 1", "the rule grants nothing"]),
        ("[[allow]]\nform = 'x'\n", ["[[allow]] number 1", "did you mean from?"]),
    ],
)
def test_wrong_files(tmp_path: Path, text: str, words: Sequence[str]) -> None:
    """An error of these tables names file, table and key, with a hint."""
    path = toml(tmp_path, text)
    with pytest.raises(CommandError) as caught:
        load("--config", path)
    assert caught.value.code == Exit.USAGE
    for word in [path, *words]:
        assert word in str(caught.value)


@pytest.mark.parametrize("word", ["key", "roster"])
@pytest.mark.parametrize("source", ["flag", "environment", "file"])
def test_a_key_in_the_place_of_its_file_is_not_shown(
    tmp_path: Path, word: str, source: str
) -> None:
    """Who writes the secret itself where its file belongs is told so, without the secret."""
    arguments: list[str] = []
    environ: dict[str, str] = {}
    if source == "flag":
        arguments = [f"--{word}={SECRET}"]
    elif source == "environment":
        environ = {f"ACTORS_{word.upper()}": SECRET}
    else:
        arguments = ["--config", toml(tmp_path, f"[security]\n{word} = '{SECRET}'\n")]
    with pytest.raises(ConfigError, match="looks like a key itself") as caught:
        load(*arguments, environ=environ)
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        f"security = '{SECRET}'\n",
        f"[security]\nsecret = '{SECRET}'\n",
        f"[security]\ninsecure = false\nkey = ['{SECRET}']\n",
        f"[security]\nkey = {{ secret = '{SECRET}' }}\n",
        f"[security]\nkey = '{SECRET}\n",
    ],
)
def test_no_error_shows_a_value_of_the_keys(tmp_path: Path, text: str) -> None:
    """However a secret gets into [security], the error does not repeat it."""
    with pytest.raises(ConfigError) as caught:
        load("--config", toml(tmp_path, text))
    assert SECRET not in str(caught.value)


def test_a_file_may_be_called_like_a_key(tmp_path: Path) -> None:
    """Forty such characters are a path where there is that file."""
    name = "k" * 40
    (tmp_path / name).touch()
    path = toml(tmp_path, f"[security]\nkey = '{name}'\nroster = 'r'\n")
    assert load("--config", path).key == tmp_path / name


def test_mistyped_variables() -> None:
    """Nearly the name of one of these is pointed out, without its value."""
    (warning,) = stray_variables({"ACTORS_ROOSTER": SECRET})
    assert "ACTORS_ROSTER?" in warning
    assert SECRET not in warning


def test_workers_get_the_same_by_their_command_line(tmp_path: Path) -> None:
    """Paths, the switch and the rules reach a worker; of the file it gets the rules alone."""
    path = toml(
        tmp_path,
        "[node]\nworkers = 2\nname = 'n'\n[security]\nkey = 'k'\nroster = 'r'\n"
        "[[allow]]\nfrom = 'x'\nstop = true\n",
    )
    settings = load("--config", path)
    again = load(*to_arguments(settings))
    assert again == settings
    assert again.allow == (Allow("x", stop=True),)
    open_one = load("--insecure")
    assert load(*to_arguments(open_one)) == open_one


@pytest.fixture
def pipe() -> Iterator[str]:
    """A configuration with a rule, as a shell's `<(...)` gives it."""
    ours, theirs = os.pipe()
    os.write(theirs, b"[node]\nname = 'n'\n[[allow]]\nfrom = 'x'\nstop = true\n")
    os.close(theirs)
    yield f"/dev/fd/{ours}"
    os.close(ours)


def test_rules_in_a_pipe(pipe: str) -> None:
    """They count, though they cannot be read again."""
    settings = load("--config", pipe)
    assert (settings.allow, settings.allow_file) == ((Allow("x", stop=True),), None)


def test_rules_in_a_pipe_do_not_reach_workers(pipe: str) -> None:
    """Workers could not read them, and would do without: that is an error."""
    with pytest.raises(ConfigError, match=r"--config: with \[\[allow\]\]"):
        load("--config", pipe, "--workers", "2")
