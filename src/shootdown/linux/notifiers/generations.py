"""Which generation of the API a kernel version has, and what was only proposed."""

from __future__ import annotations

from difflib import get_close_matches

from shootdown.linux.notifiers import (
    v2_6_27,
    v2_6_32,
    v2_6_37,
    v2_6_38,
    v3_6,
    v3_7,
    v3_9,
    v3_10,
    v3_15,
    v3_17,
    v3_19,
    v4_3,
    v4_5,
    v4_11,
    v4_13,
    v4_14,
    v4_15,
    v4_16,
    v4_19,
    v5_0,
    v5_2,
    v5_4,
    v5_5,
    v5_9,
    v5_12,
    v5_14,
    v5_18,
    v6_1,
    v6_4,
    v6_6,
    v6_10,
    v6_19,
)
from shootdown.linux.notifiers.short_circuit import ShortCircuit
from shootdown.linux.notifiers.tlb_notifier import TlbNotifier
from shootdown.linux.notifiers.v2_6_27 import Notifiers
from shootdown.linux.version import (
    UnknownVersionError,
    Version,
    proposal_of,
    show_version,
)

_MODULES = (
    v2_6_27, v2_6_32, v2_6_37, v2_6_38, v3_6, v3_7, v3_9, v3_10, v3_15, v3_17, v3_19, v4_3, v4_5,
    v4_11, v4_13, v4_14, v4_15, v4_16, v4_19, v5_0, v5_2, v5_4, v5_5, v5_9, v5_12, v5_14, v5_18,
    v6_1, v6_4, v6_6, v6_10, v6_19,
)  # fmt: skip

GENERATIONS: tuple[type[Notifiers], ...] = tuple(module.Notifiers for module in _MODULES)
"""oldest first"""

NEWEST: Version = (6, 19, 0)
"""the newest kernel whose source these classes were compared with"""


PROPOSALS: dict[str, tuple[type[Notifiers], Version, Version]] = {
    "short_circuit": (ShortCircuit, GENERATIONS[0].since, NEWEST),
    "tlb_notifier": (TlbNotifier, (3, 19, 0), (6, 5, 0)),
}
"""what never landed: the class, and the kernels it can be put on"""


def generation_for(kernel: Version) -> type[Notifiers]:
    """The newest generation that is not newer than the kernel, with the proposal on top of it.

    Raises:
        UnknownVersionError: for a kernel older than the first generation or newer than `NEWEST`, or
            a proposal that is none or does not fit.
    """
    oldest = GENERATIONS[0].since
    if not oldest <= _plain(kernel) <= NEWEST:
        nearest = oldest if kernel < oldest else NEWEST
        raise UnknownVersionError(
            f"kernel {show_version(kernel)} is not modelled; the nearest is "
            f"{show_version(nearest)}, known are {show_version(oldest)} to {show_version(NEWEST)}"
        )
    generation = next(g for g in reversed(GENERATIONS) if g.since <= kernel)
    proposal = proposal_of(kernel)
    return generation if proposal is None else _propose(proposal, kernel, generation)


def _plain(kernel: Version) -> Version:
    major, minor, patch = kernel
    return major, minor, patch


def _propose(name: str, kernel: Version, generation: type[Notifiers]) -> type[Notifiers]:
    if name not in PROPOSALS:
        near = get_close_matches(name, PROPOSALS, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UnknownVersionError(
            f"nobody proposed `{name}`; {hint}known are {', '.join(PROPOSALS)}"
        )
    _, first, last = PROPOSALS[name]
    if not first <= _plain(kernel) <= last:
        raise UnknownVersionError(
            f"{name} does not go with Linux {show_version(_plain(kernel))}; "
            f"it was meant for {show_version(first)} to {show_version(last)}"
        )
    return _on_top(name, generation)


def _on_top(name: str, generation: type[Notifiers]) -> type[Notifiers]:
    """A proposal inherits from the generation it was made for; one class for each pair of them."""
    key = name, generation.since
    if key not in _MADE:
        callbacks = generation.callbacks
        if name == "tlb_notifier":
            callbacks = tuple(
                "arch_invalidate_secondary_tlbs" if c == "invalidate_range" else c
                for c in callbacks
            )
        members = {"since": generation.since, "callbacks": callbacks}
        _MADE[key] = type("Notifiers", (PROPOSALS[name][0], generation), members)
    return _MADE[key]


_MADE: dict[tuple[str, Version], type[Notifiers]] = {}
