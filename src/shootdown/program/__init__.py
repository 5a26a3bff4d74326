"""The intermediate form: what a model is once Python has been left behind.

`operation`   the closed set of operations, one line each
`kind`        what a value may be, how wide it is, how it is shown
`where`       the place in the source an operation stands for
`program`     variables, actors and rules: one whole model
`wellformed`  what every program must satisfy, checked after every pass
`points`      the pass that decides where other actors may run in between
`control`     which decisions an operation hangs on
`liveness`    which registers a waiting actor still needs
`ways`        the pass that lets a search tell which ways branches went
`known`       the pass that makes a search look past rules found broken before
`held`        which locks an actor certainly holds
`footprints`  what a step may touch, and an actor in all its future
`independence` which steps may be taken at once: the partial-order reduction
`symmetry`    which actors are alike, tried out: `unify` guesses how, `renaming` checks it
`frames`      whether anybody can tell page frames apart; `frame_cursor` finds where they are
              handed out, `frame_flow` where they get to
`layout`      where each variable and register lies in a packed state
`listing`     a program printed for people
"""
