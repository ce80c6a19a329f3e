"""An actor whose whole work is its children."""

from __future__ import annotations

from actors.actor import Actor
from actors.props import Child


class Supervisor(Actor):
    """Starts the children that `child_specs` lists, and keeps them as its strategy says.

    The words and the behaviour are those of OTP's `supervisor`; it may have handlers as well.
    A subclass that overrides `on_start` calls `await super().on_start()`.
    """

    def child_specs(self) -> list[Child]:
        """Return the children, in start order."""
        return []

    async def on_start(self) -> None:
        """Start the children from left to right, each after the one before it."""
        specs = list(self.child_specs())
        for spec in specs:
            if not isinstance(spec, Child):
                raise TypeError(f"child_specs() must list Child(...), not {spec!r}")
        await self._cell.kin().start_all(specs)
