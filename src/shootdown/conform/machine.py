"""The model of Linux that performs programs.

Each address space is a space of one runner, and a system call is one row of digits for the actor of
its kind; fork is a call of the parent, a copy of its space, and a call of the copy. What comes of
it is read from the buffers.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from shootdown.conform.breakpoints import ROUNDS, Breakpoint, Breakpoints
from shootdown.conform.kept_program import digest, kept_program
from shootdown.conform.model import UnsupportedOperationError
from shootdown.conform.place import Place, place_program
from shootdown.conform.read_state import read_notifications, read_state
from shootdown.conform.rows import Row, UnknownCallError, row_of, row_of_shmat
from shootdown.conform.system import NAMES
from shootdown.linux.shmem import FILE_PAGES, FILES
from shootdown.linux.vma import DISK, MEMFD
from shootdown.live.programs import Observed, Operation, Program
from shootdown.machine.result import Engine
from shootdown.machine.runner import Runner, Space

NUMBERS = {name: number for number, name in enumerate(NAMES)}


class ModelBrokeError(Exception):
    """A rule of the model was broken while it performed a call."""


class Machine:
    """Performs programs one after the other, each in a fresh process."""

    def __init__(self, engine: Engine = "native") -> None:
        self._engine = engine

    @cached_property
    def runner(self) -> Runner:
        """Made at first use. Program and machine code are kept on disk."""
        return Runner(kept_program(), self._engine, kept=digest())

    @cached_property
    def _pristine(self) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
        return self.runner.machine.copy()

    def begin(self, place: Place) -> Life:
        """A fresh process; what another one did is forgotten."""
        self.runner.machine[:] = self._pristine
        return Life(self.runner, place)

    def perform(self, program: Program) -> tuple[Observed, ...]:
        """What every operation does.

        Raises:
            UnsupportedOperationError: at the first operation that the model does not know.
        """
        life = self.begin(place_program(program))
        found = []
        for number, operation in enumerate(program.operations):
            try:
                result = life.perform(operation)
            except UnknownCallError as error:
                raise UnsupportedOperationError(number, operation, str(error)) from error
            found.append(life.observe(result))
        return tuple(found)


class Life:
    """One program on its way: the process, and the children it has now."""

    def __init__(self, runner: Runner, place: Place) -> None:
        self.runner = runner
        self.place = place
        self.space = runner.new_space()
        self.children: list[Space] = []
        self.breakpoints = Breakpoints()
        self.files = DISK
        self.attachments = 0
        self._call(self.space, Row("ftruncate", (MEMFD, min(place.pages, FILE_PAGES))))
        """shared anonymous memory comes after the files that have a number of their own"""

    def perform(self, operation: Operation) -> int:
        """Do it, and say what it returned."""
        name = str(operation[0])
        self.runner.view(self.space, "text.held")[:] = 0
        if name.startswith("child_"):
            return self._order(name.removeprefix("child_"), operation)
        match operation:
            case ("fork",):
                return self._fork()
            case ("mmap_disk_shared" | "mmap_disk_private" | "fsync", *_):
                self._make_disk()
            case ("uprobe", int(page)):
                return self._uprobe(page)
            case ("uprobe_end",):
                return self._uprobe_end()
            case ("process_madvise", *ranges, str(advice)):
                return self._process_madvise(ranges, advice)
            case ("shmat", int(page), str(rights)):
                self.attachments += 1
                return self._call(
                    self.space, row_of_shmat(page, rights, self.place, self.attachments)
                )
        return self._perform(operation)

    def _perform(self, operation: Operation) -> int:
        """A call that one row makes."""
        cuts = self._cuts(operation)
        result = self._call(self.space, row_of(operation, self.place, self._new_file))
        for cut in (*cuts, *self._holes()):
            for child in self.children:
                self._call(child, cut)
        return result

    def _process_madvise(self, ranges: Sequence[int | str], advice: str) -> int:
        """vector_madvise(), mm/madvise.c: range by range, as on itself; how far it came, in pages,
        or the error if that is nowhere."""
        done = 0
        for page, count in zip(ranges[::2], ranges[1::2], strict=True):
            error = self._perform(("madvise", page, count, advice))
            if error:
                return done or error
            done += int(count)
        return done

    def _cuts(self, operation: Operation) -> tuple[Row, ...]:
        """What a call takes from the file, for the children that map it too."""
        match operation:
            case ("ftruncate", int(size)):
                old = int(self.runner.view(self.space, "shmem.i_size")[MEMFD])
                return (Row("zap_file", (size, FILE_PAGES, MEMFD, 1)),) if size < old else ()
            case ("punch", int(page), int(count)):
                return (Row("zap_file", (page, page + count, MEMFD)),)
        return ()

    def _holes(self) -> tuple[Row, ...]:
        """What MADV_REMOVE has just taken from files."""
        count = self.runner.view(self.space, "process.holes")
        number, count[0] = int(count[0]), 0
        names = ("process.hole_start", "process.hole_end", "process.hole_file")
        columns = [self.runner.view(self.space, name)[:number].tolist() for name in names]
        return tuple(Row("zap_file", hole) for hole in zip(*columns, strict=True))

    def _make_disk(self) -> None:
        """The file of the disk is made when it is used first."""
        if self.runner.view(self.space, "shmem.i_size")[DISK] == 0:
            self._call(self.space, Row("make_disk", (0, min(self.place.pages, FILE_PAGES))))

    def _new_file(self) -> int:
        self.files += 1
        if self.files >= FILES:
            raise UnknownCallError(f"more than {FILES - 1} files are not modelled")
        return self.files

    def _order(self, name: str, operation: Operation) -> int:
        if not self.children:
            return -errno.ESRCH
        if name in ("exit", "exec", "kill"):
            result = self._call(self.children.pop(), Row("exit"))
            self._remove(self.breakpoints.child_ended())
            return result
        row = row_of((name, *operation[1:]), self.place, self._new_file)
        return self._call(self.children[-1], row)

    def _fork(self) -> int:
        result = self._call(self.space, Row("fork"))
        child = self.runner.copy_space(self.space)
        self._call(child, Row("become_child"))
        self.children.append(child)
        self.breakpoints.forked()
        return result

    def _uprobe(self, page: int) -> int:
        error = self._call(self.space, Row("uprobe", (page,)))
        self.breakpoints.set(page)
        if error == -errno.EINVAL:
            self.breakpoints.all.pop()
        elif error:
            self._remove(self.breakpoints.close_last() or [])
        return error

    def _uprobe_end(self) -> int:
        gone = self.breakpoints.close_last()
        if gone is None:
            return -errno.ENOENT
        self._remove(gone)
        return 0

    def _remove(self, gone: Sequence[Breakpoint]) -> None:
        for each in gone:
            self._call(self.space, Row("uprobe_forget", (each.page,)))
            for space in (*self.children, self.space) * ROUNDS:
                self._call(space, Row("uprobe_unregister", (each.page,)))

    def _call(self, space: Space, row: Row) -> int:
        driven = self.runner.drive(space, NUMBERS[row.name], np.array([row.digits], np.int64))
        if driven.broken is not None:
            raise ModelBrokeError(f"{driven.broken.rule}, at {driven.broken.where}")
        return int(self.runner.view(space, "results.value")[0])

    def observe(self, result: int) -> Observed:
        """What the call just made did."""
        ranges, sites = read_notifications(self.runner, self.space, self.place)
        state = read_state(self.runner, self.space, self.place)
        return Observed(result, ranges, sites, (), state)
