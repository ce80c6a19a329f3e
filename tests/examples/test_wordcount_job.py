"""The job of `examples.wordcount`: every chunk counts once, whatever happens to its asks."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from actors import ActorStoppedError, AskTimeoutError, NodeUnreachableError, NoRouteesError
from examples.wordcount.actors import CountChunk, Counted
from examples.wordcount.display import PlainDisplay, Result, make_display, rows
from examples.wordcount.files import Chunk, Chunks, count_files, find
from examples.wordcount.job import PAUSES, Job, Share, Tally
from examples.wordcount.words import count_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class FlakyPool:
    """Stands in for the router's ref: each ask fails as often as it is told to."""

    def __init__(self, failures: Sequence[BaseException] = (), *, always: bool = False) -> None:
        self._failures = failures
        self._always = always
        self._tries: Counter[int] = Counter()
        self.now = 0
        self.most = 0

    async def ask(self, message: CountChunk, timeout: float) -> Counted:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            return self._answer(message)
        finally:
            self.now -= 1

    def _answer(self, message: CountChunk) -> Counted:
        tried = self._tries[message.chunk]
        self._tries[message.chunk] += 1
        if self._always or tried < len(self._failures):
            raise self._failures[tried % len(self._failures)]
        return Counted(message.chunk, f"node-{message.chunk % 2}", dict(count_words(message.text)))


def failure(cls: type[BaseException]) -> BaseException:
    """An error of this class, however it is made."""
    error = cls.__new__(cls)
    Exception.__init__(error, "lost")
    return error


FAILURES = [
    failure(cls)
    for cls in (ActorStoppedError, NodeUnreachableError, NoRouteesError, AskTimeoutError)
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for number in range(30):
        (tmp_path / f"file{number}").write_bytes(b"same and other%d words\n" % number * 50)
    return tmp_path


class Pauses:
    """Stands in for waiting: notes how long."""

    def __init__(self) -> None:
        self.waited: list[float] = []

    async def wait(self, at_most: float) -> None:
        self.waited.append(at_most)


def make_job(pool: Any, tree: Path, pauses: Pauses, outstanding: int = 4) -> Job:
    chunks = Chunks(find(tree).files, 4096)
    return Job(pool, chunks, outstanding=outstanding, wait=pauses.wait, progress=lambda tally: None)


async def test_the_sum_is_right_when_nothing_fails(tree: Path) -> None:
    """Without failures nothing is tried twice, and the sum is that of a plain count."""
    tally = await make_job(FlakyPool(), tree, Pauses()).run()
    found = find(tree)
    assert tally.words == count_files(found.files)
    assert (tally.files, tally.bytes) == (30, found.size)
    assert (tally.retried, tally.lost) == (0, 0)
    assert sum(share.bytes for share in tally.shares.values()) == found.size


async def test_what_fails_is_tried_again(tree: Path) -> None:
    """Each of the errors that a lost worker causes leads to another try, after a wait."""
    pauses = Pauses()
    tally = await make_job(FlakyPool(FAILURES), tree, pauses).run()
    assert tally.words == count_files(find(tree).files)
    assert tally.lost == 0
    assert tally.retried == len(FAILURES) * len(tally.merged)
    assert len(pauses.waited) == tally.retried


async def test_a_chunk_is_given_up_after_a_bounded_number_of_tries(tree: Path) -> None:
    """When nothing helps the chunk is lost, and the job ends instead of going on for ever."""
    pauses = Pauses()
    tally = await make_job(FlakyPool(FAILURES, always=True), tree, pauses, outstanding=1).run()
    assert tally.lost == 1
    assert pauses.waited == list(PAUSES)
    assert tally.trouble.endswith("lost")
    assert not tally.merged


async def test_another_error_ends_the_job(tree: Path) -> None:
    """An error that another try would not mend is raised as it is."""
    with pytest.raises(ZeroDivisionError):
        await make_job(FlakyPool([ZeroDivisionError()]), tree, Pauses()).run()


def test_a_chunk_is_merged_once() -> None:
    """A second answer for a chunk changes nothing."""
    tally = Tally()
    chunk = Chunk(3, b"a a", 3, 1)
    for node in ("one", "two"):
        tally.merge(chunk, Counted(3, node, {"a": 2}))
    assert (tally.words, tally.files, tally.bytes) == ({"a": 2}, 1, 3)
    assert tally.shares == {"one": Share(1, 3)}


def a_result() -> Result:
    tally = Tally(words=Counter({"the": 1500, "self": 7}), files=1200, bytes=4_000_000, retried=3)
    tally.shares = {"worker-1": Share(30, 3_000_000), "worker-2": Share(10, 1_000_000)}
    return Result(tally, ["worker-1", "worker-2"], "worker-2", 2.0, 1.5, 4, 1)


def test_without_rich_there_are_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo runs where rich is not installed."""
    monkeypatch.delitem(sys.modules, "examples.wordcount.live", raising=False)
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert isinstance(make_display(), PlainDisplay)


def test_the_table_says_all() -> None:
    """Every figure of the result has a row."""
    assert dict(rows(a_result())) == {
        "files": "1,200",
        "bytes": "4,000,000",
        "words": "1,507, 2 of them different",
        "seconds": "2.00 (2.0 MB/s)",
        "worker-1": "3.0 MB (75 %), 30 chunks",
        "worker-2": "1.0 MB (25 %), 10 chunks, killed",
        "retried": "3",
        "lost": "0",
        "skipped, not text": "4",
        "skipped, unreadable": "1",
        "one process alone": "1.50 seconds",
    }


def test_plain_output_is_about_ten_lines_and_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is no terminal, progress comes a line for each tenth."""
    display = PlainDisplay()
    result = a_result()
    display.begin(1200, 4_000_000, ["worker-1", "worker-2"])
    for done in range(0, 4_000_001, 10_000):
        result.tally.bytes = done
        display.update(result.tally, None)
    display.end()
    display.table(result)
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if "%  " in line]) == 10
    assert lines[0].startswith(" 10 %  1,200/1,200 files")
    assert lines[9].startswith("100 %")
    assert "  the               1,500" in lines
