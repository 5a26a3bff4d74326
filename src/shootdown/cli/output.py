"""Files that appear whole or not at all.

The temporary file beside the final place is made before the work begins, so that a path that cannot
be written is found out at once; it takes the name when the work is done. Devices and pipes
(`/dev/null`, `/dev/fd/3`) cannot be replaced and are written directly.
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from shootdown.cli.errors import InputError


class JsonOutput:
    """Lines of JSON to a file, to standard output (`-`), or nowhere (None)."""

    def __init__(self, target: str | None) -> None:
        self.to_stdout = target == "-"
        self._path = None if target is None or self.to_stdout else Path(os.path.realpath(target))
        self._shown = target or ""
        self._temporary: Path | None = None
        self._file: BinaryIO | None = None

    def __enter__(self) -> JsonOutput:
        if self._path is not None:
            try:
                self._file = self._open(self._path)
            except OSError as error:
                raise self._refusal(error) from None
        return self

    def _open(self, path: Path) -> BinaryIO:
        if path.exists() and not path.is_file():
            return open(path, "wb")
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError(13, "Permission denied")
        number, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        self._temporary = Path(name)
        return os.fdopen(number, "wb")

    def write(self, line: bytes) -> None:
        """One line of JSON."""
        if self.to_stdout:
            sys.stdout.flush()
            sys.stdout.write(line.decode() + "\n")
            sys.stdout.flush()
        elif self._file is not None:
            try:
                self._file.write(line + b"\n")
                self._file.flush()
            except OSError as error:
                raise self._refusal(error) from None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is None:
            return
        try:
            if kind is None:
                self._keep(self._file)
        except OSError as problem:
            raise self._refusal(problem) from None
        finally:
            with suppress(OSError):
                self._file.close()
            if self._temporary is not None:
                self._temporary.unlink(missing_ok=True)

    def _keep(self, file: BinaryIO) -> None:
        file.flush()
        if self._temporary is None or self._path is None:
            return
        os.fsync(file.fileno())
        self._temporary.chmod(_mode_of(self._path))
        self._temporary.replace(self._path)

    def _refusal(self, error: OSError) -> InputError:
        return InputError(
            f"cannot write {self._shown}: {error.strerror or error}",
            "choose a file in a directory that exists, may be written, and has space left",
        )


def _mode_of(path: Path) -> int:
    """The rights of the file that is replaced, or those a new file gets."""
    with suppress(OSError):
        return path.stat().st_mode & 0o777
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask
