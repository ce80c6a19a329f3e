"""Three visitors as processes: what each is told to type, and what the others see of it."""

import asyncio
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence

ANYWHERE = "tcp://127.0.0.1:0"
PATIENCE = 60.0
"""Seconds that a line may take to appear; long, for a machine that has much else to do."""


class Screen:
    """A visitor's process: types into it, and reads what it shows."""

    def __init__(self, name: str, process: Process) -> None:
        self.name = name
        self.process = process

    @classmethod
    async def open(cls, name: str, seeds: Sequence[str] = ()) -> "Screen":
        """Start `python -m examples.chat NAME`."""
        given = [part for seed in seeds for part in ("--seed", seed)]
        command = (sys.executable, "-m", "examples.chat", name, "--bind", ANYWHERE, *given)
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=asyncio.subprocess.STDOUT
        )
        return cls(name, process)

    def types(self, line: str) -> None:
        """Type a line."""
        assert self.process.stdin is not None
        print(f"{self.name:>6} > {line}", flush=True)
        self.process.stdin.write(f"{line}\n".encode())

    async def sees(self, text: str) -> str:
        """Wait for a line with this in it, print it, and return it."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while line := (await self.process.stdout.readline()).decode():
                if text in line:
                    print(f"{self.name:>6}   {line}", end="", flush=True)
                    return line
        raise EOFError(f"{self.name} ended without a line with {text!r}")

    async def end(self) -> int:
        """Kill the process if it still runs; return its exit code."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.communicate()
        return await self.process.wait()


async def demo() -> None:
    """Open three screens, and let their visitors talk."""
    screens: list[Screen] = []
    try:
        await talk(screens)
    finally:
        for screen in screens:
            await screen.end()


async def talk(screens: list[Screen]) -> None:
    """Go through the steps; each waits until those whom it concerns have seen it."""
    step("Alice, Bob and Carol come to the lobby. A room is a group that all nodes know.")
    seeds: list[str] = []
    for name in ("alice", "bob", "carol"):
        screen = await Screen.open(name, seeds)
        screens.append(screen)
        place = re.search(r"tcp://\S+", await screen.sees(f"you are {name}"))
        assert place is not None
        seeds = [place[0]]
        for earlier in screens[:-1]:
            await earlier.sees(f"{name} is here")
    alice, bob, carol = screens

    step("What one says is published on the room's topic, and reaches whoever is there.")
    bob.types("hello")
    for screen in screens:
        await screen.sees("[lobby] bob: hello")

    step("A name leads to one visitor in the whole cluster; a second Alice is turned away.")
    carol.types("/tell alice psst")
    await alice.sees("carol tells you: psst")
    second = await Screen.open("alice", seeds)
    screens.append(second)
    await second.sees("somebody is called alice already")

    step("Bob goes to another room, and Alice hears all rooms.")
    alice.types("/hear #")
    alice.types("/tell bob I hear everything")
    await bob.sees("alice tells you: I hear everything")  # so his node knows that she does
    bob.types("/enter garden")
    await carol.sees("bob has left")
    bob.types("anybody?")
    await alice.sees("[garden] bob: anybody?")

    step("Carol's process is killed: she has left, for everybody.")
    await carol.end()
    await alice.sees("carol has left")
    alice.types("/who")
    await alice.sees("in lobby: alice")


def step(text: str) -> None:
    """Print what is about to be shown."""
    print(f"\n{text}", flush=True)
