"""From a driver and a question to programs, and from their results to a verdict.

`kernels`   which kernels a driver can run on
`target`    what the user named: a shipped driver, a file, a class in a file
`system`    one driver, one address space, some operations: the parts and actors
`verdict`   what a check found, as plain records
`timeline`  a counterexample step by step, with what changed
`hindsight` one step looked at again: what it read, and what its local values are called
`check`     every scenario of a driver, searched
`pool`      the same scenarios on several processes
"""
