"""From a system call in strace's words to a row: which argument means what.

Each call has one short function here, named in the table `DECODERS`. The argument order is that of
the system call (section 2 of the manual), which strace keeps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shootdown.traces.errors import LineError
from shootdown.traces.flag_names import CLONE_VFORK, CLONE_VM, MREMAP_FIXED
from shootdown.traces.strace_arguments import members, split_group
from shootdown.traces.strace_numbers import Flags, descriptor, number, signed

SIGCHLD = 17


@dataclass(slots=True)
class Draft:
    """A row in the making: filled in by the decoder, then by `spaces`, then stored as a `Call`."""

    time: int
    pid: int
    tid: int
    call: str
    address: int | None = None
    length: int | None = None
    address2: int | None = None
    length2: int | None = None
    protection: int | None = None
    flags: int | None = None
    advice: int | None = None
    fd: int | None = None
    offset: int | None = None
    child: int | None = None
    result: int | None = None
    error: str | None = None
    duration: int | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the call returned without error."""
        return self.error is None and self.result is not None


Decoder = Callable[[Draft, list[str], Flags], None]


def _mmap(draft: Draft, arguments: list[str], flags: Flags) -> None:
    if len(arguments) == 1:
        arguments = _behind_pointer(arguments[0])
    hint, length, protection, kind, fd, offset = _take(arguments, 6)
    draft.address = draft.result if draft.error is None else number(hint)
    if draft.address is None or draft.address < 0:
        raise LineError("an address as the result of mmap")
    draft.length = number(length)
    draft.protection = flags.read(protection)
    draft.flags = flags.read(kind)
    draft.fd = descriptor(fd)
    draft.offset = number(offset)


def _behind_pointer(argument: str) -> list[str]:
    """The arguments of 32-bit `old_mmap`, which come in a structure."""
    if argument[:1] != "{":
        raise LineError("mmap with its arguments spelled out, not a pointer to them (old_mmap)")
    return [part.partition("=")[2] or part for part in split_group(argument)]


def _range(draft: Draft, arguments: list[str], flags: Flags) -> None:
    address, length = _take(arguments, 2)
    draft.address, draft.length = number(address), number(length)


def _mprotect(draft: Draft, arguments: list[str], flags: Flags) -> None:
    _range(draft, arguments[:2], flags)
    draft.protection = flags.read(_take(arguments, 3, 4)[2])


def _madvise(draft: Draft, arguments: list[str], flags: Flags) -> None:
    _range(draft, arguments[:2], flags)
    draft.advice = flags.read(_take(arguments, 3)[2], 31)


def _range_with_flags(draft: Draft, arguments: list[str], flags: Flags) -> None:
    _range(draft, arguments[:2], flags)
    draft.flags = flags.read(_take(arguments, 3)[2])


def _process_madvise(draft: Draft, arguments: list[str], flags: Flags) -> None:
    pidfd, ranges, _, advice, _ = _take(arguments, 5)
    draft.fd = descriptor(pidfd)
    draft.advice = flags.read(advice, 31)
    if ranges[:1] != "[":
        return
    found = [members(split_group(each)) for each in split_group(ranges) if each[:1] == "{"]
    lengths = [number(each.get("iov_len", "0")) for each in found]
    draft.address = number(found[0].get("iov_base", "NULL")) if found else None
    draft.length = min(sum(lengths), (1 << 64) - 1)


def _mremap(draft: Draft, arguments: list[str], flags: Flags) -> None:
    old, length, new_length, kind = _take(arguments, 4, 5)[:4]
    draft.address, draft.length, draft.length2 = number(old), number(length), number(new_length)
    draft.flags = flags.read(kind)
    if draft.error is None:
        draft.address2 = _address(draft.result)
    elif draft.flags & MREMAP_FIXED and len(arguments) == 5:
        draft.address2 = number(arguments[4])


def _brk(draft: Draft, arguments: list[str], flags: Flags) -> None:
    draft.address = number(_take(arguments, 1)[0])
    if draft.error is None:
        _address(draft.result)


def _remap_file_pages(draft: Draft, arguments: list[str], flags: Flags) -> None:
    address, length, protection, offset, kind = _take(arguments, 5)
    draft.address, draft.length = number(address), number(length)
    draft.protection, draft.flags = flags.read(protection), flags.read(kind)
    draft.offset = number(offset)


def _mlockall(draft: Draft, arguments: list[str], flags: Flags) -> None:
    draft.flags = flags.read(_take(arguments, 1)[0])


def _shmget(draft: Draft, arguments: list[str], flags: Flags) -> None:
    draft.length = number(_take(arguments, 3)[1])


def _shmat(draft: Draft, arguments: list[str], flags: Flags) -> None:
    """Keeps the segment in `fd`: what a descriptor is to `mmap`, it is to `shmat`."""
    segment, hint, kind = _take(arguments, 3)
    draft.fd = signed(segment, 32)
    draft.address = _address(draft.result) if draft.error is None else number(hint)
    draft.flags = flags.read(kind)


def _shmdt(draft: Draft, arguments: list[str], flags: Flags) -> None:
    draft.address = number(_take(arguments, 1)[0])


def _fork(draft: Draft, arguments: list[str], flags: Flags) -> None:
    draft.flags = SIGCHLD
    _set_child(draft)


def _vfork(draft: Draft, arguments: list[str], flags: Flags) -> None:
    draft.flags = SIGCHLD | CLONE_VM | CLONE_VFORK
    _set_child(draft)


def _clone(draft: Draft, arguments: list[str], flags: Flags) -> None:
    given = members(arguments)
    first = arguments[0] if arguments else ""
    draft.flags = flags.read(given.get("flags", first if "=" not in first else ""), 64)
    _set_child(draft)


def _clone3(draft: Draft, arguments: list[str], flags: Flags) -> None:
    structure = arguments[0] if arguments else ""
    if structure[:1] != "{" and draft.error is None:
        raise LineError("clone3 with its arguments spelled out, not a pointer to them")
    if structure[:1] == "{":
        draft.flags = flags.read(members(split_group(structure)).get("flags", "0"), 64)
    _set_child(draft)


def _set_child(draft: Draft) -> None:
    if not draft.succeeded:
        return
    if draft.result is None or not 0 < draft.result < 1 << 31:
        raise LineError(f"a process number as the result of {draft.call}")
    draft.child = draft.result


def _nothing(draft: Draft, arguments: list[str], flags: Flags) -> None:
    """For calls of which only the fact and the result matter."""


def _take(arguments: list[str], least: int, most: int | None = None) -> list[str]:
    if not least <= len(arguments) <= (most or least):
        raise LineError(f"{least} arguments, not {len(arguments)}")
    return arguments


def _address(result: int | None) -> int:
    if result is None or result < 0:
        raise LineError("an address as the result")
    return result


DECODERS: dict[str, tuple[str, Decoder]] = {
    "mmap": ("mmap", _mmap),
    "mmap2": ("mmap", _mmap),
    "old_mmap": ("mmap", _mmap),
    "munmap": ("munmap", _range),
    "mprotect": ("mprotect", _mprotect),
    "pkey_mprotect": ("pkey_mprotect", _mprotect),
    "mremap": ("mremap", _mremap),
    "brk": ("brk", _brk),
    "madvise": ("madvise", _madvise),
    "process_madvise": ("process_madvise", _process_madvise),
    "mlock": ("mlock", _range),
    "mlock2": ("mlock2", _range_with_flags),
    "munlock": ("munlock", _range),
    "mlockall": ("mlockall", _mlockall),
    "munlockall": ("munlockall", _nothing),
    "shmget": ("shmget", _shmget),
    "shmat": ("shmat", _shmat),
    "shmdt": ("shmdt", _shmdt),
    "remap_file_pages": ("remap_file_pages", _remap_file_pages),
    "msync": ("msync", _range_with_flags),
    "fork": ("fork", _fork),
    "vfork": ("vfork", _vfork),
    "clone": ("clone", _clone),
    "clone3": ("clone3", _clone3),
    "execve": ("execve", _nothing),
    "execveat": ("execveat", _nothing),
    "exit": ("exit", _nothing),
    "exit_group": ("exit_group", _nothing),
}
"""How strace spells a call, how the trace does, and the function that reads its arguments."""
