"""`examples.wordcount`, the demo: on real processes, with a kill, without, and with bad input."""

from __future__ import annotations

import os
import random
import re
import signal
from collections import Counter
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from examples.wordcount import __main__ as program
from examples.wordcount.cluster import command
from examples.wordcount.job import Tally

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]
    Start = Callable[..., subprocess.Popen[str]]

pytestmark = pytest.mark.timeout(300)

VOCABULARY = ["the", "actor", "Asks", "ROUTER", "straße", "文字", "foo_bar", "x1", "is"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """About one megabyte of text in files of many sizes, and some that are no text."""
    root = tmp_path_factory.mktemp("tree")
    chance = random.Random(1)
    for number in range(120):
        folder = root / f"folder {number % 7}" / "ünter"
        folder.mkdir(parents=True, exist_ok=True)
        words = chance.choices(VOCABULARY, k=chance.choice([0, 10, 300, 5000]))
        (folder / f"file{number}.txt").write_text(" ".join(words), "utf-8")
    (root / "one line.txt").write_text(",".join(chance.choices(VOCABULARY, k=50_000)), "utf-8")
    (root / "latin.txt").write_bytes("Größe\n".encode("latin-1") * 1000)
    (root / "image.png").write_bytes(b"\x89PNG\0\0\0\1" * 50)
    (root / "archive.tar").write_bytes(bytes(5000))
    return root


def words_of(root: Path) -> Counter[str]:
    """Count what the demo should count, in another way."""
    counts: Counter[str] = Counter()
    for path in root.rglob("*.txt"):
        text = path.read_bytes().decode("utf-8", "replace")
        counts.update(word.lower() for word in re.findall(r"\w+", text))
    return counts


def table(output: str) -> dict[str, str]:
    """The rows of the table: what stands in the first twenty columns, and what follows."""
    rows = [(line[:20].strip(), line[20:].strip()) for line in output.splitlines()]
    return {label: value for label, value in rows if value}


def check_counts(output: str, tree: Path) -> None:
    """Check everything in the output that follows from the tree."""
    words = words_of(tree)
    rows = table(output)
    files = list(tree.rglob("*.txt"))
    assert output.splitlines()[-1] == "equal to a single-process count: yes"
    assert rows["files"] == str(len(files))
    assert rows["bytes"] == f"{sum(path.stat().st_size for path in files):,}"
    assert rows["words"] == f"{words.total():,}, {len(words)} of them different"
    assert rows["lost"] == "0"
    assert rows["skipped, not text"] == "2"
    for word, times in words.most_common(3):
        assert rows[word] == f"{times:,}"
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", output)


def test_it_counts_right_although_a_worker_is_killed(run_example: Run, tree: Path) -> None:
    """By default one of three workers is killed half-way, and the result is exactly right."""
    done = run_example("wordcount", tree)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    check_counts(done.stdout, tree)
    assert re.search(r"half-way: worker-3, pid \d+, gets SIGKILL", done.stdout)
    assert table(done.stdout)["worker-3"].endswith("killed")


@pytest.mark.parametrize("arguments", [["--nodes", "2"], ["--nodes=2", "--no-kill"]])
def test_it_runs_on_two_nodes(run_example: Run, tree: Path, arguments: list[str]) -> None:
    """Two workers do, with a kill and without."""
    done = run_example("wordcount", *arguments, tree)
    assert done.returncode == 0, done.stdout + done.stderr
    check_counts(done.stdout, tree)
    killed = "--no-kill" not in arguments
    assert ("SIGKILL" in done.stdout) is killed
    rows = table(done.stdout)
    assert {"worker-1", "worker-2"} <= rows.keys()
    if not killed:
        assert rows["retried"] == "0"


def test_one_node_is_not_killed(run_example: Run, tree: Path) -> None:
    """With a single worker nothing is killed, for nobody could go on."""
    done = run_example("wordcount", tree / "one line.txt", "--nodes", 1)
    assert done.returncode == 0, done.stdout + done.stderr
    assert table(done.stdout)["files"] == "1"
    assert "SIGKILL" not in done.stdout


def test_on_a_terminal_it_draws(
    run_on_terminal: Callable[..., tuple[int, str]], tree: Path
) -> None:
    """On a terminal there is a progress bar, a table, and the same last line."""
    code, output = run_on_terminal("wordcount", tree, "--nodes", 2)
    assert code == 0, output
    assert "\x1b[" in output
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", output)
    assert "counting" in plain
    assert "half-way: worker-2" in plain
    assert "most frequent words" in plain
    assert plain.rstrip().endswith("equal to a single-process count: yes")


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        ("starting 2 worker processes", signal.SIGINT),
        ("the cluster is up", signal.SIGINT),
        ("the cluster is up", signal.SIGTERM),
    ],
)
def test_an_interrupt_leaves_no_process_behind(
    tmp_path: Path,
    start_example: Start,
    wait_for_line: Callable[[subprocess.Popen[str], str], str],
    moment: str,
    number: signal.Signals,
) -> None:
    """Ctrl-C and SIGTERM end the workers first, then the demo, with exit code 130."""
    (tmp_path / "long.txt").write_bytes(b"so many words to count here\n" * 400_000)
    demo = start_example("wordcount", tmp_path, "--nodes", 2)
    wait_for_line(demo, moment)
    workers = psutil.Process(demo.pid).children()
    demo.send_signal(number)
    _, errors = demo.communicate(timeout=120)
    assert demo.returncode == 130, errors
    assert errors == "wordcount: interrupted; the workers are ended\n"
    assert not [worker for worker in workers if worker.is_running()]


def test_workers_end_when_the_demo_is_killed(
    tmp_path: Path,
    start_example: Start,
    wait_for_line: Callable[[subprocess.Popen[str], str], str],
) -> None:
    """Even SIGKILL, after which the demo can end nobody, leaves no workers behind."""
    (tmp_path / "long.txt").write_bytes(b"so many words to count here\n" * 400_000)
    demo = start_example("wordcount", tmp_path, "--nodes", 2)
    wait_for_line(demo, "the cluster is up")
    workers = psutil.Process(demo.pid).children()
    assert len(workers) == 2
    demo.kill()
    _, alive = psutil.wait_procs(workers, timeout=120)
    assert not alive


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--nodes", "0"], "'0' is not a number from 1 to 64"),
        (["--nodes", "-1"], "'-1' is not a number from 1 to 64"),
        (["--nodes", "three"], "'three' is not a number from 1 to 64"),
        (["--nodes", "65"], "'65' is not a number from 1 to 64"),
        (["--nodes", "1", "--kill"], "--kill needs --nodes 2 or more"),
        (["--what"], "--what"),
    ],
)
def test_wrong_arguments(
    capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    """What is wrong is named, and the exit code is 2."""
    with pytest.raises(SystemExit) as ended:
        program.main(arguments)
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err


def test_a_path_that_is_not_there(run_example: Run) -> None:
    """A missing path is said to be that, in one line, and the exit code is 2."""
    done = run_example("wordcount", "not there")
    assert done.returncode == 2
    assert done.stderr == "wordcount: cannot read 'not there': No such file or directory\n"


@pytest.mark.parametrize("content", [None, b"", b"\0\1\2"])
def test_nothing_to_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    """A folder without text, or with empty files only, is said to be that."""
    if content is not None:
        (tmp_path / "file").write_bytes(content)
    assert program.main([str(tmp_path)]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith(f"wordcount: nothing to count under '{tmp_path}'")
    assert f"{int(content == b'')} empty files" in errors
    assert f"{int(bool(content))} that are not text" in errors


def test_a_folder_that_cannot_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Missing permission is said to be that."""

    def refuse(_path: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    assert program.main([str(tmp_path)]) == 2
    assert f"cannot read '{tmp_path}': Permission denied" in capsys.readouterr().err


def test_another_result_than_one_process_has_is_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the counts differ it says so, and the exit code is 1."""

    def count_nothing(count: Coroutine[Any, Any, Tally]) -> Tally:
        count.close()
        return Tally()

    (tmp_path / "file").write_bytes(b"some words")
    monkeypatch.setattr(program, "run_until_signal", count_nothing)
    assert program.main([str(tmp_path)]) == 1
    assert capsys.readouterr().out.endswith("equal to a single-process count: no\n")


def test_a_worker_that_does_not_start_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker process that ends before it joined is named, with its exit code and its log."""

    def wrong_command(name: str, seed: str) -> list[str]:
        return [*command(name, seed), "--import", "examples.no_such_module"]

    (tmp_path / "file").write_bytes(b"some words")
    monkeypatch.setattr("examples.wordcount.cluster.command", wrong_command)
    assert program.main([str(tmp_path), "--nodes", "1"]) == 1
    errors = capsys.readouterr().err
    assert "worker-1 ended with exit code 4 before it joined" in errors
    assert "examples.no_such_module" in errors


def test_the_default_is_the_standard_library_on_three_nodes() -> None:
    """Without arguments it counts the standard library, but not what is installed beside it."""
    options = program.parse([])
    assert (options.nodes, options.kill) == (3, True)
    assert (options.path / "asyncio").is_dir()
    assert "site-packages" in options.leave_out
    assert program.parse(["."]).leave_out == ()


def test_a_worker_command_names_everything_a_worker_needs() -> None:
    """A worker has a name, the role, the seed, and imports the actor's module."""
    line = " ".join(command("worker-1", "tcp://127.0.0.1:9"))
    assert (
        "-m actors.cli examples.wordcount.actors:Worker --name worker-1 --role worker --seed tcp://127.0.0.1:9"
        in line
    )
    assert "--import examples.wordcount.actors" in line
