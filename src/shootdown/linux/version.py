"""Kernel versions."""

from __future__ import annotations

import re

Version = tuple[int, int, int]


class UnknownVersionError(ValueError):
    """The text is not a kernel version."""


def parse_version(text: str) -> Version:
    """`6.6` or `2.6.27` as a comparable tuple.

    Raises:
        UnknownVersionError: for anything else.
    """
    match = re.fullmatch(r"v?(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?", text.strip())
    if match is None:
        raise UnknownVersionError(f"`{text}` is not a kernel version; write for instance 6.6")
    major, minor, patch = match.groups()
    return int(major), int(minor), int(patch or 0)


def show_version(version: Version) -> str:
    """As written: 6.6, 2.6.27."""
    major, minor, patch = version
    return f"{major}.{minor}.{patch}" if patch else f"{major}.{minor}"
