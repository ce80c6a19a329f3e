"""A ZooKeeper of the test's own: a process, a port and a folder that nobody else uses."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
from pathlib import Path

JAR = Path("/usr/share/java/zookeeper.jar")
"""Where Debian's package `zookeeper` has it."""


def missing() -> str:
    """Return what is not there, in words; empty where all is."""
    if importlib.util.find_spec("kazoo") is None:
        return "kazoo is not installed (pip install actors-node[zookeeper])"
    if shutil.which("java") is None:
        return "there is no java to run ZooKeeper with (apt-get install zookeeperd)"
    return "" if JAR.is_file() else f"there is no {JAR} (apt-get install zookeeperd)"


class ZooKeeper:
    """One server that can be stopped and started again with what it knows."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        self.hosts = f"127.0.0.1:{port}"
        self._config = folder / "zoo.cfg"
        # Such ticks permit sessions of 0.4 to 4 s.
        self._config.write_text(
            f"tickTime=200\ndataDir={folder}/data\nclientPort={port}\n"
            "clientPortAddress=127.0.0.1\nadmin.enableServer=false\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; clients call it until it answers."""
        main = "org.apache.zookeeper.server.ZooKeeperServerMain"
        self._process = subprocess.Popen(
            ["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", JAR, main, self._config],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        """End it at once, as a crash would: what it answered is in its log on the disk."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
