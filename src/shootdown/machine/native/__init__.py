"""The machine through LLVM.

`text`        LLVM IR as text, one line at a time
`blocks`      the basic blocks of an actor, the unit of coverage
`emit`        operations to IR, wherever variables lie
`packed`      steps on packed states, for the search
`wide`        whole runs on 32-bit elements, for the runner
`jit`         IR to machine code
`arena`       big arrays that cost only what is used of them
`cache`       where numba keeps the compiled search loop
`intrinsics`  calls by address and prefetching, for numba
`bfs`         the search loop in numba, the same code for every model
`search`      one native search from start to result
`drive`       the runner's engine
"""
