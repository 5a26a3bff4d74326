/* The protocol of shadow.py, step for step: one statement or d_step here is one step there. The
 * comment before each names the place in shadow.py or host.py. Sizes come from the command line:
 * spin -DPAGES=2 -DTASKS=1 -DOPERATIONS=2 -DDEVICES=1 -a shadow.pml
 */

#include "host.pml"

bit mirror_lock;
byte sequence;
byte in_progress;
byte shadow[PAGES];
bit in_flight[DEVICES];
bit draining[DEVICES];

#ifdef CARELESS
#define QUIET 1
#else
#define QUIET (in_progress == 0)
#endif

#define ENDED sequence = next; next = 0; in_progress--; mirror_lock = 0;

active [TASKS] proctype task() {
	byte done, page, unit, old, next;
	bit keep;

	/* Task.run: a choice is no access, so it belongs to the step before the lock */
	if
	PICK(, change)
	fi;

change:
	/* Mirror.start: acquire; in_progress is only touched under the lock, so it is no step */
	if
	:: d_step { mirror_lock == 0 -> mirror_lock = 1; in_progress++ }
	fi;
	/* Mirror.start: the shadow table is read without the lock */
	shadow[page] = 0;
mark:
	/* Device.mark */
	if
	:: d_step { in_flight[unit] -> draining[unit] = 1 }
	:: d_step { !in_flight[unit] -> skip }
	fi;
	/* Device.drain: the wait; after the last device the lock is given back in the same step */
	if
	:: d_step { !draining[unit] && unit < DEVICES - 1 -> unit++ }; goto mark
	:: d_step { !draining[unit] && unit == DEVICES - 1 -> unit = 0; mirror_lock = 0 }
	fi;
	/* Host.replace: all under one lock that protects all it touches; what follows depends on old */
	if
	:: d_step {
		host_lock == 0 && entry[page] != 0 ->
		old = entry[page];
		entry[page] = 0;
		if
		:: keep -> allocate(entry[page])
		:: else
		fi;
		page = 0;
		keep = 0
	}
	:: d_step {
		host_lock == 0 && entry[page] == 0 ->
		if
		:: keep -> allocate(entry[page])
		:: else
		fi;
		page = 0;
		keep = 0
	}; goto leave
	fi;
	/* Host.release */
	d_step { host_lock == 0 -> owned[old - 1] = 0; old = 0 };
leave:
	/* Mirror.end: acquire */
	if
	:: d_step { mirror_lock == 0 -> mirror_lock = 1 }
	fi;
	/* Mirror.end: sequence is also read without the lock: reading and writing are two steps */
	next = sequence + 1;
	/* Mirror.end: write, and with it all that is private up to the next lock or the end of run */
	if
	PICK(done < OPERATIONS - 1 -> ENDED done++;, change)
	:: d_step { done == OPERATIONS - 1 -> ENDED done = 0 }
	fi;
end_of_run:
	false
}

active [DEVICES] proctype device() {
	byte page, found, seen;

end_issue:
	/* Device.issue: lookup and what follows from it, hardware does it at once */
#define ISSUE(p) \
	:: d_step { shadow[p] != 0 -> found = shadow[p]; in_flight[_pid - TASKS] = 1 }; goto landing \
	:: d_step { shadow[p] == 0 -> page = p }
	if
	EACH_PAGE(ISSUE)
	fi;
	/* Device.fault: read the sequence */
	seen = sequence;
	/* Host.fault_in */
	d_step {
		host_lock == 0 ->
		if
		:: entry[page] == 0 -> allocate(entry[page])
		:: else
		fi;
		found = entry[page]
	};
	/* Mirror.install: acquire and look at in_progress; give up if there is one */
	if
	:: d_step { mirror_lock == 0 && QUIET -> mirror_lock = 1 }
	:: d_step { mirror_lock == 0 && !QUIET -> page = 0; found = 0; seen = 0 };
		goto end_issue
	fi;
	/* Mirror.install: look at the sequence; give up if it has moved */
	if
	:: d_step { sequence == seen -> seen = 0 }
	:: d_step { sequence != seen -> page = 0; found = 0; seen = 0; mirror_lock = 0 };
		goto end_issue
	fi;
	/* Mirror.install: write and release */
	d_step { shadow[page] = found; page = 0; found = 0; mirror_lock = 0 };
	goto end_issue;

landing:
	/* Device.land */
	if
	:: d_step {
		in_flight[_pid - TASKS] = 0;
		draining[_pid - TASKS] = 0;
		assert(owned[found - 1]);
		found = 0
	}
	fi;
	goto end_issue
}
