"""The same protocols twice: for our machine in Python, for SPIN in Promela, step for step.

`host`      the page table and the frames that `shadow` and `hardware` change
`shadow`    devices walk a table of their driver's: sequence count, count in progress, retry
`hardware`  devices walk the host's table and cache what they find: change, flush, free
`filter`    Peterson's lock for many threads
`buffer`    a bounded buffer behind a ticket lock
`rcu`       grace periods with two counters
`sizes`     which instances are measured, and where the Promela lies
"""
