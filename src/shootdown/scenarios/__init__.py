"""From a target and a question to programs, and from their results to a verdict.

What the user says:
`target`         what was named: a shipped driver, a file, a class in a file
`classes`        what is wrong with such a class, seen from outside
`kernels`        which kernels a driver can run on
`question`       target and options to a question
`cpus`           what CPUs do besides the operations
`effort`         how to search, as opposed to what
`errors`         for a user who asks for what is not there

What is searched:
`case`           one state space, and the question it belongs to: what follows knows no more
`system`         a case of a driver: one address space, some operations, the parts and actors
`driver_request` the cases of a driver
`model_request`  the one case of a model

What is found:
`check`          every case of a question, searched
`shortest`       a shortest run, where partial order found some run
`coverage`       what of the target the searches exercised
`profile`        which lines of source its steps are in
`keeping`        the searches of a target on disk, to be taken up again
`kept_check`     the folder of a whole check
`all_rules`      the same past every broken rule, so that all of them are found
`races`          data races as one rule more
`pool`           the same on several processes
`verdict`        what a check found, as plain records
`origin`         what it takes to take a counterexample again
`timeline`       a counterexample step by step, with what changed
`lasso`          one that goes on for ever: which rule, and who stands by
`waiting`        who waits for what, and who could end that
`hindsight`      the same in words: what it read and wrote, what its local values are called
`relevance`      which steps of a run matter for its end

What many searches say:
`matrix`         drivers on kernels and architectures, operation by operation

What is taken again:
`saved_run`      a counterexample in a file
`retake`         its steps, exactly or by their lines of source
`rerun`          what becomes of them on the present driver
"""
