"""Every mistake in a model gets a position, a message and a help, and all of them at once."""

from __future__ import annotations

import pickle
from textwrap import dedent, indent

import pytest

from shootdown.drivers.catalogue import DRIVERS
from shootdown.drivers.driver import CALLBACKS
from shootdown.lang.errors import Diagnostic, ModelError
from shootdown.lang.subset import UNSUPPORTED, check_subset, refusal
from shootdown.program.where import Where

from .models import HEADER_LINES, load, program_of

MODEL = """
from shootdown import Queue, Work, mod_timer, schedule_work
exec("def made(x): return x")
MADE = made
def free():
    super().run()
@dataclass(frozen=True)
class Checked:
    x: int
    def __post_init__(self):
        pass
@dataclass(frozen=True, eq=False)
class Alone:
    x: int
class Model(Part):
    def __init__(self):
        self.lock = Mutex()
        self.sem = RwSemaphore()
        self.n = Int(0, 7)
        self.flag = Flag()
        self.seq = Counter()
        self.table = PerPage(Pte)
        self.seen = Ghost(Int(0, 7))
        self.phase = EnumState(Phase)
        self.rw = RwLock()
        self.count = SeqCount()
        self.srcu = Srcu()
        self.units = [1, 2, 3]
        self.spin = Spinlock()
        self.work = Work(self.run)
        self.queue = Queue(Int(0, 7), 2)
        self.made = MADE
        self.free = free

    def run(self):
{body}
{more}
"""
FIRST = MODEL[: MODEL.index("{body}")].count("\n") + HEADER_LINES + 1
"""the line of the file on which the body of `run` begins"""


def text_of(body: str, more: str = "") -> str:
    return MODEL.format(body=indent(dedent(body), " " * 8), more=indent(dedent(more), " " * 4))


def refused(body: str, more: str = "") -> list[Diagnostic]:
    """What is wrong with a method `run` of this body."""
    model = load(text_of(body, more))["Model"]
    with pytest.raises(ModelError) as caught:
        program_of(model().run)
    return list(caught.value.diagnostics)


def places(found: list[Diagnostic]) -> list[tuple[int, int, str]]:
    """Line in the body (from 1), column (from 1) and message."""
    return [(d.where.line - FIRST + 1, d.where.column + 1, d.message) for d in found]


NUMBER = "a number known only when the model runs"
SCALAR = "a number, a flag or a page-table entry is needed here, not "
STATEMENT = 9
"""the column of the statements in `run`"""

MISTAKES: dict[str, tuple[str, int, int, str, str]] = {
    "missing name": (
        "self.n = nn",
        1,
        18,
        "`nn` has no value here",
        "assign it, or import it at the top",
    ),
    "near name": (
        "count_now = 1\nself.n = count_nov",
        2,
        18,
        "`count_nov` has no value here",
        "did you mean `count_now`?",
    ),
    "missing attribute": (
        "x = self.tabel",
        1,
        13,
        "Model has no attribute `tabel`",
        "did you mean `table`?",
    ),
    "missing method of an entry": (
        "x = self.table[0].writeable",
        1,
        13,
        "Pte has no attribute `writeable`",
        "did you mean `writable`?",
    ),
    "attribute of a number": (
        "x = self.n.frame",
        1,
        13,
        "a number known only when the model runs has no attribute `frame`",
        "use the value by itself",
    ),
    "lock by hand": (
        "self.lock.acquire()",
        1,
        9,
        "the lock `model.lock` has no attribute `acquire`",
        "hold it for a `with` block",
    ),
    "assignment to what is not state": (
        "self.other = 1",
        1,
        9,
        "`self.other` is not state that can be assigned",
        "declare it in __init__, for instance: self.other = Int(0, 7)",
    ),
    "assignment to an array": (
        "self.table = 1",
        1,
        9,
        "`self.table` is not state that can be assigned",
        "declare it in __init__, for instance: self.table = Int(0, 7)",
    ),
    "assignment to a list": (
        "self.units[0] = 1",
        1,
        9,
        "a list cannot be changed while the model runs",
        "declare state for what changes: an Array(element, length) in __init__",
    ),
    "with something else": (
        "with self.n:\n    pass",
        1,
        14,
        "`with` needs a lock, not a number known only when the model runs",
        "declare one in __init__: self.lock = Mutex()",
    ),
    "with a semaphore, no mode": (
        "with self.sem:\n    pass",
        1,
        14,
        "`model.sem` can be held in two ways",
        "write `with sem.read():` or `with sem.write():`",
    ),
    "with as": (
        "with self.lock as x:\n    pass",
        1,
        9,
        "`with … as` is not part of the language",
        "leave out the `as`",
    ),
    "downgrade without a lock": (
        "self.sem.downgrade()",
        1,
        9,
        "`model.sem` is not held for writing by the innermost `with`",
        "write it inside `with sem.write():`, where nothing can skip it",
    ),
    "downgrade of a read lock": (
        "with self.sem.read():\n    self.sem.downgrade()",
        2,
        13,
        "`model.sem` is not held for writing by the innermost `with`",
        "write it inside `with sem.write():`, where nothing can skip it",
    ),
    "downgrade in a branch": (
        "with self.sem.write():\n    if self.flag:\n        self.sem.downgrade()",
        3,
        17,
        "`model.sem` is not held for writing by the innermost `with`",
        "write it inside `with sem.write():`, where nothing can skip it",
    ),
    "downgrade in a condition": (
        "with self.sem.write():\n    self.flag and self.sem.downgrade()",
        2,
        27,
        "`model.sem` is not held for writing by the innermost `with`",
        "write it inside `with sem.write():`, where nothing can skip it",
    ),
    "downgrade twice": (
        "with self.sem.write():\n    self.sem.downgrade()\n    self.sem.downgrade()",
        3,
        13,
        "`model.sem` is not held for writing by the innermost `with`",
        "write it inside `with sem.write():`, where nothing can skip it",
    ),
    "a case of the run": (
        "match self.n:\n    case self.flag:\n        pass",
        2,
        18,
        "a `case` needs a value known before the model runs",
        "write `if` and `==`",
    ),
    "arithmetic of members": (
        "x = self.phase + 1",
        1,
        13,
        SCALAR + "a member of Phase",
        "compare members with == or `in`; for numbers declare Int(low, high, names=…)",
    ),
    "members counted up": (
        "self.phase += 1",
        1,
        9,
        SCALAR + "a member of Phase",
        "compare members with == or `in`; for numbers declare Int(low, high, names=…)",
    ),
    "truth of a member": (
        "if self.phase:\n    pass",
        1,
        12,
        SCALAR + "a member of Phase",
        "compare members with == or `in`; for numbers declare Int(low, high, names=…)",
    ),
    "order of members": (
        "if self.phase < Phase.DONE:\n    pass",
        1,
        12,
        "members of an Enum have no order",
        "use == or `in`",
    ),
    "a member and a number": (
        "x = self.phase == 1",
        1,
        13,
        "a member of Phase is never equal to int `1`",
        "compare members of one Enum",
    ),
    "members of two Enums": (
        "x = self.phase in (Phase.IDLE, Other.BUSY)",
        1,
        13,
        "a member of Phase is never equal to `Other.BUSY`",
        "compare members of one Enum",
    ),
    "a number for a member": (
        "self.phase = 1",
        1,
        9,
        "`model.phase` cannot hold int `1`",
        "it holds a member of Phase",
    ),
    "a member for a number": (
        "self.n = Phase.BUSY",
        1,
        9,
        "`model.n` cannot hold `Phase.BUSY`",
        "it holds a number known only when the model runs",
    ),
    "a member of another Enum": (
        "self.phase = Other.BUSY",
        1,
        9,
        "`model.phase` cannot hold `Other.BUSY`",
        "it holds a member of Phase",
    ),
    "a member or a number": (
        "x = Phase.BUSY if self.flag else 1",
        1,
        13,
        "int `1` does not go with what stands here on another way",
        "use members of one Enum on every way, or another name",
    ),
    "a name that is a member or a number": (
        "x = self.phase\nx = 1",
        2,
        9,
        "int `1` does not go with what stands here on another way",
        "use members of one Enum on every way, or another name",
    ),
    "a member as an index": (
        "self.table[Phase.BUSY] = EMPTY",
        1,
        20,
        SCALAR + "`Phase.BUSY`",
        "compare members with == or `in`; for numbers declare Int(low, high, names=…)",
    ),
    "choose among members": (
        "self.phase = choose(Phase.IDLE, Phase.DONE)",
        1,
        22,
        "choose() takes an Enum, or members in the order of their definition",
        "write choose(Phase) or choose(Phase.IDLE, Phase.BUSY)",
    ),
    "a name set in most cases": (
        "match self.phase:\n    case Phase.IDLE | Phase.BUSY:\n        x = 1\n"
        "    case Phase.DONE if self.flag:\n        x = 2\nself.n = x",
        6,
        18,
        "`x` may have no value here: not every way to this place assigns it",
        "assign it on every way here",
    ),
    "waiting with a change": (
        "wait_until(self.bump())",
        1,
        9,
        "what `wait_until` waits for changes or checks something",
        "a condition can only look: change state after it, read an index before it",
    ),
    "waiting with an index that is checked": (
        "wait_until(self.table[self.n].present)",
        1,
        9,
        "what `wait_until` waits for changes or checks something",
        "a condition can only look: change state after it, read an index before it",
    ),
    "waiting with an atomic operation": (
        "wait_until(atomic_dec_and_test(self.n))",
        1,
        9,
        "what `wait_until` waits for changes or checks something",
        "a condition can only look: change state after it, read an index before it",
    ),
    "an atomic operation on a value": (
        "atomic_inc(self.n + 1)",
        1,
        20,
        "`atomic_inc` needs to be told the state, not its value",
        "name it in full: atomic_inc(…self.users…)",
    ),
    "an atomic operation on what is not state": (
        "atomic_inc(self.units)",
        1,
        20,
        "`self.units` is not state that can be assigned",
        "declare it in __init__, for instance: self.units = Int(0, 7)",
    ),
    "atomic arguments": (
        "atomic_add(self.n)",
        1,
        9,
        "`atomic_add` takes 2 values by position",
        "write atomic_add(amount, state)",
    ),
    "atomic arguments by name": (
        "atomic_add(1, state=self.n)",
        1,
        9,
        "`atomic_add` takes 2 values by position",
        "write atomic_add(amount, state)",
    ),
    "counting a flag": (
        "atomic_inc(self.flag)",
        1,
        9,
        "`model.flag` is not a number",
        "declare it as Int or Counter",
    ),
    "counting a member": (
        "atomic_dec(self.phase)",
        1,
        9,
        "`model.phase` is not a number",
        "declare it as Int or Counter",
    ),
    "a bit that is not there": (
        "test_and_set_bit(1, self.flag)",
        1,
        9,
        "`model.flag` has no bit 1",
        "declare it as Int(0, high) with room for the bit, or as Flag, which has bit 0",
    ),
    "a bit of a counter": (
        "x = test_and_clear_bit(0, self.seq)",
        1,
        13,
        "`model.seq` has no bit 0",
        "declare it as Int(0, high) with room for the bit, or as Flag, which has bit 0",
    ),
    "atomic use of Ghost state": (
        "atomic_inc(self.seen)",
        1,
        9,
        "`model.seen` is Ghost state, which the system cannot see",
        "look at it in a @ghost method, in require(…) or in assert",
    ),
    "exchange of a member and a number": (
        "x = xchg(self.phase, 1)",
        1,
        13,
        "`model.phase` cannot hold int `1`",
        "it holds a member of Phase",
    ),
    "a read lock by itself": (
        "self.rw.read()",
        1,
        9,
        "this holds nothing by itself",
        "write it after `with`",
    ),
    "a write section by itself": (
        "self.count.write()",
        1,
        9,
        "this holds nothing by itself",
        "write it after `with`",
    ),
    "with a sequence count, no method": (
        "with self.count:\n    pass",
        1,
        14,
        "`with` needs a lock, not a SeqCount",
        "declare one in __init__: self.lock = Mutex()",
    ),
    "a spinning lock, no mode": (
        "with self.rw:\n    pass",
        1,
        14,
        "`model.rw` can be held in two ways",
        "write `with rw.read():` or `with rw.write():`",
    ),
    "downgrade of a spinning lock": (
        "with self.rw.write():\n    self.rw.downgrade()",
        2,
        13,
        "the lock `model.rw` has no attribute `downgrade`",
        "hold it for a `with` block",
    ),
    "downgrade in a try": (
        "with self.sem.write():\n    try:\n        self.sem.downgrade()\n"
        "    finally:\n        self.n = 1",
        3,
        17,
        "`model.sem` is not held for writing by the innermost `with`",
        "write it inside `with sem.write():`, where nothing can skip it",
    ),
    "locks by hand": (
        "try:\n    self.n = 1\nfinally:\n    self.lock.release()",
        4,
        13,
        "the lock `model.lock` has no attribute `release`",
        "hold it for a `with` block",
    ),
    "a mistake in a last block, once": (
        "for i in range(3):\n    try:\n        if self.n:\n            break\n"
        "        if self.flag:\n            return\n    finally:\n        self.m = 1",
        8,
        17,
        "`self.m` is not state that can be assigned",
        "declare it in __init__, for instance: self.m = Int(0, 7)",
    ),
    "while … else": (
        "while self.flag:\n    pass\nelse:\n    pass",
        1,
        9,
        "`while … else` is not part of the language",
        "put the `else` block after the loop",
    ),
    "for … else": (
        "for i in range(2):\n    pass\nelse:\n    pass",
        1,
        9,
        "`for … else` is not part of the language",
        "put the `else` block after the loop",
    ),
    "loop over a number": (
        "for i in self.n:\n    pass",
        1,
        9,
        "a number known only when the model runs cannot be looped over",
        "loop over a page range, a range(…), or a list built in __init__",
    ),
    "two names over a range": (
        "for i, j in range(2):\n    pass",
        1,
        9,
        "a loop over a range has one name",
        "write one name after `for`",
    ),
    "element of a list": (
        "x = self.units[self.n]",
        1,
        13,
        "the element of a Python list must be known before the model runs",
        "loop over the list and compare, or declare the values as state",
    ),
    "no such element": ("x = self.units[3]", 1, 13, "there is no element 3", "there are 3"),
    "no such element of a tuple": (
        "x = (1, 2)[-5]",
        1,
        13,
        "there is no element -5",
        "there are 2",
    ),
    "index outside": (
        "self.table[5] = EMPTY",
        1,
        9,
        "`model.table` has 2 elements, there is no [5]",
        "indexes go from 0 to 1",
    ),
    "wrong number of values": (
        "a, b = 1, 2, 3",
        1,
        9,
        "3 values for 2 names",
        "write a name for each value",
    ),
    "a tuple for a number": (
        "self.n = (1, 2)",
        1,
        9,
        SCALAR + "a tuple",
        "take it apart: use one of its parts",
    ),
    "None for a number": (
        "self.n = None",
        1,
        9,
        SCALAR + "None",
        "use a value of one of these kinds",
    ),
    "a float": (
        "self.n = self.n + 0.5",
        1,
        27,
        SCALAR + "float `0.5`",
        "use a value of one of these kinds",
    ),
    "divisor": (
        "self.n = 4 // self.n",
        1,
        18,
        "the divisor must be a positive constant",
        "compute it in __init__, or count in a loop",
    ),
    "shift": (
        "self.n = 1 << (self.n - 1)",
        1,
        18,
        "the shift could be by -1 to 6 bits",
        "shift by 0 to 62: declare the amount as Int(0, …), or mask it with &",
    ),
    "too wide": (
        "x = (1 << 61) * self.n",
        1,
        13,
        "this value may need more than 62 bits",
        "keep it in an Int(low, high), which is checked",
    ),
    "computed now": (
        "x = 1 // 0",
        1,
        13,
        "this cannot be computed: ZeroDivisionError: integer division or modulo by zero",
        "Python computes it before the model runs, and fails: change the values",
    ),
    "is": (
        "x = self.n is self.flag",
        1,
        13,
        "`is` compares Python objects known before the model runs",
        "use ==",
    ),
    "a dynamic argument of sorted": (
        "x = sorted([self.n, 3])",
        1,
        13,
        "this needs values known before the model runs, not " + NUMBER,
        "use comparisons and `if` on values of the run",
    ),
    "call of what cannot be": (
        "x = print(1)",
        1,
        13,
        "a builtin_function_or_method cannot be called in a model",
        "call methods of parts, plain functions, or compute it in __init__",
    ),
    "choose among others": (
        "x = choose(1, 3)",
        1,
        13,
        "choose() takes a number, a range, or consecutive constants",
        "write choose(n), choose(range) or choose(False, True)",
    ),
    "choose among texts": (
        'x = choose("a", "b")',
        1,
        13,
        "choose() takes a number, a range, or consecutive constants",
        "write choose(n), choose(range) or choose(False, True)",
    ),
    "choose from what is not known": (
        "x = choose(self.n)",
        1,
        13,
        "what to choose from must be known before the model runs",
        "choose from all there can be, and go on only with what fits: wait_until(…)",
    ),
    "choose from nothing": (
        "x = choose(0)",
        1,
        13,
        "there is nothing to choose from: the range is empty",
        "give it at least one value",
    ),
    "wait for two": (
        "wait_until(self.flag, self.n)",
        1,
        9,
        "wait_until takes one condition, and idle=True for a worker",
        "join conditions with `and`",
    ),
    "require without a rule": (
        "require(self.flag, 3)",
        1,
        9,
        "the second argument of require must be a rule",
        "make an object with a `name`, a `sentence` and a `verdict`, or use assert",
    ),
    "require with one argument": (
        "require(self.flag)",
        1,
        9,
        "require takes a condition and a rule",
        "write require(condition, RULE)",
    ),
    "rest with an argument": ("rest(1)", 1, 9, "rest takes nothing", "write rest()"),
    "count without a name": (
        "count()",
        1,
        9,
        "count takes a name and an amount",
        'write count("walks"), count("pages", 2)',
    ),
    "ghost state": (
        "self.n = self.seen",
        1,
        18,
        "`model.seen` is Ghost state, which the system cannot see",
        "look at it in a @ghost method, in require(…) or in assert",
    ),
    "range with a step": (
        "for i in range(0, self.n, 2):\n    pass",
        1,
        18,
        "range() with a step must be known before the model runs",
        "write range(…) without a step and multiply, or a `while` loop",
    ),
    "a text of the run": (
        'x = f"{self.n}"',
        1,
        13,
        "a text can only be built from what is known before the run",
        "leave the value out: a counterexample shows it",
    ),
    "a name set in one branch": (
        "if self.flag:\n    x = 1\nself.n = x",
        3,
        18,
        "`x` may have no value here: not every way to this place assigns it",
        "assign it on every way here",
    ),
    "a name that changes shape": (
        "x = None\nif self.flag:\n    x = 1\nself.n = x",
        4,
        18,
        "`x` may hold different things here: a value of the run or None",
        "let it hold a number, a flag or a page-table entry on every way here",
    ),
    "a name of two shapes": (
        "x = 1\nx = (1, 2)",
        2,
        9,
        "`x` holds a value of another shape elsewhere, here a tuple",
        "use another name for it",
    ),
    "a name assigned again in a loop": (
        "x = self.units\nwhile self.flag:\n    self.n = x\n    x = 1",
        3,
        22,
        "`x` is assigned again further down in this loop, so what it holds here is not known",
        "let it hold a number, a flag or a page-table entry, or use another name in the loop",
    ),
    "a function without source": (
        "x = self.made(self.n)",
        1,
        13,
        "`made` has no source, so it cannot be compiled",
        "define it with `def` in a file",
    ),
    "the least of an empty list": (
        "x = max([self.n, 1][2:])",
        1,
        13,
        "this cannot be computed: ValueError: max() arg is an empty sequence",
        "Python computes it before the model runs, and fails: change the values",
    ),
    "a record that computes": (
        "x = Checked(self.n)",
        1,
        13,
        "Checked has a __post_init__, so its values must be known before the run",
        "use a dataclass without one",
    ),
    "half an entry": (
        "x = Pte(1)",
        1,
        13,
        "Pte takes a frame and rights",
        "write Pte(frame, READ_WRITE)",
    ),
    "a list as long as the run says": (
        "x = [i for i in range(self.n)]",
        1,
        25,
        "how many elements there are must be known before the model runs",
        "write a `for` loop",
    ),
    "a list of what fits": (
        "x = [i for i in self.units if i < self.n]",
        1,
        39,
        "how many elements there are must be known before the model runs",
        "write a `for` loop",
    ),
    "order of records": (
        "x = Point(self.n, 1) < Point(1, 2)",
        1,
        13,
        "a Point and a Point have no order",
        "compare numbers or tuples",
    ),
    "two ranges": (
        "x = range(self.n) == range(2)",
        1,
        13,
        "ranges are not compared",
        "compare where they start and end",
    ),
    "a record like no other": (
        "x = Alone(self.n) == Alone(2)",
        1,
        13,
        "a Alone is only equal to itself",
        "compare its parts",
    ),
    "a slice of the run": (
        "x = self.units[self.n :]",
        1,
        13,
        "a slice needs a list and bounds known before the model runs",
        "loop over a range(…) and use one element at a time",
    ),
    "a slice of state": (
        "x = self.table[0:1]",
        1,
        13,
        "a slice needs a list and bounds known before the model runs",
        "loop over a range(…) and use one element at a time",
    ),
    "work that is none": (
        "schedule_work(self.n)",
        1,
        9,
        "`schedule_work` is for Work, not for " + NUMBER,
        "declare one in __init__: self.x = Work(…)",
    ),
    "a timer for work": (
        "x = mod_timer(self.work)",
        1,
        13,
        "`mod_timer` is for Timer, not for a Work",
        "declare one in __init__: self.x = Timer(…)",
    ),
    "something wrong in a queue": (
        "self.flag = self.queue.put(self.units)",
        1,
        21,
        SCALAR + "a list",
        "use a value of one of these kinds",
    ),
    "a method of a lock": (
        "with self.spin.irqsave:\n    pass",
        1,
        14,
        "`with` needs a lock, not the method `irqsave`",
        "call it: irqsave()",
    ),
    "interrupts off for nothing": (
        "self.spin.bh()",
        1,
        9,
        "this holds nothing by itself",
        "write it after `with`",
    ),
    "a Mutex has no interrupts": (
        "with self.lock.irqsave():\n    pass",
        1,
        14,
        "the lock `model.lock` has no attribute `irqsave`",
        "hold it for a `with` block",
    ),
    "state in a method": (
        "x = Counter()",
        1,
        13,
        "`Counter` declares state, which only __init__ can do",
        "write self.x = Counter(…) there, and assign to it here",
    ),
    "element of a number": (
        "x = self.n[0]",
        1,
        13,
        NUMBER + " has no elements",
        "index a list, a tuple, or state declared as an array",
    ),
    "any over two names": (
        "x = any(a for a, b in range(self.n))",
        1,
        13,
        "a loop over a range has one name",
        "write one name after `for`",
    ),
    "a list with too many names": (
        "x = [a for a, b in [(1, 2, 3)]]",
        1,
        13,
        "3 values for 2 names",
        "write a name for each value",
    ),
    "a list over a number": (
        "x = [a for a in self.n]",
        1,
        13,
        NUMBER + " cannot be looped over",
        "loop over a page range, a range(…), or a list built in __init__",
    ),
    "loop over texts without order": (
        "for i in self.words():\n    pass",
        1,
        9,
        "a frozenset cannot be looped over",
        "loop over a page range, a range(…), or a list built in __init__",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake(name: str) -> None:
    """One mistake gives one diagnostic: line, column, message and help."""
    body, line, column, message, help = MISTAKES[name]
    more = "def words(self):\n    return WORDS\n\ndef bump(self):\n    self.n = 1\n    return 1\n"
    found = refused(body, more)
    assert places(found) == [(line, column, message)]
    assert found[0].help == help


def test_found_in_ours() -> None:
    """What is wrong in a method of ours is shown where it was called; the way there is told."""
    (found,) = refused("self.flag = self.queue.put(self.units)")
    text = found.render()
    assert "\n  in `Model.run`, found in `Queue.put` at shootdown/lang/queue.py:" in text
    assert found.where.file.endswith(".py") and not found.where.file.startswith("shootdown")


def test_super_outside_of_a_part() -> None:
    """The place is that of the function, and the way to it is told."""
    (found,) = refused("self.free()")
    assert found.message == "super() only works inside a method of a part"
    assert found.help == "call the function by its name"
    assert [place.function for place in found.where.chain][:2] == ["free", "Model.run"]


RECORDS = {
    "too few": "Point(1)",
    "too many": "Point(1, 2, 3, 4)",
    "twice": "Point(1, 2, x=self.n)",
    "unknown": "Point(1, 2, w=self.n)",
    "not by position": "Point(1, 2, 3)",
}


@pytest.mark.parametrize("name", RECORDS)
def test_mistake_in_a_record(name: str) -> None:
    """A frozen dataclass takes its fields, once each."""
    (found,) = refused(f"point = {RECORDS[name]}")
    assert found.message == "Point takes x, y, z"
    assert (found.where.line, found.where.column) == (FIRST, 16)


RUN = "run"
"""stands for the method `run`, otherwise lines count in the other methods"""

CALLS: dict[str, tuple[str, str, str, int, int, str]] = {
    "too many": (
        "self.f(1, 2)",
        "def f(self, a): pass",
        RUN,
        1,
        9,
        "`Model.f` takes 1 values, not 2",
    ),
    "unknown": ("self.f(b=1)", "def f(self, a): pass", RUN, 1, 9, "`Model.f` takes no `b`"),
    "twice": ("self.f(1, a=1)", "def f(self, a): pass", RUN, 1, 9, "`Model.f` gets `a` twice"),
    "too few": ("self.f()", "def f(self, a): pass", RUN, 1, 9, "`Model.f` needs a value for `a`"),
    "varargs": ("self.f()", "def f(self, *a): pass", RUN, 1, 9, "`f` takes *args or **kwargs"),
    "direct recursion": (
        "self.f(1)",
        "def f(self, a):\n    if a:\n        self.f(self.n)",
        "",
        3,
        9,
        "`Model.f` calls itself",
    ),
    "mutual recursion": (
        "self.f()",
        "def f(this):\n    this.g()\ndef g(this):\n    this.f()",
        "",
        4,
        5,
        "`Model.f` calls itself",
    ),
    "a value or nothing": (
        "self.f()",
        "def f(self):\n    if self.flag:\n        return 1\n    self.n = 2",
        RUN,
        1,
        9,
        "`f` returns a value in one place and none at its end",
    ),
    "nothing, then a value": (
        "self.f()",
        "def f(self):\n    if self.flag:\n        return\n    return 2",
        "",
        4,
        5,
        "`f` returns a value in one place and nothing in another",
    ),
    "a value, then nothing": (
        "self.f()",
        "def f(self):\n    if self.flag:\n        return 1\n    return",
        "",
        4,
        5,
        "`f` returns a value in one place and nothing in another",
    ),
    "while in a step": (
        "self.f()",
        "@indivisible\ndef f(self):\n    while self.flag:\n        pass",
        "",
        3,
        5,
        "`while` inside an indivisible step needs a bound the checker can see",
    ),
    "lock in a step": (
        "self.f()",
        "@indivisible\ndef f(self):\n    with self.lock:\n        pass",
        "",
        3,
        10,
        "a lock cannot be taken inside an indivisible step",
    ),
    "wait in the middle of a step": (
        "self.f()",
        "@indivisible\ndef f(self):\n    self.n = 1\n    wait_until(self.flag)",
        "",
        4,
        5,
        "this would let others run inside an indivisible step",
    ),
    "a rule that writes": (
        "self.f()",
        "@ghost\ndef f(self):\n    self.n = 1",
        "",
        3,
        5,
        "a rule writes `model.n`, which is state of the system",
    ),
    "a rule that answers": (
        "self.n = self.f()",
        "@ghost\ndef f(self):\n    return 1",
        RUN,
        1,
        18,
        "`f` is @ghost, so the system cannot see what it returns",
    ),
    "downgrade that may be skipped": (
        "with self.sem.write():\n    self.f()",
        "def f(self):\n    if self.flag:\n        return\n    self.sem.downgrade()",
        "",
        4,
        5,
        "`model.sem` is not held for writing by the innermost `with`",
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_mistake_in_a_call(name: str) -> None:
    """Mistakes that need a second method; they too are reported once."""
    body, more, method, line, column, message = CALLS[name]
    (found,) = refused(body, more)
    assert found.message == message
    assert (found.where.function == "Model.run") == (method == RUN)
    first = FIRST if method == RUN else FIRST + body.count("\n") + 1
    indented = 0 if method == RUN else 4
    assert (found.where.line - first + 1, found.where.column + 1 - indented) == (line, column)


def test_deep_calls() -> None:
    """Calls nested too deeply are refused, not a Python error."""
    more = "\n".join(f"def f{n}(self):\n    self.f{n + 1}()" for n in range(80))
    found = refused("self.f0()", more)
    assert [d.message for d in found] == ["calls are nested deeper than 60"]


def test_rendering() -> None:
    """A diagnostic is printed with two lines above it, a caret line, the way here and the help."""
    more = "def f(self, x):\n    self.n = 1\n    self.flag = True\n    with self.n:\n        pass\n"
    (found,) = refused("self.f(1)", more)
    file, line = found.where.file, found.where.line
    assert found.render().split("\n") == [
        f"{file}:{line}:14: error: `with` needs a lock, not {NUMBER}",
        f"{line - 2:6} |         self.n = 1",
        f"{line - 1:6} |         self.flag = True",
        f"{line:6} |         with self.n:",
        "       |              ^^^^^^",
        f"  in `Model.f`, called from `Model.run` at {file}:{FIRST}",
        "  help: declare one in __init__: self.lock = Mutex()",
    ]


def test_all_at_once() -> None:
    """All mistakes of a file are reported together, in order, and none as a consequence."""
    body = """
    x = self.tabel
    y = x + 1
    if y > self.flug:
        self.m = 1
    for i in self.n:
        self.k = i
    with self.n:
        self.j = x
    """
    found = refused(body)
    assert [line for line, _, _ in places(found)] == [2, 4, 5, 6, 7, 8, 9]
    assert [d.message for d in found] == [
        "Model has no attribute `tabel`",
        "Model has no attribute `flug`",
        "`self.m` is not state that can be assigned",
        "a number known only when the model runs cannot be looped over",
        "`self.k` is not state that can be assigned",
        "`with` needs a lock, not a number known only when the model runs",
        "`self.j` is not state that can be assigned",
    ]


def test_all_in_the_blocks_of_what_is_refused() -> None:
    """A refused statement does not hide what is wrong inside of it."""
    body = """
    match self.n:
        case x if self.flag:
            self.m = 1
        case self.n:
            self.k = 1
    try:
        self.m = 1
    except ValueError:
        self.k = 1
    finally:
        self.j = 1
    """
    assert [line for line, _, _ in places(refused(body))] == [3, 4, 6, 7, 8, 10, 12]


def test_characters_not_bytes() -> None:
    """Columns count characters; carets stand below their target even after wide ones."""
    (found,) = refused('assert self.n, "größer"; x = self.gröse')
    assert found.where.column == 8 + len('assert self.n, "größer"; x = ')
    (wide,) = refused('assert self.n, "頁"; x = self.m')
    source, carets = wide.render().split("\n")[-4:-2]
    assert len(carets) - len("^^^^^^") == source.index("self.m") + 1


def test_tabs_stay_tabs() -> None:
    """A caret line has the tabs of the line above it."""
    where = Where("model.py", 3, 2, 3, 5, "", "\t\tabc + d")
    assert Diagnostic(where, "no").render().split("\n")[1:] == [
        "     3 | \t\tabc + d",
        "       | \t\t^^^",
    ]


def test_errors_travel() -> None:
    """A worker process can raise a ModelError in its parent."""
    error = ModelError(refused("x = self.tabel"))
    assert pickle.loads(pickle.dumps(error)).diagnostics == error.diagnostics


# --- on sight -----------------------------------------------------------------------------------

ON_SIGHT = {
    "try:\n    pass\nexcept ValueError:\n    pass": "`except`",
    "try:\n    pass\nexcept* ValueError:\n    pass": "`except`",
    "try:\n    pass\nexcept:\n    pass\nelse:\n    pass\nfinally:\n    pass": "`except`",
    "try:\n    pass\nfinally:\n    return": "`return` out of a `finally` block",
    "for i in range(2):\n    try:\n        pass\n    finally:\n        break": (
        "`break` out of a `finally` block"
    ),
    "while self.n:\n    try:\n        pass\n    finally:\n        if self.n:\n"
    "            continue": "`continue` out of a `finally` block",
    "match self.n:\n    case x:\n        pass": "a name in `case`",
    "match self.n:\n    case 1 | 2 as x:\n        pass": "a name in `case`",
    "match self.n:\n    case (1, x):\n        pass": "a sequence in `case`",
    "match self.n:\n    case {1: 2}:\n        pass": "a dict in `case`",
    "match self.n:\n    case int(x):\n        pass": "a class in `case`",
    "def f():\n    pass": "a function inside a method",
    "async def f():\n    pass": "`async def`",
    "class A:\n    pass": "a class inside a method",
    "raise ValueError": "`raise`",
    "import os": "`import` inside a method",
    "from os import path": "`import` inside a method",
    "global a": "`global`",
    "del self.n": "`del`",
    "x = lambda: 1": "`lambda`",
    "x = (y := 1)": "`:=`",
    "x = {i for i in range(2)}": "a set comprehension",
    "x = {i: 1 for i in range(2)}": "a dict comprehension",
    "x = (i for i in range(2))": "a generator expression",
    "x = sum((i for i in range(2)), 1)": "a generator expression",
    "x = {1: 2}": "a dict",
    "x = self.n in {1, 2}": "a set",
    "self.f(*self.units)": "`*` before a value",
    "a, *b = 1, 2": "`*` before a value",
    "self.f(**self.units)": "`**` before a value",
    "x = self.n / 2": "`/`",
    "self.n /= 2": "`/`",
    "x = self.n ** 2": "`**`",
    "x = self.n @ 2": "`@` between values",
    "x = ~self.n": "`~`",
    "x = (yield)": "`yield`",
    "x = (yield from self.units)": "`yield from`",
    "while self.n:\n    pass\nelse:\n    pass": "`while … else`",
    "for i in range(2):\n    pass\nelse:\n    pass": "`for … else`",
    "with self.lock as x:\n    pass": "`with … as`",
}


@pytest.mark.parametrize("body", ON_SIGHT)
def test_lowering_and_sight_agree(body: str) -> None:
    """What is not part of the language is the same diagnostic on sight and while lowering."""
    more = "def f(self, a=1): pass"
    model = load(text_of(body, more))["Model"]
    seen = check_subset(model, ["run"])
    assert [d.message for d in seen] == [ON_SIGHT[body] + " is not part of the language"]
    assert seen[0].help
    with pytest.raises(ModelError) as caught:
        program_of(model().run)
    (lowered,) = caught.value.diagnostics
    assert (lowered.message, lowered.help) == (seen[0].message, seen[0].help)
    assert lowered.where.line == seen[0].where.line


def test_nonlocal() -> None:
    """Only a class in a function can say so."""
    found = load("""
        def make():
            total = 0
            class Model(Part):
                def run(self):
                    nonlocal total
            return Model
        Model = make()
    """)
    (seen,) = check_subset(found["Model"], ["run"])
    assert seen.message == "`nonlocal` is not part of the language"


def test_every_refusal_says_what_to_write() -> None:
    """The table has a name and a help for each node."""
    for node in UNSUPPORTED:
        message, help = refusal(node.__new__(node))
        assert message.endswith(" is not part of the language")
        assert help
    assert all(help for *_, help in MISTAKES.values())


def test_sight_reaches_everything_by_name() -> None:
    """Also code that no scenario reaches: bases, properties, super(), functions of the file."""
    found = load("""
        class Base(Part):
            def start(self):
                x = {1, 2}

            def unused(self):
                raise ValueError

        def outside(a):
            return ~a

        class Model(Base):
            debug = False

            def run(self):
                if self.debug:
                    x = {1: 2}
                    self.never()
                super().start()
                outside(self.here)

            def never(self):
                del self.x

            def start(self):
                raise ValueError

            @property
            def here(self):
                return lambda: 1
    """)
    seen = check_subset(found["Model"], ["run", "missing"])
    assert [(d.where.line - HEADER_LINES, d.message.split(" is not")[0]) for d in seen] == [
        (4, "a set"),
        (10, "`~`"),
        (17, "a dict"),
        (23, "`del`"),
        (30, "`lambda`"),
    ]


def test_sight_reaches_what_runs_later() -> None:
    """A method that is given to a work item is looked at, although nobody calls it."""
    found = load("""
        from shootdown.lang.work import Work

        class Model(Part):
            def __init__(self, size=1):
                self.work = Work(self.poll)
                self.size = abs(size)

            def run(self):
                pass

            def poll(self):
                x = {1: 2}
    """)
    (seen,) = check_subset(found["Model"], ["run"])
    assert seen.message == "a dict is not part of the language"


def test_init_is_plain_python() -> None:
    """What __init__ does is nobody's business."""
    found = load("""
        class Model(Part):
            def __init__(self):
                self.units = [n for n in range(3)]

            def run(self):
                pass
    """)
    assert check_subset(found["Model"], ["run"]) == []
    assert program_of(found["Model"]().run).actors[0].code


@pytest.mark.parametrize("name", DRIVERS)
def test_shipped_drivers_are_in_the_subset(name: str) -> None:
    """Nothing in a shipped driver is refused on sight."""
    assert check_subset(DRIVERS[name], CALLBACKS) == []
