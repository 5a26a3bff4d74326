"""Protocols that go on for ever: what holds of them, whoever looks and however fine the steps are;
and the same protocols in SPIN, which looks for the same loops (`-DNP`, `-f`)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

import shootdown
from shootdown import Model
from shootdown.machine.result import Engine

from . import forever

EVERY = pytest.mark.parametrize("model", forever.TRUTHS, ids=lambda model: model.__name__)


def rules(model: type[Model], *, merge: bool = True, engine: Engine = "native") -> list[str | None]:
    """What is broken if somebody, and if everybody, is to get something done."""
    found = [
        shootdown.check(model, liveness=True, merge=merge, engine=engine),
        shootdown.check(model, starvation=True, merge=merge, engine=engine),
    ]
    return [check.scenarios[0].rule for check in found]


@EVERY
def test_truths(model: type[Model]) -> None:
    """Each right one holds and each wrong one is found, on both engines, merged and not."""
    expected = list(forever.TRUTHS[model])
    assert rules(model) == expected
    assert rules(model, engine="python") == expected
    assert rules(model, merge=False) == expected


def test_a_plain_check_does_not_ask() -> None:
    """Without the option a run may go on for ever as it likes."""
    assert shootdown.check(forever.Polite).verdict == "holds"


def test_the_loop_is_told_apart() -> None:
    """Stem, loop, and why nobody else moves."""
    found = shootdown.check(forever.Window, liveness=True)
    run = found.scenarios[0].counterexample
    assert run is not None
    assert run.loop is not None
    loop = run.steps[run.loop :]
    assert {step.actor for step in loop} == {"opener"}
    assert run.held == (
        f"passer waits for shut (true, set by opener) at {run.steps[0].file}:"
        f"{line_of('wait_until(not self.shut)')}, and could go on only at times",
        "no thread ever says progress(), so only ending counts as getting something done",
    )
    assert "loop, for ever:" in str(found)


def line_of(text: str) -> int:
    """Where a text stands in the file of the models."""
    lines = Path(forever.__file__).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_somebody_else_may_get_things_done() -> None:
    """Starvation names who gets nothing done, and says so of nobody who may rest."""
    run = shootdown.check(forever.Seqlock, starvation=True).scenarios[0].counterexample
    assert run is not None
    assert run.sentence.startswith("reader gets something done in the end")


def test_the_document_shows_a_report() -> None:
    """The timeline in docs/liveness.md is the one that the example prints."""
    root = Path(__file__).parents[2]
    report = (root / "examples/models/07_fair_lock_too_polite.out").read_text(encoding="utf-8")
    text = (root / "docs/liveness.md").read_text(encoding="utf-8")
    shown = [line[4:] for line in text.splitlines() if line.startswith("    ")][2:]
    block = [line for line in shown if line]
    assert block == [line for line in report.splitlines() if line][4 : 4 + len(block)]


# --- SPIN ---------------------------------------------------------------------------------------

SPIN = {
    forever.Peterson: """
        bool wants[2]; bit turn;
        active [2] proctype process() {
          do :: wants[_pid] = 1; turn = 1 - _pid;
                (!wants[1 - _pid] || turn == _pid);
        progress: wants[_pid] = 0
          od }""",
    forever.Polite: """
        bool wants[2];
        active [2] proctype process() {
          do :: wants[_pid] = 1;
                if :: wants[1 - _pid] -> wants[_pid] = 0
                   :: else ->
        progress: wants[_pid] = 0 fi
          od }""",
    forever.TestAndSet: """
        bool taken;
        active [2] proctype process() {
          do :: atomic { !taken -> taken = 1 };
        progress: taken = 0
             :: taken -> skip
          od }""",
    forever.Window: """
        bool shut, done;
        active proctype opener() { do :: done -> break :: else -> shut = 1; shut = 0 od }
        active proctype passer() { !shut; done = 1 }""",
    forever.Polling: """
        bool done;
        active proctype poller() { do :: done -> break :: else -> skip od }
        active proctype worker() { done = 1 }""",
}
"""the same protocols in Promela"""


@pytest.mark.skipif(
    not (shutil.which("spin") and shutil.which("gcc")), reason="needs spin and gcc (make tools)"
)
@pytest.mark.parametrize("model", SPIN, ids=lambda model: model.__name__)
def test_spin_finds_the_same(model: type[Model], tmp_path: Path) -> None:
    """SPIN finds a non-progress cycle under weak fairness where a run gets nowhere, and nowhere
    else."""
    (tmp_path / "model.pml").write_text(SPIN[model])
    for command in ("spin -a model.pml", "gcc -O1 -DNP -DNFAIR=3 -DNOREDUCE -o pan pan.c"):
        subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    said = subprocess.run(
        ["./pan", "-l", "-f", "-m100000"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout
    assert "non-progress cycles \t+ (fairness enabled)" in said
    assert ("pan:1: non-progress cycle" in said) == (forever.TRUTHS[model][0] is not None)


@pytest.mark.skipif(
    not (shutil.which("spin") and shutil.which("gcc")), reason="needs spin and gcc (make tools)"
)
def test_without_fairness_spin_finds_polling(tmp_path: Path) -> None:
    """Fairness is what makes polling end: without it SPIN finds a cycle there."""
    (tmp_path / "model.pml").write_text(SPIN[forever.Polling])
    for command in ("spin -a model.pml", "gcc -O1 -DNP -DNFAIR=3 -DNOREDUCE -o pan pan.c"):
        subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    said = subprocess.run(
        ["./pan", "-l"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout
    assert "pan:1: non-progress cycle" in said
