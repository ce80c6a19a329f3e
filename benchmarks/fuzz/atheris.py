"""`python -m benchmarks.fuzz.atheris [-runs=N] [CORPUS]`: the decoders under libFuzzer.

Where atheris is installed (`pip install atheris`; it is no dependency, as it is only built for some
versions of Python): mutations that are led by the branches that they reach. All arguments are
libFuzzer's. Seeds for it are valid messages; `--corpus FOLDER` writes them.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

INSTRUMENTED = ("actors", "serialization", "transport")


def write_corpus(folder: Path) -> None:
    """Write valid messages there, each behind a byte that says for which decoder it is."""
    from benchmarks.fuzz import decoders
    from benchmarks.fuzz.corpus import envelopes, handshakes
    from serialization import Codec, default_registry
    from transport.wire import Self

    node = Self("ghost", 7, ("tcp://127.0.0.1:9",), b"\x91\x90", 1 << 20)
    entries = envelopes(Codec(default_registry), "target#1", "target#2")
    seeds = [*handshakes(node), *(entry.record for entry in entries)]
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        which = bytes((number % len(decoders.ALL),))
        (folder / f"seed-{number}").write_bytes(which + seed)


def target() -> Callable[[bytes], None]:
    """Return what is run for each input: its first byte says which decoder."""
    from benchmarks.fuzz import decoders

    def run(data: bytes) -> None:
        if data:
            decode = decoders.ALL[data[0] % len(decoders.ALL)]
            decoders.refuse_or_take(decode, data[1:])

    return run


def main(arguments: Sequence[str]) -> None:
    """Write the corpus, or fuzz until something is found or `-runs` is reached."""
    if arguments[1:2] == ["--corpus"]:
        write_corpus(Path(arguments[2]))
        return
    try:
        fuzzer: Any = importlib.import_module("atheris")
    except ImportError:
        sys.exit("atheris is not installed here; see docs/fuzzing.md")
    with fuzzer.instrument_imports(include=list(INSTRUMENTED)):
        run = target()
    fuzzer.Setup(list(arguments), run)
    fuzzer.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
