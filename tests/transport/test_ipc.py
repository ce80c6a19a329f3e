"""Listening on a path: whose folder it is in, and who has it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.transport.kit import ZmqFabric
from transport import BindError
from transport.ipc import PathLock

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of one's own."""
    made = tmp_path / "own"
    made.mkdir(mode=0o700)
    return made


def refused(path: Path, words: str) -> BindError:
    """Try to listen there; the error that says why not."""
    with pytest.raises(BindError, match=words) as caught:
        PathLock(str(path))
    assert caught.value.endpoint == f"ipc://{path}"
    return caught.value


def test_a_missing_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    """Whatever the umask, nobody else may enter it."""
    before = os.umask(0)
    try:
        lock = PathLock(str(tmp_path / "new" / "a.sock"))
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "new" / "a.sock.lock").stat().st_mode & 0o777 == 0o600
    lock.release()


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o710, 0o701, 0o777, 0o1777])
def test_a_folder_that_others_may_enter_is_refused(folder: Path, mode: int) -> None:
    """With its mode, and with what to do; nothing is left in it."""
    folder.chmod(mode)
    error = refused(folder / "a.sock", "others may enter")
    assert f"mode {mode:04o}" in str(error)
    assert "chmod 700 it" in str(error)
    assert list(folder.iterdir()) == []


@needs_root
def test_a_folder_of_somebody_else_is_refused(folder: Path) -> None:
    """However private it is: its owner may put anything there."""
    os.chown(folder, 65534, 65534)
    refused(folder / "a.sock", "belongs to another user")


def test_a_link_to_a_folder_is_refused(tmp_path: Path, folder: Path) -> None:
    """Whoever owns the link may have it lead elsewhere."""
    link = tmp_path / "link"
    link.symlink_to(folder)
    refused(link / "a.sock", "is no folder")


def test_a_folder_that_everybody_may_replace_is_refused(folder: Path) -> None:
    """It is as private as what it lies in; a sticky one, as /tmp is, will do."""
    outer = folder / "outer"
    outer.mkdir()
    outer.chmod(0o777)
    refused(outer / "run" / "a.sock", "everybody may replace what is in")
    outer.chmod(0o1777)
    PathLock(str(outer / "run" / "a.sock")).release()


def test_a_link_in_the_place_of_the_socket_is_refused(folder: Path) -> None:
    """Whether it leads somewhere or nowhere: what it leads to is not ours to remove."""
    precious = folder / "precious"
    precious.write_text("precious")
    (folder / "a.sock").symlink_to(precious)
    (folder / "b.sock").symlink_to(folder / "nowhere")
    refused(folder / "a.sock", "symbolic link")
    refused(folder / "b.sock", "symbolic link")
    assert precious.read_text() == "precious"


def test_a_link_in_the_place_of_the_lock_is_refused(folder: Path) -> None:
    """It is not followed."""
    (folder / "a.sock.lock").symlink_to(folder / "elsewhere")
    refused(folder / "a.sock", "symbolic link")
    assert not (folder / "elsewhere").exists()


def test_one_has_it_until_it_is_released(folder: Path) -> None:
    """The second is refused, the third comes in; nothing is left behind."""
    path = folder / "a.sock"
    first = PathLock(str(path))
    refused(path, "another process holds its lock")
    first.release()
    PathLock(str(path)).release()
    assert list(folder.iterdir()) == []


def test_a_listener_without_our_lock_is_left_alone(folder: Path) -> None:
    """Also one whose queue is full: what does not answer at once is no corpse."""
    path = folder / "a.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(0)
        refused(path, "something listens there")
        waiting = []
        for _ in range(8):
            client = socket.socket(socket.AF_UNIX)
            client.setblocking(False)
            waiting.append(client)
            if client.connect_ex(str(path)) != 0:
                break
        else:
            pytest.fail("its queue does not fill")
        refused(path, "something listens there")
        listener.accept()[0].close()
        for client in waiting:
            client.close()
    assert path.exists()


def test_of_many_at_once_one_gets_it(folder: Path) -> None:
    """Whoever comes at the same time, over a socket that a dead process left."""
    path = folder / "a.sock"
    for _ in range(30):
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
        start, won = threading.Barrier(4), list[PathLock]()

        def race(start: threading.Barrier, won: list[PathLock]) -> None:
            start.wait()
            with contextlib.suppress(BindError):
                won.append(PathLock(str(path)))

        racers = [threading.Thread(target=race, args=(start, won)) for _ in range(4)]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
        assert len(won) == 1
        won[0].release()


def test_the_lock_ends_with_its_process(folder: Path) -> None:
    """One that is killed needs nobody to clean up."""
    path = folder / "a.sock"
    code = f"import os; from transport.ipc import PathLock; PathLock({str(path)!r}); os._exit(9)"
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    assert done.returncode == 9
    assert path.with_name("a.sock.lock").exists()
    PathLock(str(path)).release()


async def test_the_socket_is_its_owners_alone(folder: Path) -> None:
    """Not only its folder: mode 0600 once it is bound."""
    async with ZmqFabric() as fabric:
        await fabric.member("one", binds=[f"ipc://{folder}/a.sock"])
        assert (folder / "a.sock").stat().st_mode & 0o777 == 0o600


async def test_an_abstract_path_has_one_listener() -> None:
    """The kernel sees to that; there is no file, and whoever shares the network may connect."""
    if sys.platform != "linux":
        pytest.skip("abstract paths are Linux's")
    async with ZmqFabric() as fabric:
        endpoint = f"ipc://@actors-test-{os.getpid()}"
        one = await fabric.member("one", binds=[endpoint])
        with pytest.raises(BindError, match="in use"):
            await fabric.member("two", binds=[endpoint])
        other = await fabric.member("other")
        await fabric.join(other, one)
