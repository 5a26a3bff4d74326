"""The model of Linux against a kernel: the same programs on both, compared call by call.

    model       what a model has to offer, and where the one of shootdown comes from
    compare     where what it says and what a kernel did part
    outcome     what became of a program
    judge       one program on both
    shrinking   the smallest program on which they part in the same way
    tally       outcomes added up, with the hits of every operation
    selection   which programs
    campaign    many programs, live or recorded, on several processes

    machine     the model as a machine that performs programs: a process, its children
    system      its parts, and an actor for every kind of call
    kept_program  the compiled machine, kept between processes
    caller      such an actor, and what a row of digits means to it
    calls       all calls by name: those on files and on the process, and with them
    memory_calls  those on memory
    breakpoints  which process has them open
    rows        operations of a program as rows
    place       where a region lies in the pages of the model
    recorder    the subscriber that hears what is announced
    read_state  what the buffers say, as an observation says it

    coherence   a real guest against the model: what it may see is what it saw
    foresight   what a page may hold, according to the model

A comparison has no allowances: results, ranges in order with their causes, mappings and pages are
equal after every operation, or it is a disagreement.
"""
