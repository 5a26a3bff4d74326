/* The protocol of rcu.py, step for step: one statement or d_step here is one step there. The comment
 * before each names the method. Sizes come from the command line:
 * spin -DREADERS=2 -DUPDATERS=1 -DOBJECTS=2 -a rcu.pml
 */

#ifdef CARELESS
#define PERIODS 1
#else
#define PERIODS 2
#endif

byte pointer;
bit freed[OBJECTS];
bit current;
byte inside[2];
bit locked;

active [READERS] proctype reader() {
	byte counter, found;

again:
	/* look */
	counter = current;
	/* count_in */
	inside[counter]++;
	/* follow */
	found = pointer;
	/* use */
	d_step { assert(!freed[found]); found = 0 };
	/* count_out */
	d_step { inside[counter]--; counter = 0 };
	goto again
}

active [UPDATERS] proctype updater() {
	byte old, before, period;

again:
	/* lock */
	if
	:: d_step { !locked -> locked = 1 }
	fi;
	/* replace */
	d_step {
		old = pointer;
		pointer = (pointer + 1) % OBJECTS;
		freed[pointer] = 0
	};
period_begins:
	/* flip */
	if
	:: d_step { before = current; current = 1 - before }
	fi;
	/* drain; the count of periods goes with it */
	if
	:: d_step { inside[before] == 0 && period < PERIODS - 1 -> before = 0; period++ };
		goto period_begins
	:: d_step { inside[before] == 0 && period == PERIODS - 1 -> before = 0; period = 0 }
	fi;
	/* free */
	d_step { freed[old] = 1; old = 0; locked = 0 };
	goto again
}
