"""The same protocols twice: for our machine in Python, for SPIN in Promela, step for step.

`host`      the page table and the frames both protocols change
`shadow`    devices walk a table of their driver's: sequence count, count in progress, retry
`hardware`  devices walk the host's table and cache what they find: change, flush, free
`sizes`     which instances are measured, and where the Promela lies
"""
