"""Sieve of Eratosthenes: numbers flow through a pipeline of primes (Savina, parallelism).

Stresses a pipeline that grows as it runs: a filter that has all the primes it can hold spawns the
next one behind it.
"""

from __future__ import annotations

import asyncio

from actors import Actor, ActorRef, Message, Node, on
from benchmarks.savina.program import Program, Report, Results, Sink, batches, check

PRIMES_A_FILTER = 100


class Candidate(Message[None]):
    """No prime so far divides this number."""

    number: int


class Finish(Message[None]):
    """There are no more numbers; so many candidates were passed on before this filter."""

    primes: list[int]
    passed: int


class Filter(Actor):
    """Keeps the first primes that reach it, and lets through what none of them divides."""

    def __init__(self, sink: ActorRef[Sink]) -> None:
        self.sink = sink
        self.primes: list[int] = []
        self.following: ActorRef[Filter] | None = None
        self.passed = 0

    @on(Candidate)
    def sift(self, candidate: Candidate) -> None:
        number = candidate.number
        for prime in self.primes:
            if number % prime == 0:
                return
        if len(self.primes) < PRIMES_A_FILTER:
            self.primes.append(number)
            return
        if self.following is None:
            self.following = self.spawn(Filter.props(self.sink))
        self.following.tell(candidate)
        self.passed += 1

    @on(Finish)
    def finish(self, message: Finish) -> None:
        primes, passed = message.primes + self.primes, message.passed + self.passed
        if self.following is None:
            self.sink.tell(Report((primes, passed)))
        else:
            self.following.tell(Finish(primes, passed))


def primes_below(limit: int) -> list[int]:
    """Return the primes below a limit, by crossing out multiples in a table."""
    prime = bytearray([1]) * limit
    prime[:2] = bytes(min(2, limit))
    for number in range(2, limit):
        if prime[number]:
            for multiple in range(number * number, limit, number):
                prime[multiple] = 0
    return [number for number in range(limit) if prime[number]]


async def run(node: Node, size: int) -> int:
    """Find the primes below so much."""
    sink = node.spawn(Sink.props(1))
    first = node.spawn(Filter.props(sink))
    for batch in batches(size - 2):
        for number in batch:
            first.tell(Candidate(number + 2))
        await asyncio.sleep(0)
    first.tell(Finish([], size - 2))
    [(primes, passed)] = await sink.ask(Results(), timeout=None)
    check("the primes", primes, primes_below(size))
    return int(passed)


PROGRAM = Program(
    "sieve", "a pipeline that grows", "all primes below N", run, size=50_000, unit="numbers"
)
