"""A check that was stopped, whichever way, goes on and ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest

from shootdown.scenarios import keeping

from .test_check import ENVIRONMENT, MAIN
from .test_check import without_times as without_seconds

LONG = ["check", "kvm", "--operations", "munmap,fork", "--pairs", "--pages", "3"]
SHORT = ("check", "kvm", "--operations", "munmap,fork")


def without_times(text: str) -> str:
    """Seconds take more room or less."""
    return re.sub(" +", " ", without_seconds(text))


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    """The command in a process of its own, saving all the time."""
    return subprocess.Popen(
        [*MAIN, *LONG, *words, "--checkpoint-every", "0.001"],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # no threads here; a background shell would leave SIGINT ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )


def anew(*words: str, folder: Path = Path()) -> subprocess.CompletedProcess[str]:
    """The command in a process that has imported nothing yet."""
    return subprocess.run(
        [*MAIN, *words],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )


def await_search(folder: Path, running: subprocess.Popen[str]) -> None:
    """Until a search has been saved, or all are over."""
    while running.poll() is None and not list(folder.glob("ck/*/*.search")):
        time.sleep(0.01)


@pytest.fixture(scope="module")
def whole() -> str:
    """The report of the long check, searched in one go."""
    return without_times(anew(*LONG).stdout)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_killed_again_and_again(tmp_path: Path, workers: str, whole: str) -> None:
    """`kill -9` at any moment, as often as you like: each run goes further, and the last one
    prints what a single one prints."""
    option = "--checkpoint"
    for delay in (0.02, 0.1, 0.0):
        running = start(tmp_path, option, "ck", "--workers", workers)
        await_search(tmp_path, running)
        time.sleep(delay)
        running.kill()
        running.communicate(timeout=60)
        option = "--resume"
    wait_for_lock(tmp_path / "ck")
    running = start(tmp_path, option, "ck", "--workers", workers)
    output, report = running.communicate(timeout=120)
    assert (running.returncode, report) == (0, "")
    assert without_times(output) == whole


def wait_for_lock(folder: Path) -> None:
    """Until the orphans of a killed process have noticed and are gone."""
    import fcntl

    file = os.open(folder / "check.json", os.O_RDONLY)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            time.sleep(0.05)
    os.close(file)


@pytest.mark.parametrize(
    ("number", "workers"), [(signal.SIGTERM, "1"), (signal.SIGINT, "2"), (signal.SIGTERM, "2")]
)
def test_a_gentle_signal_saves(
    tmp_path: Path, number: signal.Signals, workers: str, whole: str
) -> None:
    """Saved, undecided, and the very words to go on with; no JSON that says half of it. One process
    hears both signals in the same way (`test_check.py` sends it both), a parent of others does not
    always."""
    running = start(tmp_path, "--checkpoint", "ck", "--workers", workers, "--json", "out.json")
    await_search(tmp_path, running)
    running.send_signal(number)
    report = running.communicate(timeout=60)[1]
    assert running.returncode == 3
    assert "stopped; what is printed above is complete, the rest is undecided" in report
    assert "Traceback" not in report
    assert [path.name for path in tmp_path.iterdir()] == ["ck"]
    words = shlex.split(report.splitlines()[-1])
    assert words[:2] == ["shootdown", "check"]
    done = anew(*words[1:], folder=tmp_path)
    assert (done.returncode, without_times(done.stdout)) == (0, whole)
    assert list((tmp_path / "ck").glob("*/*.search")) == []


@pytest.mark.parametrize("limit", [["--states", "1500"], ["--time", "0.0001"]])
def test_a_limit_can_be_raised(run, limit: list[str]) -> None:
    """Undecided by a limit, then decided with more, with the result of one search."""
    cut = run(*SHORT, "--checkpoint", "ck", *limit)
    assert cut.exit_code == 3
    command = shlex.join(["shootdown", *SHORT, *limit])
    assert f"  {command} --resume ck\n" in cut.stderr
    again = run(*SHORT, "--resume", "ck")
    assert again.exit_code == 0
    assert without_times(again.stdout) == without_times(run(*SHORT).stdout)


def test_what_is_over_is_read(run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that ended is printed again without any search, JSON included."""
    first = run(*SHORT, "--checkpoint", "ck", "--json", "first.json")
    monkeypatch.setattr("shootdown.scenarios.check.search", None)
    second = run(*SHORT, "--resume", "ck", "--json", "second.json")
    assert (second.exit_code, second.stdout) == (0, first.stdout)
    assert Path("second.json").read_text() == Path("first.json").read_text()


def test_a_broken_driver_is_explained_from_what_was_kept(run, mirror) -> None:
    """Also past the first rule: each search of a scenario is kept by itself."""
    words = ("check", mirror("self.invalidating or "), "--operations", "munmap", "--all-rules")
    first = run(*words, "--checkpoint", "ck")
    second = run(*words, "--resume", "ck")
    assert first.exit_code == second.exit_code == 1
    assert "breaks freed-frame" in first.stdout
    assert second.stdout == first.stdout


def test_a_changed_driver_is_refused(run, mirror) -> None:
    """By its program: a comment changes nothing."""
    words = ("check", mirror(), "--operations", "munmap")
    assert anew(*words, "--checkpoint", "ck").returncode == 0
    Path("mine.py").write_text("# more words\n" + Path("mine.py").read_text())
    assert anew(*words, "--resume", "ck").returncode == 0
    mirror("self.invalidating or ")
    done = anew(*words, "--resume", "ck")
    assert done.returncode == 2
    assert "munmap is not the model any more that ck/" in done.stderr
    assert "check anew with --checkpoint and another folder" in done.stderr


def test_a_changed_driver_is_refused_under_way(run, mirror) -> None:
    """So is one whose search was not over yet."""
    words = ("check", mirror(), "--operations", "munmap")
    assert anew(*words, "--states", "500", "--checkpoint", "ck").returncode == 3
    mirror("self.invalidating or ")
    done = anew(*words, "--resume", "ck")
    assert done.returncode == 2
    assert "munmap.0.search belongs to another model" in done.stderr
    assert "help: " in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--pages", "3"], "pages was not given and is 3"),
        (["--no-merge"], "merge was on and is off"),
        (["--kernel", "6.6"], "kernel was not given and is 6.6.0"),
        (["--all-rules"], "all-rules was off and is on"),
        (["--pairs"], "pairs was off and is on"),
    ],
)
def test_other_options_are_refused(run, words: list[str], told: str) -> None:
    """Which, and what they were."""
    assert run(*SHORT, "--checkpoint", "ck").exit_code == 0
    done = run(*SHORT, *words, "--resume", "ck")
    assert done.exit_code == 2
    assert f"error: ck is about another check: {told}\n" in done.stderr
    assert "help: resume with the targets and options it was made with" in done.stderr


def test_how_far_and_how_fast_may_change(run) -> None:
    """Limits and workers are not part of the question."""
    assert run(*SHORT, "--checkpoint", "ck", "--states", "1500").exit_code == 3
    options = ("--workers", "2", "--memory", "1G", "--time", "60")
    assert run(*SHORT, "--resume", "ck", *options).exit_code == 0


def test_another_version_is_refused(run) -> None:
    """With the version to install."""
    assert run(*SHORT, "--checkpoint", "ck").exit_code == 0
    file = Path("ck/check.json")
    found = json.loads(file.read_text())
    file.write_text(json.dumps({**found, "version": "0.0.1"}))
    done = run(*SHORT, "--resume", "ck")
    assert done.exit_code == 2
    assert "error: ck was made by shootdown 0.0.1; this is " in done.stderr
    assert "install shootdown 0.0.1 to go on" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--checkpoint", "ck", "--resume", "ck"], "do not go together"),
        (["--checkpoint", "ck", "--engine", "python"], "needs the native engine"),
        (["--checkpoint", "ck", "--races"], "does not go with --races"),
        (["--checkpoint", "ck", "--profile"], "does not go with --profile"),
        (["--resume", "nothing"], "nothing holds no check: No such file or directory"),
        (["--checkpoint", "full"], "full is not empty"),
        (["--checkpoint", "file"], "cannot write to file"),
        (["--checkpoint", "file/ck"], "cannot write to file/ck"),
        (["--resume", "bad"], "bad/check.json is damaged"),
    ],
)
def test_refusals(run, words: list[str], told: str) -> None:
    """Exit 2, what and how to help it; nothing is searched."""
    for folder in ("full", "bad"):
        Path(folder).mkdir()
    Path("full/something").touch()
    Path("bad/check.json").write_text("{}")
    Path("file").touch()
    done = run(*SHORT, *words)
    assert done.exit_code == 2
    assert told in done.stderr
    assert "help: " in done.stderr
    assert done.stdout == ""


def test_a_folder_is_for_one_check(run) -> None:
    """A second one would be mistaken for the first."""
    assert run(*SHORT, "--checkpoint", "ck").exit_code == 0
    done = run(*SHORT, "--checkpoint", "ck")
    assert done.exit_code == 2
    assert "ck already holds a check\nhelp: go on with it by --resume" in done.stderr


def test_a_folder_is_for_one_process(run) -> None:
    """While somebody holds it nobody else may."""
    import fcntl

    assert run(*SHORT, "--checkpoint", "ck").exit_code == 0
    with open("ck/check.json") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = run(*SHORT, "--resume", "ck")
    assert done.exit_code == 2
    assert "another process is using ck" in done.stderr
    assert run(*SHORT, "--resume", "ck").exit_code == 0


def test_damage_anywhere_is_refused(run) -> None:
    """A result with a byte changed or missing is never believed."""
    words = ("check", "kvm", "--operations", "munmap")
    assert run(*words, "--checkpoint", "ck").exit_code == 0
    (file,) = Path("ck/kvm").glob("*.result")
    whole = file.read_bytes()
    places = [*range(0, len(whole), len(whole) // 20), 64, 65, len(whole) - 1]
    for data in [*(flipped(whole, place) for place in places), whole[:-1], whole[:70], b""]:
        file.write_bytes(data)
        done = run(*words, "--resume", "ck")
        assert done.exit_code == 2
        assert "munmap.0.result is damaged\nhelp: delete it" in done.stderr
    file.unlink()
    assert run(*words, "--resume", "ck").exit_code == 0


def flipped(data: bytes, place: int) -> bytes:
    """With one bit changed."""
    return data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :]


def test_what_a_killed_process_left_is_cleaned_up(run) -> None:
    """Files that never got their name."""
    assert run(*SHORT, "--checkpoint", "ck").exit_code == 0
    Path("ck/kvm/.munmap.0.search.123").write_bytes(b"half")
    assert run(*SHORT, "--resume", "ck").exit_code == 0
    assert sorted(os.listdir("ck/kvm"))[0] == "fork.0.result"


def test_a_full_disk_does_not_end_a_check(run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said, the check goes on, and what could not be kept is searched again."""

    def refuse(path: Path, data: bytes) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(keeping, "write_whole", refuse)
        first = run(*SHORT, "--checkpoint", "ck")
    assert first.exit_code == 0
    assert "cannot write ck/kvm/munmap.0.result: No space left on device" in first.stderr
    assert os.listdir("ck/kvm") == []
    assert without_times(run(*SHORT, "--resume", "ck").stdout) == without_times(first.stdout)
