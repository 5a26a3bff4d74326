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

from . import mistakes_with_python, mistakes_with_state
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

MISTAKES = {**mistakes_with_python.MISTAKES, **mistakes_with_state.MISTAKES}


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
