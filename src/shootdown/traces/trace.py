"""Traces on disk: a Parquet file with one row for each call, and what is known about it all.

The columns are the fields of `Call`; two JSON texts in the file's metadata hold the `Origin` and
the `TraceSummary`, under the keys `shootdown.origin` and `shootdown.summary`, and
`shootdown.format` names the version. Rows are in the order in which the calls took effect.

A trace is written in batches into a temporary file beside its final place and renamed when it is
complete, so that a file of that name is always whole: an old trace or a new one. It is read in
batches too; neither way is ever more than one batch in memory, unless the whole table is asked
for.

This is the one module that needs pyarrow.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from shootdown.traces.call import COLUMNS, FORMAT, Call
from shootdown.traces.errors import TraceError
from shootdown.traces.summary import Origin, TraceSummary

_NAME = pa.dictionary(pa.int32(), pa.string())

SCHEMA = pa.schema(
    [
        pa.field("time", pa.int64(), nullable=False),
        pa.field("pid", pa.int32(), nullable=False),
        pa.field("tid", pa.int32(), nullable=False),
        pa.field("call", _NAME, nullable=False),
        pa.field("address", pa.uint64()),
        pa.field("length", pa.uint64()),
        pa.field("address2", pa.uint64()),
        pa.field("length2", pa.uint64()),
        pa.field("protection", pa.uint32()),
        pa.field("flags", pa.uint64()),
        pa.field("advice", pa.int32()),
        pa.field("fd", pa.int32()),
        pa.field("offset", pa.uint64()),
        pa.field("child", pa.int32()),
        pa.field("result", pa.int64()),
        pa.field("error", _NAME),
        pa.field("duration", pa.int64()),
    ]
)

BATCH = 1 << 14
"""Rows to a batch: about 5 MB while it is in memory."""

_HOW = (
    "make one with `shootdown record -o FILE -- COMMAND`, or from the text of strace with "
    "`shootdown import TEXT -o FILE`"
)


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace in a file that has been found readable; its rows are read when asked for."""

    path: Path
    origin: Origin
    totals: TraceSummary
    rows: int

    def summary(self) -> dict[str, object]:
        """The JSON form, `shootdown.trace/1`: totals, and where the trace comes from."""
        return self.totals.as_dict() | {"rows": self.rows, "origin": asdict(self.origin)}

    def batches(self, size: int = BATCH) -> Iterator[pa.RecordBatch]:
        """The table, so many rows at a time."""
        with _reading(self.path), pq.ParquetFile(self.path) as file:
            yield from file.iter_batches(size, columns=list(COLUMNS))

    def table(self) -> pa.Table:
        """The whole table in memory, about 100 bytes a row."""
        return pa.Table.from_batches(self.batches())

    def calls(self) -> Iterator[Call]:
        """The rows as records, one batch in memory at a time."""
        for batch in self.batches():
            columns = [column.to_pylist() for column in batch.columns]
            yield from map(Call._make, zip(*columns, strict=True))


def load(path: str | Path) -> Trace:
    """Opens a trace, and refuses what is not one.

    Only the end of the file is read, which a truncated file lacks; damage inside it is found, and
    told in the same way, when the rows are read.
    """
    path = Path(path)
    with _reading(path), pq.ParquetFile(path) as file:
        metadata = file.metadata.metadata or {}
        _check_format(path, metadata)
        _check_columns(path, file.schema_arrow)
        origin = _stored_origin(metadata)
        return Trace(path, origin, _stored_summary(metadata), file.metadata.num_rows)


class TraceWriter:
    """Writes rows to a temporary file; `finish` gives it its name, `abandon` leaves nothing.

    The caller must end it with one of the two, whatever happens.
    """

    def __init__(self, path: str | Path, origin: Origin) -> None:
        self.path = Path(path)
        self._origin = origin
        try:
            _refuse_special(self.path)
            handle, name = tempfile.mkstemp(".tmp", ".shootdown-", self.path.parent)
        except (OSError, ValueError) as problem:
            raise _unwritable(self.path, _reason(problem)) from None
        self._temporary = Path(name)
        self._sink = os.fdopen(handle, "wb")
        with self._writing():
            self._parquet = pq.ParquetWriter(self._sink, SCHEMA, compression="zstd")

    def write(self, columns: Iterable[list[object]]) -> None:
        """Appends rows, given as one list for each column."""
        arrays = [
            pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)
        ]
        with self._writing():
            self._parquet.write_batch(pa.record_batch(arrays, schema=SCHEMA))

    def finish(self, summary: TraceSummary) -> None:
        """Completes the file and puts it in its place."""
        texts = {
            "shootdown.format": FORMAT,
            "shootdown.origin": json.dumps(asdict(self._origin)),
            "shootdown.summary": json.dumps(asdict(summary)),
        }
        with self._writing():
            self._parquet.add_key_value_metadata(texts)
            self._parquet.close()
            self._sink.flush()
            os.fsync(self._sink.fileno())
            self._sink.close()
            self._temporary.chmod(0o666 & ~_umask())
            self._temporary.replace(self.path)

    def abandon(self) -> None:
        """Removes what was written so far. Does nothing after `finish`."""
        with suppress(OSError, ValueError, pa.ArrowException):
            self._parquet.close()
        self._parquet.is_open = False
        with suppress(OSError):
            self._sink.close()
        self._temporary.unlink(missing_ok=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as problem:
            self.abandon()
            raise _unwritable(self.path, _reason(problem)) from None


def _refuse_special(path: Path) -> None:
    """Refuses what a rename would wrongly replace: a device such as /dev/null, above all."""
    if path.is_dir():
        raise _unwritable(path, "it is a directory")
    if path.exists() and not path.is_file():
        raise _unwritable(path, "it is not an ordinary file")


def _umask() -> int:
    """The rights that new files are not to have; the system call that tells also sets."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _reason(problem: Exception) -> str:
    number = getattr(problem, "errno", None)
    return os.strerror(number) if number else str(problem)


def _unwritable(path: Path, reason: str) -> TraceError:
    return TraceError(
        f"the trace cannot be written: {reason}",
        str(path),
        help="choose a file in a directory that exists, may be written, and has space left",
    )


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turns whatever goes wrong while a file is read into what it means for its owner."""
    try:
        yield
    except OSError as problem:
        if problem.errno is None:
            raise _foreign(path, problem) from None
        raise TraceError(f"the trace cannot be read: {_reason(problem)}", str(path)) from None
    except (pa.ArrowException, ValueError, TypeError, KeyError) as problem:
        raise _foreign(path, problem) from None


def _foreign(path: Path, problem: Exception) -> TraceError:
    first = str(problem).partition("\n")[0]
    message = f"expected a whole Parquet file with a {FORMAT} trace; it is cut, damaged or another"
    return TraceError(f"{message} kind of file ({first})", str(path), help=_HOW)


def _check_format(path: Path, metadata: Mapping[bytes, bytes]) -> None:
    found = metadata.get(b"shootdown.format")
    if found is None:
        raise TraceError(
            f"a Parquet file, but expected one with a {FORMAT} trace", str(path), help=_HOW
        )
    if found != FORMAT.encode():
        version = found[:40].decode("ascii", "backslashreplace")
        raise TraceError(
            f"expected a trace of format {FORMAT}, not {version}", str(path), help=_HOW
        )


def _check_columns(path: Path, found: pa.Schema) -> None:
    wrong = [field.name for field in SCHEMA if not _has(found, field)]
    if wrong:
        missing = ", ".join(f"`{name}`" for name in wrong)
        raise TraceError(
            f"expected the columns of {FORMAT}; wrong or missing: {missing}", str(path), help=_HOW
        )


def _has(found: pa.Schema, field: pa.Field[Any]) -> bool:
    index = found.get_field_index(field.name)
    return index >= 0 and _plain(found.field(index).type) == _plain(field.type)


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type without the way it is encoded."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _stored_origin(metadata: Mapping[bytes, bytes]) -> Origin:
    stored: dict[str, Any] = json.loads(metadata[b"shootdown.origin"])
    return Origin(**stored | {"command": tuple(stored["command"])})


def _stored_summary(metadata: Mapping[bytes, bytes]) -> TraceSummary:
    stored: dict[str, Any] = json.loads(metadata[b"shootdown.summary"])
    return TraceSummary(**stored | {"problems": tuple(stored["problems"])})
