"""A node is used in its own thread, of its own process."""

from __future__ import annotations

import threading

import pytest

from actors.confinement import Home


def test_at_home_nothing_is_said() -> None:
    """In the thread that made it a check passes."""
    Home("a").check()


def test_another_thread_is_not_at_home() -> None:
    """The error says how to hand a call over."""
    home, caught = Home("a"), []

    def use() -> None:
        try:
            home.check()
        except RuntimeError as error:
            caught.append(str(error))

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert "call_soon_threadsafe" in caught[0]
    home.check()


def test_a_forked_process_is_not_at_home() -> None:
    """What a fork does to it: the thread is the same there, and the node is not."""
    home = Home("a")
    home.leave()
    with pytest.raises(RuntimeError, match="was forked from"):
        home.check()
