"""Which address space each task uses, and what of a call only its past can tell.

A space begins with a `fork`-like call without `CLONE_VM`, or with an `execve`; it is shared by the
tasks that `CLONE_VM` makes; it ends when the last of them is gone or executes a program. Each space
also has a break, since `brk` says where the heap ends and not where it ended before, and System V
segments, since `shmdt` does not say how long what it unmaps is.

Rows go through `Spaces.place` in the order of their effect and come out with `pid` set, and with an
`exit_mmap` row wherever a space ends. A task that nobody forked (the first one; with `strace -p`,
all of them) is given a space of its own, which is right for processes and wrong for threads: from
the second on, this is told.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from shootdown.traces.call import EXECS, EXIT_MMAP, EXITS, FORKS
from shootdown.traces.flag_names import CLONE_THREAD, CLONE_VM
from shootdown.traces.strace_calls import Draft
from shootdown.traces.strace_prefix import NO_TASK

GONE = "+++ gone +++"
"""The `call` of a draft that stands for strace's line about the end of a task."""

_MOST_TASKS = 1 << 18
_MOST_SEGMENTS = 1 << 16


@dataclass(slots=True, eq=False)
class Space:
    """An address space: it begins with one user and ends with its last."""

    pid: int
    users: int = 1
    brk: int | None = None
    attached: dict[int, int] = field(default_factory=dict)
    """Addresses of System V segments, and their lengths."""

    def copy(self, pid: int) -> Space:
        """What a fork makes of it."""
        return Space(pid, 1, self.brk, dict(self.attached))


@dataclass(slots=True, eq=False)
class Task:
    """A thread or process: its number, that of its process, and the space it uses."""

    tid: int
    process: int
    space: Space
    group: set[Task] = field(default_factory=set)
    """The tasks of its process, itself among them."""
    names: list[int] = field(default_factory=list)
    """The numbers under which it is known; two if its first lines did not say whose they are."""


class Spaces:
    """All living tasks and their spaces."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._tasks: OrderedDict[int, Task] = OrderedDict()
        self._segments: dict[int, int] = {}
        self._effects = self._table_of_effects()
        self.begun = 0
        """How many spaces there have been."""
        self.processes = 0
        """How many processes there have been."""
        self.executed = False
        """Whether any of them executed a program."""

    def place(self, draft: Draft) -> Iterable[Draft]:
        """Says whose space the call took effect in, applies what it does to tasks and spaces."""
        if draft.call == GONE:
            return self._end(draft)
        task = self._find(draft.tid) or self._adopt(draft.tid)
        draft.tid = task.tid
        draft.pid = task.space.pid
        effect = self._effects.get(draft.call)
        if effect is None or draft.error is not None:
            return (draft,)
        return effect(task, draft)

    def _table_of_effects(self) -> Mapping[str, Callable[[Task, Draft], Iterator[Draft]]]:
        return (
            dict.fromkeys(FORKS, self._fork)
            | dict.fromkeys(EXECS, self._exec)
            | dict.fromkeys(EXITS, self._exit)
            | {"brk": self._brk, "shmget": self._shmget}
            | {"shmat": self._shmat, "shmdt": self._shmdt}
        )

    def _find(self, tid: int) -> Task | None:
        """The task of that number. A line without a number is of the only task that is left."""
        if tid == NO_TASK and NO_TASK not in self._tasks and len(self._tasks) == 1:
            return next(iter(self._tasks.values()))
        return self._tasks.get(tid)

    def _adopt(self, tid: int) -> Task:
        """A task that appears without a fork.

        strace leaves out the number while it follows only one task, so the first new number is
        that of the task that had none.
        """
        nameless = self._tasks.get(NO_TASK)
        if nameless is not None and len(nameless.names) == 1:
            self._name(nameless, tid)
            return nameless
        if self.begun:
            self._report("a task appears without a fork, taken for a process of its own")
        return self._begin(Task(tid, tid, Space(tid)))

    def _begin(self, task: Task) -> Task:
        if len(self._tasks) >= _MOST_TASKS:
            self._tasks.popitem(last=False)
            self._report(f"more than {_MOST_TASKS} living tasks, the oldest forgotten")
        self._name(task, task.tid)
        task.group.add(task)
        if task.process == task.tid:
            self.processes += 1
        if task.space.pid == task.tid:
            self.begun += 1
        return task

    def _name(self, task: Task, tid: int) -> None:
        task.names.append(tid)
        self._tasks[tid] = task

    def _fork(self, task: Task, draft: Draft) -> Iterator[Draft]:
        child, flags = draft.child, draft.flags or 0
        if child is not None:
            old = self._tasks.get(child)
            if old is not None:
                self._report("a task is forked whose number is in use, the old one taken for gone")
                yield from self._leave(old, draft)
            space = self._shared(task.space) if flags & CLONE_VM else task.space.copy(child)
            if flags & CLONE_THREAD:
                self._begin(Task(child, task.process, space, task.group))
            else:
                self._begin(Task(child, child, space))
        yield draft

    @staticmethod
    def _shared(space: Space) -> Space:
        space.users += 1
        return space

    def _exec(self, task: Task, draft: Draft) -> Iterator[Draft]:
        """The task goes on alone, in a new space under the number of its process."""
        old = task.space
        for other in sorted(task.group - {task}, key=lambda each: each.tid):
            yield from self._leave(other, draft)
        if old.pid == task.process:
            old.users -= 1
            if old.users:
                self._report("a program is executed in a space that others use, theirs ends too")
        else:
            yield from self._release(old, draft)
            self.begun += 1
        task.space = Space(task.process)
        task.group = {task}
        self.executed = True
        draft.pid = task.process
        yield draft

    def _exit(self, task: Task, draft: Draft) -> Iterator[Draft]:
        """A task that uses its space alone ends it; for others, their last line is awaited."""
        yield draft
        if task.space.users == 1:
            yield from self._leave(task, draft)

    def _end(self, draft: Draft) -> Iterator[Draft]:
        task = self._find(draft.tid)
        if task is not None:
            yield from self._leave(task, draft)

    def _leave(self, task: Task, draft: Draft) -> Iterator[Draft]:
        for name in task.names:
            if self._tasks.get(name) is task:
                del self._tasks[name]
        task.group.discard(task)
        yield from self._release(task.space, draft)

    @staticmethod
    def _release(space: Space, draft: Draft) -> Iterator[Draft]:
        space.users -= 1
        if space.users == 0:
            yield Draft(draft.time, space.pid, draft.tid, EXIT_MMAP)

    def _brk(self, task: Task, draft: Draft) -> Iterator[Draft]:
        """Turns the break asked for into the part that was added or taken away."""
        asked, new, old = draft.address, draft.result, task.space.brk
        if asked and asked != new:
            draft.error = "ENOMEM"
            task.space.brk = new
        else:
            before = self._break_before(task.space, asked, new)
            draft.address, draft.length = min(before, new or 0), abs((new or 0) - before)
            task.space.brk = new
        if old is not None and not asked and old != new:
            self._report("a break that does not follow from the one before")
        yield draft

    def _break_before(self, space: Space, asked: int | None, new: int | None) -> int:
        if space.brk is None and asked:
            self._report("a break whose former place is not known, taken as unchanged")
        return space.brk if space.brk is not None and asked else new or 0

    def _shmget(self, task: Task, draft: Draft) -> Iterator[Draft]:
        if draft.length and draft.result is not None and len(self._segments) < _MOST_SEGMENTS:
            self._segments[draft.result] = draft.length
        yield draft

    def _shmat(self, task: Task, draft: Draft) -> Iterator[Draft]:
        draft.length = self._segments.get(draft.fd or 0)
        if draft.length is None:
            self._report("a shmat of a segment whose length is not known")
        elif draft.address is not None and len(task.space.attached) < _MOST_SEGMENTS:
            task.space.attached[draft.address] = draft.length
        yield draft

    def _shmdt(self, task: Task, draft: Draft) -> Iterator[Draft]:
        draft.length = task.space.attached.pop(draft.address or 0, None)
        if draft.length is None:
            self._report("a shmdt of a segment whose length is not known")
        yield draft
