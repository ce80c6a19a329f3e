"""What can be done to a simulated cluster, apart from crashes."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import combinations

from actors.testing.machines import Machine, Machines
from transport import TransportOptions

__all__ = ["Faults"]


class Faults(Machines):
    """Stalls, frozen hosts, wrong clocks, and a network that cannot be relied upon."""

    def __init__(
        self, seed: int, options: TransportOptions | None, latency: tuple[float, float]
    ) -> None:
        super().__init__(seed, options, latency)
        self._cuts: dict[tuple[str, str], None] = {}
        self._frozen: dict[str, None] = {}
        self._stalls = 0
        self._disturbed = False

    @property
    def calm_since(self) -> float | None:
        """Since when there has been no fault, start or end of a node; None while there is one.

        A clock that is wrong is no fault in this sense: nodes get along with it.
        """
        if self._cuts or self._frozen or self._stalls or self._disturbed:
            return None
        return self._changed_at

    def is_stopped(self, name: str) -> bool:
        """Whether that host is stalled or frozen at present."""
        return not self._alive(name).host.runs

    # --- hosts ----------------------------------------------------------------------------------

    def stall(self, name: str, seconds: float) -> None:
        """Block the event loop of a node for so long, as a slow handler would.

        Its operating system keeps the connections alive: what is sent to it waits there.
        """
        machine = self._alive(name)
        machine.host.stop()
        self._stalls += 1
        self._note_change(f"stall {name} for {seconds:.6f} s")
        self._carrier.run(self._loop.call_later, seconds, self._end_stall, machine)

    def _end_stall(self, machine: Machine) -> None:
        self._stalls -= 1
        self._note_change(f"end of a stall of {machine.name}")
        self._go_on(machine)

    def _go_on(self, machine: Machine) -> None:
        if machine.host.go_on():
            self._loop.resume(machine.host)

    def freeze(self, name: str) -> None:
        """Stop a whole machine, as SIGSTOP or a lost one: nothing passes, the others hear nothing.

        It lasts until `thaw`, or the end of that node.
        """
        machine = self._alive(name)
        if name in self._frozen:
            raise ValueError(f"{name!r} is frozen already")
        self._frozen[name] = None
        machine.host.stop()
        self._carrier.run(self._carrier.network.stall, name)
        self._note_change(f"freeze {name}")

    def thaw(self, name: str) -> None:
        """End a `freeze`; harmless where there is none."""
        if name in self._frozen:
            self._unfreeze(name)
            self._go_on(self._known(name))

    def _unfreeze(self, name: str) -> None:
        del self._frozen[name]
        self._carrier.run(self._carrier.network.unstall, name)
        self._note_change(f"thaw {name}")

    def _bury(self, machine: Machine) -> None:
        super()._bury(machine)
        if machine.name in self._frozen:
            self._unfreeze(machine.name)

    def skew(self, name: str, rate: float = 1.0, offset: float = 0.0) -> None:
        """Let the clock of a host run at `rate` of true time, its time of the day `offset` s off.

        A later life of that node has the same clock. Raises ValueError for a rate of 0 or less.
        """
        if rate <= 0:
            raise ValueError(f"a clock runs at a rate > 0, not {rate!r}")
        machine = self._known(name)
        machine.rate, machine.offset = rate, offset
        self._loop.skew(machine.host, rate, offset)
        self._note_change(f"clock of {name}: rate {rate:.6f}, offset {offset:.6f} s")

    # --- the network ----------------------------------------------------------------------------

    def cut(self, source: str, target: str, *, both: bool = False) -> None:
        """Nothing passes from `source` to `target`, nor (`both`) back, until `mend` or `heal`."""
        for cut in self._ways(source, target, both):
            self._cuts[cut] = None
            self._carrier.run(self._carrier.network.cut, *cut, both=False)
            self._note_change(f"cut {cut[0]}>{cut[1]}")

    def mend(self, source: str, target: str, *, both: bool = False) -> None:
        """End a `cut`; harmless where there is none."""
        for cut in self._ways(source, target, both):
            if cut in self._cuts:
                del self._cuts[cut]
                self._carrier.run(self._carrier.network.heal, *cut, both=False)
                self._note_change(f"mend {cut[0]}>{cut[1]}")

    def _ways(self, source: str, target: str, both: bool) -> Iterator[tuple[str, str]]:
        yield self._known(source).name, self._known(target).name
        if both:
            yield target, source

    @property
    def sides(self) -> list[tuple[str, ...]]:
        """The nodes that run, in groups between which nothing passes; one where all is well.

        Two are of one side where messages pass both ways between them, or between each of them
        and a third of that side. Who is stalled or frozen is on none.
        """
        left = [name for name in self.nodes if not self.is_stopped(name)]
        sides: list[tuple[str, ...]] = []
        while left:
            side = [left.pop(0)]
            for one in side:  # which grows meanwhile
                side += (found := [other for other in left if self._passes(one, other)])
                left = [other for other in left if other not in found]
            sides.append(tuple(side))
        return sides

    def _passes(self, one: str, other: str) -> bool:
        return (one, other) not in self._cuts and (other, one) not in self._cuts

    def partition(self, *groups: Collection[str]) -> None:
        """Cut all ways between nodes of different groups, as in `partition({"a"}, {"b", "c"})`."""
        for one, other in combinations(groups, 2):
            for source in sorted(one):
                for target in sorted(other):
                    self.cut(source, target, both=True)

    def heal(self) -> None:
        """End all cuts and partitions."""
        for source, target in tuple(self._cuts):
            self.mend(source, target)

    def disturb(
        self,
        loss: float = 0.0,
        duplication: float = 0.0,
        reordering: float = 0.0,
        jitter: float = 0.0,
    ) -> None:
        """Lose, double and reorder so many of the frames (shares from 0 to 1), from now on.

        `jitter` is in seconds; without arguments all comes in order again. Raises ValueError for
        what is no share.
        """
        self._carrier.disturb(
            loss=loss, duplication=duplication, reordering=reordering, jitter=jitter
        )
        self._disturbed = any((loss, duplication, reordering, jitter))
        self._note_change(
            f"frames: {loss:.4f} lost, {duplication:.4f} doubled, {reordering:.4f} reordered, "
            f"jitter {jitter:.6f} s"
        )
