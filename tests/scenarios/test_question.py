"""From options to a question."""

from __future__ import annotations

import pytest

from shootdown.linux.operations.catalogue import OPERATIONS, find_operation
from shootdown.scenarios import question
from shootdown.scenarios.errors import TargetError
from shootdown.scenarios.question import operations_for


def test_nobody_asked_for_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it is all that the kernel has and the driver can bear, in the order of the catalogue."""
    monkeypatch.setattr(question, "OPERATIONS", OPERATIONS)
    found = operations_for((3, 7, 0))
    everything = OPERATIONS.values()
    assert list(found) == [each for each in everything if each.is_for((3, 7, 0), frozenset())]
    names = {each.name for each in found}
    assert {"fork", "reclaim"} <= names
    assert "do_pagemap_scan" not in names


def test_an_operation_that_the_kernel_does_not_have() -> None:
    """It is refused, and what is said is from which kernel to which it is there."""
    scan = find_operation("do_pagemap_scan")
    assert operations_for((6, 7, 0), (scan,)) == (scan,)
    with pytest.raises(TargetError) as refused:
        operations_for((6, 6, 0), (scan,))
    assert str(refused.value) == "Linux 6.6 has no do_pagemap_scan"
    assert refused.value.help == "it is in Linux from 6.7 on"
