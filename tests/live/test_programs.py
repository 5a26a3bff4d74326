"""The file of recorded programs: read, written, refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shootdown.live.programs import (
    Observed,
    Program,
    ProgramFileError,
    Recording,
    State,
    encode_meta,
    encode_recording,
    read_programs,
)

RECORDED = Path(__file__).parent / "data" / "linux-6.18.jsonl"

RECORDING = Recording(
    Program(3, "anon", 0x200000000000, 8, (("mmap_anon", 0, 8, "rw"), ("munmap", 1, 2))),
    (
        Observed(0, (), (), (), State(((0, 8, "rw-p", "anon", 0),), ())),
        Observed(
            -12,
            ((1, 3), (0, 512)),
            ("unmap_vmas", "__split_huge_pmd"),
            (("age", 4, 5),),
            State(((0, 1, "rw-p", "anon", 0), (3, 8, "rw-p", "memfd", 7)), ((0, 1, "PX"),)),
        ),
    ),
)


def text_of(*recordings: Recording) -> str:
    lines = [encode_meta({"kernel": "6.18"}), *map(encode_recording, recordings)]
    return "".join(f"{line}\n" for line in lines)


def test_there_and_back(tmp_path: Path) -> None:
    """What is written is read again."""
    path = tmp_path / "programs.jsonl"
    path.write_text(text_of(RECORDING, RECORDING))
    assert list(read_programs(path)) == [RECORDING, RECORDING]


def test_recorded_file(tmp_path: Path) -> None:
    """The recorded programs read, and written again they are the same data."""
    recordings = list(read_programs(RECORDED))
    assert len(recordings) == 40
    assert sum(len(each.program.operations) for each in recordings) == 469
    again = [json.loads(line) for line in text_of(*recordings).splitlines()[1:]]
    assert again == [json.loads(line) for line in RECORDED.read_text().splitlines()[1:]]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            '"munmap"',
            '"mumap"',
            "there is no operation 'mumap'; did you mean 'munmap'? known are mmap_anon, mmap_sh",
        ),
        ('["munmap",1,2]', '["munmap",1]', "munmap takes 2 arguments, not [1]"),
        ('["munmap",1,2]', '["munmap",1,"2"]', "'2' is no pages"),
        ('["munmap",1,2]', '["munmap",1,true]', "True is no pages"),
        ('["munmap",1,2]', '["munmap",1,-2]', "-2 is no pages"),
        ('["munmap",1,2]', '["munmap",1,99999999999]', "99999999999 is no pages"),
        ('["munmap",1,2]', '"munmap"', "an operation is a list"),
        (
            '0,8,"rw"',
            '0,8,"rwx"',
            "'rwx' is no protection; did you mean 'rw'? known are none, r, rw",
        ),
        ('"result"', '"results"', "the key 'result' is missing"),
        ('"result":[0,-12]', '"result":[0]', "there are 2 operations"),
        ('"base":"0x200000000000"', '"base":"here"', "invalid literal"),
        ('{"id"', '["id"', "no JSON"),
    ],
)
def test_nonsense(tmp_path: Path, old: str, new: str, message: str) -> None:
    """File, line, and what is wrong."""
    path = tmp_path / "programs.jsonl"
    text = text_of(RECORDING)
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(ProgramFileError) as caught:
        list(read_programs(path))
    assert str(caught.value).startswith(f"{path}:2: ")
    assert message in str(caught.value)


def test_no_meta(tmp_path: Path) -> None:
    """The first line says what the others are about."""
    path = tmp_path / "programs.jsonl"
    path.write_text(text_of(RECORDING).split("\n", 1)[1])
    with pytest.raises(ProgramFileError, match=":1: no `meta`"):
        list(read_programs(path))
