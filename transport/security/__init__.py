"""Who may connect: key pairs, the roster of public keys, and what ZeroMQ asks about them."""

from __future__ import annotations
