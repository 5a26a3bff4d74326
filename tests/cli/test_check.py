"""`shootdown check`: verdicts, exit codes, JSON, several processes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).parents[2] / "src"
MAIN = [sys.executable, "-c", "from shootdown.cli.main import main; main()"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SOURCE)}

# shootdown.check/1 as design section 11 states it: a field that is missing, renamed or of another
# type fails; more fields are allowed.
CHANGE = {"what": str, "before": str, "after": str}
STEP = {"actor": str, "file": str, "line": int, "column": int, "text": str, "changes": [CHANGE]}
COUNTEREXAMPLE = {"rule": str, "sentence": str, "start": [CHANGE], "steps": [STEP], "held": [str]}
COVERED = {
    "lines": int,
    "reached": int,
    "never": [{"file": str, "line": int, "text": str}],
    "idle_rules": [str],
}
SCENARIO = {
    "name": str,
    "verdict": {"holds", "violated", "undecided"},
    "rule": (str, None),
    "states": int,
    "transitions": int,
    "depth": int,
    "seconds": float,
    "covered": COVERED,
    "counterexample": (COUNTEREXAMPLE, None),
}
CHECK = {
    "format": {"shootdown.check/1"},
    "target": str,
    "kernel": str,
    "arch": {"x86"},
    "verdict": {"holds", "violated", "undecided"},
    "scenarios": [SCENARIO],
}


def assert_shape(value: Any, shape: Any, at: str = "$") -> None:
    """Whether a JSON value has a shape: types, sets of values, lists, objects, alternatives."""
    if isinstance(shape, tuple):
        if value is not None:
            assert_shape(value, shape[0], at)
    elif isinstance(shape, set):
        assert value in shape, at
    elif isinstance(shape, list):
        assert isinstance(value, list), at
        for number, item in enumerate(value):
            assert_shape(item, shape[0], f"{at}[{number}]")
    elif isinstance(shape, dict):
        assert isinstance(value, dict), at
        for name, inner in shape.items():
            assert name in value, f"{at}.{name} is missing"
            assert_shape(value[name], inner, f"{at}.{name}")
    else:
        assert type(value) is shape, f"{at} is {value!r}"


def without_times(text: str) -> str:
    """Seconds are the one thing that may differ between two runs."""
    return re.sub(r"\d+\.\d\d(?=\s|$)|\"seconds\":[0-9.e-]+", "T", text)


def test_a_driver_that_holds(run, mirror) -> None:
    """Exit 0, and the last line says what that rests on."""
    done = run("check", mirror(), "--operations", "munmap")
    assert done.exit_code == 0
    assert done.output.startswith("mine.py:Mirror on Linux ")
    assert "holds: no interleaving breaks a rule in its one scenario" in done.output
    assert done.stderr == ""


@pytest.mark.parametrize("half", ["self.invalidating or ", " or self.sequence != seen"])
def test_half_a_condition_is_not_enough(run, mirror, half: str) -> None:
    """Exit 1, and a timeline of how a page is freed under the device."""
    done = run("check", mirror(half), "--operations", "munmap")
    assert done.exit_code == 1
    assert "How munmap breaks freed-frame" in done.output
    assert "task0: munmap" in done.output
    assert "pfn 1: refcount 1 → 0, freed" in done.output
    assert "This breaks freed-frame" in done.output


def test_all_rules(run, mirror) -> None:
    """One run for each rule, in the report and in JSON, where the first stays where it was."""
    words = ("check", mirror(" or self.sequence != seen"), "--operations", "munmap", "--json")
    done = run(*words, "all.json", "--all-rules")
    assert done.exit_code == 1
    (row,) = json.loads(Path("all.json").read_text())["scenarios"]
    assert_shape([row["counterexample"], *row["counterexamples"]], [COUNTEREXAMPLE])
    rules = [row["counterexample"]["rule"], *(c["rule"] for c in row["counterexamples"])]
    assert rules == ["freed-frame", "stale-translation"]
    assert row["complete"] is True
    for rule in rules:
        assert f"How munmap breaks {rule}, in " in done.stdout
    assert "(freed-frame, stale-translation; no other can be broken), with" in done.stdout
    run(*words, "one.json")
    (plain,) = json.loads(Path("one.json").read_text())["scenarios"]
    assert plain["counterexample"] == row["counterexample"]
    assert (plain["counterexamples"], plain["complete"]) == ([], False)


@pytest.mark.parametrize("limit", [["--states", "200"], ["--time", "0.0001"]])
def test_a_search_that_was_cut(run, mirror, limit: list[str]) -> None:
    """Exit 3, and never `holds`."""
    done = run("check", mirror(), "--operations", "munmap", *limit)
    assert done.exit_code == 3
    assert "undecided: munmap: the limit on" in done.output
    assert "holds" not in done.output


def test_engines_agree(run, mirror) -> None:
    """Same report but for the time."""
    words = ("check", mirror("self.invalidating or "), "--operations", "munmap", "--engine")
    native, python = run(*words, "native"), run(*words, "python")
    assert without_times(native.stdout) == without_times(python.stdout)


def test_two_workers_print_what_one_does(run, mirror) -> None:
    """Same rows in the same order, same counterexample, same JSON."""
    words = ("check", mirror("self.invalidating or "), "--json", "out.json")
    one = run(*words)
    first = Path("out.json").read_text()
    two = run(*words, "--workers", "2")
    assert one.exit_code == two.exit_code == 1
    assert without_times(one.stdout) == without_times(two.stdout)
    assert without_times(first) == without_times(Path("out.json").read_text())


def test_a_killed_worker_is_undecided() -> None:
    """Its scenario is named with the reason; the others are searched by the next worker."""
    words = ["check", "kvm", "--operations", "read_fault,munmap", "--pairs", "--pages", "3"]
    process = subprocess.Popen(
        [*MAIN, *words, "--workers", "2", "--time", "20", "--engine", "python", "--json", "-"],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    children: list[str] = []
    while len(children) < 2:
        time.sleep(0.05)
        path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        children = path.read_text().split()
    time.sleep(0.2)
    os.kill(int(children[0]), signal.SIGKILL)
    output, report = process.communicate(timeout=60)
    assert process.returncode == 3
    found = json.loads(output)
    assert [row["name"] for row in found["scenarios"]] == [
        "read_fault + read_fault",
        "read_fault + munmap",
        "munmap + munmap",
    ]
    reasons = [row["reason"] or "" for row in found["scenarios"]]
    assert sum("killed by SIGKILL" in reason for reason in reasons) == 1
    assert "killed by SIGKILL" in report


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_check(tmp_path: Path, number: signal.Signals) -> None:
    """Rows so far stay, no file is left, exit 128 plus the signal."""
    words = ["check", "kvm", "--operations", "read_fault,munmap", "--pages", "4", "--pairs"]
    limits = ["--time", "60", "--engine", "python", "--json", "out.json"]
    process = subprocess.Popen(
        [*MAIN, *words, *limits],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        text=True,
        # no threads here; a background shell would leave SIGINT ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    while not list(tmp_path.iterdir()):
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(number)
    _, report = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert "the rest was not searched" in report
    assert "Traceback" not in report
    assert list(tmp_path.iterdir()) == []


def test_json_has_the_shape_of_the_contract(run, mirror) -> None:
    """One object per driver and line; standard output carries nothing else."""
    words = ("--operations", "munmap", "--json", "-")
    done = run("check", mirror("self.invalidating or "), "kvm", *words)
    assert done.exit_code == 1
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["target"], line["verdict"]) for line in lines] == [
        ("mine.py:Mirror", "violated"),
        ("kvm", "holds"),
    ]
    for line in lines:
        assert_shape(line, CHECK)
    assert "How munmap breaks freed-frame" in done.stderr


def test_json_replaces_an_older_file_as_a_whole(run, mirror) -> None:
    """And leaves nothing beside it."""
    Path("out.json").write_text("old")
    assert run("check", mirror(), "--operations", "munmap", "--json", "out.json").exit_code == 0
    assert_shape(json.loads(Path("out.json").read_text()), CHECK)
    assert sorted(os.listdir()) == ["mine.py", "out.json"]


def test_worst_verdict_decides(run, mirror) -> None:
    """Violated before undecided before holds."""
    good, bad = mirror(name="good.py"), mirror("self.invalidating or ", name="bad.py")
    assert run("check", good, bad, "--operations", "munmap").exit_code == 1
    assert run("check", good, bad, "--operations", "munmap", "--states", "5").exit_code == 3


def test_program_and_layout(run, mirror) -> None:
    """Printed instead of a search, with source lines."""
    done = run("check", mirror(), "--operations", "fork", "--show-program", "--show-layout")
    assert done.exit_code == 0
    assert "mine.py:17  with self.lock:" in done.output
    assert "bits in" in done.output
    assert "holds" not in done.output


def test_a_closed_pipe_is_quiet() -> None:
    """`shootdown check … | head -1` has nothing to complain about."""
    shell = '"$@" check kvm --operations munmap,fork | head -1'
    done = subprocess.run(
        ["bash", "-c", shell, "sh", *MAIN],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("kvm on Linux ")
    assert done.stderr == ""
