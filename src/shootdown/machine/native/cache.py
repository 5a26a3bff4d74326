"""Where the machine code of the search loop is kept between processes.

`$XDG_CACHE_HOME/shootdown/code`, or `~/.cache/shootdown/code`, and there a folder for each
*edition*: the text of this package, the version of LLVM, the processor and what it can do. So code
made for anything else is never even looked at. Each file carries a checksum over its edition, its
name and itself; a file that does not fit is treated as if it were not there, and made anew. Whoever
cannot write makes the code each time. Of several processes that lack the same code one makes it,
and the others wait.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from shootdown.machine.native.jit import describe_host

_MAGIC = b"shootdown code 1\n"
_SUM_SIZE = hashlib.sha256().digest_size


def cached(name: str, make: Callable[[], bytes]) -> bytes:
    """The code of this name: from the cache if it is there and whole, else made, and kept."""
    path = folder() / name
    code = _read(path)
    if code is not None:
        return code
    with _alone(path):
        code = _read(path)
        if code is None:
            code = make()
            _write(path, code)
        return code


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """While nobody else makes the same, which may take half a minute. The lock is gone with the
    process that has it; where it cannot be had, everybody makes what they need."""
    lock = path.with_name(f".{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        yield
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        with suppress(OSError):
            os.unlink(lock)  # who waits for it has it open, and finds the code made
        os.close(file)


def forget_all_but(count: int, prefix: str) -> None:
    """Remove the files that begin so, but for the newest ones."""
    with suppress(OSError):
        files = sorted(folder().glob(f"{prefix}*"), key=lambda path: path.stat().st_mtime)
        for path in files[:-count]:
            path.unlink()


def folder() -> Path:
    """Where the code of this edition is kept."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "shootdown" / "code" / _edition()


@cache
def _edition() -> str:
    """A name for everything that machine code depends on."""
    digest = hashlib.sha256(describe_host().encode())
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _checksum(path: Path, code: bytes) -> bytes:
    said = f"{path.parent.name}/{path.name}\n".encode()
    return hashlib.sha256(said + code).digest()


def _read(path: Path) -> bytes | None:
    """The code in a file; None if there is none, or if it is not what was written."""
    try:
        whole = path.read_bytes()
    except OSError:
        return None
    start = len(_MAGIC) + _SUM_SIZE
    code = whole[start:]
    return code if whole[:start] == _MAGIC + _checksum(path, code) else None


def _write(path: Path, code: bytes) -> None:
    """Whole or not at all, whoever else may be writing the same."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_MAGIC + _checksum(path, code) + code)
            os.replace(temporary, path)
        except OSError:
            os.unlink(temporary)
