"""Mutated input for one world: what is fired, and what must hold all the while."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.fuzz import decoders
from benchmarks.fuzz.complaints import Complaints
from benchmarks.fuzz.corpus import Entry, envelopes, handshakes
from benchmarks.fuzz.impostor import SESSION, Call, Impostor
from benchmarks.fuzz.mutation import mutate, splice
from benchmarks.fuzz.world import VICTIM, World
from transport import wire

ROUND = 500
"""Inputs between two looks at the healthy peer."""

MOST_RECORDS = 12
"""Mutated envelopes in one batch."""

SLOW = 2.0
"""Seconds that one input may take at most; what is slow in earnest takes far more."""


@dataclass(slots=True)
class Damage:
    """What came of the inputs of one seed."""

    seed: int
    inputs: int = 0
    slowest: float = 0.0
    rejected: int = 0
    failures: int = 0
    """Of actors, by messages that their class could not take: the application's own."""
    problems: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)


async def fire(seed: int, inputs: int) -> Damage:
    """Fire so many inputs that follow from the seed; return what they did."""
    damage, complaints = Damage(seed), Complaints()
    loop, root = asyncio.get_running_loop(), logging.getLogger()
    loop.set_exception_handler(lambda _, about: complaints.found.append(f"unhandled: {about}"))
    root.addHandler(complaints)
    try:
        async with World(seed) as world:
            await _Gunner(world, seed, damage, complaints).fire(inputs)
            damage.rejected = world.victim.stats().rejected
    except Exception as error:  # noqa: BLE001 - whatever it is, the seed has found something
        damage.problems.append(f"{type(error).__name__}: {error}")
    finally:
        root.removeHandler(complaints)
        loop.set_exception_handler(None)
    damage.failures = complaints.failures
    damage.problems += complaints.found
    return damage


class _Gunner:
    """Chooses what is fired next, and sees what it does."""

    def __init__(self, world: World, seed: int, damage: Damage, complaints: Complaints) -> None:
        self._world = world
        self._chance = random.Random(seed)
        self._damage = damage
        self._complaints = complaints
        self._member: tuple[Impostor, Call] | None = None
        self._stranger: tuple[Impostor, Call] | None = None
        self._words: Sequence[bytes] = ()
        self._envelopes: Sequence[Entry] = ()

    async def fire(self, inputs: int) -> None:
        world = self._world
        codec = world.victim._running().codec
        key, expendable = world.exposed._key, world.expendable._key
        self._envelopes = envelopes(codec, key, expendable)
        self._words = handshakes((await world.impostor()).node)
        while self._damage.inputs < inputs and not self._damage.problems:
            until = min(self._damage.inputs + ROUND, inputs)
            while self._damage.inputs < until:
                await self._one()
            await world.clock.advance(0.1)
            await world.healthy()

    async def _one(self) -> None:
        damage, before = self._damage, len(self._complaints.found)
        shots = (self._at_decoders, self._as_stranger, self._as_member, self._with_records)
        (shot,) = self._chance.choices(shots, (2, 2, 1, 6))
        begin = time.process_time()
        await shot()
        took = time.process_time() - begin
        damage.inputs += 1
        damage.kinds[shot.__name__.strip("_")] += 1
        damage.slowest = max(damage.slowest, took)
        if took > SLOW:
            damage.problems.append(f"input {damage.inputs} took {took:.1f} s")
        if len(self._complaints.found) > before:
            damage.problems.append(f"input {damage.inputs} of seed {damage.seed}: {shot.__name__}")

    # --- the ways in ----------------------------------------------------------------------------

    async def _at_decoders(self) -> None:
        """Straight to whatever reads bytes: each may raise what it declares, and nothing else."""
        chance = self._chance
        decoder: Callable[[bytes], object] = chance.choice(decoders.ALL)
        entry = chance.choice(self._envelopes)
        data = chance.choice((chance.choice(self._words), entry.record, entry.repeat))
        decoders.refuse_or_take(decoder, mutate(data, chance))

    async def _as_stranger(self) -> None:
        """Anything, over a connection that has not shaken hands, or is about to."""
        if self._stranger is None or self._stranger[1].ended or self._chance.random() < 0.02:
            impostor = await self._world.impostor()
            self._stranger = impostor, impostor.call(VICTIM)
            await self._world.settle()
        impostor, call = self._stranger
        word = self._chance.choice(self._words)
        if self._chance.random() < 0.2:
            frames = [wire.encode_hello(impostor.node)]  # to get further than that
        else:
            frames = self._frames(self._mutated(word))
        await self._say(call, frames)

    async def _as_member(self) -> None:
        """A mutated message of any kind, on the connection of a member."""
        impostor, call = await self._joined()
        word = self._chance.choice(self._words[3:])
        await self._say(call, self._frames(self._mutated(self._addressed(impostor, word))))

    async def _with_records(self) -> None:
        """A good batch with mutated records."""
        impostor, call = await self._joined()
        chance = self._chance
        records = [self._record() for _ in range(chance.randint(1, MOST_RECORDS))]
        count = len(records) if chance.random() < 0.95 else chance.choice((0, 1, 99, 2**32 - 1))
        self._damage.inputs += len(records) - 1
        await self._say(call, [impostor.batch(b"".join(records), count)])

    # --- what is said ---------------------------------------------------------------------------

    def _record(self) -> bytes:
        entry, chance = self._chance.choice(self._envelopes), self._chance
        draw = chance.random()
        if draw < 0.1:
            return entry.record
        if draw < 0.2:
            return entry.record + mutate(entry.repeat, chance)
        if draw < 0.3:
            return splice(entry.record, chance.choice(self._envelopes).record, chance)
        if draw < 0.9:
            return decoders.with_mutated_field(entry.record, chance)
        return mutate(entry.record, chance)

    def _mutated(self, word: bytes) -> bytes:
        if self._chance.random() < 0.2:
            return splice(word, self._chance.choice(self._words), self._chance)
        return mutate(word, self._chance)

    def _frames(self, frame: bytes) -> list[bytes]:
        more = self._chance.choices((0, 1, 3), (20, 2, 1))[0]
        return [frame, *(self._chance.randbytes(8) for _ in range(more))]

    def _addressed(self, impostor: Impostor, word: bytes) -> bytes:
        """The same of a member's session, so that it gets past the numbers."""
        own, other = SESSION.to_bytes(8, "big"), impostor.other.to_bytes(8, "big")
        return word[:8] + own + other + word[24:] if word[5] >= wire.BATCH else word

    async def _say(self, call: Call, frames: Sequence[bytes]) -> None:
        if not call.ended:
            call.outbound.send(frames)
        await self._world.settle()

    async def _joined(self) -> tuple[Impostor, Call]:
        """A member whose session stands: mostly the one from before."""
        if self._member is not None:
            impostor, call = self._member
            peer = self._world.victim._running().remote.peers
            if not call.ended and (impostor.name, impostor.incarnation) in peer:
                return self._member
            await impostor.transport.close(0)
        self._member = await self._world.member()
        return self._member
