"""The machine through LLVM.

`text`        LLVM IR as text, one line at a time
`blocks`      the basic blocks of an actor, the unit of coverage
`emit`        operations to IR, wherever variables lie
`packed`      steps on packed states, for the search
`eager`       steps taken at once after a step
`canon`       canonical forms of states; `renumber` does page frames
`wide`        whole runs on 32-bit elements, for the runner
`jit`         IR to machine code
`arena`       big arrays that cost only what is used of them
`compiled`    what the search loops are written in: a part of Python
`translate`   that part of Python to IR: functions; `statements`, `expressions`
`cache`       where machine code is kept between processes
`loops`       the search loops, loaded
`sizes`       sizes that both Python and compiled code know
`primitives`  memory and machine code by address, in compiled functions
`states`      states in words, and as they are stored
`table`       the set of states seen
`bfs`         the search loop for one thread, the same code for every model
`atomic`      what threads need to wait for one another
`control`     how the threads of a search share out work
`phases`      what the threads of a search do at the same time
`team`        the search loop for many threads
`crew`        the threads; `places` where they run
`buffers`     what the plain loop needs for a batch
`store`       states, parents and table, and what they weigh
`trail`       who found a state
`moments`     a running search as a checkpoint keeps it
`saving`      keeping a running search on disk
`audit`       what is looked at again before a model holds
`counting`    the same steps once more, counted
`search`      one native search from start to result
`labelled`    steps on packed states, with who takes them and whether they are progress
`graph`       every step from every state that a search has stored
`components`  its strongly connected components, and which hold fair loops
`space`       that search, its graph and its components, for `machine.liveness`
`drive`       the runner's engine
"""
