"""Which peers there are, which of them are installed, and what each can do.

Each peer is a module that is imported by a `driver` only, in a process of its own: the function
`w3` of the module opens workload W3.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata

from benchmarks.harness import Contender, Workload
from benchmarks.peers import driver
from benchmarks.remote import ERLANG

NOT_INSTALLED = "not installed"


@dataclass(frozen=True, slots=True)
class Peer:
    """One peer: its module, its workloads by key, and how to learn its version."""

    name: str
    module: str
    keys: Sequence[str]
    version: Callable[[], str | None]
    """None where it is not installed; imports nothing."""


def distribution(name: str) -> Callable[[], str | None]:
    """Return what says the version of a Python distribution."""

    def version() -> str | None:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            return None

    return version


def erlang_release() -> str | None:
    """Return the release of OTP that `erl` on the PATH belongs to; needs the compiler as well."""
    if shutil.which("erl") is None or shutil.which("erlc") is None:
        return None
    ask = "io:put_chars(erlang:system_info(otp_release)), halt()."
    command = ["erl", "-noshell", "-eval", ask]
    return f"OTP {subprocess.run(command, capture_output=True, text=True, check=True).stdout}"


LOCAL = ("W1", "W2", "W6", "W7")
REMOTE = ("W3", "W4", "W5a", "W5b")
_HERE = "benchmarks.peers"

PEERS = (
    Peer(ERLANG, f"{_HERE}.erlang_processes", (*LOCAL, *REMOTE), erlang_release),
    Peer("xoscar", f"{_HERE}.xoscar_actors", (*LOCAL, *REMOTE), distribution("xoscar")),
    Peer("Pykka", f"{_HERE}.pykka_actors", LOCAL, distribution("Pykka")),
    Peer("Pyro5", f"{_HERE}.pyro5_objects", REMOTE, distribution("Pyro5")),
    Peer("Ray", f"{_HERE}.ray_actors", (*REMOTE, "W6"), distribution("ray")),
    Peer("Dask", f"{_HERE}.dask_actors", (*REMOTE, "W6"), distribution("distributed")),
)


def versions(peers: Sequence[Peer] = PEERS) -> Mapping[str, str]:
    """Return the version of each peer, or that it is not installed."""
    return {peer.name: peer.version() or NOT_INSTALLED for peer in peers}


def beside(
    workloads: Sequence[Workload], installed: Mapping[str, str], peers: Sequence[Peer] = PEERS
) -> Sequence[Workload]:
    """Return the workloads with those peers as further contenders that `versions` has found."""
    there = [peer for peer in peers if installed[peer.name] != NOT_INSTALLED]
    return [
        replace(
            workload,
            contenders=[
                *workload.contenders,
                *(
                    Contender(peer.name, driver.elsewhere(peer.module, workload.key.lower()))
                    for peer in there
                    if workload.key in peer.keys
                ),
            ],
        )
        for workload in workloads
    ]
