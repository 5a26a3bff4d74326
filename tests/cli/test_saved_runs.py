"""`--save`, `--from`, `--write-test`: counterexamples that outlive the check that found them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from shootdown.cli.main import shootdown
from shootdown.lang.source import read_source

SOURCE = Path(__file__).parents[2] / "src"
MIRROR = Path(__file__).parents[2] / "examples" / "01_mirror.py"
BROKEN = "self.invalidating or "
LOCKED = """from shootdown import Int, Model, Mutex, thread

class Locked(Model):
    def __init__(self):
        self.lock = Mutex()
        self.n = Int(0, 3)

    @thread
    def one(self):
        with self.lock:
            self.n = 1
            self.n = 2
        assert self.n == 3

    @thread
    def two(self):
        with self.lock:
            self.n = 0
"""
CHECK = ("--operations", "munmap")


@pytest.fixture(scope="module")
def run_text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The run in which half of the condition is not enough, as it is saved."""
    folder = tmp_path_factory.mktemp("saved")
    text = MIRROR.read_text(encoding="utf-8").replace(BROKEN, "", 1)
    (folder / "mine.py").write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        words = ["check", "mine.py", *CHECK, "--save", "run.jsonl"]
        assert CliRunner().invoke(shootdown, words).exit_code == 1
    return (folder / "run.jsonl").read_text(encoding="utf-8")


@pytest.fixture
def saved(mirror, run_text: str) -> str:
    """A file with that run, beside its driver."""
    mirror(BROKEN)
    Path("run.jsonl").write_text(run_text, encoding="utf-8")
    return "run.jsonl"


def words_of(path: str) -> dict[str, object]:
    found = json.loads(Path(path).read_text().splitlines()[0])
    assert isinstance(found, dict)
    return found


def test_a_saved_run_still_breaks_the_rule(run, saved: str) -> None:
    """Exit 1, the timeline, and that nothing has changed."""
    done = run("check", "--from", saved)
    assert done.exit_code == 1, done.stderr
    assert "mine.py:Mirror on Linux" in done.stdout
    assert "Nothing has changed since the run was saved.\n" in done.stdout
    assert "This breaks freed-frame: no access to a freed page frame.\n" in done.stdout
    assert "The run still breaks freed-frame, at step " in done.stdout


def test_json_of_a_check_is_a_file_of_runs(run, mirror) -> None:
    """Each counterexample of it, those of further rules too."""
    words = ("check", mirror(BROKEN), *CHECK, "--all-rules", "--json", "out.json")
    run(*words, "--save", "run.jsonl")
    plain, kept = run("check", "--from", "out.json"), run("check", "--from", "run.jsonl")
    assert plain.exit_code == 1
    assert plain.stdout == kept.stdout
    assert re.findall(r"still breaks (\S+),", plain.stdout) == ["freed-frame", "stale-translation"]


def test_a_comment_changes_the_file_but_not_the_driver(run, saved: str) -> None:
    """Said in so many words; the run is the same."""
    path = Path("mine.py")
    path.write_text(f"# a comment\n{path.read_text()}")
    read_source.cache_clear()
    done = run("check", "--from", saved)
    assert done.exit_code == 1
    assert (
        "mine.py has changed since the run was saved, but does the same as before." in done.stdout
    )


def test_a_repaired_driver(run, mirror, saved: str) -> None:
    """Exit 0, where the run went another way, and that this proves nothing."""
    mirror()
    read_source.cache_clear()
    done = run("check", "--from", saved, "--json", "again.json")
    assert done.exit_code == 0
    assert "mine.py has changed since the run was saved.\n" in done.stdout
    assert "This is not a proof" in done.stdout
    assert "`shootdown check mine.py:Mirror` tries all." in done.stdout
    found = words_of("again.json")
    assert found["format"] == "shootdown.rerun/1"
    assert found["verdict"] in ("stopped", "passed")
    assert found["counterexample"] is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("seen = self.sequence\n", "seen = self.sequence\n            seen = self.sequence\n"),
        ("        self.device.flush(range)\n", "        self.device.flush(range)\n" * 2),
        ("            self.sequence += 1\n", ""),
    ],
)
def test_a_driver_with_other_steps_that_is_still_broken(
    run, mirror, saved: str, old: str, new: str
) -> None:
    """More steps, or fewer, shift the run; by its lines it is found again."""
    path = Path("mine.py")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    read_source.cache_clear()
    done = run("check", "--from", saved, "--json", "again.json")
    found = words_of("again.json")
    assert (done.exit_code, found["verdict"]) == (1, "violated")
    if found["by_lines"]:
        assert "By the lines of the run, it still breaks freed-frame, at step " in done.stdout
    again = run("check", "mine.py", *CHECK)
    assert again.exit_code == 1


def test_by_lines_only_where_the_steps_are_gone(run, mirror, saved: str) -> None:
    """One step more in the fault handler, and the very steps break nothing any more."""
    path = Path("mine.py")
    line = "            seen = self.sequence\n"
    path.write_text(path.read_text().replace(line, line * 2, 1))
    read_source.cache_clear()
    run("check", "--from", saved, "--json", "again.json")
    assert words_of("again.json")["by_lines"] is True
    mirror(BROKEN)
    read_source.cache_clear()
    run("check", "--from", saved, "--json", "again.json")
    assert words_of("again.json")["by_lines"] is False


def test_a_step_that_cannot_be_taken(run) -> None:
    """It is named, with who holds what it waits for."""
    Path("locked.py").write_text(LOCKED)
    done = run("check", "locked.py", "--save", "run.jsonl")
    assert done.exit_code == 1, done.output
    head, first, *_ = Path("run.jsonl").read_text().splitlines()
    others = [first.replace('"one"', '"two"')] * 2
    shorter = json.dumps({**json.loads(head), "steps": 4})
    Path("run.jsonl").write_text("\n".join([shorter, first, first, *others]))
    done = run("check", "--from", "run.jsonl")
    assert done.exit_code == 0
    assert (
        "The run cannot be taken any more: at step 3 two waits for lock (held by one) "
        "at locked.py:17.\n"
    ) in done.stdout


def test_all_steps_and_nothing_breaks(run, saved: str) -> None:
    """A run without its end passes."""
    rows = Path(saved).read_text().splitlines()
    head = json.loads(rows[0])
    head["steps"] -= 1
    Path(saved).write_text("\n".join([json.dumps(head), *rows[1:-1]]))
    done = run("check", "--from", saved)
    assert done.exit_code == 0
    assert f"All {head['steps']} steps of the run can be taken, and it no longer" in done.stdout


def test_the_driver_can_be_named(run, saved: str) -> None:
    """A file that has moved, or lies outside of this directory, where a run names it in vain."""
    os.mkdir("other")
    os.rename("mine.py", "other/yours.py")
    assert run("check", "--from", saved).exit_code == 2
    assert run("check", "other/yours.py", "--from", saved).exit_code == 1


@pytest.mark.parametrize("target", ["/etc/evil.py", "../evil.py:Mirror", "a/../../evil.py"])
def test_a_file_of_runs_cannot_name_code_elsewhere(run, saved: str, target: str) -> None:
    """To load a driver is to run it; what lies elsewhere must be named by hand."""
    text = Path(saved).read_text().replace('"mine.py:Mirror"', json.dumps(target))
    Path(saved).write_text(text)
    done = run("check", "--from", saved)
    assert done.exit_code == 2
    assert "a file outside of this directory" in done.stderr
    assert "help: name the driver yourself" in done.stderr


@pytest.mark.parametrize(
    ("line", "change", "error"),
    [
        (1, lambda row: "", "there is no run in this file"),
        (1, lambda row: "\x00\xff", "JSON is malformed"),
        (1, lambda row: row[: len(row) // 2], "input data was truncated"),
        (1, lambda row: '{"x":' + "[" * 5000, "recursion"),
        (1, lambda row: row.replace("shootdown.run/1", "other/2"), "this is 'other/2', not"),
        (1, lambda row: row.replace('"pages":2', '"pages":99'), "expected `int` <= 16"),
        (1, lambda row: row.replace('"steps":', '"steps":9'), "but the file ends after"),
        (1, lambda row: row.replace('"target"', '"tarqet"'), "missing required field `target`"),
        (1, lambda row: row.replace("freed-frame", "\\u001b[2J"), "matching regex"),
        (1, lambda row: row.replace('"steps":', '"steps":9999999'), "expected `int` <= 10000"),
        (3, lambda row: row.replace("[0,0]", '["0"]'), "expected `int`, got `str`"),
        (3, lambda row: row.replace('"device0"', "null"), "expected `str`, got `null`"),
        (3, lambda row: row.replace("[0,0]", "[-1]"), "expected `int` >= 0"),
    ],
)
def test_a_file_that_is_no_good(run, saved: str, line: int, change, error: str) -> None:
    """The line in the shape of editors, what is wrong, and what to do; exit 2."""
    rows = Path(saved).read_text().splitlines()
    rows[line - 1] = change(rows[line - 1])
    text = "\n".join(rows if change(rows[0]) else [])
    Path(saved).write_text(text, encoding="latin-1")
    done = run("check", "--from", saved)
    assert done.exit_code == 2, done.output
    first, *rest = done.stderr.splitlines()
    assert re.match(r"run\.jsonl:\d+:1: error: ", first)
    assert error.lower() in first.lower()
    assert rest == ["help: write it anew with `shootdown check … --save FILE`"] or "no run" in first
    if "the file ends" not in error:
        assert first.startswith(f"run.jsonl:{line}:")
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ('"start":0', '"start":7', "it begins at start 7, but there are"),
        ('"munmap"]', '"mumap"]', "there is no operation `mumap`"),
        ('"kernel":"', '"kernel":"six', "is not a kernel version"),
        ('"operations":["munmap"]', '"operations":[]', "kernel and operations are missing"),
    ],
)
def test_a_run_that_cannot_be(run, saved: str, old: str, new: str, error: str) -> None:
    """Well written, but about what does not exist."""
    text = Path(saved).read_text()
    assert old in text
    Path(saved).write_text(text.replace(old, new, 1))
    done = run("check", "--from", saved)
    assert done.exit_code == 2
    assert error in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"device0"', '"device9"', "there is no 'device9' any more, only task0, device0"),
        ("[0,0]", "[0,7]", "device0 has not as many ways to choose from as it had"),
        ("[0,0]", "[0,0,0]", "device0 chose 3 times, now 2"),
    ],
)
def test_steps_that_fit_no_longer(run, saved: str, old: str, new: str, reason: str) -> None:
    """Who, and what they cannot do any more."""
    text = Path(saved).read_text()
    assert old in text
    Path(saved).write_text(text.replace(old, new, 1))
    done = run("check", "--from", saved)
    assert done.exit_code == 0
    assert f"{reason}." in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["--kernel", "6.6"], ["--pages", "3"], ["--save", "x"], ["--show-program"],
        ["--liveness"], ["--races"], ["--states", "10"], ["--no-merge"], ["--workers", "2"],
    ],
)  # fmt: skip
def test_options_that_the_file_decides(run, saved: str, words: list[str]) -> None:
    """Refused, not ignored."""
    done = run("check", "--from", saved, *words)
    assert done.exit_code == 2
    assert f"{words[0]} does not go with --from" in done.stderr


def test_nothing_broke(run, mirror) -> None:
    """No run is saved, and no test is written."""
    words = (*CHECK, "--save", "run.jsonl", "--write-test", "test_mine.py")
    done = run("check", mirror(), *words)
    assert done.exit_code == 0
    assert "nothing broke, so test_mine.py was not written" in done.stderr
    assert sorted(os.listdir()) == ["mine.py", "run.jsonl"]
    assert run("check", "--from", "run.jsonl").exit_code == 2


def run_pytest(file: str) -> tuple[int, str]:
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", file]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "COLUMNS": "100"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_a_written_test_pins_the_run(run, mirror) -> None:
    """It fails on the broken driver with the timeline, wherever pytest is started, and passes on
    the right one."""
    done = run("check", mirror(BROKEN), *CHECK, "--write-test", "test_mine.py")
    assert done.exit_code == 1
    os.mkdir("elsewhere")
    os.chdir("elsewhere")
    status, report = run_pytest("../test_mine.py")
    assert status == 1
    assert "2 failed" in report
    assert "The run still breaks freed-frame, at step" in report
    assert "This breaks freed-frame: no access to a freed page frame." in report
    os.chdir("..")
    mirror()
    assert "2 passed" in run_pytest("test_mine.py")[1]


def test_a_written_test_of_a_model(run) -> None:
    """Without kernel and sizes; one test for each rule, one for the scenario."""
    Path("model.py").write_text(
        "from shootdown import Int, Model, thread\n\n"
        "class Two(Model):\n"
        "    def __init__(self):\n"
        "        self.n = Int(0, 1)\n\n"
        "    @thread(2)\n"
        "    def adder(self, me):\n"
        '        """Adds \\"\\"\\" with a \\\\."""\n'
        '        assert self.n == 0, \'is """ empty\'\n'
        "        self.n += 1\n"
    )
    words = ("--engine", "python", "--all-rules", "--write-test", "test_two.py")
    assert run("check", "model.py", *words).exit_code == 1
    text = Path("test_two.py").read_text()
    assert "kernel=None" in text and "pages=" not in text
    status, report = run_pytest("test_two.py")
    assert status == 1
    assert "3 failed" in report


def test_a_test_is_never_written_over(run, mirror) -> None:
    """Found before the search."""
    Path("test_mine.py").write_text("mine")
    done = run("check", mirror(BROKEN), *CHECK, "--write-test", "test_mine.py")
    assert done.exit_code == 2
    assert "test_mine.py exists" in done.stderr
    assert Path("test_mine.py").read_text() == "mine"
    done = run("check", "mine.py", *CHECK, "--write-test", "no/test_mine.py")
    assert (done.exit_code, done.stdout) == (2, "")
