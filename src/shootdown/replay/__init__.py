"""A recorded workload through the very program that is checked, and the bill for it.

`bill`         what comes out: counts by driver, kernel and operation
`address_map`  addresses of a program to page numbers of the model
`vmas`         the mappings of an address space while a trace is read
`script`       a trace as commands on page numbers
`policy`       what the process and the device touch, which a system-call trace does not say
`system`       the model as replay drives it: one task, one CPU, one device
`run`          a script on one driver and kernel
"""
