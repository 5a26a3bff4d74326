"""Machine code that is kept: when it is used again, and when it is made anew without a word."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from shootdown.machine.native import cache

SCRIPT = """
import sys
sys.path[:0] = {paths!r}
from machine import programs
from shootdown.machine.native import loops
from machine.searching import search
make, made = loops._make, []
loops._make = lambda *given: made.append(given) or make(*given)
result = search(programs.peterson())
heavy = [name for name in ("numpy", "shootdown.machine.native.translate") if name in sys.modules]
print(result.verdict, result.states, len(made), *heavy)
"""


def run(home: Path) -> str:
    """What a fresh process says that keeps its cache under `home`: the answer, how often the search
    was compiled, and what it loaded that takes long."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    script = SCRIPT.format(paths=[path for path in sys.path if path])
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stderr == ""
    return done.stdout.strip()


MADE, KEPT = "holds 58 1 shootdown.machine.native.translate", "holds 58 0"


def cut(path: Path) -> None:
    """Half of it."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    """One bit in the middle of the code is another."""
    code = bytearray(path.read_bytes())
    code[len(code) // 2] ^= 1
    path.write_bytes(code)


def empty(path: Path) -> None:
    """Nothing is left."""
    path.write_bytes(b"")


def unreadable(path: Path) -> None:
    """It is no file at all."""
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [cut, flip, empty])
def test_damaged_code_is_made_again(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    """Compiled once, used again; after damage compiled again, used again."""
    assert [run(tmp_path), run(tmp_path)] == [MADE, KEPT]
    (file,) = tmp_path.rglob("*.o")
    damage(file)
    assert [run(tmp_path), run(tmp_path)] == [MADE, KEPT]


def test_what_cannot_be_replaced_costs_time_only(tmp_path: Path) -> None:
    """A folder where the file should be, then a file where the folder should be."""
    run(tmp_path)
    (file,) = tmp_path.rglob("*.o")
    unreadable(file)
    assert [run(tmp_path), run(tmp_path)] == [MADE, MADE]
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert [run(blocked), run(blocked)] == [MADE, MADE]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own for this process."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def keep(name: str, code: bytes) -> tuple[bytes, bool]:
    """Ask for code that would be made as `code`: what comes, and whether it was made."""
    made: list[bytes] = []

    def make() -> bytes:
        made.append(code)
        return code

    return cache.cached(name, make), bool(made)


def test_another_edition_is_another_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another processor, another LLVM: what is there is not used, and stays."""
    assert keep("a.o", b"one") == (b"one", True)
    cache._edition.cache_clear()
    monkeypatch.setattr(cache, "describe_host", lambda: "another machine")
    assert keep("a.o", b"two") == (b"two", True)
    monkeypatch.undo()
    cache._edition.cache_clear()
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    assert keep("a.o", b"three") == (b"one", False)


def test_code_under_another_name_is_not_used(home: Path) -> None:
    """A file that was copied to where other code belongs, in this edition or from another."""
    keep("a.o", b"one")
    (file,) = home.rglob("a.o")
    file.with_name("b.o").write_bytes(file.read_bytes())
    assert keep("b.o", b"two") == (b"two", True)
    foreign = file.parent.parent / "0123456789abcdef" / "a.o"
    foreign.parent.mkdir()
    foreign.write_bytes(cache._MAGIC + cache._checksum(foreign, b"bad") + b"bad")
    file.write_bytes(foreign.read_bytes())
    assert keep("a.o", b"three") == (b"three", True)


def test_who_comes_second_waits(home: Path) -> None:
    """Code that takes long is made once, however many want it at the same time."""
    made: list[str] = []

    def make() -> bytes:
        made.append("first")
        second.start()
        second.join(0.2)
        return b"one"

    def come_second() -> None:
        found.append(cache.cached("a.o", lambda: made.append("second") or b"two"))

    found: list[bytes] = []
    second = threading.Thread(target=come_second)
    assert cache.cached("a.o", make) == b"one"
    second.join()
    assert (made, found) == (["first"], [b"one"])
    assert [path.name for path in cache.folder().iterdir()] == ["a.o"]
