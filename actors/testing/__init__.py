"""What tests of actors need: time that they turn themselves, and a network in the process."""

from actors.testing.clock import VirtualClock
from transport.memory import MemoryNetwork

__all__ = ["MemoryNetwork", "VirtualClock"]
