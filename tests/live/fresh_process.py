"""A function in a forked process: what it returns comes back, what it maps does not."""

from __future__ import annotations

import os
import pickle
import traceback
from collections.abc import Callable
from typing import Any


def in_fresh_process(function: Callable[[], Any]) -> Any:
    """What the function returns; its traceback as an AssertionError."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            with os.fdopen(writer, "wb") as file:
                pickle.dump(_try(function), file)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        data = file.read()
    os.waitpid(pid, 0)
    succeeded, value = pickle.loads(data)
    assert succeeded, value
    return value


def _try(function: Callable[[], Any]) -> tuple[bool, Any]:
    try:
        return True, function()
    except Exception:
        return False, traceback.format_exc()
