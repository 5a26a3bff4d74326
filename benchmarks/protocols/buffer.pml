/* The protocol of buffer.py, step for step: one d_step here is one step there. The comment before
 * each names the method. Sizes come from the command line:
 * spin -DPRODUCERS=1 -DCONSUMERS=1 -DSLOTS=2 -DGOODS=2 -a buffer.pml
 */

#define PEOPLE (PRODUCERS + CONSUMERS)

byte slot[SLOTS];
byte head;
byte tail;
byte claimed;
byte published;
byte next_ticket;
byte serving;

/* draw, await_turn */
#define LOCK \
	d_step { mine = next_ticket; next_ticket = (next_ticket + 1) % PEOPLE }; \
	d_step { serving == mine -> mine = 0 }
/* unlock */
#define UNLOCK serving = (serving + 1) % PEOPLE
/* publish */
#define PUBLISH published++

/* claim: a d_step takes no free choice, so it is one option for each of the goods */
#define CLAIM(g) :: d_step { claimed < SLOTS -> claimed++; good = g }
#if GOODS == 1
#define ANY_GOOD CLAIM(1)
#elif GOODS == 2
#define ANY_GOOD CLAIM(1) CLAIM(2)
#elif GOODS == 3
#define ANY_GOOD CLAIM(1) CLAIM(2) CLAIM(3)
#else
#error "up to three goods"
#endif

active [PRODUCERS] proctype producer() {
	byte good, mine;

again:
	if
	ANY_GOOD
	fi;
#ifdef CARELESS
	PUBLISH;
#endif
	LOCK;
	/* put */
	d_step { slot[tail] = good; good = 0; tail = (tail + 1) % SLOTS };
	UNLOCK;
#ifndef CARELESS
	PUBLISH;
#endif
	goto again
}

active [CONSUMERS] proctype consumer() {
	byte mine;

again:
	/* take */
	if
	:: d_step { published > 0 -> published-- }
	fi;
	LOCK;
	/* remove */
	d_step { assert(slot[head] != 0); slot[head] = 0; head = (head + 1) % SLOTS };
	UNLOCK;
	/* give_back */
	claimed--;
	goto again
}
