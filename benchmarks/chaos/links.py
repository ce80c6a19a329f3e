"""The links of a company: a proxy before each node, which knows who calls."""

from __future__ import annotations

import contextlib
from weakref import WeakKeyDictionary

import psutil

from tests.transport.proxy import Proxy, Relay


class Links:
    """A proxy for each node; each pair of nodes has two connections, as each calls the other."""

    def __init__(self) -> None:
        self.processes: dict[str, int] = {}
        """The id of the process that each node lives in."""
        self._proxies: dict[str, Doorman] = {}
        self._cuts: set[frozenset[str]] = set()

    async def open(self, name: str, target: str) -> str:
        """Have a proxy before a node; returns the endpoint that others are to call."""
        proxy = self._proxies[name] = Doorman(self, name)
        proxy.target = target
        await proxy.start()
        return proxy.endpoint

    async def close(self) -> None:
        """Break all links for good."""
        for proxy in self._proxies.values():
            await proxy.close()

    def cut(self, one: str, other: str) -> None:
        """Let nothing pass between two nodes, and tell neither."""
        self._cuts.add(frozenset((one, other)))

    def isolate(self, name: str) -> None:
        """Cut a node off from all others."""
        for other in self._proxies.keys() - {name}:
            self.cut(name, other)

    def heal(self) -> None:
        """Let everything pass again."""
        self._cuts.clear()
        for proxy in self._proxies.values():
            proxy.changed()

    def slow(self, delay: float = 0.0, rate: float | None = None) -> None:
        """Have everything take longer: seconds each way, bytes a second for each connection."""
        for proxy in self._proxies.values():
            proxy.delay, proxy.rate = delay, rate

    def is_cut(self, one: str, other: str) -> bool:
        """Whether nothing passes between two nodes."""
        return frozenset((one, other)) in self._cuts

    @property
    def whole(self) -> bool:
        """Whether nothing is cut."""
        return not self._cuts

    def caller(self, port: int) -> str:
        """Return which node called from a port; "" where it has gone meanwhile."""
        return next((name for name in self.processes if port in self._ports(name)), "")

    def _ports(self, name: str) -> set[int]:
        with contextlib.suppress(psutil.NoSuchProcess):
            connections = psutil.Process(self.processes[name]).net_connections("tcp")
            return {each.laddr.port for each in connections}
        return set()


class Doorman(Proxy):
    """The proxy before one node."""

    def __init__(self, links: Links, name: str) -> None:
        super().__init__()
        self._links = links
        self._name = name
        self._callers: WeakKeyDictionary[Relay, str] = WeakKeyDictionary()

    def holds(self, relay: Relay) -> bool:
        """Whether nothing passes between this node and the one that called."""
        # Only asked while something is cut: it takes a look at all connections of a process.
        return not self._links.whole and self._links.is_cut(self._name, self._caller(relay))

    def _caller(self, relay: Relay) -> str:
        if relay not in self._callers:
            name = self._links.caller(relay.caller)
            if not name:
                return name
            self._callers[relay] = name
        return self._callers[relay]
