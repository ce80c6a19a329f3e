"""Actors over ZeroMQ: state without locks, spread over processes and hosts, that heals.

Subclass `Actor`, spawn it on a `Node`, hold it by its `ActorRef`. All names of the public API are
here; `actors.testing` has what tests need.
"""

from __future__ import annotations

from actors import _siblings as _siblings
from actors.actor import Actor
from actors.authorisation import Allow
from actors.cluster.detection import Detection
from actors.cluster.member import Member
from actors.cluster.partition import KeepMajority, StaticQuorum
from actors.errors import (
    ActorNotFoundError,
    ActorsError,
    ActorStoppedError,
    AskCycleError,
    AskTimeoutError,
    BindError,
    DeathPactError,
    JournalError,
    LinkFullError,
    MailboxFullError,
    MessageDecodeError,
    MessageTooLargeError,
    NameTakenError,
    NodeClosedError,
    NodeFullError,
    NodeRefusedError,
    NodeUnreachableError,
    NoRouteesError,
    NotAuthorizedError,
    RegistryFullError,
    ReliableClosedError,
    RemoteError,
    RestartLimitError,
    SecurityError,
    SendTimeoutError,
    SerializationError,
    UnhandledMessageError,
    UnknownMessageError,
)
from actors.events import (
    ActorFailed,
    ActorRestarted,
    ActorStopped,
    DeadLetter,
    Event,
    GroupJoined,
    GroupLeft,
    HandlerBlocked,
    MemberBusy,
    MemberDown,
    MemberLeft,
    MemberSuspect,
    MemberUp,
    NameConflict,
    NodeRefused,
    NotAuthorized,
    ReadinessChanged,
    Undecodable,
)
from actors.handlers import on
from actors.mailbox import Mailbox
from actors.node import Node
from actors.props import Child, LeastLoaded, Props, Role
from actors.reason import Reason, ReceiveTimeout, Terminated
from actors.ref import ActorRef
from actors.registry import Groups, Topics
from actors.reliable.journal import Journal, JournalRecord, Restored
from actors.reliable.message_id import MessageId
from actors.reliable.reliable import Reliable
from actors.reliable.sqlite import SqliteJournal
from actors.router import Router
from actors.singleton import Lease, Singleton
from actors.stats import NodeStats
from actors.supervision import Backoff, Directive, OneForAll, OneForOne, RestForOne
from actors.supervisor import Supervisor
from actors.timers import Reply, Timers
from serialization import Message, Refusal, register
from transport import Security, TransportOptions

__version__ = "0.1.0"

__all__ = [
    "Actor",
    "ActorFailed",
    "ActorNotFoundError",
    "ActorRef",
    "ActorRestarted",
    "ActorStopped",
    "ActorStoppedError",
    "ActorsError",
    "Allow",
    "AskCycleError",
    "AskTimeoutError",
    "Backoff",
    "BindError",
    "Child",
    "DeadLetter",
    "DeathPactError",
    "Detection",
    "Directive",
    "Event",
    "GroupJoined",
    "GroupLeft",
    "Groups",
    "HandlerBlocked",
    "Journal",
    "JournalError",
    "JournalRecord",
    "KeepMajority",
    "Lease",
    "LeastLoaded",
    "LinkFullError",
    "Mailbox",
    "MailboxFullError",
    "Member",
    "MemberBusy",
    "MemberDown",
    "MemberLeft",
    "MemberSuspect",
    "MemberUp",
    "Message",
    "MessageDecodeError",
    "MessageId",
    "MessageTooLargeError",
    "NameConflict",
    "NameTakenError",
    "NoRouteesError",
    "Node",
    "NodeClosedError",
    "NodeFullError",
    "NodeRefused",
    "NodeRefusedError",
    "NodeStats",
    "NodeUnreachableError",
    "NotAuthorized",
    "NotAuthorizedError",
    "OneForAll",
    "OneForOne",
    "Props",
    "ReadinessChanged",
    "Reason",
    "ReceiveTimeout",
    "Refusal",
    "RegistryFullError",
    "Reliable",
    "ReliableClosedError",
    "RemoteError",
    "Reply",
    "RestForOne",
    "RestartLimitError",
    "Restored",
    "Role",
    "Router",
    "Security",
    "SecurityError",
    "SendTimeoutError",
    "SerializationError",
    "Singleton",
    "SqliteJournal",
    "StaticQuorum",
    "Supervisor",
    "Terminated",
    "Timers",
    "Topics",
    "TransportOptions",
    "Undecodable",
    "UnhandledMessageError",
    "UnknownMessageError",
    "on",
    "register",
]
