"""The compiled model, kept between processes beside its machine code.

It is large: compiling it takes ten seconds, reading it one. Its name is a digest of every source
file that it could depend on.
"""

from __future__ import annotations

import hashlib
import pickle
from functools import cache
from pathlib import Path

import shootdown
from shootdown.conform.system import ProcessSystem
from shootdown.machine.native.cache import cached, forget_all_but
from shootdown.program.program import Program

_PARTS = ("conform", "devices", "lang", "linux", "machine", "program", "rules")
KEPT = 8
"""compiled models"""


@cache
def digest() -> str:
    """Of the sources."""
    found = hashlib.sha256()
    root = Path(shootdown.__file__).parent
    for part in _PARTS:
        for file in sorted((root / part).rglob("*.py")):
            found.update(str(file.relative_to(root)).encode())
            found.update(file.read_bytes())
    return found.hexdigest()[:32]


def kept_program() -> Program:
    """The program of a process, compiled unless it is kept."""
    data = cached(f"process-{digest()}", lambda: pickle.dumps(ProcessSystem().compile()))
    forget_all_but(KEPT, "process-")
    program: Program = pickle.loads(data)
    return program
