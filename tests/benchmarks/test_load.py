"""The load benchmark accounts for every message, and notices what breaks a bound."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.load import __main__ as command
from benchmarks.load.bounds import of_rest, of_send, of_tell
from benchmarks.load.scenes import SCENES, Memory, Outcome
from benchmarks.memory import MIB

FINE = Outcome("tell", "tell", 1.0, 10, 4, Memory(5, 10, 0), Memory(5, 10, 0), {"full": 4}, {"": 2})


def test_the_command_prints_its_table_and_writes_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two of the scenes, for half a second each."""
    monkeypatch.setattr(command, "SCENES", (SCENES[0], SCENES[3]))
    monkeypatch.setenv("COLUMNS", "120")
    out = tmp_path / "figures.json"
    assert command.main(["--seconds", "0.5", "--json", str(out)]) == 0
    printed = capsys.readouterr().out
    for words in ("send, 22 B", "tell, 64 KiB", "receiver", "all messages accounted for"):
        assert words in printed
    scenes = json.loads(out.read_text(encoding="utf-8"))["scenes"]
    assert [each["scene"] for each in scenes] == ["send, 22 B", "tell, 64 KiB"]
    sent, told = scenes
    assert sent["made"] == sent["handled"] > 0
    assert told["made"] > told["handled"]
    assert set(told["dead"]) <= {"mailbox full"}
    assert all("is full" in reason for reason in told["undelivered"])


@pytest.mark.parametrize(
    ("outcome", "problem"),
    [
        (replace(FINE, made=11), "11 messages, 10 accounted for"),
        (replace(FINE, call="send"), "6 messages that were sent are dead letters"),
        (replace(FINE, ledgers_add_up=False), "a ledger does not add up"),
        (replace(FINE, sender=Memory(7 * MIB, 6 * MIB, 0)), "the sender grew by 7 MiB, not 6"),
        (
            replace(FINE, receiver=Memory(0, 1, of_rest(0) + MIB)),
            "the receiver keeps 33 MiB, not 32",
        ),
    ],
)
def test_what_is_not_as_it_must_be_is_noticed(outcome: Outcome, problem: str) -> None:
    """A lost message, a broken bound, and memory that does not come back."""
    assert FINE.problems() == []
    assert outcome.problems() == [problem]


def test_a_problem_is_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Printed with the scene that it is of."""

    async def played(*_: object) -> list[Outcome]:
        return [FINE, replace(FINE, made=11)]

    monkeypatch.setattr(command, "run", played)
    assert command.main([]) == 1
    assert "tell: 11 messages, 10 accounted for" in capsys.readouterr().out


def test_the_bounds_are_those_of_the_documentation() -> None:
    """In MiB, for the sizes that the command uses."""
    bounds = [of_send(22, 200, 1000), of_send(65536, 200, 1000), of_tell(22, 1000)]
    bounds.append(of_tell(65536, 1000))
    assert [(each.sender // MIB, each.receiver // MIB) for each in bounds] == [
        (33, 34),
        (71, 134),
        (289, 100),
        (292, 351),
    ]


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "many"])
def test_wrong_arguments_are_refused(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With exit code 2, before anything runs."""
    with pytest.raises(SystemExit, match="2"):
        command.main(["--seconds", seconds])
    assert "--seconds" in capsys.readouterr().err
