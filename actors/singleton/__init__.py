"""One instance of an actor in the whole cluster."""

from actors.singleton.lease import Lease
from actors.singleton.manager import Singleton, SingletonManager

__all__ = ["Lease", "Singleton", "SingletonManager"]
