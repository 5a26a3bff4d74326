"""The model of Linux against a kernel: the same programs on both, compared call by call.

    model       what a model has to offer, and where the one of shootdown comes from
    compare     where what it says and what a kernel did part
    outcome     what became of a program
    judge       one program on both
    shrinking   the smallest program on which they part in the same way
    tally       outcomes added up, with the hits of every operation
    selection   which programs
    campaign    many programs, live or recorded, on several processes

A comparison has no allowances: results, ranges in order with their causes, mappings and pages are
equal after every operation, or it is a disagreement.
"""
