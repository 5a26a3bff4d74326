"""The folder of a whole check: what was asked, and a folder for the searches of each target.

    FOLDER/check.json       version and options of the check
    FOLDER/mine.py:Mirror/  see `keeping`

A folder belongs to one question. What may differ when a check is resumed is how far and by how many
threads it searches, nothing else: with other options the searches in it are about something else.
One process at a time holds a folder, by a lock that the system takes back whichever way it ends.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from shootdown import __version__
from shootdown.machine.checkpoint import CheckpointError
from shootdown.scenarios.keeping import Keep, write_whole
from shootdown.scenarios.question import Settings

FORMAT = "shootdown.checkpoint/1"
_FREE = ("limits", "threads", "free", "keep")
"""fields of an effort that a resumed check may have otherwise"""


class _Manifest(msgspec.Struct):
    format: str
    version: str
    asked: dict[str, str]


class KeptCheck:
    """A folder, from when it was made or found until `close`."""

    def __init__(self, folder: Path, asked: Mapping[str, str], seconds: float) -> None:
        """`seconds` from one time that a search is saved to the next; see `begin`, `resume`."""
        self.folder = folder
        self._asked = dict(asked)
        self._seconds = seconds
        self._lock: int | None = None

    @property
    def _file(self) -> Path:
        return self.folder / "check.json"

    def begin(self) -> None:
        """Make the folder.

        Raises:
            CheckpointError: if there is something in it already, or it cannot be made.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if self._file.exists():
                raise CheckpointError(
                    f"{self.folder} already holds a check",
                    "go on with it by --resume, or name another folder",
                )
            if any(self.folder.iterdir()):
                raise CheckpointError(
                    f"{self.folder} is not empty", "name a folder for this check alone"
                )
            body = msgspec.json.encode(_Manifest(FORMAT, __version__, self._asked))
            write_whole(self._file, body)
        except OSError as error:
            raise _unwritable(self.folder, error) from error
        self._hold()

    def resume(self) -> None:
        """Find the folder of the same check.

        Raises:
            CheckpointError: if it is not that, or somebody else is using it.
        """
        try:
            found = msgspec.json.decode(self._file.read_bytes(), type=_Manifest)
        except OSError as error:
            raise CheckpointError(
                f"{self.folder} holds no check: {error.strerror}",
                "name a folder that --checkpoint has made",
            ) from error
        except msgspec.MsgspecError as error:
            raise CheckpointError(
                f"{self._file} is damaged", "check anew with --checkpoint and another folder"
            ) from error
        if (found.format, found.version) != (FORMAT, __version__):
            raise CheckpointError(
                f"{self.folder} was made by shootdown {found.version}; this is {__version__}",
                f"install shootdown {found.version} to go on, or check anew with --checkpoint",
            )
        differences = list(_differences(found.asked, self._asked))
        if differences:
            raise CheckpointError(
                f"{self.folder} is about another check: {'; '.join(differences)}",
                "resume with the targets and options it was made with, "
                "or check anew with --checkpoint",
            )
        self._hold()
        for left in self.folder.glob("*/.*"):  # of a process that was killed while it wrote
            left.unlink(missing_ok=True)

    def _hold(self) -> None:
        self._lock = os.open(self._file, os.O_RDONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.close()
            raise CheckpointError(
                f"another process is using {self.folder}", "wait for it, or end it"
            ) from error

    def keep(self, target: str) -> Keep:
        """Where the searches of a target are kept.

        Raises:
            CheckpointError: if no folder can be made for them.
        """
        folder = self.folder / quote(target, safe=":")
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise _unwritable(folder, error) from error
        return Keep(folder, self._seconds)

    def close(self) -> None:
        """Let go of the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def asked_for(targets: Sequence[str], settings: Settings) -> dict[str, str]:
    """Everything that decides what a check is about and what it finds, in words."""
    found = {"targets": " ".join(targets)}
    found.update(_words(settings))
    return found


def _words(record: Any) -> Iterator[tuple[str, str]]:
    """Field by field; a record in a record as if its fields were here."""
    for field in fields(record):
        value = getattr(record, field.name)
        if field.name in _FREE:
            continue
        if is_dataclass(value):
            yield from _words(value)
        elif field.name == "operations" and value is not None:
            yield field.name, ",".join(operation.name for operation in value)
        elif field.name == "arch" and value is not None:
            yield field.name, value.title
        elif field.name == "kernel" and value is not None:
            yield field.name, ".".join(map(str, value))
        else:
            yield field.name, str(value.value if isinstance(value, Enum) else value)


def _differences(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name, "None"), now.get(name, "None")
        if old != new:
            yield f"{name.replace('_', '-')} was {_said(old)} and is {_said(new)}"


def _said(value: str) -> str:
    return {"None": "not given", "True": "on", "False": "off"}.get(value, value)


def _unwritable(folder: Path, error: OSError) -> CheckpointError:
    return CheckpointError(
        f"cannot write to {folder}: {error.strerror}",
        "name a folder in a place that exists, is writable and has room",
    )
