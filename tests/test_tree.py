"""The tree is its own index: what a package holds, its docstring says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import shootdown

ROOT = Path(shootdown.__file__).parent
ONE_EACH = {"drivers", "linux/operations", "linux/syscalls"}
"""a module for each thing of a kind, named like it: a catalogue lists them, or the kernel does"""
PACKAGES = sorted(
    str(path.parent.relative_to(ROOT))
    for path in ROOT.rglob("__init__.py")
    if path.parent != ROOT and str(path.parent.relative_to(ROOT)) not in ONE_EACH
)


def test_packages_are_found() -> None:
    """Nothing below is true of an empty list."""
    assert {"cli", "linux", "linux/notifiers", "machine/native"} <= {*PACKAGES}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_is_named(package: str) -> None:
    """In the docstring of its package; who adds a file says there what it is."""
    text = ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text("utf-8")))
    assert text is not None
    held = {path.stem for path in (ROOT / package).glob("*.py")} - {"__init__"}
    assert held - {*re.findall(r"\w+", text)} == set()
