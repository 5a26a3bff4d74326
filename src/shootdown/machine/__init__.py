"""Running a program: one step, every interleaving, or one recorded run.

`interpreter`  the reference: plain Python, one operation at a time
`result`       what a search found, as plain records
`search`       breadth-first search over the interpreter, and the choice of engine
`runner`       one run with given choices and counters, for replay
`native`       the same two through LLVM
"""
