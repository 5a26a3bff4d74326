"""The model of Linux against a kernel: the same programs on both, compared call by call.

    model       what a model has to offer, and where the one of shootdown comes from
    compare     where what it says and what a kernel did part

A comparison has no allowances: results, ranges in order with their causes, mappings and pages are
equal after every operation, or it is a disagreement.
"""
