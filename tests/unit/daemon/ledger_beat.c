/* Heartbeats come whether anything happens or not, say each target's drift once and again when it is
 * another, and stand in the chain as every entry. */
#include "unit.h"
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include "base/clock.h"
#include "base/err.h"
#include "daemon/sensor/ledger.h"
#include "store/journal.h"
#include "wire/event.h"

enum { PATIENCE_MS = 20000 };
#define EVERY (20 * CLOCK_MS)

struct rig {
	char dir[64];
	struct store *store;
	struct queue *items;
	struct outbox *outbox;
	struct order order;
	struct ledger_stats stats;
	atomic_bool stop;
	struct ledger *ledger;
	pthread_t thread;
	uint64_t read; /* entries looked at */
	uint8_t last_id[SHA_LEN];
};

static void rig_start(struct rig *r, int64_t heartbeat)
{
	struct store_options so = {
		.map_size = 1 << 20, .map_limit = 16 << 20, .dir_gid = -1, .no_sync = true};

	memset(r, 0, sizeof(*r));
	snprintf(r->dir, sizeof(r->dir), "/tmp/boltseal-beat-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	assert_int_equal(store_open(&r->store, r->dir, STORE_WRITE, &so), 0);
	assert_int_equal(queue_new(&r->items, 64), 0);
	assert_int_equal(outbox_new(&r->outbox), 0);
	assert_int_equal(ledger_new(&r->ledger, &(struct ledger_options){.store = r->store,
							.items = r->items,
							.outbox = r->outbox,
							.order = &r->order,
							.bell = outbox_fd(r->outbox),
							.stats = &r->stats,
							.heartbeat = heartbeat,
							.stop = &r->stop}),
		0);
	assert_int_equal(pthread_create(&r->thread, NULL, ledger_main, r->ledger), 0);
}

static void rig_end(struct rig *r)
{
	char command[128];

	queue_close(r->items);
	pthread_join(r->thread, NULL);
	ledger_free(r->ledger);
	outbox_free(r->outbox);
	queue_free(r->items);
	store_close(r->store);
	snprintf(command, sizeof(command), "rm -rf %s", r->dir);
	assert_int_equal(system(command), 0);
}

/* The next entry, awaited; its text in `out`. It must follow the one before. */
static enum event_type next_entry(struct rig *r, struct buf *out)
{
	struct pollfd p = {.fd = outbox_fd(r->outbox), .events = POLLIN};
	uint8_t id[SHA_LEN], prev[SHA_LEN];
	uint64_t seq;

	for (;;) {
		TXN struct txn *t = NULL;
		struct outbox_answer *a;
		struct journal_entry e;

		while ((a = outbox_take(r->outbox)))
			outbox_answer_free(a);
		assert_int_equal(txn_begin(r->store, false, &t), 0);
		if (journal_get(t, r->read + 1, &e) == 0) {
			buf_reset(out);
			buf_add_span(out, e.json);
			assert_int_equal(event_check(e.json, &seq, id, prev), 0);
			assert_memory_equal(prev, r->last_id, SHA_LEN);
			memcpy(r->last_id, id, SHA_LEN);
			r->read++;
			return e.type;
		}
		txn_abort(take(t));
		assert_true(poll(&p, 1, PATIENCE_MS) > 0);
	}
}

static void next_beat(struct rig *r, struct buf *out)
{
	while (next_entry(r, out) != EVENT_HEARTBEAT)
		;
}

static bool says(const struct buf *text, const char *part)
{
	return memmem(text->p, text->n, part, strlen(part));
}

static void test_idle(void **state UNUSED)
{
	BUF struct buf text = {0};
	struct rig r;

	rig_start(&r, EVERY);
	assert_int_equal(next_entry(&r, &text), EVENT_HEARTBEAT);
	assert_true(says(&text, "\"heartbeat\":{\"full\":true,\"gaps\":0,"));
	assert_true(says(&text, "\"n_targets\":0,\"sinks\":[],\"targets\":[],"));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(next_entry(&r, &text), EVENT_HEARTBEAT);
		assert_true(says(&text, "\"full\":false"));
	}
	rig_end(&r);
}

static void test_never(void **state UNUSED)
{
	TXN struct txn *t = NULL;
	struct journal_head head;
	struct rig r;

	rig_start(&r, 0);
	queue_close(r.items);
	pthread_join(r.thread, NULL);
	assert_int_equal(txn_begin(r.store, false, &t), 0);
	assert_int_equal(journal_head(t, &head), 0);
	assert_int_equal(head.last, 0);
	txn_abort(take(t));
	assert_int_equal(pthread_create(&r.thread, NULL, ledger_main, r.ledger), 0);
	rig_end(&r);
}

static void push_sinks(struct rig *r)
{
	struct item_sinks *s = calloc(1, sizeof(*s));

	must(s);
	s->item.kind = ITEM_SINKS;
	s->n = 1;
	snprintf(s->v[0].name, sizeof(s->v[0].name), "siem");
	s->v[0].acked = 7;
	s->v[0].lag = 3;
	assert_int_equal(queue_push(r->items, QUEUE_BACK, &s->item), 0);
}

static void test_sinks(void **state UNUSED)
{
	BUF struct buf text = {0};
	struct rig r;

	rig_start(&r, EVERY);
	push_sinks(&r);
	do
		next_beat(&r, &text);
	while (!says(&text, "\"sinks\":[{\"acked\":7,\"lag\":3,\"name\":\"siem\"}]"));
	rig_end(&r);
}

static struct kept *make_kept(void)
{
	struct kept *k = calloc(1, sizeof(*k));

	must(k);
	atomic_init(&k->refs, 1);
	k->id = strdup("0123");
	k->name = strdup("web");
	k->upper_fd = k->index_fd = -1;
	return k;
}

static void push_target(struct rig *r, struct kept *k, enum target_state state)
{
	struct item_target *it = calloc(1, sizeof(*it));
	struct target t = {.id = span_of(k->id),
		.name = span_of(k->name),
		.runtime = span_of("docker"),
		.upper = span_of("/u"),
		.state = state};

	must(it);
	it->item.kind = ITEM_TARGET;
	it->kept = kept_ref(k);
	target_encode(&t, &it->desc);
	assert_int_equal(queue_push(r->items, QUEUE_BACK, &it->item), 0);
}

static void put_generation(struct rig *r, uint32_t no, uint32_t generation)
{
	TXN struct txn *t = NULL;
	struct target_state_rec s;

	assert_int_equal(txn_begin(r->store, true, &t), 0);
	assert_int_equal(targets_state_get(t, no, &s), 0);
	s.generation = generation;
	assert_int_equal(targets_state_put(t, no, &s), 0);
	assert_int_equal(txn_commit(take(t)), 0);
}

static void test_targets(void **state UNUSED)
{
	BUF struct buf text = {0};
	KEPT struct kept *k = make_kept();
	struct rig r;

	rig_start(&r, EVERY);
	push_target(&r, k, STATE_RUNNING);
	do
		next_beat(&r, &text);
	while (!says(&text, "\"generation\":1,\"id\":\"0123\",\"name\":\"web\"}]"));
	assert_true(says(&text, "\"n_targets\":1"));
	next_beat(&r, &text); /* said once */
	assert_true(says(&text, "\"n_targets\":1,\"sinks\":[],\"targets\":[]"));
	put_generation(&r, atomic_load(&k->no), 2);
	do
		next_beat(&r, &text);
	while (says(&text, "\"targets\":[],"));
	assert_true(says(&text, "\"full\":false"));
	assert_true(says(&text, "\"generation\":2,\"id\":\"0123\""));
	push_target(&r, k, STATE_STOPPED);
	do
		next_beat(&r, &text);
	while (!says(&text, "\"n_targets\":0"));
	rig_end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_idle),
		cmocka_unit_test(test_never), cmocka_unit_test(test_sinks),
		cmocka_unit_test(test_targets)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
