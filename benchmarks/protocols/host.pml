/* What both protocols share, as in host.py: a page table, page frames, one lock.
 *
 * An entry is 0 or one more than the number of its frame. The lock is a bit here and the number of
 * its holder there; who holds it follows from where the processes stand, so both have as many
 * states. Each process sets a local to 0 in the step that used it last: host.py gets that from
 * program/liveness.py. The lists below unroll a free choice, because a d_step takes none.
 */

#define FRAMES (PAGES + TASKS)

bit host_lock;
byte entry[PAGES];
bit owned[FRAMES];

/* Host.allocate: the lowest free frame */
inline allocate(found) {
	do
	:: owned[found] -> found++
	:: else -> break
	od;
	owned[found] = 1;
	found++
}

/* PICK is one option for each page, kept or not; EACH_PAGE is one line for each page. */
#define PICK_PAGE(effect, target, p) \
	:: d_step { effect page = p; keep = 0 }; goto target \
	:: d_step { effect page = p; keep = 1 }; goto target

#if PAGES == 1
#define EACH_PAGE(line) line(0)
#define PICK(effect, target) PICK_PAGE(effect, target, 0)
#elif PAGES == 2
#define EACH_PAGE(line) line(0) line(1)
#define PICK(effect, target) PICK_PAGE(effect, target, 0) PICK_PAGE(effect, target, 1)
#elif PAGES == 3
#define EACH_PAGE(line) line(0) line(1) line(2)
#define PICK(effect, target) \
	PICK_PAGE(effect, target, 0) PICK_PAGE(effect, target, 1) PICK_PAGE(effect, target, 2)
#else
#error "up to three pages"
#endif
