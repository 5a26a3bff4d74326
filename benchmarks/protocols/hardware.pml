/* The protocol of hardware.py, step for step: one statement or d_step here is one step there. The
 * comment before each names the place in hardware.py or host.py. Sizes come from the command line:
 * spin -DPAGES=2 -DTASKS=1 -DOPERATIONS=2 -DDEVICES=1 -a hardware.pml
 */

#include "host.pml"

typedef Tlb {
	byte page[PAGES]
};

Tlb tlb[DEVICES];
bit in_flight[DEVICES];
bit draining[DEVICES];

/* what follows an invalidation whose wait is over */
#define LAST(unit) (!draining[unit] && unit == DEVICES - 1)

active [TASKS] proctype task() {
	byte done, page, unit, old, new;
	bit keep;

	/* Task.run: a choice is no access, so it belongs to the step before the lock */
	if
	PICK(, change)
	fi;

change:
	/* Host.replace: acquire */
	if
	:: d_step { host_lock == 0 -> host_lock = 1 }
	fi;
	/* Host.replace: read the entry, which devices read without the lock; the frames are private */
	d_step {
		old = entry[page];
		if
		:: keep -> allocate(new)
		:: else
		fi;
		keep = 0
	};
	/* Host.replace: write the entry and release */
	d_step { entry[page] = new; new = 0; host_lock = 0 };
forget:
	/* Device.forget; the last device is the last to need the page */
	if
	:: d_step {
		tlb[unit].page[page] = 0;
#ifndef CARELESS
		if
		:: in_flight[unit] -> draining[unit] = 1
		:: else
		fi;
#endif
		if
		:: unit == DEVICES - 1 -> page = 0
		:: else
		fi
	}
	fi;
	/* Task.invalidate_range: the wait; a task without an old frame is done with this change */
	if
	:: d_step { !draining[unit] && unit < DEVICES - 1 -> unit++ }; goto forget
	:: d_step { LAST(unit) && old != 0 -> unit = 0 }
	PICK(LAST(unit) && old == 0 && done < OPERATIONS - 1 -> unit = 0; done++;, change)
	:: d_step { LAST(unit) && old == 0 && done == OPERATIONS - 1 -> unit = 0; done = 0 };
		goto end_of_run
	fi;
	/* Host.release, and what is private up to the next lock or the end of run */
	if
	PICK(host_lock == 0 && done < OPERATIONS - 1 -> owned[old - 1] = 0; old = 0; done++;, change)
	:: d_step { host_lock == 0 && done == OPERATIONS - 1 -> owned[old - 1] = 0; old = 0; done = 0 }
	fi;
end_of_run:
	false
}

active [DEVICES] proctype device() {
	byte page, found;

end_issue:
	/* Device.issue: TLB, walk, and what follows from them, hardware does it at once */
#define HIT tlb[_pid - TASKS].page
#define ISSUE(p) \
	:: d_step { HIT[p] != 0 -> found = HIT[p]; in_flight[_pid - TASKS] = 1 }; goto landing \
	:: d_step { \
		HIT[p] == 0 && entry[p] != 0 -> \
		found = entry[p]; \
		HIT[p] = found; \
		in_flight[_pid - TASKS] = 1 \
	}; goto landing \
	:: d_step { HIT[p] == 0 && entry[p] == 0 -> page = p }
	if
	EACH_PAGE(ISSUE)
	fi;
	/* Host.fault_in: acquire */
	d_step { host_lock == 0 -> host_lock = 1 };
	/* Host.fault_in: read the entry, release if there is one */
	if
	:: d_step { entry[page] != 0 -> page = 0; host_lock = 0 }; goto end_issue
	:: d_step { entry[page] == 0 -> allocate(found) }
	fi;
	/* Host.fault_in: write the entry and release */
	d_step { entry[page] = found; page = 0; found = 0; host_lock = 0 };
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
