"""6.1: collapsing the pages of a file is announced (B24).

Source: commit f268f6cf875f, repairing f3f0e1d2150b of 4.8; also in later 5.15.y.
"""

from __future__ import annotations

from shootdown.linux.notifiers import v5_18


class Notifiers(v5_18.Notifiers):
    """khugepaged no longer frees under KVM's feet."""

    since = (6, 1, 0)
    file_collapse_is_announced = True
