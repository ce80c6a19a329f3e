"""The other nodes: what goes to them, what comes from them, and what hangs on them."""

from actors.remote.actor import RemoteActor
from actors.remote.remote import Remote

__all__ = ["Remote", "RemoteActor"]
