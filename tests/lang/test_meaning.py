"""What models mean: values, steps and locks, with exact numbers of states and transitions."""

from __future__ import annotations

from textwrap import dedent, indent
from typing import Any

import pytest

from shootdown.lang.errors import ModelError
from shootdown.lang.geometry import Geometry
from shootdown.program.program import Program

from .models import check, counts, final_states, load, program_of, run_alone

HEAD = """
class Model(Part):
    def __init__(self):
        self.lock = Mutex()
        self.sem = RwSemaphore()
        self.n = Int(0, 7)
        self.m = Int(0, 7)
        self.flag = Flag()
        self.seq = Counter()
        self.table = PerPage(Pte)
        self.seen = Ghost(Int(0, 7))
        self.phase = EnumState(Phase)
        self.rw = RwLock()
        self.count = SeqCount()
        self.srcu = Srcu()
        self.units = [1, 2, 4]
        self.pages = 3
"""


def model(methods: str) -> Any:
    """An instance of a class with this state and these methods."""
    return load(HEAD + indent(dedent(methods), "    "))["Model"]()


def alone(methods: str, geometry: Geometry | None = None) -> dict[str, Any]:
    """The end of a run of `run`, with nobody else there."""
    return run_alone(program_of(model(methods).run, geometry=geometry))


def together(methods: str, *names: str) -> Program:
    """The program in which these methods of one model run at the same time."""
    instance = model(methods)
    return program_of(*(getattr(instance, name) for name in names))


def ends(program: Program, *names: str) -> set[tuple[Any, ...]]:
    """What the variables may hold when everybody is done."""
    return {tuple(state[f"model.{name}"] for name in names) for state in final_states(program)}


# --- steps --------------------------------------------------------------------------------------


def test_increment_is_two_steps() -> None:
    """`self.n += 1` outside a lock is a read and a write, so an update can be lost."""
    program = together("def run(self):\n    self.n += 1", "run", "run")
    assert ends(program, "n") == {(1,), (2,)}
    assert counts(program) == ("holds", 12, 14)


def test_increment_under_a_lock_is_one_step() -> None:
    """Under one lock it is one step with taking and giving back the lock."""
    program = together("def run(self):\n    with self.lock:\n        self.n += 1", "run", "run")
    assert ends(program, "n") == {(2,)}
    assert counts(program) == ("holds", 4, 4)


def test_lock_without_a_common_protection() -> None:
    """A lock that not everybody takes protects nothing."""
    methods = """
    def run(self):
        with self.lock:
            self.n += 1

    def other(self):
        self.n += 1
    """
    program = together(methods, "run", "other")
    assert ends(program, "n") == {(1,), (2,)}


def test_private_state_is_no_step() -> None:
    """State that only one actor touches splits nothing."""
    found = alone("def run(self):\n    self.n = 1\n    self.m = self.n + 1\n    self.n += self.m")
    assert (found["model.n"], found["steps"]) == (3, 1)


def test_constant_state_is_no_step() -> None:
    """State that nobody writes splits nothing."""
    methods = """
    def run(self):
        self.n = self.m + self.m

    def other(self):
        if self.m == 0:
            self.flag = True
    """
    assert counts(together(methods, "run", "other")) == ("holds", 4, 4)


def test_readers_and_a_writer() -> None:
    """A write-held lock for writes and a read-held one for reads protect state."""
    methods = """
    def run(self):
        with self.sem.read():
            if self.n == self.m:
                self.flag = True

    def other(self):
        with self.sem.write():
            self.n = 1
            self.m = 1
    """
    program = together(methods, "run", "other")
    assert ends(program, "flag", "n") == {(1, 1)}
    assert counts(program) == ("holds", 4, 4)


def test_read_mode_does_not_protect_a_write() -> None:
    """Holding a lock for reading, two may write at the same time."""
    methods = "def run(self):\n    with self.sem.read():\n        self.n += 1"
    assert ends(together(methods, "run", "run"), "n") == {(1,), (2,)}


def test_downgrade_lets_readers_in() -> None:
    """After a downgrade readers see the state, writers still wait."""
    methods = """
    def run(self):
        with self.sem.write():
            self.n = 1
            self.sem.downgrade()
            wait_until(self.flag)
        self.m = 1

    def other(self):
        with self.sem.read():
            self.flag = self.n == 1
    """
    program = together(methods, "run", "other")
    assert check(program).verdict == "violated"  # the reader was first: the writer waits for ever
    assert ends(program, "flag", "m") == {(1, 1)}


def test_indivisible() -> None:
    """An indivisible method is one step."""
    methods = "def run(self):\n    self.bump()\n\n@indivisible\ndef bump(self):\n    self.n += 1"
    program = together(methods, "run", "run")
    assert ends(program, "n") == {(2,)}
    assert counts(program) == ("holds", 4, 4)


def test_ghost_is_free() -> None:
    """What a rule reads and writes costs nobody a step."""
    methods = """
    def run(self):
        self.n = 1
        self.note()
        self.m = 1

    @ghost
    def note(self):
        self.seen += 1
        if self.n == 1 and self.m == 0:
            self.seen += 1
    """
    program = together(methods, "run")
    assert run_alone(program)["steps"] == 1
    assert ends(program, "seen") == {(2,)}


def test_and_or_look_as_late_as_possible() -> None:
    """Each part of a condition is a step of its own, and only made when it is needed."""
    methods = """
    def run(self):
        if self.n and self.m:
            self.flag = True

    def other(self):
        self.n = 1
        self.m = 1
        self.n = 0
        self.m = 0
    """
    program = together(methods, "run", "other")
    assert ends(program, "flag") == {(0,), (1,)}
    assert len(program.actors[0].points) == 2
    assert counts(program) == ("holds", 17, 22)


def test_a_loop_of_private_state_still_lets_others_run() -> None:
    """A loop keeps a point if nothing else in it is one."""
    program = together("def run(self):\n    while not self.flag:\n        pass", "run")
    assert len(program.actors[0].points) == 1
    assert counts(program) == ("holds", 1, 1)


# --- locks --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "with self.lock:\n    if self.n == 0:\n        return\n    self.m = 1",
        "for i in range(2):\n    with self.lock:\n        if self.n == 0:\n            break",
        "for i in range(2):\n    with self.lock:\n        if self.n == 0:\n            continue",
        "while True:\n    with self.lock:\n        if self.n == 0:\n            break",
        "for u in self.units:\n    with self.lock, self.sem.read():\n        break",
        "while True:\n    with self.sem.write():\n        self.sem.downgrade()\n        return",
    ],
)
def test_leaving_early_gives_locks_back(body: str) -> None:
    """return, break and continue inside `with` release what was taken inside."""
    found = alone("def run(self):\n" + indent(body, "    "))
    assert found.get("model.lock", 0) == 0
    assert found.get("model.sem", 0) == 0


FINALLY: dict[str, tuple[str, tuple[int, int]]] = {
    "the end": ("try:\n    self.n = 1\nfinally:\n    self.m += self.n", (1, 1)),
    "return": ("try:\n    self.n = 2\n    return\nfinally:\n    self.m += self.n", (2, 2)),
    "a return that may be": (
        "try:\n    if self.n == 0:\n        return\n    self.n = 5\nfinally:\n    self.m += 1",
        (0, 1),
    ),
    "break": (
        "while True:\n    try:\n        self.n += 1\n        if self.n == 3:\n            break\n"
        "    finally:\n        self.m += 1",
        (3, 3),
    ),
    "continue": (
        "for i in range(4):\n    try:\n        if i != 2:\n            continue\n"
        "        self.n = i\n    finally:\n        self.m += 1",
        (2, 4),
    ),
    "over a list": (
        "for u in self.units:\n    try:\n        if u == 2:\n            break\n"
        "    finally:\n        self.m += u",
        (0, 3),
    ),
    "one in the other": (
        "try:\n    try:\n        return\n    finally:\n        self.n = self.m + 1\n"
        "finally:\n    self.m = self.n + 1",
        (1, 2),
    ),
    "a loop of its own": (
        "try:\n    return\nfinally:\n    for i in range(5):\n        if i == 3:\n"
        "            break\n        self.m += 1",
        (0, 3),
    ),
    "names for later": (
        "while True:\n    try:\n        if self.n == 2:\n            break\n"
        "        self.n += 1\n    finally:\n        x = self.n + 1\nself.m = x",
        (2, 3),
    ),
    "what is returned is read first": (
        "self.m = self.answer()",
        (7, 3),
    ),
}


@pytest.mark.parametrize("name", FINALLY)
def test_finally(name: str) -> None:
    """A last block runs once, whichever way the first is left."""
    body, (n, m) = FINALLY[name]
    answer = """
    def answer(self):
        x = 3
        try:
            return x
        finally:
            x = 7
            self.n = x
    """
    found = alone("def run(self):\n" + indent(body, "    ") + dedent(answer))
    assert (found.get("model.n", 0), found["model.m"]) == (n, m)


def test_finally_and_locks() -> None:
    """A last block holds the locks of its place: it is left before they are given back."""
    methods = """
    def run(self):
        with self.lock:
            try:
                with self.sem.read():
                    if self.flag:
                        return
                self.m += 1
            finally:
                self.n += 1
    """
    program = together(methods, "run", "run")
    assert ends(program, "n", "m", "lock", "sem") == {(2, 2, 0, 0)}
    assert counts(program) == ("holds", 8, 8)


def test_finally_in_one_step() -> None:
    """In an indivisible method a last block belongs to the same step."""
    methods = """
    def run(self):
        self.bump()

    @indivisible
    def bump(self):
        try:
            self.n += 1
        finally:
            self.n += 1
    """
    assert counts(together(methods, "run", "run")) == ("holds", 4, 4)


def test_return_value_is_read_before_the_release() -> None:
    """`return self.n` inside `with` reads under the lock."""
    methods = """
    def run(self):
        self.m = self.get()

    def get(self):
        with self.lock:
            return self.n

    def other(self):
        with self.lock:
            self.n = 1
            self.n = 2
    """
    assert ends(together(methods, "run", "other"), "m") == {(0,), (2,)}


def test_self_deadlock() -> None:
    """Taking a mutex twice is a deadlock, found by the search."""
    program = together(
        "def run(self):\n    with self.lock:\n        with self.lock:\n            pass", "run"
    )
    result = check(program)
    assert (result.verdict, result.rule, len(result.path)) == ("violated", "deadlock", 1)


# --- waiting ------------------------------------------------------------------------------------


def test_wait_until_is_one_step_with_going_on() -> None:
    """Looking and going on are one step; waiting for ever is a deadlock."""
    methods = """
    def run(self):
        wait_until(self.flag)
        self.n = 1

    def other(self):
        self.flag = True
    """
    assert counts(together(methods, "run", "other")) == ("holds", 3, 2)
    alone_result = check(together(methods, "run"))
    assert (alone_result.verdict, alone_result.rule) == ("violated", "deadlock")


def test_an_idle_worker_is_no_deadlock() -> None:
    """With idle=True waiting for ever is fine."""
    methods = "def run(self):\n    while True:\n        wait_until(self.flag, idle=True)"
    assert counts(together(methods, "run")) == ("holds", 1, 0)


def test_resting_helps_nobody() -> None:
    """An actor that may rest need not come to another's help: who waits for it is stuck."""
    methods = """
    def run(self):
        wait_until(self.flag)

    def device(self):
        while True:
            self.poke()

    @indivisible
    def poke(self):
        rest()
        self.flag = True
    """
    result = check(together(methods, "run", "device"))
    assert (result.verdict, result.rule, len(result.path)) == ("violated", "deadlock", 0)


# --- choices ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "values"),
    [
        ("3", {0, 1, 2}),
        ("range(1, 3)", {1, 2}),
        ("PageRange(0, 2)", {0, 1}),
        ("False, True", {0, 1}),
        ("4, 5, 6", {4, 5, 6}),
        ("1", {0}),
    ],
)
def test_choose(options: str, values: set[int]) -> None:
    """Every choice is explored."""
    program = together(f"def run(self):\n    self.n = choose({options})", "run")
    assert ends(program, "n") == {(value,) for value in values}
    assert counts(program) == ("holds", 1 + len(values), len(values))


# --- rules --------------------------------------------------------------------------------------


def broken(methods: str, bits: int = 3) -> tuple[str, str | None, str]:
    """Verdict, rule and sentence of a model in which one actor breaks something."""
    program = program_of(model(methods).run, counter_bits=bits)
    result = check(program)
    sentence = next((r.sentence for r in program.rules if r.name == result.rule), "")
    return result.verdict, result.rule, sentence


def test_int_leaves_its_range() -> None:
    """An Int that leaves its bounds breaks the rule `range`."""
    verdict, rule, _ = broken("def run(self):\n    while True:\n        self.n += 1")
    assert (verdict, rule) == ("violated", "range")


def test_counter_wraps() -> None:
    """A counter that would wrap in the width chosen asks for a wider one."""
    methods = "def run(self):\n    for i in range(8):\n        self.seq += 1"
    assert broken(methods)[:2] == ("widen", "counter-width")
    assert broken(methods, bits=4)[0] == "holds"


def test_counter_goes_below_zero() -> None:
    """A counter below zero is a mistake of the model at any width."""
    assert broken("def run(self):\n    self.seq -= 1")[:2] == ("violated", "counter-underflow")


def test_index() -> None:
    """An index outside an array breaks the rule `index`."""
    assert broken("def run(self):\n    self.table[choose(3)] = EMPTY")[:2] == ("violated", "index")


def test_assertion() -> None:
    """assert breaks the rule `assertion`; its message is the sentence."""
    found = broken('def run(self):\n    assert self.n == 1, "n is one"')
    assert found == ("violated", "assertion", "n is one")
    assert broken("def run(self):\n    assert self.n == 0 and not self.flag")[0] == "holds"
    assert broken("def run(self):\n    x = EMPTY\n    assert x")[:2] == ("violated", "assertion")


def test_unreachable() -> None:
    """Reaching unreachable() breaks `assertion`, and only ends the branch it is in."""
    methods = "def run(self):\n    if self.n:\n        unreachable()\n    self.m = 1"
    assert broken(methods)[0] == "holds"
    assert alone(methods)["model.m"] == 1
    assert broken("def run(self):\n    self.n or unreachable()\n    self.m = 1")[0] == "violated"


def test_require() -> None:
    """require names its rule, and every check counts as an exercise."""
    found = load("""
        class Even:
            name, sentence, verdict = "even", "n is even", "violated"

        class Model(Part):
            def __init__(self):
                self.n = Int(0, 7)
                self.seen = Ghost(Int(0, 7))

            def run(self):
                while self.n < 6:
                    self.n += 1
                    require(self.n % 2 == 0 or self.seen < 9, EVEN)
                require(self.n % 2, EVEN)

        EVEN = Even()
    """)
    program = program_of(found["Model"]().run)
    result = check(program)
    assert (result.verdict, result.rule) == ("violated", "even")
    assert dict(zip([r.name for r in program.rules], result.exercised, strict=True))["even"] == 7


def test_a_local_number_that_grows() -> None:
    """A local counter of a `while` gets the room it needs, and a bound if it never stops."""
    methods = """
    def run(self):
        count_up = 0
        while count_up < 100:
            count_up += 1
        self.n = count_up // 25
    """
    assert alone(methods)["model.n"] == 4
    endless = "def run(self):\n    k = 0\n    while not self.flag:\n        k += 1"
    assert broken(endless)[:2] == ("violated", "range")


# --- sections -----------------------------------------------------------------------------------


def test_rwlock() -> None:
    """A spinning lock with readers protects like a semaphore."""
    methods = """
    def run(self):
        with self.rw.read():
            if self.n == self.m:
                self.flag = True

    def other(self):
        with self.rw.write():
            self.n = 1
            self.m = 1
    """
    assert counts(together(methods, "run", "other")) == ("holds", 4, 4)


SEQUENCE = """
def run(self):
    while True:
        start = self.count.begin()
        a = self.n
        b = self.m
        if not {retry}:
            break
    assert a == b

def other(self):
    with self.lock:
        with self.count.write():
            self.n += 1
            self.m += 1

def alone(self):
    with self.count.write():
        self.n += 1
        self.m += 1
"""


def test_a_sequence_count() -> None:
    """A reader that retries sees all of a write or nothing; one that does not may see half."""
    methods = SEQUENCE.format(retry="self.count.retry(start)")
    assert counts(together(methods, "run", "other")) == ("holds", 55, 85)
    careless = check(together(SEQUENCE.format(retry="False"), "run", "other"))
    assert (careless.verdict, careless.rule) == ("violated", "assertion")


def test_writers_of_a_sequence_count() -> None:
    """Writers exclude each other by a lock; without one the rule `assertion` breaks."""
    methods = SEQUENCE.format(retry="self.count.retry(start)")
    locked = check(together(methods, "other", "other"))
    assert locked.verdict == "holds"
    racing = check(together(methods, "alone", "alone"))
    assert (racing.verdict, racing.rule) == ("violated", "assertion")


@pytest.mark.parametrize(
    "body",
    [
        "with self.count.write():\n    if self.n == 0:\n        return",
        "while True:\n    with self.count.write(), self.lock:\n        break",
        "try:\n    with self.count.write():\n        return\nfinally:\n    self.m = 1",
        "for u in self.units:\n    with self.srcu.read(), self.count.write():\n"
        "        if u == 1:\n            break",
    ],
)
def test_leaving_early_leaves_sections(body: str) -> None:
    """return, break and continue inside `with` do what its end does, once."""
    found = alone("def run(self):\n" + indent(body, "    "))
    assert found["count.sequence"] == 2
    assert found.get("srcu.readers", (0, 0)) == (0, 0)


SRCU = """
def run(self):
    with self.srcu.read():
        a = self.n
        if a == 0:
            assert self.m == 0

def other(self):
    self.n = 1
    {wait}
    self.m = 1
"""


def test_srcu() -> None:
    """synchronize waits for the readers that were there; without it they see what comes after."""
    methods = SRCU.format(wait="self.srcu.synchronize()")
    assert check(together(methods, "run", "other")).verdict == "holds"
    assert check(together(methods, "run", "run", "other")).verdict == "holds"
    assert check(together(methods, "run", "other", "other")).verdict == "holds"
    careless = check(together(SRCU.format(wait="pass"), "run", "other"))
    assert (careless.verdict, careless.rule) == ("violated", "assertion")


def test_srcu_waits_for_itself() -> None:
    """A reader that synchronizes is stuck."""
    methods = "def run(self):\n    with self.srcu.read():\n        self.srcu.synchronize()"
    result = check(together(methods, "run"))
    assert (result.verdict, result.rule) == ("violated", "deadlock")


def test_srcu_does_not_wait_for_later_readers() -> None:
    """A reader that came after synchronize began does not hold it up."""
    methods = """
    def run(self):
        self.srcu.synchronize()
        self.flag = True

    def other(self):
        wait_until(self.srcu.index == 1)
        with self.srcu.read():
            wait_until(self.flag)
    """
    assert check(together(methods, "run", "other")).verdict == "holds"


# --- atomic operations ---------------------------------------------------------------------------

ATOMIC: dict[str, tuple[str, set[tuple[int, int, int]]]] = {
    "inc": ("atomic_inc(self.n)", {(2, 0, 0)}),
    "dec": ("atomic_add(3, self.n)\natomic_dec(self.n)", {(4, 0, 0)}),
    "dec and test": (
        "atomic_inc(self.n)\nif atomic_dec_and_test(self.n):\n    atomic_inc(self.m)",
        {(0, 1, 0), (0, 2, 0)},
    ),
    "inc not zero": (
        "if atomic_inc_not_zero(self.n):\n    atomic_inc(self.m)\nelse:\n    self.n = 5",
        {(6, 1, 0), (5, 0, 0)},
    ),
    "sub": ("atomic_add(3, self.n)\natomic_sub(2, self.n)", {(2, 0, 0)}),
    "add return": ("atomic_add(atomic_add_return(2, self.n), self.m)", {(4, 6, 0)}),
    "inc return": ("atomic_add(atomic_inc_return(self.n), self.m)", {(2, 3, 0)}),
    "dec return": (
        "atomic_add(2, self.n)\natomic_add(atomic_dec_return(self.n), self.m)",
        {(2, 3, 0), (2, 5, 0)},
    ),
    "inc return of a counter": ("atomic_add(atomic_inc_return(self.seq), self.m)", {(0, 3, 0)}),
    "fetch add": ("atomic_add(atomic_fetch_add(2, self.n), self.m)", {(4, 2, 0)}),
    "add unless": (
        "if atomic_add_unless(self.n, 3, 3):\n    atomic_inc(self.m)",
        {(3, 1, 0)},
    ),
    "bits": (
        "set_bit(2, self.n)\nif test_bit(2, self.n):\n    set_bit(0, self.flag)\n"
        "clear_bit(2, self.n)",
        {(0, 0, 1)},
    ),
    "xchg": ("atomic_add(xchg(self.n, 1), self.m)", {(1, 1, 0)}),
    "cmpxchg": (
        "old = cmpxchg(self.n, 0, 3)\natomic_add(old, self.m)",
        {(3, 3, 0)},
    ),
    "cmpxchg of members": (
        "if cmpxchg(self.phase, Phase.IDLE, Phase.BUSY) is Phase.IDLE:\n    atomic_inc(self.m)",
        {(0, 1, 0)},
    ),
    "test and set": (
        "if test_and_set_bit(2, self.n):\n    atomic_inc(self.m)",
        {(4, 1, 0)},
    ),
    "test and clear": (
        "self.n = 7\nif test_and_clear_bit(1, self.n):\n    atomic_inc(self.m)",
        {(5, 1, 0), (5, 2, 0)},
    ),
    "a flag": (
        "if not test_and_set_bit(0, self.flag):\n    atomic_inc(self.m)",
        {(0, 1, 1)},
    ),
    "an entry": (
        "if not cmpxchg(self.table[1], EMPTY, Pte(2, READ_ONLY)).present:\n    atomic_inc(self.m)",
        {(0, 1, 0)},
    ),
}


@pytest.mark.parametrize("name", ATOMIC)
def test_atomic(name: str) -> None:
    """What two actors leave in `n`, `m` and `flag` when each does this once."""
    body, values = ATOMIC[name]
    program = together("def run(self):\n" + indent(body, "    "), "run", "run")
    found = final_states(program)
    names = ("model.n", "model.m", "model.flag")
    assert {tuple(state.get(n, 0) for n in names) for state in found} == values


def test_an_atomic_operation_is_one_step() -> None:
    """As many steps as operations; under a lock of its state it is none."""
    program = together("def run(self):\n    atomic_inc(self.n)", "run", "run")
    assert counts(program) == ("holds", 4, 4)
    methods = "def run(self):\n    with self.lock:\n        atomic_inc(self.n)\n        self.m += 1"
    assert counts(together(methods, "run", "run")) == ("holds", 4, 4)


def test_values_of_an_atomic_operation_are_read_before() -> None:
    """`atomic_add(self.m, self.n)` reads `m` in a step of its own, and never loses an update."""
    methods = """
    def run(self):
        atomic_add(self.m, self.n)

    def other(self):
        self.m = 1
        atomic_inc(self.n)
    """
    program = together(methods, "run", "other")
    assert ends(program, "n") == {(1,), (2,)}
    assert counts(program) == ("holds", 13, 16)


def test_atomic_operations_keep_the_rules_of_their_state() -> None:
    """Leaving the range of an Int and counting below zero break the same rules as assignments."""
    assert broken("def run(self):\n    atomic_add(8, self.n)")[:2] == ("violated", "range")
    assert broken("def run(self):\n    atomic_dec(self.seq)")[:2] == (
        "violated",
        "counter-underflow",
    )
    assert broken("def run(self):\n    test_and_set_bit(choose(4), self.n)")[1] == "range"


# --- match and members ---------------------------------------------------------------------------

MATCHES: dict[str, tuple[str, set[tuple[int, int]]]] = {
    "numbers": (
        "self.n = choose(4)\nmatch self.n:\n    case 1:\n        self.m = 5\n"
        "    case 2 | 3:\n        self.m = 6\n    case _:\n        self.m = 7",
        {(0, 7), (1, 5), (2, 6), (3, 6)},
    ),
    "nothing fits": (
        "self.n = choose(3)\nmatch self.n:\n    case 1:\n        self.m = 5",
        {(0, 0), (1, 5), (2, 0)},
    ),
    "negative": ("match self.n - 1:\n    case -1:\n        self.m = 5", {(0, 5)}),
    "guards": (
        "self.n = choose(3)\nmatch self.n:\n    case 1 | 2 if self.n == 2:\n        self.m = 5\n"
        "    case 1:\n        self.m = 6\n    case _ if self.flag:\n        self.m = 7",
        {(0, 0), (1, 6), (2, 5)},
    ),
    "known guards": (
        "self.n = choose(2)\nmatch self.n:\n    case 1 if not self.units:\n        self.m = 5\n"
        "    case 1 if self.units:\n        self.m = 6",
        {(0, 0), (1, 6)},
    ),
    "known": (
        "match self.units[1]:\n    case 1:\n        self.missing()\n"
        "    case 2 | 3:\n        self.m = 5\n    case _:\n        self.missing()",
        {(0, 5)},
    ),
    "None": (
        "match None:\n    case True:\n        self.m = 4\n    case None:\n        self.m = 5",
        {(0, 5)},
    ),
    "flags": (
        "self.flag = choose(False, True)\nmatch self.flag:\n    case True:\n        x = 5\n"
        "    case False:\n        x = 6\nself.m = x",
        {(0, 5), (0, 6)},
    ),
    "members": (
        "self.phase = choose(Phase)\nmatch self.phase:\n    case Phase.IDLE:\n        x = 5\n"
        "    case Phase.BUSY | Phase.DONE:\n        x = 6\nself.m = x",
        {(0, 5), (0, 6)},
    ),
    "leaving": (
        "for i in range(4):\n    match i:\n        case 1:\n            continue\n"
        "        case 3:\n            return\n    self.m += 1",
        {(0, 2)},
    ),
    "read once": (
        "match self.bump():\n    case 2:\n        self.m = 6\n    case 1:\n        self.m = 5",
        {(1, 5)},
    ),
    "comparisons of members": (
        "p = self.phase\nself.phase = Phase.DONE\nself.m = (p is Phase.IDLE)"
        " + 2 * (self.phase != p) + 4 * (self.phase in (Phase.IDLE, Phase.BUSY))",
        {(0, 3)},
    ),
    "members chosen": (
        "p = choose(Phase.BUSY, Phase.DONE)\nself.m = 1 if p == Phase.DONE else 2",
        {(0, 1), (0, 2)},
    ),
    "members through calls": (
        "self.phase = self.after(self.phase)\nself.phase = self.after(self.phase)\n"
        "self.m = self.phase is Phase.DONE and self.phase is not None",
        {(0, 1)},
    ),
}


@pytest.mark.parametrize("name", MATCHES)
def test_match(name: str) -> None:
    """What `n` and `m` may be at the end."""
    body, values = MATCHES[name]
    more = """
    def bump(self):
        self.n += 1
        return self.n

    def after(self, phase):
        match phase:
            case Phase.IDLE:
                return Phase.BUSY
            case Phase.BUSY:
                return Phase.DONE
            case Phase.DONE:
                return Phase.IDLE
    """
    program = together("def run(self):\n" + indent(body, "    ") + "\n" + dedent(more), "run")
    found = final_states(program)
    assert {(state.get("model.n", 0), state["model.m"]) for state in found} == values


def test_match_reads_its_subject_once() -> None:
    """However many cases: looking at the subject is one step."""
    methods = """
    def run(self):
        match self.n:
            case 1:
                self.m = 1
            case 2 | 3:
                self.m = 2

    def other(self):
        self.n = 1
        self.n = 2
    """
    program = together(methods, "run", "other")
    assert ends(program, "m") == {(0,), (1,), (2,)}
    assert counts(program) == ("holds", 9, 8)


def test_a_machine_with_phases() -> None:
    """EnumState is state like any other, shown by the names of the members."""
    methods = """
    def run(self):
        wait_until(self.phase is Phase.BUSY)
        self.phase = Phase.DONE

    def other(self):
        self.phase = Phase.BUSY
    """
    program = together(methods, "run", "other")
    assert counts(program) == ("holds", 4, 3)
    (kind,) = [variable.kind for variable in program.variables]
    assert [kind.show(value) for value in range(3)] == ["IDLE", "BUSY", "DONE"]
    assert kind.bits == 2


def test_words_for_numbers() -> None:
    """`names` are the words for the values of an Int from its lowest on, and mean nothing else."""
    found = load("""
        class Model(Part):
            def __init__(self):
                self.mode = Int(1, 2, names=("slow", "fast"))
                self.n = Int(0, 7)

            def run(self):
                mode = self.mode
                if self.n == 0:
                    mode = 3
                self.mode = 2
                self.n = mode
    """)
    program = program_of(found["Model"]().run)
    kinds = {variable.name: variable.kind for variable in program.variables}
    assert [kinds["model.mode"].show(value) for value in (1, 2)] == ["slow", "fast"]
    (local,) = [
        r.kind for r in program.actors[0].registers if r.name == "mode" and r.kind.high == 3
    ]
    assert [local.show(value) for value in (1, 2, 3)] == ["1", "2", "3"]
    assert run_alone(program)["model.n"] == 3


# --- values -------------------------------------------------------------------------------------

VALUES: dict[str, tuple[str, int]] = {
    "for over a dynamic range": ("k = 3 + self.n\nfor i in range(1, k):\n    self.m += i", 3),
    "a range that is empty": ("k = self.n\nfor i in range(2, k):\n    self.m = 7", 0),
    "nested loops": (
        "for i in range(4):\n"
        "    for j in range(4):\n"
        "        if j == i:\n            break\n"
        "        if j == 1:\n            continue\n"
        "        self.m += 1\n"
        "    if self.m > 4:\n        break",
        4,
    ),
    "a static list with break": (
        "for u in self.units:\n    if u == 4:\n        break\n    self.m += u",
        3,
    ),
    "enumerate": ("for i, u in enumerate(self.units):\n    self.m += i * u - i", 7),
    "a conditional expression": ("self.m = 1 if self.n else 2 if self.flag else 3", 3),
    "comparisons chained": ("self.m = 0 <= self.n < 1 <= 2", 1),
    "in a range of pages": (
        "p = self.n + 1\nr = PageRange(p, p + 2)\n"
        "self.m = (0 in r) + 2 * (1 in r) + 4 * (3 not in r)",
        6,
    ),
    "len of a range": ("r = PageRange(self.n, self.n + 3)\nself.m = len(r)", 3),
    "len of an empty range": ("r = PageRange(self.n + 3, self.n)\nself.m = len(r)", 0),
    "a range as a condition": ("r = PageRange(self.n, self.n)\nself.m = 1 if r else 2", 2),
    "tuple returns": ("a, b = self.pair(2)\nself.m = a * 3 + b", 7),
    "default arguments": ("self.m = self.with_defaults(1)", 3),
    "keyword arguments": ("self.m = self.with_defaults(b=1, a=3, c=0)", 4),
    "a property": ("self.n = 3\nself.m = self.double", 6),
    "entry: frame and rights": ("p = Pte(self.n + 2, READ_ONLY)\nself.m = p.frame + p.rights", 4),
    "entry: with_rights": (
        "p = Pte(self.n + 1, READ_ONLY).with_rights(READ_WRITE)\n"
        "self.m = p.writable + p.readable + p.present + p.allows(True) + p.allows(False)",
        5,
    ),
    "entry: no rights is empty": ("p = Pte(self.n + 1, self.n)\nself.m = p == EMPTY", 1),
    "entry: prot-none": (
        "p = Pte(self.n + 1, PROT_NONE)\nself.m = 4 * p.present + p.readable + p.allows(False)",
        4,
    ),
    "entry: kept in state": (
        "self.table[1] = Pte(3, READ_WRITE)\np = self.table[1]\nself.m = p.frame + p.writable",
        4,
    ),
    "a name that is a range or another": (
        "r = PageRange(0, 2)\n"
        "if not self.n:\n    r = PageRange(self.n, self.n + 5)\nself.m = len(r)",
        5,
    ),
    "annotated": ("x: int\nx = 2\ny: int = x + 1\nself.m = y", 3),
    "state is read when the loop comes to it": (
        "for f in (self.n, self.n):\n    self.m += f\n    self.n += 1",
        0,
    ),
    "bitwise": ("x = self.n + 5\nself.m = (x & 6) | (x >> 2) ^ (x << 1) & 2", 7),
}


@pytest.mark.parametrize("name", VALUES)
def test_value(name: str) -> None:
    """The value that a body leaves in `m`, with n = 0 and flag = False at the start."""
    body, value = VALUES[name]
    methods = """
    def pair(self, n):
        if self.flag:
            return n + 1, n
        return n, n - 1

    def with_defaults(self, a, b=2, *, c=0):
        return a + b + c

    @property
    def double(self):
        return 2 * self.n
    """
    found = alone("def run(self):\n" + indent(body, "    ") + "\n" + dedent(methods))
    assert found["model.m"] == value


def test_super_and_lists_of_state() -> None:
    """super() calls and properties of bases; state in lists has names and is read in turn."""
    found = load("""
        class Base(Part):
            def __init__(self):
                self.n = Int(0, 7)
                self.flags = [Int(0, 7), Int(0, 7, 2)]

            @property
            def more(self):
                return self.n + 1

            def run(self):
                self.n = 3

        class Model(Base):
            @property
            def more(self):
                return super().more + 1

            def run(self):
                super().run()
                self.n = self.more
                for flag in self.flags:
                    self.n += flag
    """)
    program = program_of(found["Model"]().run)
    assert [v.name for v in program.variables] == ["model.n", "model.flags[0]", "model.flags[1]"]
    assert run_alone(program)["model.n"] == 7


def test_state_of_nobody() -> None:
    """State in a class body would be shared by all its objects; it is refused."""
    found = load("""
        class Model(Part):
            n = Flag()

            def run(self):
                self.n = True
    """)
    with pytest.raises(ModelError, match="this state belongs to no part"):
        program_of(found["Model"]().run)


def test_records() -> None:
    """Frozen dataclasses carry values through calls and loops."""
    found = load("""
        @dataclass(frozen=True)
        class Point:
            x: int
            y: int

            @property
            def sum(self):
                return self.x + self.y

            def moved(self, by):
                return Point(self.x + by, y=self.y)

        class Model(Part):
            def __init__(self):
                self.n = Int(0, 31)

            def run(self):
                point = Point(1, 2)
                for i in range(3):
                    point = point.moved(i + self.n)
                self.n = point.sum
    """)
    assert run_alone(program_of(found["Model"]().run))["model.n"] == 6


NESTED: dict[str, tuple[str, int]] = {
    "defaults": ("self.m = Pair(Point(self.n, 1), Point(1, self.n)).tag", 3),
    "a default by name": ("self.m = Point(self.n, 1, z=self.n + 2).z", 2),
    "a default of the part": ("self.m = Point(self.n, 1).z", 7),
    "changed in a loop": (
        "p = Pair(Point(self.n, 1), Point(5, 2))\nfor i in range(2):\n"
        "    p = Pair(p.a.moved(1), p.b.moved(-2), p.tag)\nself.m = p.a.x + p.b.x + p.tag",
        6,
    ),
    "set in a branch": (
        "p = Pair(Point(0, 1), Point(5, 2), 1)\nif not self.flag:\n"
        "    p = Pair(Point(self.n, 1), p.a, 2)\nself.m = p.a.y + 2 * p.b.y + p.tag",
        5,
    ),
    "returned early": ("p = self.pair()\nself.m = p.a.y + p.tag", 4),
    "a tuple of records": (
        "t = (Point(1, 2), self.n)\nif not self.flag:\n    t = (Point(self.n, 4), 2)\n"
        "self.m = t[0].y + t[1]",
        6,
    ),
}


@pytest.mark.parametrize("name", NESTED)
def test_nested_records(name: str) -> None:
    """Frozen dataclasses in frozen dataclasses change, return and have defaults like others."""
    body, value = NESTED[name]
    text = """
        @dataclass(frozen=True)
        class Point:
            x: int
            y: int
            z: int = field(default=7, kw_only=True)

            def moved(self, by):
                return Point(self.x + by, self.y)

        @dataclass(frozen=True)
        class Pair:
            a: Point
            b: Point
            tag: int = 3

        class Model(Part):
            def __init__(self):
                self.n = Int(0, 7)
                self.m = Int(0, 7)
                self.flag = Flag()

            def pair(self):
                if self.flag:
                    return Pair(Point(1, 2), Point(3, 4))
                return Pair(Point(self.n, 1), Point(3, 4))

            def run(self):
    """
    found = load(dedent(text) + indent(body, " " * 8))
    assert run_alone(program_of(found["Model"]().run))["model.m"] == value


@pytest.mark.parametrize(
    "declaration",
    [
        "Int(3, 2)",
        "Int(0, 3, 4)",
        'Int(0, 1, names=("idle",))',
        'Int(0, 1, names="on")',
        "EnumState(3)",
        "EnumState(Phase, 1)",
        "EnumState(Phase, Other.IDLE)",
        'EnumState(IntEnum("Number", ["ONE"]))',
        "EnumState(Enum)",
        "PerPage(int)",
        "PerPage(Mutex)",
        "PerPage(PerPage(Pte))",
        "Ghost(3)",
    ],
)
def test_declarations_that_make_no_sense(declaration: str) -> None:
    """They fail in __init__, in Python, where the mistake is."""
    found = load(f"class Model(Part):\n    def __init__(self):\n        self.n = {declaration}")
    with pytest.raises((TypeError, ValueError)):
        found["Model"]()
