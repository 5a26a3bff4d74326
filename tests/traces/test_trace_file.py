"""Traces on disk: written whole or not at all, read or refused."""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shootdown.traces import Origin, TraceError, import_strace, load
from shootdown.traces.call import CALLS, COLUMNS
from shootdown.traces.strace_calls import DECODERS
from shootdown.traces.trace import SCHEMA

TEXT = b"1 1795172022.5 munmap(0xffffffffffffffff, 4096) = 0\n1 1795172022.7 munlockall() = 0\n"


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "trace"
    import_strace(io.BytesIO(TEXT), path)
    return path


def test_columns_are_the_fields_of_a_call() -> None:
    """The schema and the record say the same, in the same order."""
    assert tuple(SCHEMA.names) == COLUMNS


def test_every_call_of_interest_can_be_decoded() -> None:
    """What is recorded and what is understood is the same set."""
    assert {call for call, _ in DECODERS.values()} == set(CALLS)


def test_summary(trace: Path) -> None:
    """The JSON form holds what the contract of the command line promises."""
    summary = load(trace).summary()
    assert {name: summary[name] for name in ("format", "processes", "calls", "faults", "accesses",
                                             "skipped", "rows", "by_call")} == {
        "format": "shootdown.trace/1",
        "processes": 1,
        "calls": 2,
        "faults": 0,
        "accesses": 0,
        "skipped": 0,
        "rows": 2,
        "by_call": {"munlockall": 1, "munmap": 1},
    }  # fmt: skip
    assert json.loads(json.dumps(summary))["last"] - json.loads(json.dumps(summary))["first"] == (
        200_000_000
    )


def test_rows_come_back(trace: Path) -> None:
    """The largest address survives; batches, table and records agree."""
    opened = load(trace)
    rows = list(opened.calls())
    assert [row.address for row in rows] == [2**64 - 1, None]
    assert opened.rows == opened.table().num_rows == sum(b.num_rows for b in opened.batches(1)) == 2
    assert opened.origin == Origin()


def test_importing_the_package_does_not_import_pyarrow() -> None:
    """Only those who touch a stored trace pay for pyarrow."""
    code = "import sys, shootdown.traces; sys.exit('pyarrow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


@pytest.mark.parametrize("kept", [0, 3, 4, 100, -1])
def test_a_truncated_trace_is_refused(trace: Path, kept: int) -> None:
    """A cut file is refused with what was expected and how to make one."""
    trace.write_bytes(trace.read_bytes()[:kept])
    with pytest.raises(TraceError) as caught:
        load(trace)
    assert caught.value.message.startswith(
        "expected a whole Parquet file with a shootdown.trace/1 trace; it is cut, damaged or "
        "another kind of file ("
    )
    assert caught.value.file == str(trace)
    assert "shootdown record -o FILE -- COMMAND" in str(caught.value.help)


def test_damage_inside_is_told(trace: Path) -> None:
    """Damage that opening does not find is found when the rows are read."""
    data = bytearray(trace.read_bytes())
    data[4:200] = bytes(196)
    trace.write_bytes(data)
    with pytest.raises(TraceError, match="cut, damaged or another kind of file"):
        list(load(trace).calls())


def test_another_parquet_file_is_refused(tmp_path: Path) -> None:
    """A Parquet file of somebody else's is not a trace."""
    path = tmp_path / "other"
    pq.write_table(pa.table({"time": [1]}), path)
    with pytest.raises(TraceError) as caught:
        load(path)
    assert caught.value.message == "a Parquet file, but expected one with a shootdown.trace/1 trace"


def test_another_version_is_refused(trace: Path) -> None:
    """A trace of another format version says which."""
    table = pq.read_table(trace)
    metadata = {b"shootdown.format": b"shootdown.trace/9"}
    pq.write_table(table.replace_schema_metadata(metadata), trace)
    with pytest.raises(TraceError) as caught:
        load(trace)
    assert (
        caught.value.message
        == "expected a trace of format shootdown.trace/1, not shootdown.trace/9"
    )


def test_missing_columns_are_named(trace: Path) -> None:
    """A trace whose columns are not those of its format is refused by their names."""
    found = dict(pq.read_metadata(trace).metadata)
    table = pq.read_table(trace).drop_columns(["address", "tid"])
    pq.write_table(table.replace_schema_metadata(found), trace)
    with pytest.raises(TraceError) as caught:
        load(trace)
    assert caught.value.message == (
        "expected the columns of shootdown.trace/1; wrong or missing: `tid`, `address`"
    )


def test_a_missing_trace(tmp_path: Path) -> None:
    """A trace that is not there is refused by name."""
    with pytest.raises(TraceError) as caught:
        load(tmp_path / "none")
    assert caught.value.message == "the trace cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("none/trace", "No such file or directory"),
        ("file/trace", "Not a directory"),
        ("", "it is a directory"),
        ("x" * 300, "File name too long"),
    ],
)
def test_an_output_that_cannot_be_written(tmp_path: Path, name: str, reason: str) -> None:
    """An output path that cannot be written is refused, and nothing is left behind."""
    (tmp_path / "file").write_text("")
    with pytest.raises(TraceError) as caught:
        import_strace(io.BytesIO(TEXT), tmp_path / name)
    assert caught.value.message == f"the trace cannot be written: {reason}"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_full_disk(tmp_path: Path) -> None:
    """When the file cannot grow the error says so, and the old file stays as it was."""
    path, text = tmp_path / "trace", tmp_path / "text"
    path.write_text("old")
    text.write_bytes(TEXT)
    code = (
        "import resource; from shootdown.traces import import_strace;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
        f"import_strace({str(text)!r}, {str(path)!r})"
    )
    environment = {"PYTHONPATH": ":".join(sys.path)}
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False, env=environment
    )
    assert b"error: the trace cannot be written: File too large" in ran.stderr
    assert sorted(found.name for found in tmp_path.iterdir()) == ["text", "trace"]
    assert path.read_text() == "old"


def test_a_device_is_not_replaced() -> None:
    """`-o /dev/null` must not put a file in the place of the device."""
    with pytest.raises(TraceError, match="it is not an ordinary file"):
        import_strace(io.BytesIO(TEXT), "/dev/null")
    assert Path("/dev/null").is_char_device()


def test_a_bad_import_leaves_the_old_trace(tmp_path: Path) -> None:
    """A text that is refused replaces nothing and leaves nothing."""
    path = tmp_path / "trace"
    path.write_text("old")
    with pytest.raises(TraceError, match="not a trace by strace"):
        import_strace(io.BytesIO(b"garbage\n"), path)
    assert [found.name for found in tmp_path.iterdir()] == ["trace"]
    assert path.read_text() == "old"


def test_the_text_is_not_replaced(tmp_path: Path) -> None:
    """A text cannot be imported over itself; a missing one is refused by name."""
    path = tmp_path / "text"
    path.write_bytes(TEXT)
    with pytest.raises(TraceError, match="would replace the text"):
        import_strace(path, path)
    with pytest.raises(TraceError, match="text of strace cannot be read: No such file"):
        import_strace(tmp_path / "none", path)
    assert path.read_bytes() == TEXT


def test_errors_travel_between_processes() -> None:
    """An error says place, problem and remedy, also after pickling."""
    error = pickle.loads(pickle.dumps(TraceError("bad", "a.txt", 3, "mend it")))
    assert str(error) == "a.txt:3: error: bad\nhelp: mend it"
    assert str(TraceError("bad")) == "error: bad"
