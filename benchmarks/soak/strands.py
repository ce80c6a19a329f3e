"""What a soak does over and over: each strand is one round, and checks what comes of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from actors import (
    Actor,
    ActorRef,
    ActorsError,
    ActorStoppedError,
    AskCycleError,
    AskTimeoutError,
    DeadLetter,
    MemberDown,
    NoRouteesError,
    Props,
    Reason,
    RemoteError,
    Router,
    SendTimeoutError,
    UnhandledMessageError,
)
from benchmarks.savina.program import check
from benchmarks.soak import actors as cast
from benchmarks.soak.site import CASUAL, ROUTEES, STEADY, Site

A = TypeVar("A", bound=Actor)

MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True)
class Strand:
    """One thing that is done all the time, with a pause of so many seconds between two rounds."""

    round: Callable[[Site], Awaitable[None]]
    pause: float = 0.05

    @property
    def name(self) -> str:
        """What it is about."""
        return self.round.__name__.replace("_", " ")


@contextlib.asynccontextmanager
async def hired(
    site: Site, props: Props[A] | type[A], at: str
) -> AsyncGenerator[ActorRef[A], None]:
    """An actor on that node, until the block is left."""
    ref = site.node.spawn(props, at=at)
    try:
        yield ref
    finally:
        await ref.stop()


async def expect(error: type[BaseException], answer: Awaitable[object]) -> None:
    """Await what must raise that error."""
    try:
        value = await answer
    except error:
        return
    check("an ask that must fail", value, error.__name__)


async def squares(ref: ActorRef[Any], count: int) -> None:
    """Ask for so many squares at once."""
    answers = await asyncio.gather(*(ref.ask(cast.Square(n), timeout=10) for n in range(count)))
    check("squares", list(answers), [n**2 for n in range(count)])


# --- messages -----------------------------------------------------------------------------------


async def tells(site: Site) -> None:
    """Many tells, and their sum."""
    async with hired(site, cast.Tally, site.somewhere()) as tally:
        for number in range(500):
            tally.tell(cast.Add(number))
        check("the sum", await tally.ask(cast.Total(), timeout=10), sum(range(500)))


async def asks(site: Site) -> None:
    """Asks of a resident, by its name: answered, refused, too late, and misunderstood."""
    ref = await site.node.resolve("calculator", at=site.somewhere(), timeout=10)
    await squares(ref, 50)
    await expect(cast.NotToday, ref.ask(cast.Refuse()))
    await expect(AskTimeoutError, ref.ask(cast.Nap(0.3), timeout=0.005))
    await expect(UnhandledMessageError, ref.ask(cast.Open()))


async def sends(site: Site) -> None:
    """Sends to a mailbox with little room, some of which are given up; tells find it full."""
    async with hired(site, cast.Tally, site.somewhere()) as tally:
        await tally.ask(cast.Total(), timeout=10)  # it lives before a third node tells it
        gate = site.node.spawn(cast.Gate.props(tally), at=site.somewhere())
        sent = await asyncio.gather(*(_send(gate, impatient=n % 8 == 0) for n in range(40)))
        await gate.stop(drain=True, timeout=10)
        # What was given up on its way to another node may have arrived before that was known.
        doubtful = 0 if gate.node_name == site.node.name else len(sent) - sum(sent)
        possible = range(sum(sent), sum(sent) + doubtful + 1)
        got = await _until_total(tally, sum(sent))
        check("what was sent", got, got if got in possible else possible)
        for number in range(10):
            gate.tell(cast.Add(number))  # nobody is there any more


async def _send(gate: ActorRef[cast.Gate], *, impatient: bool) -> bool:
    try:
        await gate.send(cast.Add(1), timeout=0.002 if impatient else 10)
    except SendTimeoutError:
        return False
    return True


async def _until_total(tally: ActorRef[cast.Tally], total: int) -> int:
    """Return the total once it is reached, which a third node may have to tell; or as it is."""
    for _ in range(100):
        if await tally.ask(cast.Total(), timeout=10) >= total:
            break
        await asyncio.sleep(0.01)
    return await tally.ask(cast.Total(), timeout=10)


async def large_payloads(site: Site) -> None:
    """Bytes and an array of a mebibyte, there and back."""
    ref = await site.node.resolve("calculator", at=site.somewhere(), timeout=10)
    data = site.chance.randbytes(MEBIBYTE)
    check("a digest", await ref.ask(cast.Digest(data), timeout=10), cast.sha(data))
    array = np.frombuffer(data, dtype=np.uint32).reshape(512, -1)
    back = await ref.ask(cast.Echo(array), timeout=10)
    check("an array", bool(np.array_equal(back, array)) and back.dtype == array.dtype, True)


async def cycles(site: Site) -> None:
    """Actors that ask each other in a ring."""
    async with (
        hired(site, cast.Fragile, site.somewhere()) as one,
        hired(site, cast.Fragile, site.somewhere()) as two,
        hired(site, cast.Fragile, site.somewhere()) as three,
    ):
        for ref in (one, two, three):
            await squares(ref, 1)
        await expect(AskCycleError, one.ask(cast.AskBack([two, three, one]), timeout=10))


# --- lives --------------------------------------------------------------------------------------


async def lives(site: Site) -> None:
    """Actors that come, are watched, and go; nobody hears of an end twice."""
    async with hired(site, cast.Witness, site.somewhere()) as witness:
        at = site.somewhere()
        refs = [site.node.spawn(cast.Worker, at=at) for _ in range(20)]
        # They live by then: who watches from a third node may be there before the spawn.
        check("squares", await asyncio.gather(*(r.ask(cast.Square(7)) for r in refs)), [49] * 20)
        await witness.ask(cast.Watch(list(refs)), timeout=10)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(refs[0].stopped(), 0.005)
        await asyncio.gather(*(ref.stop() for ref in refs))
        heard = await witness.ask(cast.Heard(), timeout=10)
        check("what was heard", heard, {str(Reason.SHUTDOWN): 20})
        check("how it ended", await refs[0].stopped(), Reason.SHUTDOWN)
        await expect(ActorStoppedError, refs[0].ask(cast.Square(7)))


async def failures(site: Site) -> None:
    """Children, here and elsewhere, that fail and are there again."""
    at = site.somewhere()
    async with hired(site, cast.Parent.props(site.elsewhere(at)), at) as parent:
        for child in await parent.ask(cast.Family(), timeout=10):
            await squares(child, 3)
            await expect(cast.CrashError, child.ask(cast.Crash(), timeout=10))
            await squares(child, 3)


async def timers(site: Site) -> None:
    """Timers of all kinds."""
    async with hired(site, cast.Clockwork, site.somewhere()) as clockwork:
        beats = await clockwork.ask(cast.Beats(5), timeout=10)
        check("five beats or more", beats >= 5, True)


async def stashes(site: Site) -> None:
    """What came while a door was closed comes in, in order, when it opens."""
    async with hired(site, cast.Door, site.somewhere()) as door:
        for number in range(20):
            door.tell(cast.Add(number))
        door.tell(cast.Open())
        check("who came in", await door.ask(cast.Seen(), timeout=10), list(range(20)))


async def threads(site: Site) -> None:
    """Work in the thread pool."""
    ref = await site.node.resolve("calculator", at=site.somewhere(), timeout=10)
    await asyncio.gather(*(ref.ask(cast.Block(0.01), timeout=10) for _ in range(3)))


async def events(site: Site) -> None:
    """Who subscribes hears of what happens, and no more once it ends that."""
    heard: list[DeadLetter] = []
    async with hired(site, cast.Tally, site.somewhere()) as ref:
        pass
    unsubscribe = site.node.events.subscribe(heard.append, DeadLetter)
    nobody = site.node.spawn(cast.Tally)
    await nobody.stop()
    nobody.tell(cast.Add(1))
    ref.tell(cast.Add(1))
    unsubscribe()
    nobody.tell(cast.Add(2))
    check("the dead letter", [d.message for d in heard if d.recipient == nobody], [cast.Add(1)])


# --- routers ------------------------------------------------------------------------------------


async def pools(site: Site) -> None:
    """Pools over the nodes that last: asks, tells and sends."""
    for strategy in ("round-robin", "least-connections"):
        pool = site.pool(strategy, STEADY)
        await squares(pool, 40)
        for number in range(40):
            pool.tell(cast.Square(number))
        await asyncio.gather(*(pool.send(cast.Square(n), timeout=10) for n in range(10)))


async def groups(site: Site) -> None:
    """Groups that are made, asked as a whole, lose a routee, and end."""
    async with contextlib.AsyncExitStack() as stack:
        refs = []
        for _ in range(ROUTEES):
            hire = hired(site, cast.Fragile, site.somewhere())
            refs.append(await stack.enter_async_context(hire))
        for strategy, answer in (("broadcast", [49] * ROUTEES), ("scatter-gather", 49)):
            async with hired(site, Router.group(refs, strategy), site.node.name) as group:
                check(strategy, await group.ask(cast.Square(7), timeout=10), answer)
        async with hired(site, Router.group(refs, "least-connections"), site.somewhere()) as group:
            await squares(group, 20)
            await refs[0].stop()
            await asyncio.sleep(0.02)  # until the router has heard of it
            await squares(group, 20)


# --- nodes --------------------------------------------------------------------------------------


async def guests(site: Site) -> None:
    """A node joins, works, and leaves in order; who watched it hears of that."""
    down = asyncio.Event()
    gone = ""

    def hear(event: MemberDown) -> None:
        if event.member.name == gone:
            down.set()

    async with hired(site, cast.Witness, site.somewhere()) as witness:
        async with site.another_node(STEADY) as (gone, _):
            unsubscribe = site.node.events.subscribe(hear, MemberDown)
            ref = site.node.spawn(cast.Worker, at=gone)
            await squares(ref, 10)
            await witness.ask(cast.Watch([ref]), timeout=10)
        heard = await witness.ask(cast.Heard(), timeout=10)
        check("ends", sum(heard.values()), 1)
        async with asyncio.timeout(10):
            await down.wait()
        unsubscribe()


async def casualties(site: Site) -> None:
    """A node is killed while it is asked; who watched it hears of it, and another takes over."""
    async with hired(site, cast.Witness, site.somewhere()) as witness:
        pool = site.pool("least-connections", CASUAL)
        async with site.another_node(CASUAL) as (name, process):
            ref = site.node.spawn(cast.Worker, at=name)
            await squares(ref, 10)
            await _until_routed(pool)
            await squares(pool, 20)
            await witness.ask(cast.Watch([ref]), timeout=10)
            asking = [asyncio.create_task(_ask_the_dying(pool)) for _ in range(20)]
            await asyncio.sleep(0.01)
            process.kill()
            await asyncio.gather(*asking)
            heard = await witness.ask(cast.Heard(), timeout=10)
            check("what was heard", heard, {str(Reason.NOCONNECTION): 1})


async def _until_routed(pool: ActorRef[Any]) -> None:
    """Wait until a pool has routees (again)."""
    for _ in range(1_000):
        with contextlib.suppress(NoRouteesError):
            await squares(pool, 1)
            return
        await asyncio.sleep(0.01)


async def _ask_the_dying(pool: ActorRef[Any]) -> None:
    with contextlib.suppress(ActorsError, RemoteError):
        check("a nap", await pool.ask(cast.Nap(0.02), timeout=5), 0.02)


STRANDS: tuple[Strand, ...] = (
    Strand(tells),
    Strand(asks),
    Strand(sends),
    Strand(large_payloads, 0.2),
    Strand(cycles, 0.1),
    Strand(lives),
    Strand(failures, 0.1),
    Strand(timers),
    Strand(stashes),
    Strand(threads, 0.1),
    Strand(events),
    Strand(pools),
    Strand(groups),
    Strand(guests, 2.0),
    Strand(casualties, 2.0),
)
