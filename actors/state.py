"""The life of an actor, as one word."""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """Where an actor is in its life. User messages are handled while it is RUNNING."""

    STARTING = "starting"
    """Its constructor or `on_start` runs, or is about to."""
    RUNNING = "running"
    SUSPENDED = "failed"
    """It failed, and waits for what its parent decides."""
    HALTED = "restarting"
    """Its old instance is gone, and the new one is not there yet."""
    STOPPING = "stopping"
    """Its children and then itself come to an end."""
    STOPPED = "stopped"
