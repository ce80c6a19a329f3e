"""The life of one node: bind, run what it was given, drain, and say in an exit code how it went."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from actors.cli.exits import CommandError, Exit
from actors.cli.reloading import Reload
from actors.cli.stopping import Ending, StopSignals, end_for_sure, watch_parent
from actors.tuning import tune

if TYPE_CHECKING:
    from actors import ActorRef, Node
    from actors.cli.app import Root
    from actors.cli.config import Settings

log = logging.getLogger("actors.cli")

PATIENCE = 1.0
"""Seconds that `setup`, or the start of the root, may hold back the line that says it is ready."""
READY = b"ready\n"
"""What a worker tells its parent once it has printed its line."""


def run_node(node: Node, settings: Settings, root: Root | None, signals: StopSignals) -> int:
    """Run a node until it is told to stop or its root ends; return the exit code."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        code = runner.run(live(node, settings, root, signals))
        signals.detach()
        end_for_sure(code)
    return code


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes the event loop: uvloop's where it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


async def live(node: Node, settings: Settings, root: Root | None, signals: StopSignals) -> int:
    """Be the node from its binding to its end. Raises `CommandError` where it cannot start."""
    loop = asyncio.get_running_loop()
    ending = Ending(loop, settings.drain_timeout)
    signals.attach(lambda: ending.ask(Exit.DRAINED))
    if settings.parent_fd is not None:
        watch_parent(settings.parent_fd, lambda: ending.ask(Exit.DRAINED))
    unsubscribe = _watch_refusals(node, ending)
    try:
        await _enter(node)
        reload = Reload(node, settings.allow_file)
        signals.hangup.attach(lambda: loop.call_soon_threadsafe(reload))
        return await _run_to_end(node, settings, root, ending)
    finally:
        unsubscribe()
        ending.close()


def _watch_refusals(node: Node, ending: Ending) -> Callable[[], None]:
    from actors.events import NodeRefused
    from transport.security.access import NOT_AUTHORISED

    def refused(event: NodeRefused) -> None:
        # A key that one node does not list (yet) may be on the others' rosters, and whoever sits
        # on the line can forge that word: it ends nobody who has come in elsewhere.
        if not event.by_us and not event.reason.startswith(NOT_AUTHORISED):
            log.critical("%s refused this node: %s", event.endpoint, event.reason)
            ending.ask(Exit.REFUSED)

    return node.events.subscribe(refused, NodeRefused)


async def _enter(node: Node) -> None:
    from actors import BindError, NodeRefusedError, SecurityError

    try:
        await node.__aenter__()
    except SecurityError as error:
        raise CommandError(Exit.USAGE, str(error)) from None
    except (BindError, NodeRefusedError) as error:
        raise CommandError(Exit.REFUSED, str(error)) from None


async def _run_to_end(node: Node, settings: Settings, root: Root | None, ending: Ending) -> int:
    work = asyncio.create_task(_work(node, settings, root, ending), name="actors-node")
    closed = asyncio.create_task(node.wait_closed())
    closed.add_done_callback(lambda _: ending.ask(Exit.DRAINED))
    code = await ending.code
    work.cancel()
    closed.cancel()
    await asyncio.wait({work, closed}, timeout=settings.drain_timeout)
    drained = await _drain(node, settings.drain_timeout)
    return code if code or drained else Exit.FAILED


async def _work(node: Node, settings: Settings, root: Root | None, ending: Ending) -> None:
    """Start what the node is for, say that it is ready, and let it end with its root."""
    announcement = Announcement(node, settings)
    try:
        ref = await _start(node, root)
    except BaseException as error:
        if isinstance(error, asyncio.CancelledError) and ending.code.done():
            raise  # told to stop meanwhile: that is no failure of setup
        log.critical("setup raised %s: %s", type(error).__name__, error, exc_info=error)
        ending.ask(Exit.FAILED)
        return
    finally:
        announcement.hold()
    announcement.make()
    if ref is not None:
        ending.ask(await _end_of(ref))


async def _start(node: Node, root: Root | None) -> ActorRef[Any] | None:
    """Start what APP names; return its ref where it is an actor."""
    from actors.commands import Start

    if isinstance(root, type):
        # It may take all the time that draining may take.
        ref: ActorRef[Any] = node.spawn(root, name="root", shutdown=None)
        await ref._target.control(Start())  # until it runs, or has failed
        return ref
    if root is not None:
        await root(node)
    return None


class Announcement:
    """The line that says the node is ready: when what it runs has started.

    A start that takes longer is announced meanwhile: it may be waiting for other nodes, and these
    for the endpoint in the line.
    """

    def __init__(self, node: Node, settings: Settings) -> None:
        self._node = node
        self._parent = settings.parent_fd
        self._made = False
        self._timer = asyncio.get_running_loop().call_later(PATIENCE, self.make)

    def hold(self) -> None:
        """Wait no more."""
        self._timer.cancel()

    def make(self) -> None:
        """Print the line, once, and tell the parent."""
        if self._made:
            return
        self._made = True
        name, address = self._node.name, self._node.address
        try:
            # The line and its end in one write, for workers share their stdout.
            print(f"actors-node {name} ready at {address}\n", end="", flush=True)
        except OSError as error:
            log.warning("nobody reads the line that says this node is ready: %s", error)
        if self._parent is not None:
            with contextlib.suppress(OSError):  # gone: `watch_parent` takes note of it
                os.write(self._parent, READY)
        tune()


async def _end_of(root: ActorRef[Any]) -> int:
    from actors import Reason

    reason = await root.stopped()
    if reason in {Reason.NORMAL, Reason.SHUTDOWN}:
        log.info("the root has stopped (%s); draining", reason)
        return Exit.DRAINED
    log.critical("the root %s has failed for good (%s); draining", root, reason)
    return Exit.FAILED


async def _drain(node: Node, timeout: float) -> bool:
    """Shut the node down; return whether all of it ended in time."""
    drained = await node.shutdown(timeout=timeout)
    if not drained:
        log.critical("not drained within %s s; --drain-timeout gives it more", timeout)
    return drained
