"""The passes over a program: which registers live, where points stay, what is well formed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shootdown.program.kind import FLAG, Family, Kind, counter, integer, pte, show_pte
from shootdown.program.layout import Field, make_layout, read_field, write_field
from shootdown.program.listing import list_layout, list_program
from shootdown.program.liveness import live_registers
from shootdown.program.operation import (
    Access,
    Acquire,
    Arithmetic,
    Binary,
    Branch,
    Check,
    Choose,
    Const,
    Count,
    Downgrade,
    Guard,
    Halt,
    Jump,
    Load,
    Mode,
    Move,
    Operation,
    Patience,
    Point,
    Reg,
    Release,
    Store,
)
from shootdown.program.points import Touch, private_variables, remove, settle_points
from shootdown.program.program import Actor, Program, Register, Rule, Variable
from shootdown.program.wellformed import IllFormedError, check_program
from shootdown.program.where import NOWHERE, Where

W = NOWHERE
LOCK = Kind(Family.LOCK, 0, 2, ("a", "b"))
RWLOCK = Kind(Family.RWLOCK, 0, 4, ("a", "b"), readers=2)


def actor(*code: Operation, registers: int = 3, daemon: bool = False) -> Actor:
    """An actor with registers r0, r1, … of four bits."""
    kinds = tuple(Register(f"r{n}", integer(0, 15)) for n in range(registers))
    return Actor("a", code, kinds, daemon)


VARIABLES = (
    Variable("n", integer(0, 7), 1, (0,)),
    Variable("t", pte(2), 3, (0, 0, 0), array=True),
    Variable("l", LOCK, 1, (0,)),
    Variable("rw", RWLOCK, 1, (0,)),
    Variable("g", FLAG, 1, (0,), ghost=True),
)


def program(*actors: Actor) -> Program:
    rules = (Rule("fine", "all is fine"),)
    return Program(VARIABLES, actors, rules, ("events",))


# --- liveness -----------------------------------------------------------------------------------


def test_a_register_lives_from_its_assignment_to_its_last_use() -> None:
    """At a point only what is still read later is alive."""
    code = (
        Point(W),
        Move(W, Reg(0), Const(1)),
        Point(W),
        Move(W, Reg(1), Reg(0)),
        Point(W),
        Store(W, 0, Const(0), Reg(1)),
        Point(W),
        Halt(W),
    )
    assert live_registers(actor(*code)) == ((), (0,), (1,), ())
    assert live_registers(actor(*code), keep_dead=True) == ((0, 1),) * 4


def test_a_register_lives_round_a_loop() -> None:
    """What the next round reads is alive at the end of this one."""
    code = (
        Point(W),
        Move(W, Reg(0), Const(3)),
        Point(W),
        Binary(W, Reg(0), Arithmetic.SUB, Reg(0), Const(1)),
        Branch(W, Reg(0), 2, 5),
        Halt(W),
    )
    assert live_registers(actor(*code)) == ((), (0,))


def test_a_register_assigned_on_every_way_is_dead_before() -> None:
    """A value that will be overwritten whichever way is taken is not kept."""
    code = (
        Point(W),
        Branch(W, Reg(1), 2, 4),
        Move(W, Reg(0), Const(1)),
        Jump(W, 5),
        Move(W, Reg(0), Const(2)),
        Store(W, 0, Const(0), Reg(0)),
        Halt(W),
    )
    assert live_registers(actor(*code)) == ((1,),)


# --- points -------------------------------------------------------------------------------------


def touch(actor: int, write: bool, *held: tuple[int, Mode], ghost: bool = False) -> Touch:
    return Touch(actor, Access(0, write, frozenset(held), ghost))


READ, WRITE = Mode.READ, Mode.WRITE

PRIVACY: dict[str, tuple[list[Touch], bool]] = {
    "one actor": ([touch(0, True), touch(0, False)], True),
    "two actors": ([touch(0, True), touch(1, False)], False),
    "nobody writes": ([touch(0, False), touch(1, False)], True),
    "a common lock": ([touch(0, True, (2, WRITE)), touch(1, True, (2, WRITE))], True),
    "different locks": ([touch(0, True, (2, WRITE)), touch(1, True, (3, WRITE))], False),
    "one without": ([touch(0, True, (2, WRITE)), touch(1, False)], False),
    "read lock for a read": ([touch(0, True, (3, WRITE)), touch(1, False, (3, READ))], True),
    "read lock for a write": ([touch(0, True, (3, READ)), touch(1, False, (3, WRITE))], False),
    "two locks, one common": (
        [touch(0, True, (2, WRITE), (3, WRITE)), touch(1, True, (3, WRITE))],
        True,
    ),
    "a rule looks on": ([touch(0, True), touch(1, False, ghost=True)], True),
    "only rules": ([touch(0, True, ghost=True), touch(1, True, ghost=True)], False),
}


@pytest.mark.parametrize("name", PRIVACY)
def test_privacy(name: str) -> None:
    """Which accesses nobody can observe in between."""
    touches, private = PRIVACY[name]
    assert private_variables(touches) == (frozenset({0}) if private else frozenset())


def shape(code: Sequence[Operation]) -> str:
    """A program as a text: one letter for each operation."""
    return "".join(type(operation).__name__[0] for operation in code)


def settled(*code: Operation, others: Sequence[Touch] = ()) -> str:
    """The shape of an actor's code once points are settled."""
    own = [Touch(0, op.access) for op in code if isinstance(op, Point) and op.access is not None]
    return shape(settle_points([actor(*code)], [*own, *others])[0].code)


SHARED = Point(W, Access(0, True, frozenset()))


def test_private_accesses_lose_their_points() -> None:
    """A point before a private access goes, one before a shared access stays."""
    code = (Point(W), Move(W, Reg(0), Const(1)), SHARED, Store(W, 0, Const(0), Reg(0)), Halt(W))
    assert settled(*code) == "PMSH"
    assert settled(*code, others=[touch(1, False)]) == "PMPSH"
    assert settled(*code, others=[touch(1, False, ghost=True)]) == "PMSH"


def test_readers_overlap_where_that_counts() -> None:
    """Under a lock held for reading points stay if runs that go on for ever are asked about; under
    one held for writing they go."""
    for mode, kept in ((READ, "PAPLRH"), (WRITE, "PALRH")):
        access = Point(W, Access(0, False, frozenset({(3, mode)})))
        load, release = Load(W, Reg(0), 0, Const(0)), Release(W, 3, mode)
        code = (Point(W), Acquire(W, 3, mode), access, load, release, Halt(W))
        touches = [Touch(0, access.access)]
        assert shape(settle_points([actor(*code)], touches)[0].code) == "PALRH"
        assert shape(settle_points([actor(*code)], touches, overlaps=True)[0].code) == kept


def test_waits_and_locks_keep_their_points() -> None:
    """A point without an access stays whatever is private."""
    code = (Point(W), Move(W, Reg(0), Const(1)), Point(W), Acquire(W, 2, WRITE), Halt(W))
    assert settled(*code) == "PMPAH"


def test_the_head_of_a_loop_stays_only_if_needed() -> None:
    """A loop needs a point on every way round, and not two."""
    head = Point(W, loop=True)
    idle = (Point(W), Move(W, Reg(0), Const(1)), head, Branch(W, Reg(0), 2, 4), Halt(W))
    assert settled(*idle) == "PMPBH"
    busy = (
        Point(W),
        Move(W, Reg(0), Const(1)),
        head,
        SHARED,
        Load(W, Reg(0), 0, Const(0)),
        Branch(W, Reg(0), 2, 6),
        Halt(W),
    )
    assert settled(*busy, others=[touch(1, True)]) == "PMPLBH"
    some = (
        Point(W),
        Move(W, Reg(0), Const(1)),
        head,
        Branch(W, Reg(0), 4, 6),
        SHARED,
        Load(W, Reg(0), 0, Const(0)),
        Branch(W, Reg(1), 2, 7),
        Halt(W),
    )
    assert settled(*some, others=[touch(1, True)]) == "PMPBPLBH"


def test_a_step_in_which_nothing_happens_goes() -> None:
    """Of two points in a row the second stays, unless the first may be where an actor rests."""
    assert settled(Point(W), Point(W), Halt(W)) == "PH"
    assert settled(Point(W), Point(W, patience=Patience.REST), Point(W), Halt(W)) == "PPH"


def test_removal_moves_jumps() -> None:
    """A jump to what is removed leads to what follows it."""
    code = (Point(W), Jump(W, 3), Halt(W), Count(W, 0, Const(1)), Branch(W, Reg(0), 3, 2))
    found = remove(code, {3})
    assert found == (Point(W), Jump(W, 3), Halt(W), Branch(W, Reg(0), 3, 2))


# --- layout -------------------------------------------------------------------------------------

KINDS = st.builds(
    lambda low, size: integer(low, low + size), st.integers(-9, 9), st.integers(0, 1 << 40)
)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Variables and registers of all widths; the code only makes some registers live."""
    variables = []
    for number in range(draw(st.integers(0, 8))):
        kind, length = draw(KINDS), draw(st.integers(1, 9))
        variables.append(Variable(f"v{number}", kind, length, (kind.low,) * length, array=True))
    registers = tuple(Register(f"r{n}", draw(KINDS)) for n in range(draw(st.integers(1, 5))))
    code: list[Operation] = []
    for _ in range(draw(st.integers(1, 4))):
        code.append(Point(W))
        read, written = (draw(st.integers(0, len(registers) - 1)) for _ in range(2))
        code += [Guard(W, Reg(read)), Move(W, Reg(written), Reg(read))]
    actors = tuple(
        Actor(f"a{n}", (*code, Halt(W)), registers) for n in range(draw(st.integers(0, 3)))
    )
    return Program(tuple(variables), actors, ())


def fields_of(found: Program, point: int) -> list[tuple[Field, Kind]]:
    """Every field that holds something while all actors stand at this point."""
    layout = make_layout(found)
    rows = [
        (slots.at(index), variable.kind)
        for variable, slots in zip(found.variables, layout.variables, strict=True)
        for index in range(variable.length)
    ]
    for actor, frame in zip(found.actors, layout.actors, strict=True):
        rows.append((frame.pc, integer(0, actor.halted)))
        rows += [(field, actor.registers[r].kind) for r, field in frame.registers[point]]
    return rows


@given(programs(), st.data())
def test_layout_round_trip(found: Program, data: st.DataObject) -> None:
    """What is written into the fields, in any order, is read back; no two fields overlap."""
    layout = make_layout(found)
    point = data.draw(st.integers(0, len(found.actors[0].points) - 1)) if found.actors else 0
    rows = fields_of(found, point)
    values = [data.draw(st.sampled_from([k.low, k.high, (k.low + k.high) // 2])) for _, k in rows]
    words = [data.draw(st.sampled_from([0, (1 << 64) - 1]))] * layout.words
    for number in data.draw(st.permutations(range(len(rows)))):
        write_field(words, rows[number][0], values[number])
    assert [read_field(words, field) for field, _ in rows] == values
    taken = [0] * layout.words
    for field, kind in rows:
        assert field.shift + field.bits <= 64
        assert field.bits >= kind.bits
        mask = (1 << field.bits) - 1 << field.shift
        assert not taken[field.word] & mask
        taken[field.word] |= mask
    assert all(0 <= word < 1 << 64 for word in words)


# --- kinds --------------------------------------------------------------------------------------


def test_kinds_show_values() -> None:
    """Values read as a kernel developer writes them."""
    assert [show_pte(value) for value in (0, 5, 6, 15)] == [
        "none",
        "pfn 1 prot-none",
        "pfn 1 ro",
        "pfn 3 rw",
    ]
    assert [LOCK.show(value) for value in (0, 1, 2)] == ["free", "held by a", "held by b"]
    assert [RWLOCK.show(value) for value in range(5)] == [
        "free",
        "read-held",
        "read-held by 2",
        "write-held by a",
        "write-held by b",
    ]
    assert (FLAG.show(1), counter(3).show(5), pte(2).show(6)) == ("true", "5", "pfn 1 ro")
    assert integer(0, 1, ("no", "yes")).show(1) == "yes"


def test_kinds_join() -> None:
    """The join holds both; a flag and a number are a number."""
    assert integer(0, 3).join(integer(-1, 2)) == integer(-1, 3)
    assert FLAG.join(FLAG) == FLAG
    assert FLAG.join(integer(5, 5)) == integer(0, 5)
    assert integer(0, 3).join(pte(4)).family is Family.PTE
    assert pte(4).holds(pte(2)) and not pte(2).holds(pte(4))


def test_places_know_how_they_were_reached() -> None:
    """A place and its callers, innermost first."""
    outer = Where("f.py", 3, 0, 3, 1, "g", "")
    inner = Where("f.py", 9, 0, 9, 1, "f", "", outer)
    assert inner.chain == (inner, outer)
    assert str(inner) == "f.py:9"


# --- well-formedness ----------------------------------------------------------------------------

BAD: dict[str, tuple[tuple[Operation, ...], str]] = {
    "no point first": ((Halt(W),), "does not start at a point"),
    "empty": ((), "does not start at a point"),
    "falls off": ((Point(W), Move(W, Reg(0), Const(1))), "leads out of the code"),
    "jumps out": ((Point(W), Jump(W, 9), Halt(W)), "leads out of the code"),
    "register": ((Point(W), Move(W, Reg(7), Const(1)), Halt(W)), "no such register"),
    "variable": ((Point(W), Load(W, Reg(0), 9, Const(0)), Halt(W)), "no such variable"),
    "index": ((Point(W), Store(W, 1, Const(3), Const(0)), Halt(W)), "index out of range"),
    "not a lock": ((Point(W), Acquire(W, 0, WRITE), Halt(W)), "not a lock"),
    "no such lock": ((Point(W), Release(W, 9, WRITE), Halt(W)), "no such variable"),
    "reads a mutex": ((Point(W), Acquire(W, 2, READ), Halt(W)), "only a lock with readers"),
    "downgrades a mutex": ((Point(W), Downgrade(W, 2), Halt(W)), "only a lock with readers"),
    "divisor": (
        (Point(W), Binary(W, Reg(0), Arithmetic.DIV, Reg(0), Const(0)), Halt(W)),
        "divisor is not a positive constant",
    ),
    "divisor in a register": (
        (Point(W), Binary(W, Reg(0), Arithmetic.MOD, Reg(0), Reg(1)), Halt(W)),
        "divisor is not a positive constant",
    ),
    "choice": ((Point(W), Choose(W, Reg(0), 0), Halt(W)), "nothing to choose from"),
    "rule": ((Point(W), Check(W, Const(1), 1), Halt(W)), "no such rule"),
    "counter": ((Point(W), Count(W, 1, Const(1)), Halt(W)), "no such counter"),
    "guard after an effect": (
        (Point(W), Store(W, 0, Const(0), Const(1)), Guard(W, Reg(0)), Halt(W)),
        "can fail after an effect",
    ),
    "lock after an effect": (
        (Point(W), Acquire(W, 2, WRITE), Acquire(W, 3, READ), Halt(W)),
        "can fail after an effect",
    ),
    "guard after an effect round a loop": (
        (Point(W), Guard(W, Reg(0)), Count(W, 0, Const(1)), Branch(W, Reg(0), 1, 4), Halt(W)),
        "can fail after an effect",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_ill_formed(name: str) -> None:
    """Each rule of `wellformed`, broken once."""
    code, reason = BAD[name]
    with pytest.raises(IllFormedError, match=reason):
        check_program(program(actor(*code)))


def test_ill_formed_starts() -> None:
    """Start values are values of their variable."""
    good = program(actor(Point(W), Halt(W)))
    assert check_program(good) is good
    for start, reason in (((0, 0, 9), "cannot start with 9"), ((1, 3, 0), "has no element 3")):
        with pytest.raises(IllFormedError, match=reason):
            check_program(replace(good, initials=((start,),)))
    short = replace(VARIABLES[1], initial=(0,))
    with pytest.raises(IllFormedError, match="starts with 1 values"):
        check_program(replace(good, variables=(short,)))


# --- listing ------------------------------------------------------------------------------------


def test_listing() -> None:
    """A program printed for people: names instead of numbers, every operation."""
    r0, r1 = Reg(0), Reg(1)
    code = (
        Point(W),
        Acquire(W, 3, WRITE),
        Downgrade(W, 3),
        Choose(W, r0, 2),
        Load(W, r1, 1, r0),
        Binary(W, r1, Arithmetic.AND, r1, Const(3)),
        Store(W, 0, Const(0), r1),
        Release(W, 3, READ),
        Point(W, patience=Patience.IDLE),
        Guard(W, r0),
        Move(W, r0, Const(1)),
        Branch(W, r0, 12, 14),
        Check(W, r0, 0),
        Count(W, 0, Const(2)),
        Jump(W, 15),
        Halt(W),
    )
    found = check_program(program(actor(*code, registers=2, daemon=True)))
    lines = [line.removesuffix("<built in>:0  ").rstrip() for line in list_program(found)]
    assert lines == [
        "n: int 0..7, 3 bits",
        "t[3]: pte 0..7, 3 bits",
        "l: lock 0..2, 2 bits",
        "rw: rwlock 0..4, 3 bits",
        "g: flag 0..1, 1 bits  (ghost)",
        "",
        "a (daemon):",
        "    0  point",
        "    1  acquire rw write",
        "    2  downgrade rw",
        "    3  r0 = choose(2)",
        "    4  r1 = t[r0]",
        "    5  r1 = r1 & 3",
        "    6  n = r1",
        "    7  release rw read",
        "    8  point, idle while blocked",
        "    9  only if r0",
        "   10  r0 = 1",
        "   11  if r0 jump 12 else 14",
        "   12  check r0: fine",
        "   13  count 2 events",
        "   14  jump 15",
        "   15  halt",
    ]
    assert list(list_layout(found, make_layout(found))) == [
        "24 bits in 1 words",
        "  word 0 bit  9  3 bits  n",
        "  word 0 bit  0  3 bits x 3  t",
        "  word 0 bit 15  2 bits  l",
        "  word 0 bit 12  3 bits  rw",
        "  word 0 bit 17  1 bits  g",
        "  word 0 bit 18  2 bits  a.pc",
        "  word 0 bit 20  4 bits  a.r0 at point 1",
    ]
