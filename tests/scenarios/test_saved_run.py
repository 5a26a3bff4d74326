"""Runs in files: written and read back, and files that somebody damaged."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import protocols
from shootdown.lang.errors import ModelError
from shootdown.lang.model import Model
from shootdown.report.check_json import encode_check
from shootdown.report.pytest_source import write_test
from shootdown.scenarios.check import check_request, summarise
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.errors import RunFileError, TargetError
from shootdown.scenarios.model_request import ModelRequest
from shootdown.scenarios.rerun import refuse_elsewhere, rerun_saved
from shootdown.scenarios.saved_run import SavedRun, encode_run, load_runs, runs_of
from shootdown.scenarios.verdict import CheckResult

HERE = str(Path(protocols.__file__).resolve())


@cache
def check(model: type[Model]) -> CheckResult:
    asked = ModelRequest(model, f"{HERE}:{model.__name__}", Effort("python", all_rules=True))
    return summarise(asked, list(check_request(asked)))


@cache
def lines() -> bytes:
    """Two runs: a broken assertion, and a deadlock."""
    checks = (check(protocols.AssertsTwice), check(protocols.DaemonTakesTwoLocks))
    rows = [line for found in checks for run in runs_of(found) for line in encode_run(run)]
    return b"\n".join([*rows, b""])


def read(tmp_path: Path, data: bytes) -> list[SavedRun]:
    path = tmp_path / "run.jsonl"
    path.write_bytes(data)
    return load_runs(path)


def test_there_and_back(tmp_path: Path) -> None:
    """What is read is what was written, from lines of either format."""
    written = [
        *runs_of(check(protocols.AssertsTwice)),
        *runs_of(check(protocols.DaemonTakesTwoLocks)),
    ]
    assert read(tmp_path, lines()) == written
    assert [run.rule for run in written] == ["assertion", "deadlock"]
    plain = encode_check(check(protocols.AssertsTwice))
    (run,) = read(tmp_path, plain)
    assert (run.steps, run.case, run.start) == (written[0].steps, written[0].case, 0)
    assert run.program == written[0].program


def test_a_deadlock_is_taken_again(tmp_path: Path) -> None:
    """It is judged where the steps end, and says who waits."""
    _, run = read(tmp_path, lines())
    found = rerun_saved(run)
    assert (found.verdict, found.steps) == ("violated", len(run.steps))
    assert found.counterexample is not None
    assert (found.counterexample.rule, len(found.counterexample.held)) == ("deadlock", 2)
    assert found.change == "Nothing has changed since the run was saved."
    assert found.parted is None


def test_another_model_of_the_same_file(tmp_path: Path) -> None:
    """Named by hand; it goes another way from the first step on, and that is said."""
    run, _ = read(tmp_path, lines())
    found = rerun_saved(run, f"{HERE}:Gated")
    assert found.verdict == "stopped"
    assert "there is no 'judge0' any more, only task0, task1" in found.reason


@pytest.mark.parametrize("name", ["kvm", "mine.py", "below/mine.py:Mirror", "./mine.py"])
def test_what_a_file_may_name(name: str) -> None:
    """Shipped drivers, and files below this directory: these are not refused."""
    refuse_elsewhere(name)  # raises for every other


def test_a_link_out_of_the_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a file really lies is what counts."""
    (tmp_path / "here").mkdir()
    (tmp_path / "evil.py").write_text("")
    (tmp_path / "here" / "good.py").symlink_to(tmp_path / "evil.py")
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(TargetError, match="outside of this directory"):
        refuse_elsewhere("good.py")


DAMAGES: tuple[Callable[[bytearray, Random], None], ...] = (
    lambda data, random: data.__delitem__(slice(random.randrange(len(data)), None)),
    lambda data, random: data.__setitem__(random.randrange(len(data)), random.randrange(256)),
    lambda data, random: data.__delitem__(random.randrange(len(data))),
    lambda data, random: data.insert(random.randrange(len(data)), random.randrange(256)),
    lambda data, random: data.extend(data[random.randrange(len(data)) :]),
)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 1 << 30), st.integers(1, 4))
def test_damage(tmp_path_factory: pytest.TempPathFactory, seed: int, times: int) -> None:
    """Whatever happened to a file: it is refused with a line that it has, or its runs are taken."""
    random, data = Random(seed), bytearray(lines())
    for _ in range(times):
        if data:
            random.choice(DAMAGES)(data, random)
    path = tmp_path_factory.mktemp("damaged") / "run.jsonl"
    path.write_bytes(data)
    try:
        runs = load_runs(path)
    except RunFileError as error:
        assert 1 <= error.line <= data.count(b"\n") + 1
        assert str(error) and error.help
        return
    for run in runs:
        try:
            assert rerun_saved(run, f"{HERE}:AssertsTwice").verdict in (
                "violated",
                "stopped",
                "passed",
            )
        except (TargetError, ModelError):
            continue


def test_a_written_test_is_python() -> None:
    """Whatever stands in the source lines of the run."""
    text = write_test([check(protocols.AssertsTwice)], 'shootdown """ \\', Path(HERE).parent)
    compile(text, "test_it.py", "exec")
    assert 'str(HERE / "protocols.py") + ":AssertsTwice"' in text
    assert write_test([check(protocols.Silent)], "", Path()) == ""
