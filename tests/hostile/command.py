"""Bad surroundings of a real process of `actors-node`: streams, limits and signals."""

from __future__ import annotations

import signal
import socket

from tests.hostile.stage import Stage
from tests.hostile.table import Table

TABLE = Table("command")
row = TABLE.row


@row(
    "stdout-closed",
    "a reader of stdout that has gone away",
    "a warning; the node runs, and exits 0",
)
async def stdout_closed(stage: Stage) -> None:
    program = await stage.run("shop:done_later", redirections="| true")
    code, err = await program.end()
    assert code == 0 or "nobody reads" in err


@row("stdout-full", "a full disk for stdout", "a warning; the node runs, and exits 0")
async def stdout_full(stage: Stage) -> None:
    program = await stage.run("shop:done_later", redirections="> /dev/full")
    code, err = await program.end()
    assert code == 0
    assert "nobody reads the line" in err
    assert "critical" not in err


@row("stderr-full", "a full disk for the log", "the node runs without one, and exits 0")
async def stderr_full(stage: Stage) -> None:
    program = await stage.run("--name", "a", redirections="2> /dev/full")
    await program.ready()
    program.send(signal.SIGTERM)
    assert (await program.end())[0] == 0


@row("stderr-closed", "a closed stderr", "the node runs without a log, and exits 0")
async def stderr_closed(stage: Stage) -> None:
    program = await stage.run("--name", "a", redirections="2>&-")
    await program.ready()
    program.send(signal.SIGTERM)
    assert (await program.end())[0] == 0


@row(
    "ulimit",
    "`ulimit -n 64`, and 100 connections",
    "it goes on: who gets no connection waits for one",
)
async def ulimit(stage: Stage) -> None:
    program = await stage.run("shop:setup", "--name", "tight", before="ulimit -n 64;")
    endpoint = await program.ready()
    port = int(endpoint.rpartition(":")[2])
    crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
    for each in crowd:
        each.close()
    host = await stage.host(seeds=[endpoint])
    await stage.until(lambda: host.peers == ["tight"])
    program.send(signal.SIGTERM)
    assert (await program.end())[0] == 0


@row("ulimit-12", "`ulimit -n 12`", "exit 3, and a line that says what to raise")
async def ulimit_12(stage: Stage) -> None:
    program = await stage.run("--name", "tight", before="ulimit -n 12;")
    code, err = await program.end()
    assert code == 3
    assert "open files" in err
    assert "Traceback" not in err


@row("sigterm-twice", "SIGTERM twice, while it drains", "exit 1 at the second, at once")
async def sigterm_twice(stage: Stage) -> None:
    program = await stage.run("shop:Stubborn", "--drain-timeout", "300")
    await program.ready()
    program.send(signal.SIGTERM)
    assert "stopping shutdown" in await program.line()
    program.send(signal.SIGINT)
    assert (await program.end())[0] == 1


@row("sigint-early", "SIGINT while APP is being imported", "exit 0; no traceback")
async def sigint_early(stage: Stage) -> None:
    waits = "import time\nprint('importing', flush=True)\ntime.sleep(60)\n"
    (stage.folder / "slow.py").write_text(waits)
    program = await stage.run("--app-dir", stage.folder, "slow:setup")
    assert "importing" in await program.line()
    program.send(signal.SIGINT)
    code, err = await program.end()
    assert code == 0
    assert "Traceback" not in err


@row("sigint-setup", "SIGINT during an endless `setup`", "exit 0")
async def sigint_setup(stage: Stage) -> None:
    program = await stage.run("shop:endless")
    assert "setting up" in await program.line()
    program.send(signal.SIGINT)
    assert (await program.end())[0] == 0


@row("port-taken", "`--bind` at a port in use", "exit 3, naming the endpoint; no traceback")
async def port_taken(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        endpoint = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        code, err = await (await stage.run("--bind", endpoint)).end()
    assert code == 3
    assert endpoint in err
    assert "Traceback" not in err


@row(
    "module",
    "an APP that raises SystemExit when it is imported",
    "exit 4, saying so; no traceback of ours",
)
async def module(stage: Stage) -> None:
    (stage.folder / "bad.py").write_text("raise SystemExit(0)\n")
    program = await stage.run("--app-dir", stage.folder, "bad:setup")
    code, err = await program.end()
    assert code == 4
    assert "bad" in err
