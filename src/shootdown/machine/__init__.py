"""Running a program: one step, every interleaving, or one recorded run.

`execution`    what every operation does, in plain Python
`interpreter`  steps on packed states: the reference
`result`       what a search is asked for and what it found, as plain records
`search`       breadth-first search over the interpreter, and the choice of engine
`liveness`     runs that go on for ever without getting anything done
`trace`        one step looked at again: every operation, what it read and wrote
`races`        data races among the states of a search; `next_access` is what an actor touches next
`reductions`   what a search may leave out
`eager`        steps taken at once, where it does not matter who runs before them
`canonical`    of all states that are alike the one that is kept; `renumber` does page frames
`checkpoint`   a search on disk, to be taken up again
`fingerprint`  what a program and its layout are, in 32 bytes
`profile`      how often each operation is executed
`memory`       how much memory a search may use
`wide`         the form of state for runs too big to pack, and what a run keeps to
`wide_python`  the reference engine of such runs
`runner`       one run with given choices and counters, for replay
`native`       search and runs through LLVM
"""
