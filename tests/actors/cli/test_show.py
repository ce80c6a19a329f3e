"""`--show-config`: a file that leads to the same settings, with their origins and no secret."""

from __future__ import annotations

from pathlib import Path

from actors.cli.config import load_settings
from actors.cli.main import parser
from actors.cli.show import shown
from transport.security.keys import KeyPair, write_keys
from transport.security.roster import roster_line


def test_it_leads_to_the_same_settings(tmp_path: Path) -> None:
    """What is printed is a configuration file; each line says where its setting is from."""
    keys = KeyPair.make()
    write_keys(tmp_path / "keys", keys)
    (tmp_path / "roster.toml").write_text(roster_line("bank", keys.public))
    first = tmp_path / "node.toml"
    first.write_text(
        f"[node]\nrole = ['a', 'b']\nname = 'hidden'\nbind = 'ipc://{tmp_path}/\u00fc\U0001f512'\n"
        "[security]\nkey = 'keys'\nroster = 'roster.toml'\n"
    )
    environ = {"ACTORS_APP": "bank:Bank", "ACTORS_APP_VERSION": '"\\\x7f\t'}
    flags = parser().parse_args(["--config", str(first), "--name", "bank"])
    settings = load_settings(flags, environ)
    text = shown(settings)
    for line in (
        'name = "bank"  # --name',
        'app = "bank:Bank"  # ACTORS_APP',
        f'role = ["a", "b"]  # {first}',
        f'key = "{tmp_path}/keys"  # {first}',
        "insecure = false  # default",
        "drain_timeout = 25.0  # default",
    ):
        assert line in text.splitlines()
    assert keys.secret not in text
    again = tmp_path / "again.toml"
    again.write_text(text)
    flags = parser().parse_args(["--config", str(again), "--allow-file", str(first)])
    assert load_settings(flags, {}) == settings


def test_rules_are_counted(tmp_path: Path) -> None:
    """Of the rules it says how many there are, and where."""
    path = tmp_path / "node.toml"
    path.write_text("[[allow]]\nfrom = 'x'\nstop = true\n")
    settings = load_settings(parser().parse_args(["--config", str(path)]), {})
    assert f"# and 1 [[allow]] tables of {path}" in shown(settings)
