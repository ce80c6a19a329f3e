"""The node that the settings ask for, with its keys and rules, or why there is none."""

from __future__ import annotations

from collections.abc import Iterator

from actors.cli.config import Settings
from actors.cli.exits import CommandError, Exit
from actors.cluster.partition import KeepMajority, PartitionPolicy, StaticQuorum
from actors.node import Node
from transport.endpoint import parse_endpoint
from transport.security.security import Security


def make_node(settings: Settings) -> Node:
    """Make the node; it is neither bound nor joined yet.

    Raises `CommandError`, exit code 2, where it would not be safe or a setting is wrong. This is
    the one place where keys, roster and rules get from the settings into a node.
    """
    try:
        return Node(
            settings.name,
            bind=list(settings.bind),
            seeds=list(settings.seed),
            roles=list(settings.role),
            advertise=settings.advertise,
            version=settings.app_version,
            capacity=settings.capacity,
            partition=_policy(settings),
            allow=settings.allow,
            security=_security(settings),
            insecure=settings.insecure,
        )
    except (TypeError, ValueError) as error:
        raise CommandError(Exit.USAGE, str(error)) from None


def open_doors(settings: Settings) -> Iterator[str]:
    """Yield a warning that says what `--insecure` has opened; none where that is nothing."""
    binds = [bind for bind in settings.bind if not parse_endpoint(bind, listening=True).local]
    if settings.insecure and binds:
        yield (
            f"--insecure: whoever can reach {' or '.join(binds)} may join this cluster, read and "
            "change what travels in it, and spawn actors; with --key and --roster nobody else can"
        )


def _security(settings: Settings) -> Security | None:
    if settings.key is None or settings.roster is None:
        return None
    return Security.read(settings.key, settings.roster)


def _policy(settings: Settings) -> PartitionPolicy | None:
    if settings.partition is None:
        return None
    if settings.quorum_size is not None:
        return StaticQuorum(settings.quorum_size, settings.stable_after)
    return KeepMajority(settings.stable_after)
