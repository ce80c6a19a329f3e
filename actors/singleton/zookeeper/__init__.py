"""The lease of a singleton from ZooKeeper; it needs `kazoo`, which nothing else here does."""

from importlib.util import find_spec

if find_spec("kazoo") is None:
    raise ImportError(
        "ZooKeeperLease needs the library kazoo, which is not installed: "
        "pip install actors-node[zookeeper]"
    )

from actors.singleton.zookeeper.lease import ZooKeeperLease

__all__ = ["ZooKeeperLease"]
