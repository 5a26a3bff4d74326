"""A function in a process of its own, forked for it: what it returns comes back, what it maps does
not stay."""

from __future__ import annotations

import os
import pickle
import traceback
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class ApartError(Exception):
    """The process died, or raised something that is told by its traceback."""


def apart(function: Callable[[], T]) -> T:
    """What the function returns.

    Raises:
        ApartError: if it raises, or its process ends before it has returned.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        _answer(function, reader, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        data = file.read()
    _, status = os.waitpid(pid, 0)
    if not data:
        raise ApartError(f"the process died with status {status}")
    succeeded, value = pickle.loads(data)
    if not succeeded:
        raise ApartError(value)
    answer: T = value
    return answer


def _answer(function: Callable[[], object], reader: int, writer: int) -> None:
    """The child's side, which never returns."""
    try:
        os.close(reader)
        try:
            answer = True, function()
        except BaseException:
            answer = False, traceback.format_exc()
        with os.fdopen(writer, "wb") as file:
            pickle.dump(answer, file)
    finally:
        os._exit(0)
