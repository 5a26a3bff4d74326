"""Kinds of option values."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import click
from click.core import ParameterSource

_size = re.compile(r"(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?", re.IGNORECASE).fullmatch
_span = re.compile(r"(\d+)(?:-(\d+))?").fullmatch
_FACTORS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}

MOST_NUMBERS = 1_000_000


def given_options(context: click.Context) -> Iterator[click.Option]:
    """The options that the user has typed."""
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        if isinstance(option, click.Option) and source is ParameterSource.COMMANDLINE:
            yield option


class Seconds(click.FloatRange):
    """More than nothing. `nan` is no time: nothing is ever longer, or shorter."""

    def __init__(self) -> None:
        super().__init__(0, min_open=True)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number of seconds."""
        seconds = float(super().convert(value, param, ctx))
        if math.isnan(seconds):
            self.fail(f"`{value}` is no number of seconds", param, ctx)
        return seconds


class Size(click.ParamType[int]):
    """`4G`, `512M`: bytes, with a factor of 1024 for each letter."""

    name = "size"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """The number of bytes."""
        if isinstance(value, int):
            return value
        match = _size(value.strip())
        if match is None:
            self.fail(f"`{value}` is not a size; write for instance 4G or 512M", param, ctx)
        size = int(float(match.group(1)) * _FACTORS[match.group(2).upper()])
        if size == 0:
            self.fail("a size of nothing leaves no room to search", param, ctx)
        return size


class Numbers(click.ParamType[frozenset[int]]):
    """`3,7-9`: numbers, and from number to number."""

    name = "numbers"

    def convert(
        self,
        value: str | frozenset[int],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> frozenset[int]:
        """All of them."""
        if not isinstance(value, str):
            return value
        found: set[int] = set()
        for part in value.split(","):
            match = _span(part.strip())
            if match is None:
                self.fail(f"`{value}` is no list of numbers; write for instance 3,7-9", param, ctx)
            first, last = int(match[1]), int(match[2] or match[1])
            if not 0 <= last - first < MOST_NUMBERS:
                self.fail(f"`{part}` are no numbers, or too many", param, ctx)
            found.update(range(first, last + 1))
        return frozenset(found)
