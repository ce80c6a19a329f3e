"""The short form of `make fuzz`: whatever comes in, nothing breaks."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

import pytest

from benchmarks.figures import Outcome
from benchmarks.fuzz import decoders, streams
from benchmarks.fuzz.corpus import envelopes, handshakes
from benchmarks.fuzz.fire import fire
from benchmarks.fuzz.inputs import growth
from benchmarks.fuzz.mutation import mutate, splice
from serialization import Codec, default_registry
from transport.wire import Self

NODE = Self("ghost", 7, ("tcp://127.0.0.1:9",), b"\x91\x90", 1 << 20)


def test_decoders_raise_nothing_but_what_they_declare() -> None:
    """20,000 mutated messages, the same each time."""
    chance = random.Random(1)
    entries = envelopes(Codec(default_registry), "target#1", "target#2")
    seeds = [*handshakes(NODE), *(entry.record for entry in entries)]
    for _ in range(20_000):
        data = mutate(chance.choice(seeds), chance)
        if chance.random() < 0.1:
            data = splice(data, chance.choice(seeds), chance)
        decoders.refuse_or_take(chance.choice(decoders.ALL), data)


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_node_withstands_what_is_fired_at_it(seed: int) -> None:
    """2,500 inputs a seed, of strangers and members: no complaint, and a healthy peer is served."""
    damage = await fire(seed, 2_500)
    assert damage.problems == []
    assert damage.inputs >= 2_500
    assert damage.rejected > 100


async def test_an_error_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder that raises what it does not declare is a finding, with the seed it comes from."""

    def broken(data: bytes) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(decoders, "ALL", (broken,))
    damage = await fire(3, 500)
    assert "ZeroDivisionError" in damage.problems[0]


@pytest.mark.timeout(90)
@pytest.mark.loops("uvloop")
@pytest.mark.parametrize("play", [streams.play, streams.play_strangers], ids=["plain", "keys"])
async def test_a_real_node_withstands_hostile_streams(
    play: Callable[[int, int, float], Awaitable[Outcome]],
) -> None:
    """300 of them: nobody gets in, it logs no error, gives the memory back, exits 0 at SIGTERM.

    How long a healthy peer waits is only measured by the long form: here others share the machine.
    """
    outcome = await play(1, 300, 0.3)
    problems = [each for each in outcome.problems() if "p99" not in each]
    assert problems == []


def test_growth_is_that_of_one_process() -> None:
    """From the second seed on, for the first one loads what all need."""
    shots = [(None, pid, size << 20) for pid, size in ((1, 10), (2, 9), (1, 30), (1, 33), (2, 9))]
    assert growth(shots) == 3  # type: ignore[arg-type]
