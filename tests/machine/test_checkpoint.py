"""A search that was stopped and taken up again ends as if nothing had happened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shootdown.machine.checkpoint import Checkpoint, CheckpointError
from shootdown.machine.fingerprint import fingerprint
from shootdown.machine.native import saving
from shootdown.machine.result import Limits
from shootdown.program.layout import make_layout
from shootdown.program.program import Program

from . import programs
from .generate import programs as random_programs
from .searching import search
from .test_engines import HANDWRITTEN
from .test_team import without_cost

SCRIPT = """
import sys
sys.path[:0] = {paths!r}
from machine import programs
from shootdown.machine.checkpoint import Checkpoint
from shootdown.machine.native import search as native
from machine.searching import search
native.CALL_SECONDS = 0.005
native.FIRST_BUDGET = 64
where = Checkpoint({path!r}, {seconds!r})
result = search(programs.big(3, 2, 6), checkpoint=where, workers={workers})
print(result.verdict, result.states)
"""
BIG = programs.big(3, 2, 6)


def stopped(path: Path, program: Program, states: int) -> Path:
    """A checkpoint of a search cut at a number of states."""
    cut = search(program, Limits(states=states), checkpoint=Checkpoint(path))
    assert cut.cut == "states"
    return path


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("states", [1, 16, 17, 500, 3000, 3632])
def test_a_cut_search_goes_on(tmp_path: Path, states: int, workers: int) -> None:
    """Cut anywhere, resumed with any number of workers: the numbers of one search in one go."""
    program = programs.big(2, 2, 4)
    path = stopped(tmp_path / "file", program, states)
    found = search(program, resume=path, workers=workers)
    assert without_cost(found) == without_cost(search(program))
    assert sorted(tmp_path.iterdir()) == [path]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(random_programs(), st.lists(st.integers(1, 400), min_size=1, max_size=4))
def test_any_search_goes_on(
    tmp_path_factory: pytest.TempPathFactory, program: Program, cuts: list[int]
) -> None:
    """Any program, cut and resumed several times in the same file, and then cut again or not."""
    path = tmp_path_factory.mktemp("checkpoints") / "file"
    resume: Path | None = None
    for states in sorted(set(cuts)):
        if len(set(program.initials)) > states:
            return
        found = search(program, Limits(states=states), checkpoint=Checkpoint(path), resume=resume)
        expected = search(program, Limits(states=states))
        assert without_cost(found) == without_cost(expected)
        if found.cut is None:
            return
        resume = path
    found = search(program, Limits(states=1500), resume=resume)
    assert without_cost(found) == without_cost(search(program, Limits(states=1500)))


def test_checkpoints_at_intervals_are_all_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every record that was ever the last one leads to the same end."""
    monkeypatch.setattr("shootdown.machine.native.search.FIRST_BUDGET", 64)
    monkeypatch.setattr("shootdown.machine.native.search.CALL_SECONDS", 1e-4)
    kept: list[bytes] = []
    path = tmp_path / "file"
    original = saving.Saving.save

    def save(self: saving.Saving, moment: saving.Moment) -> None:
        original(self, moment)
        kept.append(path.read_bytes())

    monkeypatch.setattr(saving.Saving, "save", save)
    program = programs.big(2, 2, 4)
    expected = search(program, checkpoint=Checkpoint(path, 0.0))
    assert len(kept) > 5
    for data in kept:
        path.write_bytes(data)
        assert without_cost(search(program, resume=path)) == without_cost(expected)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_search_goes_on(tmp_path: Path, number: int, workers: int) -> None:
    """Killed in the middle: what was in the file is good, and a gentle signal saves first."""
    path = tmp_path / "file"
    seconds = 0.01 if number == signal.SIGKILL else 1e6
    paths = [path for path in sys.path if path]
    script = SCRIPT.format(paths=paths, path=str(path), seconds=seconds, workers=workers)
    running = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    waited = time.monotonic() + 60
    while time.monotonic() < waited:
        begun = list(tmp_path.iterdir())
        if begun and (number != signal.SIGKILL or path.exists()):
            break
        time.sleep(0.01)
    time.sleep(0.1)
    running.send_signal(number)
    assert running.wait(timeout=60) in (-number, 130, 1)
    found = search(BIG, resume=path)
    assert without_cost(found) == without_cost(search(BIG))


def test_another_program_is_refused(tmp_path: Path) -> None:
    """A checkpoint only fits the program it was made of."""
    path = stopped(tmp_path / "file", programs.big(2, 2, 4), 500)
    with pytest.raises(CheckpointError, match="belongs to another model") as caught:
        search(programs.big(2, 2, 5), resume=path)
    assert "start the search anew" in caught.value.help


def test_equal_programs_have_equal_fingerprints() -> None:
    """Built twice the same, and each program by hand different from all others."""
    again = programs.big(3, 2, 6)
    assert fingerprint(BIG, make_layout(BIG)) == fingerprint(again, make_layout(again))
    prints = {fingerprint(p, make_layout(p)) for p in HANDWRITTEN.values()}
    assert len(prints) == len(HANDWRITTEN)


def test_damage_is_refused(tmp_path: Path) -> None:
    """A byte changed anywhere is noticed."""
    program = programs.big(2, 2, 4)
    path = stopped(tmp_path / "file", program, 300)
    data = bytearray(path.read_bytes())
    for place in [*range(0, len(data), 97), *range(120), len(data) - 1]:
        broken = bytearray(data)
        broken[place] ^= 0x10
        path.write_bytes(broken)
        with pytest.raises(CheckpointError):
            search(program, resume=path)


def test_a_file_cut_short_is_refused_or_good(tmp_path: Path) -> None:
    """Cut within the last record, the one before holds; before the first there is nothing."""
    program = programs.big(2, 2, 4)
    path = stopped(tmp_path / "file", program, 300)
    first = path.stat().st_size
    search(program, Limits(states=900), checkpoint=Checkpoint(path), resume=path)
    data = path.read_bytes()
    assert first < len(data)
    expected = without_cost(search(program))
    for length in (len(data) - 1, len(data) - 8, first + 100, first + 3, first):
        path.write_bytes(data[:length])
        assert without_cost(search(program, resume=path)) == expected
    for length in (first - 1, 60, 40, 5, 0):
        path.write_bytes(data[:length])
        with pytest.raises(CheckpointError):
            search(program, resume=path)


def test_a_torn_end_is_written_over(tmp_path: Path) -> None:
    """Going on in the same file, what was half a record becomes a whole one."""
    program = programs.big(2, 2, 4)
    path = stopped(tmp_path / "file", program, 300)
    with path.open("ab") as file:
        file.write(b"head" + bytes(10))
    found = search(program, Limits(states=900), checkpoint=Checkpoint(path), resume=path)
    assert found.cut == "states"
    assert without_cost(search(program, resume=path)) == without_cost(search(program))


@pytest.mark.parametrize("where", ["missing/file", "folder"])
def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, where: str) -> None:
    """Said at once, not after a minute."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"")
    path = tmp_path / ("file/file" if where == "folder" else where)
    with pytest.raises(CheckpointError, match="cannot write"):
        search(BIG, checkpoint=Checkpoint(path))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """Nothing to resume from."""
    with pytest.raises(CheckpointError, match="cannot read"):
        search(BIG, resume=tmp_path / "nothing")


def test_a_full_disk_does_not_end_a_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said, the file before holds, and the search goes on."""
    program = programs.big(2, 2, 4)
    path = stopped(tmp_path / "file", program, 300)
    before = path.read_bytes()
    monkeypatch.setattr("shootdown.machine.checkpoint._sync", refuse)
    told: list[str] = []
    limits = Limits(states=900)
    found = search(program, limits, note=told.append, checkpoint=Checkpoint(path), resume=path)
    assert found.states == 900
    assert told == [f"cannot write the checkpoint {path}: No space left on device"]
    assert path.read_bytes() == before


def refuse(file: object) -> None:
    raise OSError(28, os.strerror(28))


def test_a_finished_search_leaves_no_half_file(tmp_path: Path) -> None:
    """Over before the first checkpoint was due."""
    result = search(programs.peterson(), checkpoint=Checkpoint(tmp_path / "file"))
    assert result.verdict == "holds"
    assert list(tmp_path.iterdir()) == []


def test_more_than_the_limits_allow_is_refused(tmp_path: Path) -> None:
    """A checkpoint of 500 states does not fit a limit of 400, nor one of few bytes."""
    program = programs.big(2, 2, 4)
    path = stopped(tmp_path / "file", program, 500)
    for limits in (Limits(states=400), Limits(memory=10_000)):
        with pytest.raises(CheckpointError, match="allow"):
            search(program, limits, resume=path)


def test_the_time_before_counts(tmp_path: Path) -> None:
    """The seconds of a resumed search are those of all its parts."""
    program = programs.big(2, 2, 4)
    path = stopped(tmp_path / "file", program, 500)
    assert search(program, resume=path).seconds > 0.0


def test_the_reference_engine_has_none(tmp_path: Path) -> None:
    """The plain search keeps nothing, and says so."""
    with pytest.raises(CheckpointError, match="python engine"):
        search(BIG, engine="python", checkpoint=Checkpoint(tmp_path / "file"))


def test_an_error_can_be_sent_between_processes() -> None:
    """Workers raise them."""
    import pickle

    error = CheckpointError("what", "how")
    again = pickle.loads(pickle.dumps(error))
    assert (again.message, again.help, str(again)) == ("what", "how", "what\nhelp: how")
    assert replace(Checkpoint("x"), seconds=1.0).seconds == 1.0
