"""Runs that go on for ever without getting anywhere, under fair scheduling.

What is looked for is a *lasso*: a stem from a start to some state, and a loop from there back to
it, in which nothing gets done although everybody who could go on does. In a finite state space
there is such a run if and only if there is such a lasso.

Getting something done is a step that executes a `Progress`. Take those steps away; then every loop
that is left lies in a strongly connected component of what remains. A component holds a fair loop
if each actor either moves in it or has an excuse for standing still (`fairness`):

* it is done, or stands where it may rest;
* it waits for something other than a lock, and in some state of the component cannot go on
  (weak fairness);
* it waits for a lock, and in every state of the component cannot get it (strong fairness: the locks
  of Linux queue those who wait). Where it sometimes could, the states in which it could are taken
  out and the components of the rest are judged in the same way.

An actor that never moves in a component stands at one and the same point in all of it, so the
excuse does not depend on the state. No loop of a component without excuse is fair: a part of it has
no more movers, and an actor that can go on everywhere can go on everywhere in the part.

All this needs the whole graph of states and steps, so it comes after a search that held, on the
states which that search has stored. Reductions that leave out states or steps are off (`search`).
Dead registers do not matter: states that differ in them only have the same steps by the same
actors. Nor do merged accesses: a merged step is its accesses done by one actor with nobody in
between, and none of them can wait, so who is fair to actors in between is fair to them at its ends.
Where a lock is held by one it is free again just as often, and that is all that matters to those
who wait for it. Only readers can keep a lock taken by turns, so what is read under a lock is not
merged here (`program.points`).

`fairness`   who may stand still where; for whom progress is asked
`lasso`      a loop of a component, as short as its excuses allow; the lasso it makes
`reference`  graph and components in plain Python: what native ones are compared with
"""
