"""Every tunable of the transport, in seconds and bytes."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

__all__ = ["KIB", "MIB", "TransportOptions"]

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportOptions:
    """How a node talks to others. Durations are seconds (> 0), sizes are bytes (> 0).

    Attributes:
        capacity: how much memory may be taken by what is queued or unacknowledged for one peer;
            each record counts with 64 bytes beside its own.
        batch_bytes: a batch this big leaves at once; a smaller one at the end of the loop's turn.
        ack_delay: how long an acknowledgement waits for a batch to ride on.
        resend_after: what is unacknowledged for so long is sent again; far more than `ack_delay`
            and what an event loop may stand still, doubled each time in vain...
        resend_maximum: ... up to this.
        keepalive_interval: so often an acknowledgement goes out, whatever else does; whoever has
            forgotten the session answers that there is none.
        max_frame: the largest frame accepted; one record must fit in it, and so must each buffer.
        max_buffers: the most out-of-band buffers one record may have.
        max_connections: inbound ones at a time, half of the process's descriptors at most...
        max_connections_per_address: ... and from one address (IPv6: from one network of 64 bits).
        unauthenticated_bytes: what may come on a connection before a session stands on it.
        handshake_timeout: how long a peer may take over one attempt to shake hands; an inbound
            connection without a session is ended after twice that.
        handshake_interval: after so long a word of it that is not answered is said again.
        heartbeat_interval: between two ZMTP heartbeats on an idle connection.
        heartbeat_timeout: a connection silent for so long is dead.
        reconnect_initial: the first pause between two attempts to dial, doubled each time...
        reconnect_maximum: ... up to this one.
        reconnect_jitter: the share of a pause that is left to chance, 0 to 1.
        disconnect_grace: how long a peer whose link broke may neither answer a dial nor dial
            before it is given up.
        refused_grace: the same where the operating system refuses the connection: nobody is there.
        recv_budget: messages handled in one go before other callbacks get their turn.
        linger: how long closing may take over what a socket still holds.
        complaint_interval: at most one warning a peer and reason in this time.
    """

    capacity: int = 256 * MIB
    batch_bytes: int = 16 * KIB
    ack_delay: float = 0.02
    resend_after: float = 5.0
    resend_maximum: float = 30.0
    keepalive_interval: float = 10.0
    max_frame: int = 80 * MIB
    max_buffers: int = 1024
    max_connections: int = 4096
    max_connections_per_address: int = 1024
    unauthenticated_bytes: int = 256 * KIB
    handshake_timeout: float = 3.0
    handshake_interval: float = 0.1
    heartbeat_interval: float = 0.4
    heartbeat_timeout: float = 1.4
    reconnect_initial: float = 0.05
    reconnect_maximum: float = 2.0
    reconnect_jitter: float = 0.2
    disconnect_grace: float = 60.0
    refused_grace: float = 0.3
    recv_budget: int = 256
    linger: float = 0.5
    complaint_interval: float = 60.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not math.isfinite(value) or value < 0 or (value == 0 and field.name not in MAY_BE_0):
                raise ValueError(f"{field.name} must be a positive number, not {value!r}")
        if self.reconnect_jitter > 1:
            raise ValueError(f"reconnect_jitter is a share of 0 to 1, not {self.reconnect_jitter}")


MAY_BE_0 = frozenset({"reconnect_jitter", "linger"})
