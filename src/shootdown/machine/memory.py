"""How much memory a search may use when nobody said."""

from __future__ import annotations

from pathlib import Path

SHARE = 0.75
"""of what is available; the rest is for everybody else, and for the next table while it grows"""


def default_limit() -> int:
    """Three quarters of the memory this process could still get, in bytes."""
    rooms = [room for room in (_machine_room(), _group_room()) if room is not None]
    return int(min(rooms, default=1 << 30) * SHARE)


def _machine_room() -> int | None:
    """MemAvailable of the machine."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _group_room() -> int | None:
    """What the control group (a container, a job) still allows."""
    group = Path("/sys/fs/cgroup")
    try:
        limit = (group / "memory.max").read_text(encoding="ascii").strip()
        used = int((group / "memory.current").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return None if limit == "max" else max(int(limit) - used, 0)
