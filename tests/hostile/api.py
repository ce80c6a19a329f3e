"""Bad inputs in the API: wrong arguments, what cannot be sent, and handlers that misbehave."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from actors import (
    Actor,
    ActorFailed,
    ActorStoppedError,
    AskCycleError,
    AskTimeoutError,
    BindError,
    Mailbox,
    Message,
    MessageTooLargeError,
    NameTakenError,
    Node,
    NodeClosedError,
    NodeRefusedError,
    NodeUnreachableError,
    Reason,
    Router,
    SerializationError,
    TransportOptions,
    UnhandledMessageError,
    register,
)
from tests.actors.kit import Do, Fail, Hold, Puppet, Seen, Unknown
from tests.actors.remote_kit import Echo, Servant
from tests.hostile.stage import Hosted, Stage
from tests.hostile.table import Table

TABLE = Table("api")
row = TABLE.row

Errors = type[BaseException] | tuple[type[BaseException], ...]


# --- what is sent -----------------------------------------------------------------------------


async def two(stage: Stage) -> tuple[Hosted, Hosted, Any]:
    """Two nodes, and the first one's ref of the servant of the second."""
    there = await stage.host()
    here = await stage.host(seeds=[there.node.address])
    return here, there, await here.node.resolve("servant", at=there.node.name)


async def unsendable(
    stage: Stage, value: Any, words: str, error: Errors = SerializationError
) -> None:
    """Telling, asking and sending it raise where the call is, and nothing leaves."""
    here, there, far = await two(stage)
    for call in (far.ask, far.send):
        with pytest.raises(error, match=words):
            await call(Echo(value))
    with pytest.raises(error, match=words):
        far.tell(Echo(value))
    assert here.node.stats().outbound == 0
    assert there.node.stats().told == 0


@row(
    "lambda",
    "a lambda in a message to another node",
    "SerializationError at the call, naming the place",
)
async def a_lambda(stage: Stage) -> None:
    await unsendable(stage, {"key": lambda: 1}, "key")


@row("cycle", "a list that contains itself", "SerializationError at the call, naming the cycle")
async def cycle(stage: Stage) -> None:
    ring: list[Any] = []
    ring.append(ring)
    await unsendable(stage, ring, "itself")


@row("deep", "a value that is nested 10,000 deep", "SerializationError at the call")
async def deep(stage: Stage) -> None:
    nest: list[Any] = []
    for _ in range(10_000):
        nest = [nest]
    await unsendable(stage, nest, "nested")


@row("too-large", "a message of 80 MiB", "MessageTooLargeError at the call")
async def too_large(stage: Stage) -> None:
    await unsendable(stage, bytes(80 << 20), "67108864|64 MiB|limit", MessageTooLargeError)


@row(
    "open-file",
    "an open file, a socket, a lock or a generator in a message",
    "SerializationError at the call",
)
async def open_file(stage: Stage) -> None:
    with (stage.folder / "f").open("w") as file, socket.socket() as sock:
        for value in (file, sock, threading.Lock(), (n for n in (1, 2))):
            with pytest.raises(SerializationError):
                (await stage.host(serialize_local=True)).servant.tell(Echo(value))


async def arrives(stage: Stage, value: Any) -> None:
    """It comes back from another node as it was."""
    _, _, far = await two(stage)
    answer = await far.ask(Echo(value))
    assert (answer, type(answer)) == (value, type(value))


@row("2-64", "the ints 2^64 and -2^63 - 1, and one of 1,000 digits", "they arrive as they are")
async def big_ints(stage: Stage) -> None:
    await arrives(stage, [2**64, -(2**63) - 1, 10**1000])


@row("surrogate", "a str with lone surrogates", "it arrives as it is")
async def surrogate(stage: Stage) -> None:
    await arrives(stage, "\ud800 and \udfff")


@row("number-too-long", "an int of more than 1 MiB", "SerializationError at the call")
async def number_too_long(stage: Stage) -> None:
    await unsendable(stage, 1 << (8 << 20), "number|int", SerializationError)


class Liar:
    """Has no honest word in it."""

    def __repr__(self) -> str:
        raise RuntimeError("no word of it")

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("not even that")

    __hash__ = None  # type: ignore[assignment]


@row("repr", "a message whose `__repr__` raises, for an actor that has stopped", "a dead letter")
async def broken_repr(stage: Stage) -> None:
    host = await stage.local()
    ended = host.node.spawn(Puppet)
    await ended.stop()
    ended.tell(Liar())
    assert len(host.dead) == 1


@row("answer", "a handler that answers what cannot be sent", "the asker gets SerializationError")
async def answer(stage: Stage) -> None:
    _, there, _ = await two(stage)

    class Shy(Actor):
        async def receive(self, message: object) -> object:
            return lambda: message

    there.node.spawn(Shy, name="shy")
    far = await stage.hosts[1].node.resolve("shy", at=there.node.name)
    with pytest.raises(SerializationError):
        await far.ask(1)


# --- handlers ---------------------------------------------------------------------------------


async def fails(stage: Stage, error: BaseException) -> BaseException:
    """An actor raises it: it fails and is started anew, and the asker gets an error."""
    host = await stage.local()
    puppet = host.node.spawn(Puppet)
    seen = Seen(host.node, ActorFailed)
    with pytest.raises(BaseException) as caught:  # noqa: PT011
        await puppet.ask(Fail(error))
    async with asyncio.timeout(5):
        await seen.count(1)
        assert await puppet.ask(Do(lambda actor: 5)) == 5
    return caught.value


@row(
    "cancelled",
    "a handler that raises CancelledError",
    "fails; it does not look like the asker's cancellation",
)
async def cancelled(stage: Stage) -> None:
    assert not isinstance(await fails(stage, asyncio.CancelledError()), asyncio.CancelledError)


@row("system-exit", "a handler that raises SystemExit", "fails; the process goes on")
async def system_exit(stage: Stage) -> None:
    assert not isinstance(await fails(stage, SystemExit(3)), SystemExit)


@row("keyboard", "a handler that raises KeyboardInterrupt", "fails; the process goes on")
async def keyboard(stage: Stage) -> None:
    assert not isinstance(await fails(stage, KeyboardInterrupt()), KeyboardInterrupt)


@row("stop-iteration", "a handler that raises StopIteration", "fails; the asker gets an error")
async def stop_iteration(stage: Stage) -> None:
    await fails(stage, StopIteration(1))


@row("group", "a handler that raises an ExceptionGroup", "fails; the asker gets the group")
async def group(stage: Stage) -> None:
    error = ExceptionGroup("two", [ValueError(1), KeyError(2)])
    assert await fails(stage, error) is error


@row(
    "base-group",
    "a handler that raises a BaseExceptionGroup with SystemExit in it",
    "fails; the process goes on",
)
async def base_group(stage: Stage) -> None:
    await fails(stage, BaseExceptionGroup("two", [SystemExit(1), KeyError(2)]))


class Defiant(Actor):
    """Takes no notice of its cancellation."""

    entered: asyncio.Event

    async def receive(self, message: object) -> object:
        Defiant.entered.set()
        for _ in range(1000):
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                continue
        return None


@row(
    "swallows",
    "a handler that swallows its cancellation",
    "`stop` ends it all the same, as `killed`",
)
async def swallows(stage: Stage) -> None:
    host = await stage.local()
    Defiant.entered = asyncio.Event()
    defiant = host.node.spawn(Defiant)
    defiant.tell(1)
    await Defiant.entered.wait()
    await defiant.stop(timeout=0.05)
    assert await defiant.stopped() is Reason.KILLED


class Stillborn(Actor):
    def __init__(self) -> None:
        raise SystemExit("no life for me")


@row(
    "constructor",
    "a constructor that raises SystemExit",
    "the actor ends with `error`; asks say so",
)
async def constructor(stage: Stage) -> None:
    host = await stage.local()
    born = host.node.spawn(Stillborn, restart="temporary")
    with pytest.raises(ActorStoppedError):
        await born.ask(1)
    assert await born.stopped() is Reason.ERROR


class Sulking(Actor):
    async def on_stop(self, reason: Reason) -> None:
        raise RuntimeError("not like this")


@row("on-stop", "an `on_stop` that raises", "logged; the actor has ended")
async def on_stop(stage: Stage) -> None:
    host = await stage.local()
    sulking = host.node.spawn(Sulking)
    await sulking.stop()
    assert await sulking.stopped() is Reason.SHUTDOWN


@row("subscriber", "a subscriber of events that raises", "logged; the others hear of it")
async def subscriber(stage: Stage) -> None:
    host = await stage.local()
    host.node.events.subscribe(lambda _: 1 / 0)
    seen = Seen(host.node)
    host.node.ref(f"actors://{host.node.name}/nobody#1.1").tell(1)
    await seen.count(1)


@row("unhandled", "a message that no handler takes", "UnhandledMessageError and one dead letter")
async def unhandled(stage: Stage) -> None:
    host = await stage.local()
    with pytest.raises(UnhandledMessageError):
        await host.servant.ask(Unknown())
    assert [letter.reason for letter in host.dead] == ["unhandled"]


@row("ask-itself", "an actor that asks itself", "AskCycleError at once")
async def ask_itself(stage: Stage) -> None:
    host = await stage.local()
    puppet = host.node.spawn(Puppet)
    with pytest.raises(AskCycleError):
        await puppet.ask(Do(lambda actor: actor.ref.ask(Do(lambda _: 1))))


@row("endless", "an ask whose handler never returns", "AskTimeoutError, naming state and queue")
async def endless(stage: Stage) -> None:
    from tests.actors.kit import Gate

    host = await stage.local()
    puppet, gate = host.node.spawn(Puppet, shutdown=0.05), Gate()
    with pytest.raises(AskTimeoutError, match="Hold"):
        await puppet.ask(Hold(gate), timeout=0.05)


# --- arguments --------------------------------------------------------------------------------


async def _outcome(result: Any) -> Any:
    return await result if isinstance(result, Awaitable) else result


async def raises(stage: Stage, error: Errors, words: str, *calls: Callable[[Hosted], Any]) -> None:
    """Each call raises that error where it is."""
    host = await stage.local()
    for call in calls:
        with pytest.raises(error, match=words):
            await _outcome(call(host))


@row("timeouts", "timeouts of 0, -1, NaN, True and '5'", "ValueError or TypeError at the call")
async def timeouts(stage: Stage) -> None:
    for bad in (0, -1, float("nan"), True, "5"):
        await raises(
            stage,
            (TypeError, ValueError),
            "timeout",
            lambda host, bad=bad: host.servant.ask(1, timeout=bad),
            lambda host, bad=bad: host.servant.send(1, timeout=bad),
            lambda host, bad=bad: host.servant.stop(timeout=bad),
        )


@row(
    "names",
    "the names '', '.a', 'a/b', 'ä', a line break and 129 letters",
    "ValueError at the call",
)
async def names(stage: Stage) -> None:
    for bad in ("", ".a", "a/b", "ä", "a\n", "a" * 129):
        await raises(
            stage,
            ValueError,
            "must be 1 to 128",
            lambda host, bad=bad: host.node.spawn(Servant, name=bad),
            lambda host, bad=bad: Node(bad),
            lambda host, bad=bad: Node("a", bind="tcp://127.0.0.1:0", roles=[bad]),
            lambda host, bad=bad: host.node.register(bad, host.servant),
        )


@row("name-living", "a spawn under the name of a living actor", "NameTakenError at the call")
async def name_taken(stage: Stage) -> None:
    await raises(stage, NameTakenError, "servant", lambda h: h.node.spawn(Servant, name="servant"))


@row("not-an-actor", "spawning `int`, an instance, None or a lambda", "TypeError at the call")
async def not_an_actor(stage: Stage) -> None:
    for bad in (int, Servant(), None, lambda: 1):
        await raises(stage, TypeError, "spawn takes", lambda host, bad=bad: host.node.spawn(bad))


@row("terms", "spawning with restart='sometimes' or shutdown=-1", "ValueError at the call")
async def terms(stage: Stage) -> None:
    await raises(
        stage,
        ValueError,
        "restart|shutdown",
        lambda host: host.node.spawn(Servant, restart="sometimes"),
        lambda host: host.node.spawn(Servant, shutdown=-1),
    )


@row("place", "spawning at a node that is not there", "the ref ends with `error`, and says why")
async def place(stage: Stage) -> None:
    host = await stage.local()
    ref = host.node.spawn(Servant, at="nowhere")
    with pytest.raises((ActorStoppedError, NodeUnreachableError), match="nowhere"):
        await ref.ask(1)


@row("addresses", "addresses that are none", "ValueError at the call")
async def addresses(stage: Stage) -> None:
    for bad in ("", "actors://", "actors://a/b", "http://a/b#1.1", "actors://a/b#g.1", "\x00"):
        await raises(stage, ValueError, "address", lambda host, bad=bad: host.node.ref(bad))


@row(
    "address-endpoint",
    "a ref whose endpoint nobody can dial",
    "a dead letter for a tell, NodeUnreachableError for an ask",
)
async def address_endpoint(stage: Stage) -> None:
    host = await stage.host()
    ref = host.node.ref("actors://ghost@h:99999/actor#7.1")
    ref.tell(1)
    assert len(host.dead) == 1
    with pytest.raises(NodeUnreachableError):
        await ref.ask(1)


@row("mailbox", "Mailbox(capacity=0), -1 or overflow='explode'", "ValueError where it is written")
async def mailbox(stage: Stage) -> None:
    await raises(
        stage,
        ValueError,
        "capacity|overflow",
        lambda _: Mailbox(capacity=0),
        lambda _: Mailbox(capacity=-1),
        lambda _: Mailbox(overflow="explode"),  # type: ignore[arg-type]
    )


@row(
    "router", "a router of no size, an unknown strategy, or weights of 0", "ValueError at the call"
)
async def router(stage: Stage) -> None:
    await raises(
        stage,
        ValueError,
        "size|strategy|weight",
        lambda _: Router.pool(Servant, size=0),
        lambda _: Router.pool(Servant, size=1, strategy="luck"),  # type: ignore[arg-type]
        lambda h: Router.group([h.servant], strategy="weighted-round-robin", weights=[0]),
    )


@row("options", "options of NaN, 0 or less than 0", "ValueError where they are written")
async def options(stage: Stage) -> None:
    for bad in (float("nan"), 0, -1, float("inf")):
        await raises(
            stage, ValueError, "linger|capacity", lambda _, bad=bad: TransportOptions(capacity=bad)
        )


@row("tags", "two message classes with one tag", "TypeError when the second is defined")
async def tags(stage: Stage) -> None:
    class First(Message[None], tag="tests.hostile.twice"):
        pass

    with pytest.raises(TypeError, match=r"tests\.hostile\.twice"):

        class Second(Message[None], tag="tests.hostile.twice"):
            pass

    with pytest.raises(TypeError):
        register(lambda: 1)  # type: ignore[type-var]


@row("members", "waiting for 0, True or 'two' members", "ValueError or TypeError at the call")
async def members(stage: Stage) -> None:
    for bad in (0, True, "two"):
        await raises(
            stage,
            (TypeError, ValueError),
            "n must",
            lambda h, bad=bad: h.node.wait_for_members(bad),
        )


# --- endpoints --------------------------------------------------------------------------------


async def no_endpoint(*endpoints: str, words: str = "bad endpoint") -> None:
    """A node with such a bind is not even made."""
    for bad in endpoints:
        with pytest.raises(ValueError, match=words):
            Node("a", bind=bad)


@row(
    "ports",
    "the ports 65536, -1, abc, none, and one of 5,000 digits",
    "ValueError when the node is made",
)
async def ports(stage: Stage) -> None:
    await no_endpoint(
        "tcp://127.0.0.1:65536", "tcp://127.0.0.1:-1", "tcp://127.0.0.1:abc", "tcp://127.0.0.1",
        "tcp://127.0.0.1:", "tcp://127.0.0.1:" + "9" * 5000,
    )  # fmt: skip


@row("port-0", "port 0 to bind, and to dial", "any free port; ValueError for a seed")
async def port_0(stage: Stage) -> None:
    host = await stage.host(bind="tcp://127.0.0.1:0")
    assert not str(host.node.address).endswith(":0")
    with pytest.raises(ValueError, match="nobody can dial port 0"):
        Node("a", bind="tcp://127.0.0.1:0", seeds=["tcp://127.0.0.1:0"])


@row("port-in-use", "a port that is in use", "BindError on entering; nothing is left behind")
async def port_in_use(stage: Stage) -> None:
    host = await stage.host()
    with pytest.raises(BindError, match="in use"):
        await Node("other", bind=host.node.address).start()


@row("ipv6", "an IPv6 address without brackets", "ValueError that says so, when the node is made")
async def ipv6(stage: Stage) -> None:
    await no_endpoint("tcp://::1:7770", "tcp://fe80::1:0", words="brackets")


@row("schemes", "the schemes `http`, `udp`, none, and a space", "ValueError when the node is made")
async def schemes(stage: Stage) -> None:
    await no_endpoint("http://a:1", "udp://a:1", "a:1", "tcp://a b:1", "tcp://a:1\n")


@row("ipc-long", "an ipc path of 200 bytes", "ValueError when the node is made")
async def ipc_long(stage: Stage) -> None:
    await no_endpoint("ipc:///tmp/" + "x" * 200, words="longer than 107 bytes")


@row("ipc-unwritable", "an ipc path in a folder that nobody can write", "BindError on entering")
async def ipc_unwritable(stage: Stage) -> None:
    with pytest.raises(BindError):
        await Node("a", bind="ipc:///proc/actors.sock").start()


@row(
    "ipc-file",
    "an ipc path where a file lies that is no socket",
    "BindError on entering; the file stays",
)
async def ipc_file(stage: Stage) -> None:
    path = stage.folder / "f"
    path.write_text("precious")
    with pytest.raises(BindError, match="no socket"):
        await Node("a", bind=f"ipc://{path}").start()
    assert path.read_text() == "precious"


@row(
    "ipc-taken",
    "an ipc path that another node listens on",
    "BindError on entering; the other one goes on",
)
async def ipc_taken(stage: Stage) -> None:
    path = f"ipc://{stage.folder}/s"
    await stage.host(bind=path)
    with pytest.raises(BindError):
        await Node("b", bind=path).start()


# --- seeds ------------------------------------------------------------------------------------


@row("seeds-empty", "no seeds", "the node is alone, and up")
async def seeds_empty(stage: Stage) -> None:
    host = await stage.host(seeds=[])
    assert [member.status for member in host.node.members] == ["up"]


@row("seeds-self", "itself as its seed", "the node is alone, and up")
async def seeds_self(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        own = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    host = await stage.host(bind=own, seeds=[own])
    assert [member.status for member in host.node.members] == ["up"]


@row("seeds-dead", "a seed where nobody listens", "the node is up, and goes on trying")
async def seeds_dead(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    host = await stage.host(seeds=[nobody])
    assert host.node.members[0].status == "up"
    assert host.node._mesh is not None
    assert host.node._mesh.stats().dialling == 1


@row(
    "seeds-deaf",
    "a seed that takes connections and says nothing",
    "the node is up, and goes on trying",
)
async def seeds_deaf(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        host = await stage.host(seeds=[f"tcp://127.0.0.1:{deaf.getsockname()[1]}"])
    assert host.node.members[0].status == "up"


@row(
    "seeds-types",
    "seeds=5, [5] or b'tcp://a:1', and seeds without bind",
    "TypeError or ValueError when the node is made",
)
async def seeds_types(stage: Stage) -> None:
    for bad in (5, [5], b"tcp://a:1"):
        with pytest.raises((TypeError, ValueError)):
            Node("a", bind="tcp://127.0.0.1:0", seeds=bad)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="needs bind"):
        Node("a", seeds=["tcp://a:1"])


@row("same-name", "a node with the name of another one, joining it", "NodeRefusedError on entering")
async def same_name(stage: Stage) -> None:
    host = await stage.host(name="twin")
    with pytest.raises(NodeRefusedError, match="name-taken"):
        await Node("twin", bind="tcp://127.0.0.1:0", seeds=[str(host.node.address)]).start()


# --- life -------------------------------------------------------------------------------------


@row("spawns", "100,000 actors, spawned at once", "they all live, and all end")
async def spawns(stage: Stage) -> None:
    host = await stage.local()
    refs = [host.node.spawn(Servant) for _ in range(100_000)]
    assert host.node.stats().actors == 100_001
    assert await refs[-1].ask(Echo(1)) == 1
    await asyncio.gather(*(ref.stop(timeout=None) for ref in refs[:1000]))
    assert host.node.stats().actors == 99_001


@row("before-start", "a node that was not started", "NodeClosedError at each call")
async def before_start(stage: Stage) -> None:
    node = Node("a")
    for call in (lambda: node.spawn(Servant), node.stats, lambda: node.ref("actors://a/b#1.1")):
        with pytest.raises(NodeClosedError):
            call()


@row(
    "after-shutdown",
    "spawning, telling and asking after the shutdown",
    "NodeClosedError, a dead letter, ActorStoppedError",
)
async def after_shutdown(stage: Stage) -> None:
    host = await stage.local()
    await host.node.shutdown()
    stage.given_up.add(host)
    with pytest.raises(NodeClosedError):
        host.node.spawn(Servant)
    host.servant.tell(1)
    assert len(host.dead) == 1
    with pytest.raises(ActorStoppedError):
        await host.servant.ask(1)
    assert await host.node.shutdown()


@row("start-twice", "starting a node twice", "NodeClosedError; the node goes on")
async def start_twice(stage: Stage) -> None:
    host = await stage.local()
    with pytest.raises(NodeClosedError):
        await host.node.start()


@row("thread", "using a node from another thread", "RuntimeError that says how to do it")
async def thread(stage: Stage) -> None:
    host = await stage.local()
    caught: list[BaseException] = []

    def use() -> None:
        for call in (lambda: host.node.spawn(Servant), lambda: host.servant.tell(Echo(1))):
            try:
                call()
            except RuntimeError as error:
                caught.append(error)

    await asyncio.to_thread(use)
    assert len(caught) == 2
    assert host.node.stats().told == 0
    assert all("call_soon_threadsafe" in str(error) for error in caught)


@row("fork", "using a node after a fork", "RuntimeError in the child; the parent goes on")
async def fork(stage: Stage) -> None:
    host = await stage.local()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        text = b"nothing was raised"
        try:
            host.servant.tell(Echo(1))
        except RuntimeError as error:
            text = str(error).encode()
        os.write(writing, text)
        os._exit(0)
    os.close(writing)
    await asyncio.to_thread(os.waitpid, child, 0)
    with os.fdopen(reading, "rb") as said:
        assert b"was forked from" in said.read()


@row(
    "error-str",
    "an exception whose `__str__` raises",
    "the actor fails and is started anew; the asker gets it",
)
async def error_str(stage: Stage) -> None:
    await fails(stage, MuteError())


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no word of it")

    __repr__ = __str__


@row("timer", "timers with a delay of -1 or NaN", "ValueError at the call; the actor fails")
async def timer(stage: Stage) -> None:
    host = await stage.local()
    puppet = host.node.spawn(Puppet)
    for bad in (-1, float("nan")):
        with pytest.raises(ValueError, match="delay must be"):
            await puppet.ask(Do(lambda actor, bad=bad: actor.timers.once(bad, 1)))
