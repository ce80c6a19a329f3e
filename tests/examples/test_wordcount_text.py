"""The pure parts of `examples.wordcount`: words, cutting, finding and packing."""

from __future__ import annotations

import io
import os
import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.wordcount.files import Chunks, chunk_size, count_files, find, pieces
from examples.wordcount.words import SEPARATOR, count_words, safe_cut

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=200).map(str.encode),
    st.text(alphabet="aB_9 \n,.é\N{GREEK CAPITAL LETTER SIGMA}文", max_size=200).map(str.encode),
)


def plainly(text: bytes) -> Counter[str]:
    """The definition of a word, written down once more and as simply as possible."""
    words = re.findall(r"\w+", text.decode("utf-8", "replace"))
    return Counter(word.lower() for word in words)


def added_up(parts: list[bytes]) -> Counter[str]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(count_words(part))
    return total


def test_words_are_in_lower_case_and_in_any_script() -> None:
    """Letters, digits and underscores of any script make words; bad bytes part them."""
    words = count_words("Straße straße foo_1, 文字 don't\n".encode() + b"a\xffb")
    assert words == {"straße": 2, "foo_1": 1, "文字": 1, "don": 1, "t": 1, "a": 1, "b": 1}


@given(TEXTS)
def test_counting_follows_the_definition(text: bytes) -> None:
    """`count_words` is the definition, only faster."""
    assert count_words(text) == plainly(text)


@given(TEXTS)
def test_a_cut_changes_no_count(text: bytes) -> None:
    """The words before and after a cut add up to the words of the whole."""
    cut = safe_cut(text)
    assert added_up([text[:cut], text[cut:]]) == plainly(text)


@given(TEXTS, st.integers(1, 50))
def test_pieces_are_the_whole_and_change_no_count(text: bytes, size: int) -> None:
    """Pieces of any size join to the text, and their words add up to its words."""
    parts = list(pieces(io.BytesIO(text), size))
    assert b"".join(parts) == text
    assert b"" not in parts
    assert added_up(parts) == plainly(text)


@given(st.lists(TEXTS, max_size=8))
def test_texts_that_are_joined_do_not_grow_together(texts: list[bytes]) -> None:
    """Files that share a chunk count as they would alone."""
    assert count_words(SEPARATOR.join(texts)) == added_up(texts)


def test_a_word_longer_than_a_piece_stays_whole() -> None:
    """A word that is longer than the size asked for is one piece."""
    parts = list(pieces(io.BytesIO(b"a " + b"x" * 1000 + b" b"), 10))
    assert parts[1].rstrip() == b"x" * 1000


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Files of all kinds."""
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "one.txt").write_bytes(b"one two three\n" * 5000)
    for number in range(40):
        (tmp_path / "deep" / f"small{number}.txt").write_bytes(b"word%d tail" % number)
    (tmp_path / "empty.txt").touch()
    (tmp_path / "image.bin").write_bytes(b"GIF\0\1\2" * 100)
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "other.txt").write_bytes(b"other")
    (tmp_path / "nowhere").symlink_to(tmp_path / "not there")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


def test_find_takes_text_and_counts_the_rest(tree: Path) -> None:
    """Text files are found, others are counted, and a pipe is not opened."""
    found = find(tree, leave_out=["site-packages"])
    assert len(found.files) == 42
    assert found.size == sum(file.path.stat().st_size for file in found.files)
    assert (found.not_text, found.unreadable) == (2, 1)
    assert len(find(tree).files) == 43


def test_find_takes_one_file(tree: Path) -> None:
    """A path may be a file."""
    found = find(tree / "deep" / "small1.txt")
    assert [file.size for file in found.files] == [len("word1 tail")]


def test_find_in_a_pipe_finds_nothing(tree: Path) -> None:
    """What is neither folder nor file is no text, and is not waited for."""
    assert find(tree / "pipe").not_text == 1


def test_find_says_where_nothing_is(tmp_path: Path) -> None:
    """A path that is not there is an error."""
    with pytest.raises(FileNotFoundError):
        find(tmp_path / "not there")


def test_find_says_where_a_folder_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A root that cannot be listed is an error, not an empty folder."""

    def refuse(_path: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError):
        find(tmp_path)


def test_a_file_of_one_endless_word_is_no_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nowhere can be cut would have to travel as one message; it is skipped."""
    monkeypatch.setattr("examples.wordcount.files._LONGEST_RUN", 5000)
    monkeypatch.setattr("examples.wordcount.files._BLOCK", 1000)
    (tmp_path / "endless").write_bytes(b"x" * 20_000)
    (tmp_path / "text").write_bytes(b"x y" * 7_000)
    found = find(tmp_path)
    assert [file.path.name for file in found.files] == ["text"]
    assert found.not_text == 1


@pytest.mark.parametrize("size", [1, 7, 100, 4096, 1 << 20])
def test_chunks_hold_every_file_once(tree: Path, size: int) -> None:
    """Chunks of any size add up: ids, files, bytes and words."""
    found = find(tree)
    chunks = list(Chunks(found.files, size))
    assert [chunk.id for chunk in chunks] == list(range(len(chunks)))
    assert sum(chunk.files for chunk in chunks) == len(found.files)
    assert sum(chunk.size for chunk in chunks) == found.size
    assert all(chunk.size for chunk in chunks)
    assert added_up([chunk.text for chunk in chunks]) == count_files(found.files)


def test_small_files_share_a_chunk(tree: Path) -> None:
    """A chunk takes as many small files as fit, and a big file takes several chunks."""
    chunks = list(Chunks(find(tree).files, 8192))
    assert max(chunk.files for chunk in chunks) > 30
    assert sum(chunk.files == 0 for chunk in chunks) > 5


def test_a_file_that_has_gone_is_listed(tree: Path) -> None:
    """A file that vanished since it was found is left out, and known."""
    found = find(tree)
    (tree / "deep" / "small3.txt").unlink()
    chunks = Chunks(found.files, 4096)
    text = b"".join(chunk.text for chunk in chunks)
    assert [file.path.name for file in chunks.gone] == ["small3.txt"]
    assert chunks.gone[0].has_changed()
    assert b"word4" in text
    assert b"word3 " not in text


@given(st.integers(0, 10**12), st.integers(1, 64))
def test_chunk_sizes_stay_within_reason(total: int, nodes: int) -> None:
    """Small trees are cut finely enough for every node, big ones into messages of a decent size."""
    assert 4096 <= chunk_size(total, nodes) <= 128 * 1024
