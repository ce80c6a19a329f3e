"""Key pairs, rosters, and a fabric whose nodes have them."""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.transport.kit import ZmqFabric
from tests.transport.proxy import Proxy
from transport import Security, Transport, TransportOptions, ZmqTransport
from transport.security.keys import KeyPair
from transport.security.roster import Entry, Key, Roster

if TYPE_CHECKING:
    from asyncio import Queue, StreamReader
    from collections.abc import Callable


@cache
def pair(label: str) -> KeyPair:
    """The key pair of that label, the same one in all tests."""
    return KeyPair.make()


def roster(*names: str, **keys: list[str | Key]) -> Roster:
    """Names with the pair of that label, and names with other keys: labels, or keys themselves."""
    listed = {name: [name] for name in names} | keys
    return Roster({name: Entry(tuple(map(_key, each))) for name, each in listed.items()})


def _key(of: str | Key) -> Key:
    return of if isinstance(of, Key) else Key(pair(of).public)


class SecureFabric(ZmqFabric):
    """Members with the keys of their names, who go by one roster unless they have their own."""

    def __init__(self, common: Roster, wall: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.common = common
        self.rosters: dict[str, Roster] = {}
        self.keys: dict[str, KeyPair] = {}
        self.wall = wall

    def transport(self, name: str, options: TransportOptions) -> Transport:
        return ZmqTransport(name, options, self.security(name), self.wall)

    def security(self, name: str) -> Security:
        return Security(self.keys.get(name, pair(name)), self.rosters.get(name, self.common))


class RecordingProxy(Proxy):
    """Keeps all that passes."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = bytearray()

    async def _take(self, reader: StreamReader, under_way: Queue[tuple[float, bytes]]) -> None:
        await super()._take(_Tap(reader, self.passed), under_way)  # type: ignore[arg-type]


class _Tap:
    """A reader that keeps what it reads."""

    def __init__(self, reader: StreamReader, kept: bytearray) -> None:
        self._reader = reader
        self._kept = kept

    async def read(self, size: int) -> bytes:
        data = await self._reader.read(size)
        self._kept += data
        return data


async def recorded(fabric: ZmqFabric, **options: Any) -> tuple[Any, Any, RecordingProxy]:
    """Two connected members; what is said where `one` dialled `other` passes the proxy."""
    proxy = RecordingProxy()
    await proxy.start()
    fabric._proxies.append(proxy)
    one = await fabric.member("one", **options)
    other = await fabric.member("other", advertise=[proxy.endpoint], **options)
    proxy.target = other.bound[0]
    await fabric.join(one, other)
    return one, other, proxy
