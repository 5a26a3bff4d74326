"""How the threads of a search share out work: tickets.

One thread leads, the others serve. The leader announces a phase of `units` independent pieces of
work; everybody, the leader too, draws tickets until none is left; the phase is over when as many
units are done as there were. A word each, on cache lines of their own:

    word       who writes it          what it says
    TICKET     leader; who draws      phase number, units of the phase, next unit
    DONE       leader; who finished   units finished in this phase
    PHASES     leader                 phases so far: servers without work sleep on it
    SLEEPERS   servers                how many may be asleep
    STOP       Python                 go home
    FAILED     Python                 a server died, so some unit may never be done
    KIND       leader                 what to do in this phase
    UNITS      leader                 how many units it has
    EXPAND     Python                 the address of the program's steps

A phase goes through: announced (TICKET stored) -> drawn (every number below `units` given out) ->
over (DONE == units). Only the leader announces, and only when the phase before is over; so all
other words, and every array of the search, are the property of the leader between phases and of
the holders of tickets within them. What a unit may touch is said where it is defined (`team`).

Why this is safe. A ticket carries the phase's size with it: a server that was asleep for a whole
phase draws either a unit of the current phase or nothing. Storing TICKET pairs with drawing from
it: who draws sees everything the leader wrote before. Adding to DONE pairs with the leader's look
at it: the leader sees everything written in the units. Nobody waits for a server to arrive, only
for units that were drawn; a server that gets no processor costs nothing.

Nobody misses a call. A server adds itself to SLEEPERS, then the kernel compares PHASES with what it
last saw; the leader adds to PHASES, then looks at SLEEPERS:

    server                              leader
    ------                              ------
    seen = PHASES
    TICKET has nothing for me
                                        TICKET = new phase
                                        PHASES += 1
    SLEEPERS += 1
    futex sleeps while PHASES == seen   SLEEPERS > 0: wake all
      [it is not: back at once]

Sleeps are bounded all the same. Whoever waits spins for some microseconds first, since
phases follow one another closely, and then sleeps: the machine belongs to others too.
"""

from __future__ import annotations

from shootdown.machine.native.atomic import add, load, pause, sleep, store, wake
from shootdown.machine.native.compiled import Words, compiled, inlined
from shootdown.machine.native.primitives import address_of

TICKET, DONE, PHASES, SLEEPERS, STOP, FAILED, KIND, UNITS, EXPAND, SYSCALL, FUTEX, TIME, LONG = (
    range(0, 16 * 13, 16)
)
CONTROL_SIZE = 16 * 14
"""words; TIME and LONG are timespecs of two, how long the leader and a server sleep at most"""

SPINS = 1500
NO_UNIT = -1

_BITS = 20
_MASK = (1 << _BITS) - 1


@inlined
def at(control: Words, word: int) -> int:
    """The address of a word."""
    return address_of(control) + word * 8


@inlined
def draw(control: Words) -> int:
    """The number of a unit that is now the caller's to do, or NO_UNIT."""
    ticket = load(at(control, TICKET))
    if (ticket & _MASK) >= (ticket >> _BITS & _MASK):
        return NO_UNIT
    ticket = add(at(control, TICKET), 1)
    unit = ticket & _MASK
    return unit if unit < (ticket >> _BITS & _MASK) else NO_UNIT


@inlined
def finish(control: Words) -> None:
    """A drawn unit is done."""
    units = load(at(control, TICKET)) >> _BITS & _MASK
    if add(at(control, DONE), 1) + 1 == units:
        wake(control[SYSCALL], control[FUTEX], at(control, DONE))


@compiled
def announce(control: Words) -> None:
    """The leader begins a phase of UNITS units of some KIND; the one before is over."""
    units = control[UNITS]
    store(at(control, DONE), 0)
    phase = load(at(control, TICKET)) >> 2 * _BITS
    store(at(control, TICKET), (phase + 1) << 2 * _BITS | units << _BITS)
    add(at(control, PHASES), 1)
    if load(at(control, SLEEPERS)) > 0:
        wake(control[SYSCALL], control[FUTEX], at(control, PHASES))


@inlined
def await_all(control: Words) -> bool:
    """The leader, out of tickets, waits for the others; False if one of them failed."""
    units, spins = control[UNITS], 0
    while True:
        done = load(at(control, DONE))
        if done == units:
            return True
        if load(at(control, FAILED)):
            return False
        spins += 1
        if spins < SPINS:
            pause()
        else:
            sleep(control[SYSCALL], control[FUTEX], at(control, DONE), done, at(control, TIME))


@inlined
def await_phase(control: Words) -> bool:
    """A server waits until there may be something to draw; False: it is to go home."""
    spins = 0
    while True:
        seen = load(at(control, PHASES))
        if load(at(control, STOP)):
            return False
        ticket = load(at(control, TICKET))
        if (ticket & _MASK) < (ticket >> _BITS & _MASK):
            return True
        spins += 1
        if spins < SPINS:
            pause()
            continue
        add(at(control, SLEEPERS), 1)
        sleep(control[SYSCALL], control[FUTEX], at(control, PHASES), seen, at(control, LONG))
        add(at(control, SLEEPERS), -1)
