"""The language: ordinary Python, staged.

Objects, classes and lists are real and built by CPython before the machine starts; what changes
while the machine runs is declared as state, and the methods that touch it are compiled from their
syntax trees.

`declare`      what a model imports, from the next four
`state`        kinds of state
`locks`        locks
`paging`       page-table entries and ranges of pages
`actions`      what a method can say: `choose`, `wait_until`, `atomic_inc`, ...
`contexts`     process, softirq, hard interrupt
`declaration`  what every kind of state and every lock is to the compiler
`part`         the base class of everything that holds state
`geometry`     how many pages, frames, tables, CPUs
`errors`       a refusal: where, what, and what to write instead
`source`       from a function object to its syntax tree and places
`subset`       what the language refuses on sight
`values`       what an expression is while compiling: known now, or known when the machine runs
`scope`        names inside one inlined call, and what they hold where ways meet
`tables`       what the actors of a system share while they are compiled
`output`       operations, registers, labels: the output side
`shapes`       values made of parts
`compile`      a system of parts and actors in, a program out

Written in the language itself, for those who write models:

`sections`     SeqCount, Srcu
`rcu`          Rcu and its callbacks
`deferred`     what `work`, `timer`, `irq` and `rcu` share: what a step starts and what runs later
`queue`        kfifo

The compiler proper is one class, written as a chain of files, one idea each:
`output`, `emitter`, `operators`, `comparisons`, `names`, `conditions`, `expressions`,
`comprehensions`, `intrinsics`, `builtins`, `calls`, `assignments`, `atomics`, `leaving`,
`branches`, `statements`. docs/language.md is the reference for those who write models.
"""
