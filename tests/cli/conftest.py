"""Running the command in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from shootdown.cli.main import shootdown

MIRROR = Path(__file__).parents[2] / "examples" / "01_mirror.py"

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run("check", "kvm")` in an empty directory."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(shootdown, list(words))


@pytest.fixture
def mirror(tmp_path: Path) -> Callable[..., str]:
    """The driver of the first example, with something replaced, as a file."""

    def write(old: str = "", new: str = "", name: str = "mine.py") -> str:
        text = MIRROR.read_text(encoding="utf-8")
        assert old in text
        (tmp_path / name).write_text(text.replace(old, new, 1) if old else text, encoding="utf-8")
        return name

    return write
