"""Finding text files and packing them into chunks of about one size. Pure: no actors, no output.

Big files are cut into several chunks, small ones share one. A file is text if there is no zero byte
in its first 8 KiB and no run of more than 16 MiB without an ASCII separator; what is not is skipped
and counted.
"""

import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from examples.wordcount.words import SEPARATOR, count_words, safe_cut

__all__ = ["Chunk", "Chunks", "Found", "TextFile", "chunk_size", "count_files", "find", "pieces"]

KIB: Final = 1024
MIB: Final = 1024 * KIB

_SNIFF: Final = 8 * KIB
_BLOCK: Final = MIB
_LONGEST_RUN: Final = 16 * MIB
_WHOLE: Final = 8 * MIB
_SMALLEST_CHUNK: Final = 4 * KIB
_BIGGEST_CHUNK: Final = 128 * KIB
_CHUNKS_PER_NODE: Final = 16


@dataclass(frozen=True, slots=True)
class TextFile:
    """A text file as it was when it was found."""

    path: Path
    size: int
    changed: int

    def has_changed(self) -> bool:
        """Say whether the file's size or time stamp is another than when it was found."""
        try:
            status = self.path.stat()
        except OSError:
            return True
        return (status.st_size, status.st_mtime_ns) != (self.size, self.changed)


@dataclass(slots=True)
class Found:
    """What a search found: the text files, and how many others it skipped."""

    files: list[TextFile] = field(default_factory=list)
    not_text: int = 0
    unreadable: int = 0

    @property
    def size(self) -> int:
        """The bytes of all text files together."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Text to count in one go: whole small files, or a part of a big one.

    `files` is the number of files that end in it, `size` the bytes that came from files.
    """

    id: int
    text: bytes
    size: int
    files: int


def find(root: Path, *, leave_out: Sequence[str] = ()) -> Found:
    """Search `root`, a folder or one file; OSError where it cannot be read at all.

    Folders named in `leave_out` are not entered. Links to folders are not followed.
    """
    found = Found()
    for path in _walk(root, leave_out, found):
        try:
            _take(path, found)
        except OSError:
            found.unreadable += 1
    return found


def _walk(root: Path, leave_out: Sequence[str], found: Found) -> Iterator[Path]:
    _check_readable(root)
    if not root.is_dir():
        yield root
        return

    def skip(_error: OSError) -> None:
        found.unreadable += 1

    for folder, subfolders, names in os.walk(root, onerror=skip):
        subfolders[:] = sorted(name for name in subfolders if name not in leave_out)
        for name in sorted(names):
            yield Path(folder, name)


def _check_readable(root: Path) -> None:
    mode = root.stat().st_mode
    if stat.S_ISDIR(mode):
        with os.scandir(root):
            pass
    elif stat.S_ISREG(mode):
        with root.open("rb"):
            pass


def _take(path: Path, found: Found) -> None:
    status = path.stat()
    if stat.S_ISREG(status.st_mode) and _is_text(path, status.st_size):
        found.files.append(TextFile(path, status.st_size, status.st_mtime_ns))
    else:
        found.not_text += 1


def _is_text(path: Path, size: int) -> bool:
    with path.open("rb") as stream:
        if b"\0" in stream.read(_SNIFF):
            return False
        return size <= _LONGEST_RUN or _has_separators(stream)


def _has_separators(stream: BinaryIO) -> bool:
    run = 0
    while block := stream.read(_BLOCK):
        cut = safe_cut(block)
        run = len(block) - cut if cut else run + len(block)
        if run > _LONGEST_RUN:
            return False
    return True


def pieces(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """Read `stream` in pieces of about `size` bytes, cut where no word is."""
    rest = b""
    while block := stream.read(size):
        text = rest + block
        cut = safe_cut(text)
        if cut:
            yield text[:cut]
        rest = text[cut:]
    if rest:
        yield rest


def chunk_size(total: int, nodes: int) -> int:
    """Return a chunk size that gives each of `nodes` enough chunks to share the work evenly."""
    return min(max(total // (nodes * _CHUNKS_PER_NODE), _SMALLEST_CHUNK), _BIGGEST_CHUNK)


class Chunks:
    """The chunks of some files, read as they are iterated over.

    Files that could not be read any more are left out and listed in `gone`.
    """

    def __init__(self, files: Sequence[TextFile], size: int) -> None:
        self._files = files
        self._size = size
        self.gone: list[TextFile] = []

    def __iter__(self) -> Iterator[Chunk]:
        number = 0
        batch = _Batch()
        for file in self._files:
            for piece in self._read(file):
                if batch.size and batch.size + len(piece) > self._size:
                    yield batch.chunk(number)
                    number += 1
                    batch = _Batch()
                batch.add(piece)
            batch.files += 1
        yield batch.chunk(number)

    def _read(self, file: TextFile) -> Iterator[bytes]:
        try:
            with file.path.open("rb") as stream:
                yield from pieces(stream, self._size)
        except OSError:
            self.gone.append(file)


class _Batch:
    """Pieces that will be one chunk."""

    __slots__ = ("files", "pieces", "size")

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.size = 0
        self.files = 0

    def add(self, piece: bytes) -> None:
        self.pieces.append(piece)
        self.size += len(piece)

    def chunk(self, number: int) -> Chunk:
        return Chunk(number, SEPARATOR.join(self.pieces), self.size, self.files)


def count_files(files: Sequence[TextFile]) -> Counter[str]:
    """Count the words of `files` in this process: what the cluster's count is compared with."""
    words: Counter[str] = Counter()
    for file in files:
        with file.path.open("rb") as stream:
            for piece in pieces(stream, _WHOLE):
                words.update(count_words(piece))
    return words
