/*
 * Looks that overtake each other. A world of one directory and two files in it is changed at random;
 * after each change somebody has to look, some time. Workers look, wait, and hand in; the ledger takes
 * what it gets. When everything was taken, what it holds must be the world.
 */
#include "daemon/sensor/order.h"
#include "base/span.h"
#include "unit.h"
#include <string.h>

enum { WORKERS = 3, QUEUE = 64, ROUNDS = 20000, STEPS = 60 };
enum place { DIR, X, Y, PLACES };
static const char *const paths[PLACES] = {"/d", "/d/x", "/d/y"};

struct seen {
	struct order_mark mark;
	enum place at;
	int value; /* 0: nothing there */
};
struct world {
	uint64_t seed;
	int now[PLACES], known[PLACES];
	unsigned due[PLACES]; /* looks that a change asks for */
	struct order order;
	struct taken *taken;
	struct {
		bool busy, has;
		uint64_t look;
		struct seen s;
	} worker[WORKERS];
	struct seen queue[QUEUE];
	size_t n;
};

static unsigned any(struct world *w, unsigned n)
{
	w->seed = w->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(w->seed >> 33) % n;
}

static void change(struct world *w)
{
	enum place at = (enum place)any(w, PLACES);

	if (at != DIR) {
		if (!w->now[DIR])
			return;
		w->now[at] = w->now[at] && any(w, 2) ? 0 : 1 + (int)any(w, 100);
	} else if (w->now[DIR]) { /* rm -r: an event for each */
		for (int i = X; i < PLACES; i++) {
			w->due[i] += w->now[i] != 0;
			w->now[i] = 0;
		}
		w->now[DIR] = 0;
	} else {
		w->now[DIR] = 1;
	}
	w->due[at]++;
}

static void look(struct world *w, unsigned k)
{
	enum place at = (enum place)any(w, PLACES);

	if (!w->due[at])
		return;
	w->due[at] = 0;
	w->worker[k].busy = true;
	w->worker[k].has = false;
	w->worker[k].look = order_begin(&w->order, k);
	w->worker[k].s.at = at;
}

static void hand_in(struct world *w, unsigned k)
{
	struct seen *s = &w->worker[k].s;

	if (!w->worker[k].has) { /* it sees what is there at this moment */
		s->value = w->now[s->at];
		w->worker[k].has = true;
		return;
	}
	if (w->n == QUEUE)
		return;
	s->mark = order_push(&w->order, k, w->worker[k].look);
	w->queue[w->n++] = *s;
	order_end(&w->order, k);
	w->worker[k].busy = false;
}

static void take_one(struct world *w)
{
	struct seen s;

	if (!w->n)
		return;
	s = w->queue[0];
	memmove(w->queue, w->queue + 1, --w->n * sizeof(s));
	taken_came(w->taken, &s.mark);
	if (!taken_is_late(w->taken, 1, span_of(paths[s.at]), s.mark.look)) {
		w->known[s.at] = s.value;
		for (int i = X; s.at == DIR && !s.value && i < PLACES; i++)
			if (!taken_has_newer(w->taken, 1, span_of(paths[i]), s.mark.look))
				w->known[i] = 0;
	}
	taken_add(w->taken, 1, span_of(paths[s.at]), s.mark.look, s.at != DIR || !s.value);
	if (any(w, 4) == 0)
		taken_forget(w->taken);
}

static bool at_rest(const struct world *w)
{
	bool busy = w->n > 0;

	for (unsigned k = 0; k < WORKERS; k++)
		busy |= w->worker[k].busy;
	for (int i = 0; i < PLACES; i++)
		busy |= w->due[i] > 0;
	return !busy;
}

static void step(struct world *w)
{
	unsigned k = any(w, WORKERS);

	if (any(w, 3) == 0)
		take_one(w);
	else if (w->worker[k].busy)
		hand_in(w, k);
	else
		look(w, k);
}

static void what_is_known_is_the_world(void **state)
{
	(void)state;
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		struct world w = {.seed = round * 77};

		taken_new(&w.taken, &w.order);
		for (int i = 0; i < STEPS; i++) {
			if (any(&w, 3) == 0)
				change(&w);
			step(&w);
		}
		while (!at_rest(&w))
			step(&w);
		for (int i = 0; i < PLACES; i++)
			if (w.known[i] != w.now[i])
				fail_msg("round %llu: %s: known %d, is %d",
					(unsigned long long)round, paths[i], w.known[i], w.now[i]);
		taken_forget(w.taken);
		assert_false(taken_has_newer(w.taken, 1, span_of("/d"), 0)); /* nothing is kept */
		taken_free(w.taken);
	}
}

static void older_is_late(void **state)
{
	struct order o = {0};
	struct taken *t;
	uint64_t a, b;

	(void)state;
	taken_new(&t, &o);
	a = order_begin(&o, 0);
	b = order_begin(&o, 1);
	assert_true(a < b);
	taken_add(t, 7, span_of("/a/b"), b, true);
	assert_true(taken_is_late(t, 7, span_of("/a/b"), a));
	assert_true(taken_is_late(t, 7, span_of("/a/b/c/d"), a)); /* below what is no directory */
	assert_false(taken_is_late(t, 7, span_of("/a/bc"), a));
	assert_false(taken_is_late(t, 7, span_of("/a"), a));
	assert_false(taken_is_late(t, 8, span_of("/a/b"), a)); /* another target's */
	assert_false(taken_is_late(t, 7, span_of("/a/b"), b)); /* itself, tried again */
	taken_forget(t);				       /* both looks are under way */
	assert_true(taken_is_late(t, 7, span_of("/a/b"), a));
	order_end(&o, 1);
	taken_forget(t);
	assert_true(taken_is_late(t, 7, span_of("/a/b"), a));
	order_end(&o, 0);
	taken_forget(t);
	assert_false(taken_is_late(t, 7, span_of("/a/b"), a));
	taken_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(older_is_late),
		cmocka_unit_test(what_is_known_is_the_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
