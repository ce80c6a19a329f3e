"""N-queens: a master has boards worked on until every solution is counted (Savina, parallelism).

Stresses how work that divides is spread over processors. A worker that gets a board with few
queens puts one more on it, in all ways, and gives those boards back; from `CUTOFF` queens on it
counts the solutions itself.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator

from actors import Actor, ActorRef, Message, Node, Reply, Role, Router, on
from benchmarks.savina.program import WORKER, Program, check

CUTOFF = 2
"""Queens on a board that is not divided any more: a few milliseconds' work."""
WORKERS_A_NODE = 3
"""One works; the next boards are there when it is done."""
SOLUTIONS = (1, 1, 0, 0, 2, 10, 4, 40, 92, 352, 724, 2_680, 14_200, 73_712, 365_596, 2_279_184)
"""By size of the board: OEIS A000170."""


class Board(Message[None]):
    """So many rows have their queens; sets of columns, as bits, that those threaten."""

    size: int
    queens: int = 0
    straight: int = 0
    falling: int = 0
    rising: int = 0

    def extended(self) -> Iterator[Board]:
        """Put a queen into the next row, in all ways."""
        free = ~(self.straight | self.falling | self.rising) & ((1 << self.size) - 1)
        while free:
            column = free & -free
            free ^= column
            yield Board(
                self.size,
                self.queens + 1,
                self.straight | column,
                (self.falling | column) << 1,
                (self.rising | column) >> 1,
            )


def solutions(full: int, straight: int, falling: int, rising: int) -> int:
    """Count the ways to fill all the rows that are left; `full` has a bit for each column."""
    if straight == full:
        return 1
    count = 0
    free = full & ~(straight | falling | rising)
    while free:
        column = free & -free
        free ^= column
        count += solutions(full, straight | column, (falling | column) << 1, (rising | column) >> 1)
    return count


class Worked(Message[None]):
    """What came of a board: other boards, or solutions."""

    boards: list[Board]
    solutions: int


class Solve(Message[tuple[int, int]]):
    """Answers how many solutions there are, and how many boards were worked on."""

    size: int


class Worker(Actor):
    """Divides a board, or solves it."""

    @on(Board)
    def work(self, board: Board) -> None:
        assert self.sender is not None
        if board.queens < min(CUTOFF, board.size):
            self.sender.tell(Worked(list(board.extended()), 0))
        else:
            full = (1 << board.size) - 1
            count = solutions(full, board.straight, board.falling, board.rising)
            self.sender.tell(Worked([], count))


class Master(Actor):
    """Keeps the boards, and hands one out whenever one comes back."""

    def __init__(self) -> None:
        nodes = sum(WORKER in member.roles for member in self.node.members)
        self.idle = nodes * WORKERS_A_NODE
        self.workers: ActorRef[Router] = self.spawn(
            Router.pool(Worker, size=self.idle, at=Role(WORKER), strategy="least-connections")
        )
        self.waiting: deque[Board] = deque()
        self.open = self.solutions = self.boards = 0
        self.reply: Reply[tuple[int, int]]

    @on(Solve)
    def solve(self, message: Solve) -> None:
        self.reply = self.defer_reply()
        self.hand_out([Board(message.size)])

    @on(Worked)
    def worked(self, message: Worked) -> None:
        self.idle += 1
        self.open -= 1
        self.solutions += message.solutions
        self.hand_out(message.boards)
        if self.open == 0:
            self.reply.send((self.solutions, self.boards))

    def hand_out(self, boards: list[Board]) -> None:
        self.boards += len(boards)
        self.open += len(boards)
        self.waiting.extend(boards)
        while self.waiting and self.idle:
            self.idle -= 1
            self.workers.tell(self.waiting.popleft())


def sized(size: int, scale: float) -> int:
    """Return the board for a scale, of those that are known: a row more takes six times as long."""
    return min(max(4, round(size + math.log(scale, 6))), len(SOLUTIONS) - 1)


async def run(node: Node, size: int) -> int:
    """Count the solutions on a board of so many rows."""
    count, boards = await node.spawn(Master).ask(Solve(size), timeout=None)
    check(f"solutions of {size} queens", count, SOLUTIONS[size])
    return 2 * boards


PROGRAM = Program(
    "queens",
    "work that divides, over processes",
    "the known number of solutions",
    run,
    size=13,
    unit="queens",
    parallel=True,
    resize=sized,
)
