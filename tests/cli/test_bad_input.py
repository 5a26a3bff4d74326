"""Every mistake of a user: a message with place and remedy, exit 2, nothing left half-written."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

DRIVERS = {
    "syntax error": ("with self.lock:", "with self.lock", "this is not Python"),
    "unsupported statement": ("self.device.flush(range)", "import os", "mine.py:21:9: error:"),
    "unbounded recursion": (
        "self.device.flush(range)",
        "self.invalidate_range_start(range)",
        "recurs",
    ),
    "missing callback": ("def device_fault", "def device_fualt", "has no `device_fault`"),
    "wrong signature": (
        "def invalidate_range_end(self, range)",
        "def invalidate_range_end(self, start, end)",
        "takes (self, start, end), but is called with (self, range)",
    ),
    "raises at import": ("class Mirror", "raise RuntimeError('no')\nclass Mirror", "RuntimeError"),
    "raises in __init__": ("Mutex()", "Mutx()", "NameError"),
}


@pytest.mark.parametrize("mistake", DRIVERS)
def test_a_bad_driver(run, mirror, mistake: str) -> None:
    """file:line:column, what is wrong, the number of mistakes; no traceback, no JSON."""
    old, new, words = DRIVERS[mistake]
    done = run("check", mirror(old, new), "--operations", "munmap", "--json", "out.json")
    assert done.exit_code == 2, done.output
    assert re.search(r"^mine\.py:\d+:\d+: error: ", done.stderr, re.MULTILINE)
    assert words in done.stderr
    assert re.search(r"^\d+ errors?$", done.stderr, re.MULTILINE)
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert os.listdir() == ["mine.py"]


def test_mistakes_of_all_files_at_once(run, mirror) -> None:
    """Two files, two mistakes, one run."""
    first = mirror("def device_fault", "def device_fualt", name="a.py")
    second = mirror("with self.lock:", "with self.lock", name="b.py")
    done = run("check", first, second)
    assert done.exit_code == 2
    assert "a.py:6:1: error:" in done.stderr
    assert "b.py:17:" in done.stderr
    assert done.stderr.endswith("2 errors\n")


@pytest.mark.parametrize(
    ("words", "error", "help"),
    [
        ("chek kvm", "there is no command `chek`; did you mean `check`?", "shootdown --help"),
        ("check", "missing argument 'TARGET...'", "shootdown check --help"),
        ("check kvm --bogus", "no such option", "shootdown check --help"),
        ("check nope.py", "cannot read nope.py: No such file or directory", ""),
        ("check naive-tbl", "there is no driver `naive-tbl`", "did you mean naive-tlb?"),
        ("check kvm --kernel six", "`six` is not a kernel version", "6.6"),
        ("check kvm --kernel 2.6.3", "kernel 2.6.3 is not modelled", "the nearest is 2.6.27"),
        ("check kvm --kernel 7.0", "kernel 7.0 is not modelled", "the nearest is 6.19"),
        ("check kvm --kernel 6.4+tlb", "nobody proposed `tlb`", "short_circuit, tlb_notifier"),
        ("check kvm --kernel 6.6+tlb_notifier", "does not go with Linux 6.6", "3.19 to 6.5"),
        (
            "check kvm --operations mmu_interval_notifier_insert",
            "mmu_interval_notifier_insert is for drivers with `invalidate`",
            "test-hmm",
        ),
        ("check sva --kernel 4.4", "sva cannot run on Linux 4.4", "it can run on 6.6 to "),
        ("check kvm --arch amr64", "there is no architecture `amr64`", "did you mean arm64?"),
        ("check kvm --operations mumap", "there is no operation `mumap`", "did you mean munmap?"),
        ("check kvm --operations ,", "--operations names nothing", "munmap"),
        ("check kvm --memory lots", "`lots` is not a size", "shootdown check --help"),
        ("check kvm --time nan", "`nan` is no number of seconds", "shootdown check --help"),
        ("check kvm --checkpoint-every 3", "--checkpoint-every without", "--checkpoint FOLDER"),
        ("check kvm --pages 0", "invalid value for '--pages'", "shootdown check --help"),
        ("check kvm --json no/x.json", "cannot write no/x.json: No such file", "choose a file"),
        ("check kvm --json .", "cannot write .: Is a directory", "choose a file"),
        ("record -o t.parquet", "no command to record", "after `--`"),
        ("record -- true", "missing option '-o'", "shootdown record --help"),
        ("record -o t.parquet -- nosuchcommand", "command not found: `nosuchcommand`", "PATH"),
        ("record -o no/t.parquet -- true", "the trace cannot be written", "choose a file"),
        ("import nope -o t.parquet", "the text of strace cannot be read", ""),
    ],
)
def test_a_bad_command_line(run, words: str, error: str, help: str) -> None:
    """`error:` and `help:` on standard error, nothing else anywhere."""
    done = run(*words.split())
    assert done.exit_code == 2, done.output
    assert "error: " in done.stderr
    assert error in done.stderr
    assert help in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert os.listdir() == []


def test_unwritable_json_is_found_before_the_search(run, monkeypatch) -> None:
    """Nobody waits an hour to hear that a directory does not exist."""

    def search(*_: object) -> None:
        raise AssertionError("searched")

    monkeypatch.setattr("shootdown.cli.check.check_on_cores", search)
    assert run("check", "kvm", "--json", "no/x.json").exit_code == 2


def test_our_bug(run, monkeypatch, tmp_path: Path, mirror) -> None:
    """Exit 70, said to be ours, with a file that has traceback, versions, command and driver."""

    def broken(*_: object) -> None:
        raise RuntimeError("unexpected")

    reports = tmp_path / "reports"
    reports.mkdir()
    monkeypatch.setattr("shootdown.cli.check.check_on_cores", broken)
    monkeypatch.setattr("tempfile.tempdir", str(reports))
    done = run("check", mirror())
    assert done.exit_code == 70
    assert (
        "this is a bug in shootdown, not in your driver (RuntimeError: unexpected)" in done.stderr
    )
    assert "Traceback" not in done.stderr
    [path] = reports.glob("shootdown-bug-*/report.txt")
    assert str(path) in done.stderr
    text = path.read_text()
    for part in ("command: shootdown check mine.py", "Traceback", "llvmlite ", "class Mirror"):
        assert part in text


def documented(start: str, end: str) -> str:
    text = (Path(__file__).parents[2] / "docs" / "check.md").read_text(encoding="utf-8")
    return text.partition(start)[2].partition(end)[0]


@pytest.mark.parametrize("mistake", DRIVERS)
def test_editors_find_the_place(run, mirror, mistake: str) -> None:
    """The expressions in docs/check.md match the first line of a refusal, and no line that is not
    the head of one: its numbers are those of the first mistake."""
    old, new, _ = DRIVERS[mistake]
    done = run("check", mirror(old, new), "--operations", "munmap")
    plain = documented("```text\n", "\n```").replace("(?<", "(?P<")
    pattern = json.loads(f"{{{documented('```json', '```')}}}")["problemMatcher"]["pattern"]
    lines = done.stderr.splitlines()
    heads = [line for line in lines if re.match(plain, line)]
    assert heads[0] == lines[0]
    assert len(heads) == int(lines[-1].split()[0])
    assert [line for line in lines if re.match(pattern["regexp"], line)] == heads
    match, code = re.match(plain, lines[0]), re.match(pattern["regexp"], lines[0])
    assert match is not None and code is not None
    assert match["file"] == code[pattern["file"]] == "mine.py"
    assert match["severity"] == code[pattern["severity"]] == "error"
    assert match["message"] == code[pattern["message"]]
    source = Path("mine.py").read_text().splitlines()
    assert 1 <= int(match["line"]) <= len(source)
    assert code[pattern["column"]] == match["column"] != "0"
