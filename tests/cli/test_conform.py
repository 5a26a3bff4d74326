"""`shootdown conform`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from conform.models import RECORDED, Ignorant, Mistaken, Replaying, without_blocks
from conform.test_campaign import Forgetful, Kernel, means  # noqa: F401 - a fixture
from shootdown.cli import conform_task
from shootdown.conform.model import ProgramModel
from shootdown.live.errors import MissingMeansError
from shootdown.live.programs import read_programs

AGAINST = ("conform", "--against", str(RECORDED), "--workers", "2")


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], ProgramModel]], None]:
    """Have the command use this model."""
    return lambda make: monkeypatch.setattr(conform_task, "load_model", make)


def test_agreement(run, model) -> None:
    """All of a file, without a kernel."""
    model(Replaying)
    done = run(*AGAINST, "--json", "found.json")
    assert done.exit_code == 0, done.output
    assert f"programs recorded in {RECORDED} on Linux 6.18.44" in done.output
    assert "40 of 40 programs agree, 0 do not" in done.output
    assert json.loads(Path("found.json").read_text())["agree"] == 40


def test_disagreement(run, model) -> None:
    """Exit 1; examples as many as asked for, the others counted."""
    model(partial(Mistaken, without_blocks))
    done = run(*AGAINST)
    assert done.exit_code == 1
    assert "38 of 40 programs agree, 2 do not" in done.output
    assert done.output.count("+ kernel  [0,512) __split_huge_pmd") == 2
    done = run(*AGAINST, "--show", "1", "--json", "-")
    assert len(json.loads(done.stdout)["disagreements"]) == 1
    assert "mmap_anon: ranges, in 1 program: 28" in done.stderr


def test_some_programs(run, model) -> None:
    """By number and by profile."""
    model(Replaying)
    assert "2 of 2 programs agree" in run(*AGAINST, "--only", "7,28").output
    assert "3 of 3 programs agree" in run(*AGAINST, "--only", "0-2").output
    assert "5 of 5 programs agree" in run(*AGAINST, "--profile", "thp").output


def test_unsupported(run, model) -> None:
    """No agreement, and said."""
    model(partial(Ignorant, "mremap"))
    done = run(*AGAINST)
    assert done.exit_code == 3
    assert "not compared to the end, unsupported: mremap is not modelled" in done.output


def test_time(run, model) -> None:
    """What was not begun is said, and is no agreement."""
    model(Replaying)
    done = run(*AGAINST, "--time", "0.000001")
    assert done.exit_code == 3
    assert "39 programs not begun when the time was over" in done.output
    assert "1 of 1 program agree" in done.output


@pytest.mark.usefixtures("means")
def test_live(run, model) -> None:
    """Random programs, recorded, compared with the record, run again from it."""
    model(Kernel)
    done = run("conform", "--programs", "6", "--seed", "3", "--record", "r.jsonl")
    assert done.exit_code == 0, done.output
    assert "random programs of seed 3 on Linux" in done.output
    recordings = list(read_programs(Path("r.jsonl")))
    assert [each.program.id for each in recordings] == list(range(6))
    meta = json.loads(Path("r.jsonl").read_text().splitlines()[0])["meta"]
    assert (meta["seed"], meta["runs"]) == (3, 2)
    again = run("conform", "--from", "r.jsonl")
    assert again.exit_code == 0, again.output
    model(partial(Replaying, recordings))
    assert run("conform", "--against", "r.jsonl").exit_code == 0


@pytest.mark.usefixtures("means")
def test_live_disagreement(run, model) -> None:
    """Shrunk to what it takes."""
    shutil.copy(RECORDED, "programs.jsonl")
    model(Forgetful)
    done = run("conform", "--from", "programs.jsonl", "--only", "28")
    assert done.exit_code == 1
    assert "a smallest program" in done.output
    assert "madvise" not in done.output.partition("program 28, ")[2].partition("before")[0]
    assert "+ kernel  [0,512) __split_huge_pmd" in done.output


def test_missing_means(run, model, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing, how to get it, and what works without."""

    def refuse() -> None:
        raise MissingMeansError("/dev/kvm is not there", "to have a notifier", "modprobe kvm")

    model(Replaying)
    monkeypatch.setattr(conform_task, "check_means", refuse)
    done = run("conform")
    assert done.exit_code == 2
    assert done.stderr == (
        "error: /dev/kvm is not there; it is needed to have a notifier\n"
        "help: modprobe kvm; `--against FILE` compares with recorded programs and needs none of "
        "it\n"
    )
    assert run(*AGAINST).exit_code == 0


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("--profile annon", "there is no profile `annon`\nhelp: did you mean `anon`?"),
        ("--programs 0", "0 is not in the range"),
        ("--time nan", "`nan` is no number of seconds"),
        ("--only 3-1", "`3-1` are no numbers"),
        ("--only x", "`x` is no list of numbers"),
        ("--against none.jsonl", "cannot read none.jsonl: No such file"),
        ("--from none.jsonl", "cannot read none.jsonl: No such file"),
        ("--against bad.jsonl", "bad.jsonl:2: there is no operation 'mumap'; did you mean 'munm"),
        ("--from bad.jsonl", "bad.jsonl:2: there is no operation 'mumap'"),
        ("--against meta.jsonl", "meta.jsonl:1: `meta` does not say kernel, machine"),
        ("--against empty.jsonl", "empty.jsonl has no such program"),
        ("--against binary.jsonl", "binary.jsonl:1: no JSON"),
        ("--against a --from b", "--from does not go with --against"),
        ("--against a --record b", "--record does not go with --against"),
        ("--against a --seed 1", "--seed does not go with --against"),
        ("--from a --seed 1", "--seed does not go with --from"),
        ("--json - --record -", "cannot both be standard output"),
        ("--record /nowhere/x", "cannot write /nowhere/x"),
    ],
)
def test_bad_input(run, model, words: str, error: str) -> None:
    """What is wrong, in one message, before anything runs."""
    model(Replaying)
    first, second, *_ = RECORDED.read_text().splitlines()
    Path("bad.jsonl").write_text(first + "\n" + second.replace("munmap", "mumap") + "\n")
    Path("meta.jsonl").write_text('{"meta": {}}\n' + second + "\n")
    Path("empty.jsonl").write_text(first + "\n")
    Path("binary.jsonl").write_bytes(bytes(range(256)))
    done = run("conform", *words.split())
    assert done.exit_code == 2
    assert error in done.stderr
    assert done.stderr.startswith("error: ")
