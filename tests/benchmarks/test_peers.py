"""Peers run beside the framework, each in a process of its own that cannot spoil the run."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
from collections.abc import AsyncGenerator, Generator, Mapping
from pathlib import Path

import psutil
import pytest

from benchmarks.__main__ import WORKLOADS
from benchmarks.harness import ACTORS, Contender, Measure, Result, Run, Workload, measure
from benchmarks.peers import driver, registry
from benchmarks.peers.registry import NOT_INSTALLED, PEERS, Peer

ROOT = Path(__file__).parent.parent.parent
MODULE = """
import contextlib, os, subprocess, sys, time

def contender(run):
    @contextlib.asynccontextmanager
    async def open_(scale):
        yield lambda: run(scale)
    return open_

@contender
async def works(scale):
    print("no answer, but what a library has to say")
    return {"rate": 2 * scale}

@contender
async def fails(scale):
    raise ValueError("out of luck")

@contender
async def leaves(scale):
    os.write(2, b"the last word")
    os._exit(1)

@contender
async def hangs(scale):
    subprocess.Popen(["sleep", "1000"]).wait()

@contextlib.asynccontextmanager
async def does_not_open(scale):
    raise OSError("nothing there")
    yield
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module with peers of all kinds, for another process to import."""
    (tmp_path / "made_up_peer.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path), str(ROOT))))
    return "made_up_peer"


@pytest.fixture
def nothing_left() -> Generator[None, None, None]:
    """Whatever the test has started has ended with it; other tests' processes are theirs."""
    before = psutil.Process().children(recursive=True)
    yield
    left = [c for c in psutil.Process().children(recursive=True) if c not in before]
    assert left == []


@contextlib.asynccontextmanager
async def steady(_scale: float) -> AsyncGenerator[Run, None]:
    async def run() -> Mapping[str, float]:
        return {"rate": 1.0}

    yield run


async def beside(module: str, function: str, within: float = 20.0) -> Result:
    peer = Contender("peer", driver.elsewhere(module, function, within))
    rate = Measure("rate", "x/s")
    workload = Workload("W0", "a test", [rate], [Contender(ACTORS, steady), peer])
    return await measure(workload, repeat=2, scale=3.0, progress=lambda _: None)


@pytest.mark.usefixtures("nothing_left")
async def test_a_peer_runs_in_a_process_of_its_own(module: str) -> None:
    """Its figures come back, one a round; what it prints is no answer; then it has ended."""
    result = await beside(module, "works")
    assert (result.of("peer", "rate"), result.failures) == ([6.0, 6.0], {})


@pytest.mark.parametrize(
    ("function", "why"),
    [
        ("fails", "RuntimeError: ValueError: out of luck"),
        ("leaves", "RuntimeError: the last word"),
        ("does_not_open", "RuntimeError: OSError: nothing there"),
        ("is_missing", "RuntimeError: AttributeError: module 'made_up_peer' has no attribute"),
    ],
)
async def test_a_peer_that_fails_is_left_out(module: str, function: str, why: str) -> None:
    """It is named with its own words; the figures of the others stand."""
    result = await beside(module, function)
    assert result.failures["peer"].startswith(why)
    assert (result.of("peer", "rate"), result.of(ACTORS, "rate")) == ((), [1.0, 1.0])


@pytest.mark.loops("uvloop")
@pytest.mark.usefixtures("nothing_left")
async def test_a_peer_that_hangs_is_left_out_and_ended(module: str) -> None:
    """So are the processes that it has started; the benchmark goes on."""
    result = await beside(module, "hangs", within=1.0)
    assert result.failures == {"peer": "TimeoutError: no answer within 1 s"}
    assert result.of(ACTORS, "rate") == [1.0, 1.0]


@pytest.mark.usefixtures("nothing_left")
async def test_a_cancelled_run_leaves_no_process(module: str) -> None:
    """An interrupt ends the peers as well."""
    opened = asyncio.Event()

    async def use() -> None:
        async with driver.elsewhere(module, "works")(1.0):
            opened.set()
            await asyncio.Event().wait()

    running = asyncio.ensure_future(use())
    await opened.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


def test_peers_join_the_workloads_that_they_can_do() -> None:
    """After the baselines; those that are not installed are named, and take no part."""
    there = Peer("there", "there", ("W1", "W3"), lambda: "1.0")
    gone = Peer("gone", "gone", ("W1",), lambda: None)
    versions = registry.versions((there, gone))
    assert versions == {"there": "1.0", "gone": NOT_INSTALLED}
    joined = registry.beside(WORKLOADS, versions, (there, gone))
    for before, after in zip(WORKLOADS, joined, strict=True):
        names = [contender.name for contender in after.contenders[len(before.contenders) :]]
        assert names == (["there"] if after.key in there.keys else [])


def test_peers_are_looked_up_without_importing_them() -> None:
    """The version comes from what is installed; a name that is not there has none."""
    assert registry.distribution("pytest")() == pytest.__version__
    assert registry.distribution("no-such-distribution")() is None


def test_each_peer_names_workloads_that_exist() -> None:
    """And its targets are against contenders that there can be."""
    keys = {workload.key for workload in WORKLOADS}
    names = {peer.name for peer in PEERS}
    assert all(set(peer.keys) <= keys for peer in PEERS)
    for workload in WORKLOADS:
        known = names | {contender.name for contender in workload.contenders}
        assert all(target.against in {None, *known} for target in workload.targets)


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_a_peer_has_what_the_registry_says(peer: Peer) -> None:
    """For each of its workloads a function, and no further ones."""
    if peer.version() is None:
        pytest.skip(f"{peer.name} is not installed")
    found = vars(importlib.import_module(peer.module))
    assert {key for key in (w.key for w in WORKLOADS) if key.lower() in found} == set(peer.keys)


@pytest.mark.loops("uvloop")
@pytest.mark.parametrize(("name", "key"), [("Erlang", "W3"), ("Pykka", "W2")])
async def test_a_real_peer(name: str, key: str) -> None:
    """Where it is installed, it gives a figure for each measure."""
    peer = next(each for each in PEERS if each.name == name)
    if peer.version() is None:
        pytest.skip(f"{name} is not installed")
    workload = next(each for each in WORKLOADS if each.key == key)
    async with driver.elsewhere(peer.module, key.lower())(0.001) as run:
        figures = await run()
    assert set(figures) == {each.name for each in workload.measures}
    assert all(value > 0 for value in figures.values())
