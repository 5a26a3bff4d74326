"""What a user can name, and every way in which it can be wrong."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import pytest

from shootdown.drivers.catalogue import DRIVERS
from shootdown.lang.errors import ModelError
from shootdown.scenarios.check import check_request
from shootdown.scenarios.driver_request import Request
from shootdown.scenarios.question import Settings, ask
from shootdown.scenarios.target import TargetError, find_drivers, find_targets

GOOD = """
from shootdown import Driver, Iommu, INVALID, ShadowMmu, PerPage, Pte, EMPTY


class Good(Driver):
    hardware = Iommu

    def invalidate_range(self, range):
        self.device.flush(range)

    def device_fault(self, page, write):
        return INVALID
"""


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports show paths relative to the current folder."""
    monkeypatch.chdir(tmp_path)


def write(text: str | bytes, name: str = "driver.py") -> str:
    """A file in the current folder."""
    path = Path(name)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return name


def target_error(target: str) -> tuple[str, str]:
    """Message and help of a refused target."""
    with pytest.raises(TargetError) as refusal:
        find_drivers(target)
    again = pickle.loads(pickle.dumps(refusal.value))
    assert (str(again), again.help) == (str(refusal.value), refusal.value.help)
    return str(refusal.value), refusal.value.help


def model_errors(target: str) -> list[str]:
    """What is wrong with a file, as an editor would see it."""
    with pytest.raises(ModelError) as refusal:
        find_drivers(target)
    return [diagnostic.render() for diagnostic in refusal.value.diagnostics]


@pytest.mark.parametrize("name", DRIVERS)
def test_shipped_drivers_by_name(name: str) -> None:
    """A name of the catalogue is its driver."""
    assert find_drivers(name) == [(name, DRIVERS[name])]


def test_an_unknown_name() -> None:
    """The refusal knows the nearest name, and all of them."""
    names = ", ".join(DRIVERS)
    rest = f"shipped drivers are {names}; a file is given as path/to/file.py"
    assert target_error("kmv") == ("there is no driver `kmv`", f"did you mean kvm? {rest}")
    assert target_error("xyz") == ("there is no driver `xyz`", rest)
    assert target_error("") == ("there is no driver ``", rest)


def test_a_file_and_a_class_in_it() -> None:
    """A file stands for all its drivers in order, `file.py:Class` for one; imported ones do not
    count."""
    text = GOOD + "\n\nclass Other(Good):\n    pass\n\n\nfrom shootdown.drivers.kvm import Kvm\n"
    file = write(text)
    assert [name for name, _ in find_drivers(file)] == ["driver.py:Good", "driver.py:Other"]
    ((name, driver),) = find_drivers(f"{file}:Other")
    assert (name, driver.__name__) == ("driver.py:Other", "Other")


def test_a_missing_file() -> None:
    """What the system says, with the path."""
    assert target_error("missing.py") == (
        "cannot read missing.py: No such file or directory",
        "",
    )
    Path("folder.py").mkdir()
    assert target_error("folder.py")[0] == "cannot read folder.py: Is a directory"


def test_a_file_that_is_not_text() -> None:
    """The first byte that is not UTF-8 is named."""
    file = write(b"# caf\xe9\n")
    assert target_error(file) == ("driver.py is not UTF-8 text (byte 5)", "")


def test_a_file_without_a_driver() -> None:
    """An import of Driver is not a driver."""
    file = write("from shootdown import Driver\n")
    assert target_error(file) == (
        "driver.py has no driver",
        "write `class Name(Driver):` with `from shootdown import Driver`",
    )
    assert target_error(f"{file}:Good") == (
        "driver.py has no driver `Good`",
        "it has no Driver subclass",
    )


def test_a_class_that_is_not_there() -> None:
    """The classes that are there are listed."""
    file = write(GOOD)
    assert target_error(f"{file}:Bad") == ("driver.py has no driver `Bad`", "it has Good")


def test_a_syntax_error() -> None:
    """Line, column and text of what is not Python."""
    assert model_errors(write("x = 1\ndef f(:\n    pass\n")) == [
        "driver.py:2:7: error: this is not Python: invalid syntax\n"
        "     2 | def f(:\n"
        "       |       ^"
    ]


def test_a_null_byte() -> None:
    """What Python cannot even parse is a diagnostic too."""
    (error,) = model_errors(write("x = 1\0\n"))
    assert error.startswith("driver.py:1:")
    assert "this is not Python: source code" in error


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "import missing_module\n",
            "driver.py:1:1: error: the file raises ModuleNotFoundError: "
            "No module named 'missing_module'\n"
            "     1 | import missing_module\n"
            "       | ^^^^^^^^^^^^^^^^^^^^^",
        ),
        (
            "def f():\n    return 1 // 0\n\n\nf()\n",
            "driver.py:2:5: error: the file raises ZeroDivisionError: "
            "integer division or modulo by zero\n"
            "     2 |     return 1 // 0\n"
            "       |     ^^^^^^^^^^^^^",
        ),
        (
            "raise SystemExit(3)\n",
            "driver.py:1:1: error: the file raises SystemExit: 3\n"
            "     1 | raise SystemExit(3)\n"
            "       | ^^^^^^^^^^^^^^^^^^^",
        ),
    ],
)
def test_a_file_that_raises(text: str, expected: str) -> None:
    """What a file raises while it is imported is shown at the line of the file that led to it."""
    (error,) = model_errors(write(text))
    assert error == expected


def test_a_driver_that_raises_when_it_is_made() -> None:
    """`__init__` runs in Python: its exception is a diagnostic at its line."""
    body = "\n    def __init__(self, mm):\n        super().__init__(mm)\n        self.x = [][1]\n"
    ((_, driver),) = find_drivers(write(GOOD + body))
    (scenario, *_) = Request(driver, "driver.py:Good", (4, 15, 0)).cases
    with pytest.raises(ModelError) as refusal:
        scenario.program()
    (diagnostic,) = refusal.value.diagnostics
    assert diagnostic.message == "the file raises IndexError: list index out of range"
    assert (diagnostic.where.line, diagnostic.where.text) == (16, "        self.x = [][1]")


def test_a_driver_without_a_fault_handler() -> None:
    """Every driver needs device_fault."""
    text = GOOD[: GOOD.index("    def device_fault")]
    assert model_errors(write(text)) == [
        "driver.py:5:1: error: driver `Good` has no `device_fault`\n"
        "     5 | class Good(Driver):\n"
        "       | ^^^^^^^^^^^^^^^^^^^\n"
        "  help: write `def device_fault(self, page, write):`, called when the device faults"
    ]


def test_a_driver_without_a_callback() -> None:
    """A name that is almost right is pointed out; otherwise all are listed."""
    near = GOOD.replace("invalidate_range(", "invalidate_ranges(")
    (error,) = model_errors(write(near))
    assert error.splitlines()[0] == "driver.py:5:1: error: driver `Good` has no notifier callback"
    assert error.splitlines()[-1] == (
        "  help: `invalidate_ranges` is not a callback; did you mean `invalidate_range`?"
    )
    far = GOOD.replace("invalidate_range(", "flush(")
    (error,) = model_errors(write(far, "far.py"))
    assert error.splitlines()[-1] == (
        "  help: implement one of invalidate_range_start, invalidate_range_end, "
        "invalidate_range, arch_invalidate_secondary_tlbs"
    )


def test_all_mistakes_at_once() -> None:
    """An empty driver lacks two things, and hears of both."""
    text = "from shootdown import Driver\n\n\nclass Empty(Driver):\n    pass\n"
    heads = [error.splitlines()[0] for error in model_errors(write(text))]
    assert heads == [
        "driver.py:4:1: error: driver `Empty` has no `device_fault`",
        "driver.py:4:1: error: driver `Empty` has no notifier callback",
    ]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("(self)", "(self)"),
        ("(self, start, end)", "(self, start, end)"),
        ("(self, *range)", "(self)"),
        ("(self, range, **more)", "(self, range)"),
    ],
)
def test_wrong_parameters(given: str, shown: str) -> None:
    """The number of parameters is the kernel's; the signature to write is shown."""
    text = GOOD.replace("invalidate_range(self, range)", f"invalidate_range{given}")
    (error,) = model_errors(write(text))
    lines = error.splitlines()
    assert lines[0].endswith(f"`invalidate_range` takes {shown}, but is called with (self, range)")
    assert lines[-1] == "  help: write `def invalidate_range(self, range):`"


def test_names_of_parameters_are_free() -> None:
    """Only their number counts."""
    text = GOOD.replace("(self, range):\n        self.device.flush(range)", "(me, r): pass")
    ((name, _),) = find_drivers(write(text))
    assert name == "driver.py:Good"


def test_a_shadow_mmu_without_a_table() -> None:
    """A device that walks its own page table needs one; found when the driver is made."""
    text = GOOD.replace("    hardware = Iommu\n", "").replace("return INVALID", "pass")
    ((_, driver),) = find_drivers(write(text))
    (scenario, *_) = Request(driver, "driver.py:Good", (4, 15, 0)).cases
    with pytest.raises(ModelError) as refusal:
        scenario.program()
    (diagnostic,) = refusal.value.diagnostics
    assert diagnostic.message == "driver `Good` has no `table` for its device to walk"
    assert diagnostic.help == (
        "declare `self.table = PerPage(Pte)` in __init__, "
        "or say `hardware = Iommu` if the device walks the CPU's table"
    )


def test_a_file_is_read_again_when_it_changed() -> None:
    """Loading a path twice gives what it holds now, not what it held."""
    file = write(GOOD)
    find_drivers(file)
    write(GOOD.replace("class Good", "class Better"))
    assert [name for name, _ in find_drivers(file)] == ["driver.py:Better"]


def test_a_file_may_import_those_beside_it(tmp_path: Path) -> None:
    """Each from its own folder, though they have the same name; and from nowhere else later."""
    for folder, expected in (("holds", 1), ("breaks", 2)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "common.py").write_text(COMMON.format(expected))
        (tmp_path / folder / "model.py").write_text(IMPORTING)
    verdicts = [
        [result.verdict for result in check_request(ask(*found, Settings()))]
        for folder in ("holds", "breaks")
        for found in find_targets(str(tmp_path / folder / "model.py"))
    ]
    assert verdicts == [["holds"], ["violated"]]
    assert "common" not in sys.modules
    assert str(tmp_path / "breaks") not in sys.path


COMMON = """
from shootdown import Int, Part

class Box(Part):
    def __init__(self):
        self.n = Int(0, 3)

    def fill(self):
        self.n = {}
"""

IMPORTING = """
from common import Box
from shootdown import Model, thread

class Filled(Model):
    def __init__(self):
        self.box = Box()

    @thread
    def run(self):
        self.box.fill()
        assert self.box.n == 1
"""
