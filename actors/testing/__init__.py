"""What tests of actors need: time that they turn themselves, and a network inside the process.

`Simulation` puts both together, with faults, for whole clusters; see `docs/simulation.md`.
"""

from actors.testing.chaos import FAULTS, Fault, chaos
from actors.testing.clock import VirtualClock
from actors.testing.errors import HostCrashedError, InvariantError, SimulationError
from actors.testing.invariants import Invariant, LedgerAddsUp, MembershipConverges
from actors.testing.simulation import Simulation
from actors.testing.sweep import Outcome, sweep
from transport.memory import MemoryNetwork

__all__ = [
    "FAULTS",
    "Fault",
    "HostCrashedError",
    "Invariant",
    "InvariantError",
    "LedgerAddsUp",
    "MembershipConverges",
    "MemoryNetwork",
    "Outcome",
    "Simulation",
    "SimulationError",
    "VirtualClock",
    "chaos",
    "sweep",
]
