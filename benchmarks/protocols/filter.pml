/* The protocol of filter.py, step for step: one statement or d_step here is one step there. The
 * comment before each names the method. Sizes come from the command line:
 * spin -DTHREADS=3 -a filter.pml
 */

#ifdef CARELESS
#define STAGES (THREADS - 2)
#else
#define STAGES (THREADS - 1)
#endif

byte level[THREADS];
byte last[THREADS];
bit inside;

/* the first other thread, and the one after `other` */
#define FIRST (_pid == 0 -> 1 : 0)
#define NEXT (other + 1 == _pid -> other + 2 : other + 1)
#define PASSES (level[other] < stage || last[stage] != _pid)

active [THREADS] proctype thread() {
	byte stage, other;

	/* run: what comes before the first access is a step of its own */
	stage = 1;
again:
	/* announce */
	level[_pid] = stage;
	/* come_last */
	d_step { last[stage] = _pid; other = FIRST };
pass:
	/* pass_by: to the next thread, to the next stage, or in */
	if
	:: d_step { PASSES && NEXT < THREADS -> other = NEXT }; goto pass
	:: d_step { PASSES && NEXT >= THREADS && stage < STAGES -> other = 0; stage++ }; goto again
	:: d_step { PASSES && NEXT >= THREADS && stage == STAGES -> other = 0; stage = 0 }
	fi;
	/* enter */
	d_step { assert(!inside); inside = 1 };
	/* leave */
	d_step { inside = 0; level[_pid] = 0; stage = 1 };
	goto again
}
