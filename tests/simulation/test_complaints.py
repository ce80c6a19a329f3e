"""What the framework logs of its own mistakes is heard, and nothing else."""

from __future__ import annotations

import logging

import pytest

from tests.simulation.complaints import complaints


def test_errors_of_the_framework_are_heard(caplog: pytest.LogCaptureFixture) -> None:
    """With what was raised, though logging is off; and they go no further."""
    heard: list[str] = []
    logging.disable(logging.CRITICAL)
    try:
        with complaints(heard.append):
            try:
                raise KeyError("inside")
            except KeyError:
                logging.getLogger("actors.inbound").exception("a record failed")
            logging.getLogger("actors.transport").warning("a node does not answer")
            logging.getLogger("actors").error("an actor failed")
        assert logging.root.manager.disable == logging.CRITICAL
    finally:
        logging.disable(logging.NOTSET)
    assert heard == ["a record failed: KeyError('inside')"]
    assert caplog.records == []


def test_afterwards_all_is_as_it_was(caplog: pytest.LogCaptureFixture) -> None:
    """Other tests read the log."""
    with complaints(pytest.fail):
        """Nothing is said."""
    logging.getLogger("actors.transport").warning("a node does not answer")
    assert [record.getMessage() for record in caplog.records] == ["a node does not answer"]
