"""How tests run: `async def` tests on each event loop that is promised, with a deadline each."""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import inspect
import os
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import hypothesis
import pytest

T = TypeVar("T")
Run = Callable[[Coroutine[Any, Any, T]], T]

LOOPS = ("asyncio", "uvloop") if importlib.util.find_spec("uvloop") else ("asyncio",)
DEADLINE = 20.0
"""Seconds for one async test; `@pytest.mark.timeout(seconds)` changes it."""
_SETTLING_TURNS = 20
"""Turns of the loop that tasks may take to end, once the test itself has ended."""

hypothesis.settings.register_profile("default", deadline=None, max_examples=60)
hypothesis.settings.register_profile("ci", deadline=None, max_examples=100, derandomize=True)
hypothesis.settings.register_profile("soak", deadline=None, max_examples=5000)
hypothesis.settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "default")
)


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Collector, name: str, obj: object) -> None:
    """Give every async test the fixture that names its loop, and so one run for each."""
    if not isinstance(collector, pytest.Module | pytest.Class):
        return
    if collector.istestfunction(obj, name) and inspect.iscoroutinefunction(_innermost(obj)):
        pytest.mark.usefixtures("event_loop_kind")(obj)  # pyright: ignore[reportArgumentType]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what needs an event loop once on each, or on those its `loops` mark names."""
    if "event_loop_kind" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("loops")
        wanted = LOOPS if mark is None else [kind for kind in LOOPS if kind in mark.args]
        metafunc.parametrize("event_loop_kind", wanted, indirect=True)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an `async def` test to its end, on the loop of its parameter."""
    function = pyfuncitem.obj
    if not inspect.iscoroutinefunction(_innermost(function)):
        return None
    kind = str(pyfuncitem.funcargs["event_loop_kind"])
    mark = pyfuncitem.get_closest_marker("timeout")
    # A little before the hard limit, which would end it with a dump of all threads.
    deadline = 0.95 * float(mark.args[0]) if mark is not None and mark.args else DEADLINE
    names = pyfuncitem._fixtureinfo.argnames  # pyright: ignore[reportPrivateUsage]
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    if hasattr(function, "hypothesis"):
        inner = function.hypothesis.inner_test
        function.hypothesis.inner_test = _blocking(inner, kind, deadline)
        try:
            function(**arguments)
        finally:
            function.hypothesis.inner_test = inner
    else:
        _blocking(function, kind, deadline)(**arguments)
    return True


@pytest.fixture
def event_loop_kind(request: pytest.FixtureRequest) -> str:
    """The name of the loop that this run of the test uses: asyncio or uvloop."""
    return str(request.param)


@pytest.fixture
def run(event_loop_kind: str) -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    """Give `run(coroutine)`, for tests that are not async themselves; all on one loop."""
    with asyncio.Runner(loop_factory=_factory(event_loop_kind)) as runner:
        yield lambda coroutine: runner.run(_supervised(coroutine, DEADLINE))


def _innermost(function: Any) -> Any:
    """What `@given` and other decorators wrap."""
    if hasattr(function, "hypothesis"):
        return function.hypothesis.inner_test
    return function


def _blocking(function: Callable[..., Any], kind: str, deadline: float) -> Callable[..., None]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=_factory(kind)) as runner:
            runner.run(_supervised(function(*args, **kwargs), deadline))

    return call


def _factory(kind: str) -> Callable[[], asyncio.AbstractEventLoop]:
    if kind == "uvloop":
        import uvloop

        return uvloop.new_event_loop
    return asyncio.new_event_loop


async def _supervised(test: Coroutine[Any, Any, T], deadline: float) -> T:
    """Await `test`; fail when it is late, leaves tasks behind, or an error met nobody."""
    loop = asyncio.get_running_loop()
    unhandled: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: unhandled.append(context))
    before = asyncio.all_tasks()
    limit = asyncio.timeout(deadline)
    try:
        async with limit:
            result = await test
    except TimeoutError:
        if not limit.expired():
            raise
        pytest.fail(f"not done within {deadline} s; still pending: {_describe(before)}")
    await _settle(before)
    if asyncio.all_tasks() - before:
        pytest.fail(f"the test left tasks pending: {_describe(before)}")
    for context in unhandled:
        pytest.fail(f"nobody handled: {context}")
    return result


async def _settle(before: set[asyncio.Task[Any]]) -> None:
    for _ in range(_SETTLING_TURNS):
        if not asyncio.all_tasks() - before:
            return
        await asyncio.sleep(0)


def _describe(before: set[asyncio.Task[Any]]) -> str:
    return "; ".join(repr(task) for task in asyncio.all_tasks() - before) or "nothing"
