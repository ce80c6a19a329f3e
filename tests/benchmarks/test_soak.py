"""The soak does what it says, and notices what grows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.memory import MIB
from benchmarks.soak import __main__ as command
from benchmarks.soak.flatness import Life, slope
from benchmarks.soak.probe import Vitals
from benchmarks.soak.run import Outcome
from benchmarks.soak.strands import STRANDS

AT_REST = Vitals(
    {"rss": 50 * MIB, "descriptors": 35, "threads": 9, "tasks": 1, "objects": 40_000},
    {"actors": 2, "peers": 2, "asks probed": 0},
    {"ends": (100, 10_000)},
    {"told": 10, "queued": 1, "waiting": 0},
    True,
)


def life(sizes: Sequence[float] = (50,) * 9, after: Vitals = AT_REST) -> Life:
    """A node with these sizes in MiB, one a minute, that was at rest before."""
    looks = [
        (60.0 * number, replace(AT_REST, process={**AT_REST.process, "rss": int(size * MIB)}))
        for number, size in enumerate(sizes)
    ]
    return Life("home", AT_REST, after, looks)


def test_the_command_prints_its_table_and_writes_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two seconds of everything are flat."""
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setattr("logging.disable", lambda _level: None)
    out = tmp_path / "figures.json"
    code = command.main(["--minutes", "0.03", "--json", str(out)])
    printed = capsys.readouterr().out
    assert code == 0, printed
    for words in ("descriptors", "entries of all tables", "everything is flat", "casualties"):
        assert words in printed
    figures = json.loads(out.read_text(encoding="utf-8"))
    assert figures["problems"] == []
    assert set(figures["rounds"]) == {strand.name for strand in STRANDS}
    assert [each["name"] for each in figures["lives"]] == ["home", "east", "west"]


def test_growth_is_noticed() -> None:
    """A steady one; neither one jump nor what comes while all warms up."""
    assert life().problems() == []
    assert life([10, 20, 50, 50, 50, 90, 50, 50, 50]).problems() == []
    assert life([50, 50, 50, 60, 70, 80, 90, 100, 110]).problems() == [
        "home: rss grew by 60.0 MiB, not 32"
    ]


@pytest.mark.parametrize(
    ("after", "problem"),
    [
        (
            replace(AT_REST, tables={**AT_REST.tables, "asks probed": 1}),
            "home: asks probed: 0 before, 1 after",
        ),
        (
            replace(AT_REST, process={**AT_REST.process, "descriptors": 36}),
            "home: descriptors: 35 before, 36 after",
        ),
        (
            replace(AT_REST, process={**AT_REST.process, "objects": 140_001}),
            "home: 100001 objects more, not 100000",
        ),
        (
            replace(AT_REST, memories={"ends": (10_001, 10_000)}),
            "home: ends: 10001 are remembered, not 10000",
        ),
        (
            replace(AT_REST, ledger={"told": 10, "queued": 3, "waiting": 2}),
            "home: 3 queued, 2 waiting",
        ),
        (
            replace(AT_REST, adds_up=False),
            "home: the ledger does not add up: {'told': 10, 'queued': 1, 'waiting': 0}",
        ),
    ],
)
def test_what_is_not_as_it_was_is_noticed(after: Vitals, problem: str) -> None:
    """A table, a descriptor, objects, a memory beyond its bound, a message, a ledger."""
    assert life(after=after).problems() == [problem]


def test_a_problem_is_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A round that did not come to what it must is one."""

    async def soaked(*_: object) -> Outcome:
        return Outcome(Counter(asks=3), Counter({"asks: WrongAnswerError: 3, not 4": 2}), [life()])

    monkeypatch.setattr(command, "run", soaked)
    monkeypatch.setattr("logging.disable", lambda _level: None)
    assert command.main([]) == 1
    assert "asks: WrongAnswerError: 3, not 4 (2 times)" in capsys.readouterr().out


def test_the_slope_is_that_of_most_points() -> None:
    """Per second; a point far away does not count."""
    assert slope([(0, 0), (1, 2), (2, 4), (3, 100), (4, 8)]) == pytest.approx(2, abs=0.5)
    assert slope([(1, 5)]) == 0


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "inf", "some"])
def test_wrong_arguments_are_refused(minutes: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With exit code 2, before anything runs."""
    with pytest.raises(SystemExit, match="2"):
        command.main(["--minutes", minutes])
    assert "--minutes" in capsys.readouterr().err
