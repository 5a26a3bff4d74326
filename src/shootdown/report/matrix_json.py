"""A matrix as JSON, `shootdown.matrix/1`. The cells already have its shape."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from shootdown.scenarios.matrix import Cell

FORMAT = "shootdown.matrix/1"


def encode_matrix(cells: Sequence[Cell]) -> bytes:
    """One line of JSON, without its end."""
    rows = [{**msgspec.to_builtins(cell), "as_expected": cell.as_expected} for cell in cells]
    return msgspec.json.encode({"format": FORMAT, "cells": rows})
