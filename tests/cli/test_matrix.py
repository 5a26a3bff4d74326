"""`shootdown matrix` as a user types it."""

from __future__ import annotations

import json

from .conftest import Run


def test_a_matrix_holds(run: Run) -> None:
    """Cells of the drivers that fit; a line for each operation and driver; JSON beside it."""
    chosen = ("--operations", "fork", "--kernels", "4.15,6.6", "--archs", "x86")
    done = run("matrix", *chosen, "--json", "m.json")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert [line.split()[:3] for line in lines[1:4]] == [
        ["fork", "kvm", "2"],
        ["fork", "invalidate-range", "1"],
        ["fork", "sva", "1"],
    ]
    assert lines[-1] == "4 hold, 0 are known bugs of their kernel, 0 are not as expected."
    with open("m.json", encoding="utf-8") as file:
        found = json.load(file)
    assert found["format"] == "shootdown.matrix/1"
    assert [cell["kernel"] for cell in found["cells"]] == ["4.15", "6.6", "4.15", "6.6"]


def test_a_broken_driver_is_not_as_expected(run: Run) -> None:
    """Exit status 1, and the line says where."""
    chosen = ("--drivers", "naive-tlb", "--operations", "munmap", "--kernels", "6.5")
    done = run("matrix", *chosen, "--archs", "x86")
    assert done.exit_code == 1
    assert "    violated freed-frame on 6.5 (x86)" in done.stdout.splitlines()


def test_nonsense_is_refused(run: Run) -> None:
    """An unknown driver or operation names the nearest; no cell at all is said."""
    for words, message in [
        (("--drivers", "kvn"), "kvm"),
        (("--operations", "munmop"), "did you mean munmap?"),
        (("--kernels", "5.x"), "is not a kernel version"),
        (("--archs", "arm65"), "did you mean arm64?"),
        (("--drivers", "sva", "--kernels", "4.15"), "there is no cell"),
    ]:
        done = run("matrix", *words)
        assert done.exit_code == 2, done.output
        assert message in done.stderr
        assert "Traceback" not in done.stderr
