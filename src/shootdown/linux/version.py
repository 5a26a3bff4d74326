"""Kernel versions, and kernels with a change that never landed."""

from __future__ import annotations

import re

Version = tuple[int, int, int]


class UnknownVersionError(ValueError):
    """The text is not a kernel version."""


class Proposed(tuple[int, int, int]):
    """A version that compares like any other, with a proposal on top: `6.4+tlb_notifier`."""

    proposal: str

    def __new__(cls, version: Version, proposal: str) -> Proposed:
        self = super().__new__(cls, version)
        self.proposal = proposal
        return self

    def __eq__(self, other: object) -> bool:
        return proposal_of(other) == self.proposal and super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((*self, self.proposal))

    def __getnewargs__(self) -> tuple[Version, str]:
        major, minor, patch = self
        return (major, minor, patch), self.proposal


def proposal_of(version: object) -> str | None:
    """The proposal on top of a version, if there is one."""
    return version.proposal if isinstance(version, Proposed) else None


def parse_version(text: str) -> Version:
    """`6.6`, `2.6.27` or `6.4+tlb_notifier` as a comparable tuple.

    Raises:
        UnknownVersionError: for anything else.
    """
    number, plus, proposal = text.strip().partition("+")
    match = re.fullmatch(r"v?(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?", number)
    if match is None or (plus and not re.fullmatch(r"\w+", proposal)):
        raise UnknownVersionError(f"`{text}` is not a kernel version; write for instance 6.6")
    major, minor, patch = match.groups()
    version = int(major), int(minor), int(patch or 0)
    return Proposed(version, proposal) if plus else version


def show_version(version: Version) -> str:
    """As written: 6.6, 2.6.27, 6.4+tlb_notifier."""
    major, minor, patch = version
    number = f"{major}.{minor}.{patch}" if patch else f"{major}.{minor}"
    proposal = proposal_of(version)
    return f"{number}+{proposal}" if proposal else number
