"""The public names of `actors` and `actors.testing` are pinned: a change here is a decision."""

from __future__ import annotations

import subprocess
import sys

import actors
import actors.testing

CONTRACT = {
    "Actor",
    "ActorFailed",
    "ActorNotFoundError",
    "ActorRef",
    "ActorRestarted",
    "ActorStopped",
    "ActorStoppedError",
    "ActorsError",
    "AskCycleError",
    "AskTimeoutError",
    "Backoff",
    "Child",
    "DeadLetter",
    "DeathPactError",
    "Directive",
    "Mailbox",
    "MailboxFullError",
    "MemberDown",
    "MemberSuspect",
    "MemberUp",
    "Message",
    "MessageDecodeError",
    "MessageTooLargeError",
    "NameTakenError",
    "NoRouteesError",
    "Node",
    "NodeRefusedError",
    "NodeUnreachableError",
    "OneForAll",
    "OneForOne",
    "Props",
    "Reason",
    "ReceiveTimeout",
    "Refusal",
    "RemoteError",
    "Reply",
    "RestForOne",
    "Role",
    "Router",
    "SendTimeoutError",
    "SerializationError",
    "Supervisor",
    "Terminated",
    "UnhandledMessageError",
    "UnknownMessageError",
    "on",
    "register",
}
"""What the contract names."""

MORE = {
    "KeepMajority",
    "Allow",
    "LeastLoaded",
    "NotAuthorized",
    "NotAuthorizedError",
    "Lease",
    "Singleton",
    "ReadinessChanged",
    "StaticQuorum",
    "Detection",
    "MemberBusy",
    "MemberLeft",
    "BindError",
    "Event",
    "GroupJoined",
    "GroupLeft",
    "Groups",
    "HandlerBlocked",
    "Journal",
    "JournalError",
    "JournalRecord",
    "LinkFullError",
    "Member",
    "NameConflict",
    "NodeClosedError",
    "NodeFullError",
    "NodeRefused",
    "NodeStats",
    "RegistryFullError",
    "MessageId",
    "Reliable",
    "ReliableClosedError",
    "RestartLimitError",
    "Restored",
    "Security",
    "SecurityError",
    "SqliteJournal",
    "Timers",
    "Topics",
    "TransportOptions",
    "Undecodable",
}
"""What is public beyond it."""


def test_every_name_of_the_contract_is_exported() -> None:
    """Users need nothing but `from actors import ...`."""
    assert not CONTRACT - set(actors.__all__)


def test_nothing_else_is_exported_by_accident() -> None:
    """A name is public because it is in this list."""
    assert set(actors.__all__) - CONTRACT == MORE


def test_every_exported_name_is_there_and_documented() -> None:
    """What `__all__` lists can be imported, and has a docstring."""
    for name in actors.__all__:
        value = getattr(actors, name)
        if callable(value):
            assert value.__doc__, name


def test_the_exports_are_sorted_and_named_once() -> None:
    """`__all__` has no doubles."""
    assert len(actors.__all__) == len(set(actors.__all__))


def test_no_public_object_hides_behind_a_private_module() -> None:
    """`from actors import *` brings in exactly `__all__`."""
    scope: dict[str, object] = {}
    exec("from actors import *", scope)
    assert set(scope) - {"__builtins__"} == set(actors.__all__)


TESTING = {
    "FAULTS",
    "Fault",
    "HostCrashedError",
    "Invariant",
    "InvariantError",
    "LedgerAddsUp",
    "MembershipConverges",
    "MemoryNetwork",
    "Outcome",
    "Simulation",
    "SimulationError",
    "VirtualClock",
    "chaos",
    "sweep",
}
"""What `actors.testing` offers."""


def test_what_tests_need_is_public_too() -> None:
    """`actors.testing` has the clock, the network and the simulation that these tests use."""
    assert set(actors.testing.__all__) == TESTING
    assert all(getattr(actors.testing, name).__doc__ for name in TESTING - {"FAULTS", "Fault"})


def test_importing_actors_does_not_import_the_heavy_things() -> None:
    """NumPy, process pools and the command line are loaded when they are used."""
    script = (
        "import sys, actors; "
        "print([m for m in ('numpy', 'multiprocessing', 'argparse', 'rich', 'actors.cli') "
        "if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
