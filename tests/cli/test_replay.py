"""`shootdown replay` and `shootdown demo`."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

DATA = Path(__file__).parents[1] / "traces" / "data"


@pytest.fixture
def trace(run) -> str:
    """A small trace in the current directory."""
    assert run("import", str(DATA / "fork.strace"), "-o", "t.parquet").exit_code == 0
    return "t.parquet"


def test_bill_of_two_drivers(run, trace: str) -> None:
    """Side by side on a terminal, and rows in JSON."""
    drivers = ("--driver", "sva", "--driver", "kvm")
    done = run("replay", trace, *drivers, "--kernel", "6.6", "--json", "bill.json")
    assert done.exit_code == 0, done.output
    assert "Linux 6.6" in done.output
    found = json.loads(Path("bill.json").read_text())
    assert found["format"] == "shootdown.bill/1"
    assert {row["driver"] for row in found["rows"]} == {"sva", "kvm"}
    for row in found["rows"]:
        assert isinstance(row["counts"], dict)
        assert row["nanoseconds"] is None


def test_another_architecture(run, trace: str) -> None:
    """Named in the bill; arm64 flushes in other places than x86, so other things are counted."""
    words = ("replay", trace, "--driver", "sva", "--kernel", "6.19", "--json", "bill.json")
    bills = {}
    for arch in ("x86", "arm64"):
        done = run(*words, "--arch", arch)
        assert done.exit_code == 0, done.output
        assert ("On arm64." in done.output) is (arch == "arm64")
        bills[arch] = json.loads(Path("bill.json").read_text())
        assert bills[arch]["arch"] == arch
    assert bills["x86"]["rows"] != bills["arm64"]["rows"]


def test_an_unknown_architecture(run, trace: str) -> None:
    """The nearest name is offered."""
    done = run("replay", trace, "--driver", "sva", "--arch", "arm")
    assert done.exit_code == 2
    assert "did you mean arm64?" in done.stderr


def test_engines_count_the_same(run, trace: str) -> None:
    """The Python reference and the compiled steps."""
    words = ("replay", trace, "--driver", "sva", "--touch", "2", "--json", "-", "--engine")
    rows = [json.loads(run(*words, engine).stdout)["rows"] for engine in ("native", "python")]
    assert rows[0] == rows[1]


def test_kernels_a_driver_does_not_fit(run, trace: str) -> None:
    """Left out with the reason, as long as one is left."""
    words = ("replay", trace, "--driver", "sva", "--kernel", "3.18")
    refused = run(*words)
    assert refused.exit_code == 2
    assert "sva cannot run on Linux 3.18" in refused.stderr
    done = run(*words, "--kernel", "6.6")
    assert done.exit_code == 0
    assert "sva is left out on Linux 3.18: kernel 3.18 never calls" in done.stderr


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("replay t.parquet", "missing option '--driver'"),
        ("replay no.parquet --driver sva", "the trace cannot be read"),
        ("replay bad.parquet --driver sva", "expected a whole Parquet file"),
        ("replay t.parquet --driver svb", "there is no driver `svb`"),
    ],
)
def test_bad_input(run, trace: str, words: str, error: str) -> None:
    """Exit 2 and a message."""
    Path("bad.parquet").write_text("hello")
    done = run(*words.split(), "--json", "bill.json")
    assert done.exit_code == 2
    assert error in done.stderr
    assert "Traceback" not in done.stderr
    assert not os.path.exists("bill.json")


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is missing")
def test_demo(run) -> None:
    """A violation, a driver that holds, a bill; exit 0 because all went as expected."""
    done = run("demo")
    assert done.exit_code == 0, done.output
    assert "naive-tlb on Linux 3.18 is violated" in done.output
    assert "amd-iommu-v2 on Linux 3.18 is violated" in done.output
    assert "sva on Linux 6.6 holds" in done.output
    assert "kvm on Linux 6.6 holds" in done.output
    assert "python.parquet: " in done.output
