"""Names of kernel functions."""

from __future__ import annotations

from pathlib import Path

import pytest

from shootdown.live.errors import MissingMeansError
from shootdown.live.kallsyms import load_symbols, parse_symbols

TEXT = """ffffffff81000000 T first
ffffffff81000100 t second.part.0
ffffffff81000200 D some_data
ffffffff81000300 t third.constprop.0.isra.1
ffffffffc0000000 t in_a_module\t[kvm]
ffffffff81000050 t middle.cold
"""


def test_names() -> None:
    """The function an address is in, as the source calls it; data is no function."""
    symbols = parse_symbols(TEXT)
    assert symbols.names == ("first", "middle", "second", "third", "in_a_module")
    assert symbols.name(0xFFFFFFFF8100004F) == "first"
    assert symbols.name(0xFFFFFFFF81000050) == "middle"
    assert symbols.name(0xFFFFFFFF81000250) == "second"
    assert symbols.name(0) is None
    assert symbols.chain([0xFFFFFFFF81000301, 1, 0xFFFFFFFFC0000010]) == ("third", "in_a_module")


def test_hidden(tmp_path: Path) -> None:
    """Addresses that are all zero are said to be hidden; a missing file, to be missing."""
    file = tmp_path / "kallsyms"
    with pytest.raises(MissingMeansError, match="not there"):
        load_symbols(file)
    file.write_text("0000000000000000 T first\n0000000000000000 T second\n")
    with pytest.raises(MissingMeansError, match="kptr_restrict"):
        load_symbols(file)
