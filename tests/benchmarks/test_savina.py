"""Every Savina program comes to its right answer, and a wrong one is noticed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from actors import Actor, Node, on
from benchmarks.savina import (
    bank,
    big,
    chameneos,
    counting,
    dictionary,
    fork_join,
    philosophers,
    ping_pong,
    queens,
    sieve,
    thread_ring,
    trapezoidal,
)
from benchmarks.savina.__main__ import chosen, main
from benchmarks.savina.program import Program, WrongAnswerError
from benchmarks.savina.suite import PROGRAMS, measured

TINY = 0.002


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
async def test_a_program_gives_its_right_answer(program: Program) -> None:
    """At a five-hundredth of its size; what computes does so on the same node."""
    figures = await measured(program, program.resize(program.size, TINY))
    assert figures["seconds"] > 0
    assert figures["rate"] > 0


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
async def test_a_program_may_be_as_small_as_can_be(program: Program) -> None:
    """The scale that leaves least of it."""
    await measured(program, program.resize(program.size, 1e-9))


@pytest.mark.parametrize(
    "program", [each for each in PROGRAMS if not each.parallel], ids=lambda program: program.name
)
async def test_the_messages_are_those_of_the_ledger(program: Program) -> None:
    """What sets the stage comes on top; an answer is a message, but nobody handles it."""
    async with Node() as node:
        messages = await program.run(node, program.resize(program.size, TINY))
        handled = node.stats().handled
    if program in (bank.PROGRAM, dictionary.PROGRAM):
        messages //= 2
    assert messages <= handled <= messages + 1_100


class Forgetful(counting.Counter):
    """Knows nothing of the increment before."""

    @on(counting.Increment)
    def increment(self, message: counting.Increment) -> None:
        self.count = 1


class Blurring(ping_pong.Ponger):
    """Takes the tenth ball for the eleventh."""

    @on(ping_pong.Ping)
    def pong(self, message: ping_pong.Ping) -> None:
        assert self.sender is not None
        self.sender.tell(ping_pong.Pong(message.number + (message.number == 10)))


class Hasty(thread_ring.Link):
    """Takes a hop too many from the token."""

    @on(thread_ring.Token)
    def pass_on(self, token: thread_ring.Token) -> None:
        super().pass_on(thread_ring.Token(token.hops - (token.hops == 7)))


class Lazy(fork_join.Worker):
    """Does nothing about the third task."""

    @on(fork_join.Task)
    def work(self, task: fork_join.Task) -> None:
        super().work(fork_join.Task(0) if task.number == 3 else task)


class Mute(big.Peer):
    """Counts no pings."""

    @on(big.Pinged)
    def tell_pinged(self, message: big.Pinged) -> int:
        return 0


class Vain(chameneos.Creature):
    """Counts meetings twice."""

    @on(chameneos.Change)
    def change(self, message: chameneos.Change) -> None:
        self.meetings += 1
        super().change(message)


class Lossy(dictionary.Dictionary):
    """Writes nothing."""

    @on(dictionary.Write)
    def write(self, message: dictionary.Write) -> None:
        pass


class Generous(philosophers.Arbiter):
    """Has forks for everybody."""

    @on(philosophers.Hungry)
    def decide(self, message: philosophers.Hungry) -> None:
        assert self.sender is not None
        self.sender.tell(philosophers.Eat())


class Misled(bank.Account):
    """Books all credits twice."""

    @on(bank.Credit)
    def credit(self, message: bank.Credit) -> None:
        self.balance += 2 * message.amount


class Coarse(sieve.Filter):
    """Lets nothing through."""

    @on(sieve.Candidate)
    def sift(self, candidate: sieve.Candidate) -> None:
        if len(self.primes) < 3:
            super().sift(candidate)


class Blind(queens.Worker):
    """Solves boards of another size."""

    @on(queens.Board)
    def work(self, board: queens.Board) -> None:
        super().work(queens.Board(6, queens=2) if board.queens == queens.CUTOFF else board)


class Sloppy(trapezoidal.Worker):
    """Leaves out a trapezoid."""

    @on(trapezoidal.Share)
    def area(self, share: trapezoidal.Share) -> float:
        return super().area(trapezoidal.Share(share.first, share.last - 1, share.width))


@pytest.mark.parametrize(
    ("module", "name", "broken", "program", "what"),
    [
        (counting, "Counter", Forgetful, counting.PROGRAM, "increments counted"),
        (ping_pong, "Ponger", Blurring, ping_pong.PROGRAM, "balls that came back"),
        (thread_ring, "Link", Hasty, thread_ring.PROGRAM, "the place with the spent token"),
        (fork_join, "Worker", Lazy, fork_join.THROUGHPUT, "each worker's total"),
        (fork_join, "Worker", Lazy, fork_join.CREATION, "the workers' tasks"),
        (big, "Peer", Mute, big.PROGRAM, "pings in all"),
        (chameneos, "Creature", Vain, chameneos.PROGRAM, "all creatures' meetings"),
        (dictionary, "Dictionary", Lossy, dictionary.PROGRAM, "the contents"),
        (philosophers, "Arbiter", Generous, philosophers.PROGRAM, "an eating neighbour"),
        (bank, "Account", Misled, bank.PROGRAM, "the bank's money"),
        (sieve, "Filter", Coarse, sieve.PROGRAM, "the primes"),
        (queens, "Worker", Blind, queens.PROGRAM, "solutions of"),
        (trapezoidal, "Worker", Sloppy, trapezoidal.PROGRAM, "a plain loop"),
    ],
    ids=lambda value: value.name if isinstance(value, Program) else "",
)
@pytest.mark.loops("uvloop")
async def test_a_wrong_answer_is_noticed(
    module: ModuleType,
    name: str,
    broken: type[Actor],
    program: Program,
    what: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An actor that does not do what it must is told by the answer."""
    monkeypatch.setattr(module, name, broken)
    with pytest.raises(WrongAnswerError, match=what):
        await measured(program, program.resize(program.size, TINY))


def test_programs_are_chosen_by_name() -> None:
    """In the order of the suite; what is not there is refused."""
    assert [each.name for each in chosen("big, Counting")] == ["counting", "big"]
    assert len({each.name for each in PROGRAMS}) == len(PROGRAMS)
    with pytest.raises(ValueError, match="no program 'small'"):
        chosen("counting,small")


def test_the_command_prints_its_table_and_writes_its_figures(tmp_path: Path) -> None:
    """With two worker processes there is a ratio to one."""
    out = tmp_path / "figures.json"
    command = [sys.executable, "-m", "benchmarks.savina", "--only", "counting,queens"]
    command += ["--scale", "0.001", "--repeat", "1", "--workers", "2", "--json", str(out)]
    root = Path(__file__).parent.parent.parent
    environment = {**os.environ, "PYTHONPATH": str(root), "COLUMNS": "120"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for words in ("500 increments", "queens, 1 worker ", "queens, 2 workers", "times as fast"):
        assert words in done.stdout
    workloads = json.loads(out.read_text(encoding="utf-8"))["workloads"]
    assert list(workloads) == ["counting", "queens"]
    assert list(workloads["queens"]["figures"]) == ["1 worker", "2 workers"]
    for each in workloads.values():
        assert each["failures"] == {}
        assert all(value > 0 for kind in each["figures"].values() for [value] in kind.values())


def test_the_command_fails_with_a_wrong_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says which, runs the rest, and ends with 1."""
    monkeypatch.setattr(counting, "Counter", Forgetful)
    monkeypatch.setenv("COLUMNS", "140")
    arguments = ["--only", "counting,ping-pong", "--scale", "0.001", "--repeat", "1"]
    assert main(arguments) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "WrongAnswerError" in printed
    assert "every ball" in printed
