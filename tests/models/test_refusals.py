"""What is wrong with a model, said before anything is compiled."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from shootdown.cli.main import shootdown
from shootdown.lang.errors import ModelError
from shootdown.scenarios.errors import TargetError
from shootdown.scenarios.target import find_drivers, find_targets

GOOD = """
from shootdown import Array, Flag, Int, Model, thread


class Good(Model):
    def __init__(self):
        self.n = Int(0, 1)

    @thread
    def run(self):
        self.n = 1
        assert self.n == 1
"""

DRIVER = """
from shootdown import Driver, Iommu, INVALID


class Flusher(Driver):
    hardware = Iommu

    def arch_invalidate_secondary_tlbs(self, range):
        self.device.flush(range)

    def device_fault(self, page, write):
        return INVALID
"""


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports show paths relative to the current folder."""
    monkeypatch.chdir(tmp_path)


def write(text: str, name: str = "m.py") -> str:
    """A file in the current folder."""
    Path(name).write_text(text, encoding="utf-8")
    return name


def mistakes(text: str) -> list[tuple[str, str]]:
    """`line:column: message` and help of everything that is wrong with a file."""
    with pytest.raises(ModelError) as refusal:
        find_targets(write(text))
    return [
        (f"{d.where.line}:{d.where.column + 1}: {d.message}", d.help)
        for d in refusal.value.diagnostics
    ]


def run(*words: str) -> Result:
    """The command line."""
    return CliRunner().invoke(shootdown, list(words))


def test_no_thread() -> None:
    """A model in which nobody runs has nothing to check."""
    assert mistakes(GOOD.replace("    @thread\n", "")) == [
        (
            "5:1: model `Good` has no thread",
            "write `@thread` above the method that a thread runs, `@thread(2)` for two threads",
        )
    ]


@pytest.mark.parametrize(
    ("mark", "given", "message"),
    [
        ("@thread", "(self, me)", "`run` takes (self, me), but is called with (self)"),
        ("@thread(2)", "(self)", "`run` takes (self), but is called with (self, me)"),
        ("@thread(1)", "(self, *me)", "`run` takes (self), but is called with (self, me)"),
        ("@thread(daemon=True)", "(self, a, b)", "`run` takes (self, a, b), but is called with"),
    ],
)
def test_wrong_parameters(mark: str, given: str, message: str) -> None:
    """A numbered thread takes its number, one that is alone takes nothing."""
    text = GOOD.replace("@thread", mark).replace("run(self)", f"run{given}")
    ((found, help),) = mistakes(text)
    assert message in found
    assert help.startswith("write `def run(self")


def test_an_init_that_needs_arguments() -> None:
    """Nobody would give them; defaults are fine."""
    text = GOOD.replace("__init__(self)", "__init__(self, size, *, depth, width=2)")
    assert mistakes(text) == [
        (
            "6:5: `Good` cannot be made: its __init__ needs size, depth",
            "give every parameter a default; a subclass can call super().__init__(…) with others",
        )
    ]
    ((name, _),) = find_targets(write(GOOD.replace("__init__(self)", "__init__(self, n=2)")))
    assert name == "m.py:Good"


def test_two_threads_of_one_name() -> None:
    """`run0` is the first of two called run, and a method."""
    text = GOOD.replace("    @thread\n    def run(self)", "    @thread(2)\n    def run(self, me)")
    text += "\n    @thread\n    def run0(self):\n        pass\n"
    assert mistakes(text) == [("15:5: two threads are called `run0`", "rename the method")]


@pytest.mark.parametrize("count", ["0", "-1", "'two'", "True", "1.5"])
def test_a_number_of_threads_that_is_none(count: str) -> None:
    """Refused at the decorator."""
    ((found, _),) = mistakes(GOOD.replace("@thread", f"@thread({count})"))
    assert found.startswith("9:")
    assert "the number of threads is 1 to 64" in found


def test_an_array_without_elements() -> None:
    """Found when the model is made, at the line that makes it."""
    text = GOOD.replace("Int(0, 1)", "Array(Flag, 0)").replace("self.n = 1", "self.n[0] = True")
    write(text)
    done = run("check", "m.py")
    assert done.exit_code == 2
    assert "m.py:7:9: error: the file raises ValueError: Array(…, 0)" in done.stderr


def test_an_array_of_linux() -> None:
    """A model has no pages that something could be for each of."""
    text = GOOD.replace("Array,", "Array, PerPage,").replace("Int(0, 1)", "PerPage(Flag)")
    done = run("check", write(text.replace("self.n = 1", "self.n[0] = True")))
    assert done.exit_code == 2
    assert "m.py:7:9: error: the file raises TypeError: a model has no pages" in done.stderr


def test_statements_outside_the_language() -> None:
    """All of them, in whatever thread reaches them."""
    text = GOOD.replace("self.n = 1\n", "import os\n        x = {i for i in range(2)}\n")
    heads = [found for found, _ in mistakes(text)]
    assert heads == [
        "11:9: `import` inside a method is not part of the language",
        "12:13: a set comprehension is not part of the language",
    ]


def test_drivers_and_models_in_one_file() -> None:
    """Both are targets, in their order; who needs a driver gets drivers only."""
    file = write(GOOD + DRIVER)
    assert [name for name, _ in find_targets(file)] == ["m.py:Good", "m.py:Flusher"]
    assert [name for name, _ in find_drivers(file)] == ["m.py:Flusher"]
    done = run("check", file, "--json", "-")
    assert done.exit_code in (0, 1)
    model, driver = done.stdout.splitlines()
    assert '"target":"m.py:Good","kernel":null,"arch":null' in model
    assert '"target":"m.py:Flusher","kernel":"6.19","arch":"x86"' in driver


def test_a_file_without_either() -> None:
    """What could have been there is named."""
    with pytest.raises(TargetError) as refusal:
        find_targets(write("from shootdown import Driver, Model\n"))
    assert (str(refusal.value), refusal.value.help) == (
        "m.py has no driver or model",
        "write `class Name(Driver):` or `class Name(Model):`, imported from shootdown",
    )


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ("--kernel 6.6", "kernel"),
        ("--operations munmap", "operations"),
        ("--pairs", "pairs"),
        ("--pages 2", "pages"),
        ("--devices 1", "devices"),
        ("--cpus 0", "cpus"),
        ("--pages 3 --cpus 1", "pages"),
    ],
)
def test_options_about_linux(options: str, word: str) -> None:
    """Refused when they are given, even with the value they would have anyway."""
    done = run("check", write(GOOD), *options.split())
    assert done.exit_code == 2
    assert f"error: m.py:Good is a model, which has no {word}" in done.stderr
    assert "help: leave out --" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "options", ["--workers 2", "--engine python", "--no-merge", "--states 100", "--verbose"]
)
def test_options_that_go_with_a_model(options: str) -> None:
    """Those about the search mean the same as for a driver."""
    done = run("check", write(GOOD), *options.split())
    assert done.exit_code == 0, done.output
    assert "m.py:Good holds: no interleaving breaks a rule" in done.stdout


@pytest.mark.parametrize("option", ["--show-program", "--show-layout"])
def test_looking_inside(option: str) -> None:
    """A model has a program and a layout like any driver."""
    done = run("check", write(GOOD), option)
    assert done.exit_code == 0
    assert done.stdout.startswith("m.py:Good, Good\n")
