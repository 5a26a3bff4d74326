"""Code in a process of its own that gave up all rights."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
NOBODY = 65534


def run_as_nobody(code: str) -> str:
    """What the code prints. It imports first, since nobody may not read everything."""
    if os.geteuid() != 0:
        pytest.skip("only root can give up its rights")
    drop = f"import os; os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})"
    imports, _, rest = code.partition("\n\n")
    done = subprocess.run(
        [sys.executable, "-c", f"{imports}\n{drop}\n{rest}"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )
    if "PermissionError" in done.stderr:
        pytest.skip("this root may not give up its rights (CAP_SETUID)")
    assert done.returncode == 0, done.stderr
    return done.stdout
