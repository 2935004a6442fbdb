#include "base/queue.h"
#include "tests/unit/base/unit.h"
#include <pthread.h>

static void *num(uintptr_t n)
{
	return (void *)n;
}

static uintptr_t pop_now(struct queue *q)
{
	void *item = NULL;

	assert_int_equal(queue_pop(q, 0, &item), 0);
	return (uintptr_t)item;
}

static void front_first_then_in_order(void **state UNUSED)
{
	struct queue *q;
	void *item;

	assert_int_equal(queue_new(&q, 4), 0);
	for (uintptr_t i = 1; i <= 3; i++)
		assert_int_equal(queue_push(q, QUEUE_BACK, num(i)), 0);
	for (uintptr_t i = 11; i <= 12; i++)
		assert_int_equal(queue_push(q, QUEUE_FRONT, num(i)), 0);
	assert_int_equal(queue_len(q), 5);
	assert_int_equal(pop_now(q), 11);
	assert_int_equal(pop_now(q), 12);
	assert_int_equal(pop_now(q), 1);
	assert_int_equal(pop_now(q), 2);
	assert_int_equal(pop_now(q), 3);
	assert_int_equal(queue_pop(q, 0, &item), QUEUE_EMPTY);
	assert_int_equal(queue_pop(q, 20, &item), QUEUE_EMPTY);
	queue_free(q);
	queue_free(NULL);
}

static void full_and_closed(void **state UNUSED)
{
	struct queue *q;
	void *item;

	assert_int_equal(queue_new(&q, 2), 0);
	assert_int_equal(queue_offer(q, QUEUE_BACK, num(1)), 0);
	assert_int_equal(queue_offer(q, QUEUE_BACK, num(2)), 0);
	assert_int_equal(queue_offer(q, QUEUE_BACK, num(3)), QUEUE_FULL);
	assert_int_equal(queue_offer(q, QUEUE_FRONT, num(4)), 0);
	queue_close(q);
	assert_int_equal(queue_offer(q, QUEUE_FRONT, num(5)), QUEUE_CLOSED);
	assert_int_equal(queue_push(q, QUEUE_BACK, num(5)), QUEUE_CLOSED);
	assert_int_equal(pop_now(q), 4);
	assert_int_equal(pop_now(q), 1);
	assert_int_equal(pop_now(q), 2);
	assert_int_equal(queue_pop(q, -1, &item), QUEUE_CLOSED);
	queue_free(q);
}

static void lanes_wrap_round(void **state UNUSED)
{
	struct queue *q;

	assert_int_equal(queue_new(&q, 3), 0);
	for (uintptr_t i = 0; i < 100; i++) {
		assert_int_equal(queue_push(q, QUEUE_BACK, num(i)), 0);
		assert_int_equal(queue_push(q, QUEUE_BACK, num(i + 1000)), 0);
		assert_int_equal(pop_now(q), i);
		assert_int_equal(pop_now(q), i + 1000);
	}
	queue_free(q);
}

enum { GIVERS = 4, TAKERS = 4, EACH = 5000 };
struct worker {
	struct queue *q;
	uintptr_t no;
	uint64_t sum, n;
	bool in_order;
};

static void *give(void *arg)
{
	struct worker *w = arg;

	for (uintptr_t i = 1; i <= EACH; i++)
		must(queue_push(w->q, i % 16 ? QUEUE_BACK : QUEUE_FRONT, num(w->no * EACH + i)) ==
			0);
	return NULL;
}

static void *take_all(void *arg)
{
	struct worker *w = arg;
	uintptr_t last[GIVERS] = {0};
	void *item;
	int r;

	w->in_order = true;
	while ((r = queue_pop(w->q, 5000, &item)) == 0) {
		uintptr_t v = (uintptr_t)item - 1;

		w->sum += (uintptr_t)item;
		w->n++;
		if ((v % EACH + 1) % 16 == 0)
			continue;
		w->in_order &= last[v / EACH] <= v;
		last[v / EACH] = v;
	}
	must(r == QUEUE_CLOSED);
	return NULL;
}

static void many_threads_lose_nothing(void **state UNUSED)
{
	struct worker giver[GIVERS] = {0}, taker[TAKERS] = {0};
	pthread_t give_t[GIVERS], take_t[TAKERS];
	uint64_t sum = 0, n = 0, all = GIVERS * EACH;
	struct queue *q;

	assert_int_equal(queue_new(&q, 8), 0);
	for (int i = 0; i < TAKERS; i++) {
		taker[i].q = q;
		assert_int_equal(pthread_create(&take_t[i], NULL, take_all, &taker[i]), 0);
	}
	for (int i = 0; i < GIVERS; i++) {
		giver[i] = (struct worker){.q = q, .no = (uintptr_t)i};
		assert_int_equal(pthread_create(&give_t[i], NULL, give, &giver[i]), 0);
	}
	for (int i = 0; i < GIVERS; i++)
		pthread_join(give_t[i], NULL);
	queue_close(q);
	for (int i = 0; i < TAKERS; i++) {
		pthread_join(take_t[i], NULL);
		sum += taker[i].sum;
		n += taker[i].n;
		assert_true(taker[i].in_order);
	}
	assert_int_equal(n, all);
	assert_int_equal(sum, all * (all + 1) / 2);
	queue_free(q);
}

static void *push_when_full(void *arg)
{
	return num((uintptr_t)queue_push(arg, QUEUE_BACK, num(2)));
}

static void closing_wakes_who_waits(void **state UNUSED)
{
	struct queue *q;
	pthread_t t;
	void *r;

	assert_int_equal(queue_new(&q, 1), 0);
	assert_int_equal(queue_push(q, QUEUE_BACK, num(1)), 0);
	assert_int_equal(pthread_create(&t, NULL, push_when_full, q), 0);
	queue_close(q);
	pthread_join(t, &r);
	assert_int_equal((uintptr_t)r, QUEUE_CLOSED);
	assert_int_equal(pop_now(q), 1);
	queue_free(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(front_first_then_in_order),
		cmocka_unit_test(full_and_closed),
		cmocka_unit_test(lanes_wrap_round),
		cmocka_unit_test(many_threads_lose_nothing),
		cmocka_unit_test(closing_wakes_who_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
