"""Nodes that are killed, stopped, cut off and kept busy: a short form, and what it notices."""

from __future__ import annotations

import contextlib
import json
import math
import os
import socket
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.chaos import __main__ as command
from benchmarks.chaos.accounts import Account, account
from benchmarks.chaos.busy import Try, end_of, heard_of
from benchmarks.chaos.company import company
from benchmarks.chaos.findings import Findings, figures_of
from benchmarks.chaos.harm import CUT, KILL, STOP
from benchmarks.chaos.links import Links
from benchmarks.chaos.posts import Start
from benchmarks.chaos.rounds import victims
from benchmarks.chaos.scenes import SCENES
from benchmarks.chaos.witness import Sighting
from benchmarks.figures import Bound, Figure, Outcome, all_of, none, percentile, spread

FINE = Outcome("kill", 1.0, [Figure("down", 0.3, " s", Bound("at most", 1.0)), none("lost", 0)])


@pytest.fixture(autouse=True)
def _loud(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command silences all logs of its process: not those of other tests."""
    monkeypatch.setattr("logging.disable", lambda _level: None)
    monkeypatch.setenv("COLUMNS", "140")


@pytest.mark.timeout(300)
def test_nodes_are_lost_and_found_and_nothing_is_lost_with_them(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Two rounds of kill -9, one of SIGSTOP and one of cut links, with all that is required."""
    out = tmp_path / "figures.json"
    code = command.main(["--rounds", "2", "--only", "kill,stop,cut", "--json", str(out)])
    printed = capfd.readouterr().out
    assert code == 0, printed
    for words in ("kill: 2 of 2", "stop: 1 of 1", "cut: 1 of 1", "everything is as it must be"):
        assert words in printed
    scenes = json.loads(out.read_text(encoding="utf-8"))["scenes"]
    assert [each["scene"] for each in scenes] == ["kill", "stop", "cut"]
    for scene in scenes:
        figures = {each["name"]: each["value"] for each in scene["figures"]}
        assert scene["problems"] == []
        assert figures["reliable messages handled"] > 1000
        assert any(name.startswith("watchers that heard") for name in figures)


@pytest.mark.timeout(300)
def test_who_is_busy_is_not_given_up(capfd: pytest.CaptureFixture[str]) -> None:
    """Two blocked loops, a garbage collection, and CPU hogs: no verdict, and all named."""
    code = command.main(["--rounds", "1", "--only", "busy"])
    printed = capfd.readouterr().out
    assert code == 0, printed
    for words in ("2 of 2 loops blocked", "1 of 1 garbage collections", "4 CPU hogs"):
        assert words in printed


@pytest.mark.timeout(120)
def test_a_stalled_peer_does_not_hold_up_the_others(tmp_path: Path) -> None:
    """One round says little of 90 %: here it must only not be a standstill."""
    out = tmp_path / "figures.json"
    command.main(["--rounds", "1", "--only", "stalled", "--json", str(out)])
    figures = json.loads(out.read_text(encoding="utf-8"))["scenes"][0]["figures"]
    sent, _, least = (each["value"] for each in figures)
    assert sent > 100
    assert least > 0.3


@pytest.mark.timeout(60)
async def test_a_company_that_is_left_leaves_no_process(tmp_path: Path) -> None:
    """Not even one that is stopped."""
    async with company(2, tmp_path) as made:
        await STOP.strike(made, "n1")
        processes = dict(made.processes)
    assert all(process.returncode is not None for process in processes.values())


def test_who_calls_a_proxy_is_known_by_its_process() -> None:
    """By the port that the call came from; nobody has a port that is not in use."""
    links = Links()
    links.processes["n1"] = os.getpid()
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as call:
            port = call.getsockname()[1]
            assert links.caller(port) == "n1"
        assert links.caller(port) == ""


async def test_a_cut_is_between_two_and_an_isolation_from_all() -> None:
    """Until it is healed."""
    links = Links()
    for name in ("n1", "n2", "n3"):
        await links.open(name, "tcp://127.0.0.1:1")
    links.cut("n1", "n2")
    assert links.is_cut("n2", "n1")
    assert not links.is_cut("n1", "n3")
    links.isolate("n3")
    assert links.is_cut("n1", "n3")
    assert links.is_cut("n2", "n3")
    links.heal()
    assert links.whole
    await links.close()


# --- the books ------------------------------------------------------------------------------------

Row = tuple[str, int, int, int, int, int]
ROWS: Sequence[Row] = [("n1-n2", 1, 7, 0, 1, 0), ("n1-n2", 2, 7, 1, 1, 0), ("n1-n2", 3, 7, 2, 1, 0)]
"""Producer, sequence, life, number, times, unmarked: as a depot writes it."""


def books(folder: Path, rows: Sequence[Row], accepted: str) -> Account:
    """What is made of these effects and of what the shop wrote down."""
    (folder / "n1.accepted").write_text(accepted)
    with contextlib.closing(sqlite3.connect(folder / "n2.effects")) as db:
        db.execute("CREATE TABLE effects (producer, sequence, life, number, times, unmarked)")
        db.executemany("INSERT INTO effects VALUES (?, ?, ?, ?, ?, ?)", rows)
        db.commit()
    return account(folder)


@pytest.mark.parametrize(
    ("rows", "accepted", "found"),
    [
        (ROWS, "n1-n2 7 2\nn1-n2 7 3\n", Account(accepted=3, handled=3)),
        (ROWS, "n1-n2 7 2\n", Account(accepted=2, handled=3)),
        (ROWS, "n1-n2 7 4\n", Account(accepted=4, handled=3, lost=1)),
        (ROWS, "n1-n2 7 3\nn1-n2 8 5\n", Account(accepted=8, handled=3, lost=5)),
        ([ROWS[0], ROWS[2]], "n1-n2 7 3\n", Account(accepted=3, handled=2, lost=1)),
        (
            [*ROWS, ("n1-n2", 4, 7, 1, 1, 0)],
            "n1-n2 7 3\n",
            Account(accepted=3, handled=4, doubled=1),
        ),
        (
            [*ROWS, ("n1-n2", 4, 7, 3, 3, 1)],
            "n1-n2 7 4\n",
            Account(accepted=4, handled=4, repeated=2, unmarked=1),
        ),
        (
            [ROWS[0], ROWS[2], ROWS[1]],
            "n1-n2 7 3\n",
            Account(accepted=3, handled=3, disordered=1),
        ),
    ],
    ids=["fine", "more", "tail lost", "life lost", "gap", "doubled", "repeated", "disordered"],
)
def test_the_books_tell_what_became_of_all_messages(
    tmp_path: Path, rows: Sequence[Row], accepted: str, found: Account
) -> None:
    """What was handled without having been written down is no loss; all else is noticed."""
    assert books(tmp_path, rows, accepted) == found


# --- the figures ----------------------------------------------------------------------------------


def test_percentiles_are_samples() -> None:
    """By the nearest rank; of none there is none, and that keeps no bound."""
    samples = [float(number) for number in range(1, 101)]
    assert [percentile(samples, share) for share in (0.5, 0.99, 1.0)] == [50.0, 99.0, 100.0]
    assert percentile([3.0], 0.5) == 3.0
    assert math.isnan(percentile([], 0.5))
    assert [each.kept for each in spread("down", [], {"p99": 1.0})] == [True, False, True]


@pytest.mark.parametrize(
    ("outcome", "problem"),
    [
        (
            replace(FINE, figures=[Figure("down", 1.2, " s", Bound("at most", 1.0))]),
            "down: 1.2 s, not at most 1",
        ),
        (replace(FINE, figures=[none("lost", 2)]), "lost: 2, not exactly 0"),
        (replace(FINE, figures=[all_of("named", 9, 10)]), "named, of 10: 9, not exactly 10"),
        (
            replace(FINE, figures=[Figure("rate", 8, "/s", Bound("at least", 9))]),
            "rate: 8/s, not at least 9",
        ),
        (replace(FINE, faults=Counter({"it lived": 2})), "it lived (2 times)"),
    ],
)
def test_what_is_not_as_it_must_be_is_noticed(outcome: Outcome, problem: str) -> None:
    """A missed bound of each kind, and a fault."""
    assert FINE.problems() == []
    assert outcome.problems() == [problem]


def findings() -> Findings:
    """Of one round in which all went well."""
    return Findings(1, [0.3] * 4, [0.5] * 4, [0.0], [0.0] * 4, Counter({1: 4}), Counter({1: 1}))


def test_findings_become_figures() -> None:
    """What was heard twice or not at all, started twice or not at all, is missed."""
    fine = Account(accepted=10_000, handled=10_000)

    def missed(found: Findings, books: Account = fine) -> list[str]:
        figures = figures_of(found, KILL, books, 4.0)
        return [each.name.partition(",")[0] for each in figures if not each.kept]

    assert missed(findings()) == []
    assert missed(findings(), replace(fine, lost=1)) == ["reliable messages lost"]
    assert missed(findings(), replace(fine, doubled=1)) == ["duplicates after dedup"]
    assert missed(findings(), replace(fine, handled=7999)) == ["the same in a second"]
    twice = findings()
    twice.told = Counter({1: 3, 2: 1})
    assert missed(twice) == ["watchers that heard of it exactly once"]
    never = findings()
    never.starts = Counter({0: 1})
    assert missed(never) == ["lost posts that were started elsewhere exactly once"]
    late = findings()
    late.failed[0], late.down[0], late.rejoin[0] = 0.3, 1.1, 3.1
    assert missed(late) == [
        "down at every other node",
        "up again at every other node",
        "an ask's failure",
    ]


LOSS: Sequence[Sighting] = [
    Sighting("MemberDown", "n1", 5.0, "unreachable"),
    Sighting("Terminated", "n1", 5.0, "noconnection"),
    Sighting("AskFailed", "n1", 5.1, "NodeUnreachableError"),
]
"""What one node sees of the loss of another, where all goes well."""


def examined(*seen: Sighting) -> Findings:
    """What is made of that."""
    found = Findings()
    found.examine("n1", seen)
    return found


def test_what_a_node_sees_of_a_loss_is_examined() -> None:
    """A notice more or fewer, a wrong reason, the loss of somebody else."""
    down, told, asked = LOSS
    fine = examined(*LOSS)
    assert (fine.told, fine.faults) == (Counter({1: 1}), Counter())
    assert fine.failed == [pytest.approx(0.1)]
    assert examined(down, asked).told == Counter({0: 1})
    assert examined(*LOSS, told).told == Counter({2: 1})
    assert examined(down, told).failed == []
    for wrong, fault in (
        (replace(down, name="n2"), "a node that lived was declared down: unreachable"),
        (replace(told, detail="noproc"), "a watcher was told 'noproc'"),
        (replace(asked, detail="AskTimeoutError"), "an ask failed with AskTimeoutError"),
    ):
        assert examined(*LOSS, wrong).faults == Counter({fault: 1})


def test_the_starts_of_posts_are_counted() -> None:
    """Each lost one once, on another node; and no other one."""
    found = Findings()
    starts = [Start(1, "n2", 5.5), Start(2, "n1", 6.0), Start(2, "n3", 6.0), Start(3, "n3", 6.0)]
    found.count_starts("n1", [0, 1, 2], starts, 5.0)
    assert found.starts == Counter({0: 1, 1: 1, 2: 1})
    assert found.moved == [0.5, 1.0]
    assert found.faults == Counter(
        {
            "a post was started on the node that was lost": 1,
            "a post was started anew though its node was not lost": 1,
        }
    )


def test_silence_has_bounds_of_its_own() -> None:
    """In the median 3 s, 5.5 s in 99 of 100."""
    for harm in (STOP, CUT):
        assert harm.down == {"p50": 3.0, "p99": 5.5}


def test_all_nodes_have_their_turn() -> None:
    """Equally often, and the same ones each time."""
    order = victims(["a", "b"], 10)
    assert Counter(order) == {"a": 5, "b": 5}
    assert order == victims(["a", "b"], 10)
    assert len(victims(["a", "b"], 3)) == 3


def test_a_culprit_is_named_in_time_by_others_and_for_the_right_thing() -> None:
    """Not by itself, not before, not with the next try, and not as something else."""
    tries = [Try("a", 10.0, "Block"), Try("b", 11.0, "Block"), Try("a", 20.0, "Block")]
    said = Sighting("MemberBusy", "a", 12.0, "Witness handling Block")
    seen = {
        "a": [said],
        "b": [replace(said, at=9.0), said, replace(said, at=13.0)],
        "c": [replace(said, at=20.0)],
        "d": [replace(said, detail="")],
        "e": [replace(said, name="b"), replace(said, what="MemberSuspect")],
    }
    assert end_of(tries[0], tries) == 20.0
    assert end_of(tries[2], tries) == math.inf
    assert heard_of(tries[0], 20.0, seen) == [2.0]


# --- the command ----------------------------------------------------------------------------------


def test_a_problem_is_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Printed with the scene that it is of."""

    async def played(*_: object) -> list[Outcome]:
        return [FINE, replace(FINE, scene="stop", figures=[none("lost", 1)])]

    monkeypatch.setattr(command, "run", played)
    assert command.main([]) == 1
    printed = capsys.readouterr().out
    assert "stop: lost: 1, not exactly 0" in printed
    assert "kept" in printed
    assert "missed" in printed


def test_a_full_run_is_what_is_promised() -> None:
    """A hundred kills, fifty stops, two hundred blocked loops, each peer stalled once."""
    times = {scene.key: scene.times(100) for scene in SCENES}
    assert times == {"kill": 100, "stop": 50, "cut": 20, "slow": 3, "busy": 200, "stalled": 10}
    assert all(scene.times(1) >= 1 for scene in SCENES)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rounds", "0"], "--rounds"),
        (["--rounds", "many"], "--rounds"),
        (["--only", "kill,nobody"], "no scene nobody"),
    ],
)
def test_wrong_arguments_are_refused(
    arguments: Sequence[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit code 2, before anything runs."""
    with pytest.raises(SystemExit, match="2"):
        command.main(arguments)
    assert words in capsys.readouterr().err
