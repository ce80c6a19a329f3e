"""Where the time goes: every stage is found, and takes some."""

from __future__ import annotations

import pytest

from benchmarks import stages


async def test_each_stage_takes_time_and_no_floor_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A tell, an ask, and the way to another node; what is a floor is beside its stage."""
    monkeypatch.setattr(stages, "COUNT", 100)
    monkeypatch.setattr(stages, "ROUNDS", 5)
    found = await stages.stages()
    assert [stage.path for stage in found] == sorted(
        (stage.path for stage in found),
        key=["tell", "ask", "to another node", "from another node"].index,
    )
    assert all(stage.nanoseconds > 0 for stage in found if stage.path in {"tell", "ask"})
    whole, repeat = (s for s in found if s.path == "from another node" and s.floor is None)
    assert repeat.nanoseconds < whole.nanoseconds
