/* What the ledger makes of the budgets, over a real store: nothing that happened is missing from the
 * journal, whenever and however the sensor ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <jansson.h>
#include "../store/place.h"
#include "base/clock.h"
#include "daemon/sensor/ledger.h"
#include "store/journal.h"

enum { PATIENCE_MS = 20000, LOOKER = 0, WEB = 0, DB = 1, TARGETS = 2 };
#define HOUR (3600 * CLOCK_S)

struct rig {
	struct place place;
	struct queue *items;
	struct outbox *outbox;
	struct order order;
	struct ledger_stats stats;
	struct kept *kept[TARGETS];
	atomic_bool stop;
	struct ledger *ledger;
	pthread_t thread;
};

/* A sensor's life. */
static void live(struct rig *r, struct flood_limits limits)
{
	struct ledger_options opt = {.store = r->place.s,
		.order = &r->order,
		.stats = &r->stats,
		.flood = limits,
		.stop = &r->stop};

	ok(queue_new(&r->items, 1 << 16));
	ok(outbox_new(&r->outbox));
	opt.items = r->items;
	opt.outbox = r->outbox;
	opt.bell = outbox_fd(r->outbox);
	ok(ledger_new(&r->ledger, &opt));
	ok(pthread_create(&r->thread, NULL, ledger_main, r->ledger));
}

/* It ends, and says nothing more: as if it were killed after its last commit. */
static void die(struct rig *r)
{
	queue_close(r->items);
	pthread_join(r->thread, NULL);
	ledger_free(r->ledger);
	outbox_free(r->outbox);
	queue_free(r->items);
}

static void push(struct rig *r, struct item *i)
{
	ok(queue_push(r->items, QUEUE_FRONT, i));
}

static void keep(struct rig *r, int which)
{
	struct item_target *i = calloc(1, sizeof(*i));
	struct kept *k = r->kept[which];
	struct target t = {.kind = TARGET_CONTAINER,
		.state = STATE_RUNNING,
		.id = span_of(k->id),
		.name = span_of(k->name),
		.upper = span_of(k->upper)};

	must(i);
	i->item.kind = ITEM_TARGET;
	i->kept = kept_ref(k);
	target_encode(&t, &i->desc);
	push(r, &i->item);
}

static void rig_start(struct rig *r, struct flood_limits limits)
{
	static const char *const names[TARGETS] = {"web", "db"};
	/* So small that it has to grow: batches are written more than once. */
	struct store_options so = {
		.map_size = 1 << 20, .map_limit = 512 << 20, .dir_gid = -1, .no_sync = true};

	memset(r, 0, sizeof(*r));
	place_make(&r->place);
	ok(store_open(&r->place.s, r->place.dir, STORE_WRITE, &so));
	for (int i = 0; i < TARGETS; i++) {
		r->kept[i] = calloc(1, sizeof(struct kept));
		must(r->kept[i]);
		atomic_init(&r->kept[i]->refs, 1);
		r->kept[i]->id = strdup(names[i]);
		r->kept[i]->name = strdup(names[i]);
		r->kept[i]->upper = strdup("/tmp");
		r->kept[i]->upper_fd = r->kept[i]->index_fd = -1;
	}
	live(r, limits);
	for (int i = 0; i < TARGETS; i++)
		keep(r, i);
}

static void rig_free(struct rig *r)
{
	for (int i = 0; i < TARGETS; i++)
		kept_unref(r->kept[i]);
	place_remove(&r->place);
}

static void rig_end(struct rig *r)
{
	die(r);
	rig_free(r);
}

/* A look at a file of that mode; 0: nothing is there. */
static void seen(struct rig *r, int which, const char *path, uint32_t mode)
{
	uint64_t look = order_begin(&r->order, LOOKER);
	struct sighting *s = sighting_new(r->kept[which], span_of(path), 1);
	struct record rec = {.type = FILE_REG, .mode = mode};
	BUF struct buf bytes = {0};

	if (mode) {
		ok(record_encode(&rec, &bytes));
		s->now = sighting_keep(s, buf_span(&bytes));
		s->has_now = true;
	}
	s->dir_lost = true;
	s->mark = order_push(&r->order, LOOKER, look);
	push(r, &s->item);
	order_end(&r->order, LOOKER);
}

static void many(struct rig *r, int which, int from, int to, uint32_t mode)
{
	char path[64];

	for (int i = from; i < to; i++) {
		snprintf(path, sizeof(path), "/data/%d", i);
		seen(r, which, path, mode);
	}
}

/* ---- what the journal says ---- */

struct sum {
	uint64_t own, repeats, flooded[4], entries, floods;
	uint64_t last_seq; /* of an entry with repeats */
	char last[16], reason[80], state[16], order[8][24];
	size_t n_order; /* of the last entries' types */
};

static json_int_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void copy_text(char *out, size_t n, const json_t *o, const char *key)
{
	const char *v = json_string_value(json_object_get(o, key));

	snprintf(out, n, "%s", v ? v : "");
}

static void add_entry(struct sum *s, const json_t *e)
{
	static const char *const kinds[] = {"A", "C", "D", "cleared"};
	const json_t *flood = json_object_get(e, "flood"), *again = json_object_get(e, "repeats");

	s->entries++;
	s->own += json_object_get(e, "change") && !again;
	copy_text(s->order[s->n_order++ % 8], sizeof(s->order[0]), e, "type");
	if (again) {
		s->repeats += (uint64_t)number(again, "count");
		s->last_seq = (uint64_t)number(e, "seq");
		copy_text(s->last, sizeof(s->last), e, "type");
		copy_text(s->reason, sizeof(s->reason), e, "reason");
	}
	for (size_t i = 0; flood && i < COUNTOF(kinds); i++)
		s->flooded[i] += (uint64_t)number(json_object_get(flood, "counts"), kinds[i]);
	if (flood) {
		s->floods++;
		copy_text(s->state, sizeof(s->state), flood, "state");
		copy_text(s->reason, sizeof(s->reason), e, "reason");
		assert_non_null(json_object_get(e, "drift_id"));
		if (number(flood, "count"))
			assert_string_equal(json_string_value(json_object_get(e, "severity")),
				json_string_value(json_object_get(flood, "worst")));
	}
}

static struct sum sum_up(struct rig *r)
{
	TXN struct txn *t = NULL;
	struct journal_entry e;
	struct sum s = {0};
	uint64_t seq = 1;

	ok(txn_begin(r->place.s, false, &t));
	for (; journal_next(t, seq, &e) == 0; seq = e.seq + 1) {
		json_t *root = json_loadb((const char *)e.json.p, e.json.n, 0, NULL);

		assert_non_null(root);
		add_entry(&s, root);
		json_decref(root);
	}
	return s;
}

static uint64_t all(const struct sum *s)
{
	return s->own + s->repeats + s->flooded[0] + s->flooded[1] + s->flooded[2] + s->flooded[3];
}

typedef bool good(const struct sum *s, uint64_t want);
static struct sum await(struct rig *r, good *is_good, uint64_t want)
{
	struct pollfd p = {.fd = outbox_fd(r->outbox), .events = POLLIN};

	for (;;) {
		struct outbox_answer *a;
		struct sum s;

		while ((a = outbox_take(r->outbox)))
			outbox_answer_free(a);
		s = sum_up(r);
		if (is_good(&s, want))
			return s;
		if (poll(&p, 1, PATIENCE_MS) <= 0)
			fail_msg("own %d, repeats %d, flooded %d in %d, %s", (int)s.own,
				(int)s.repeats, (int)s.flooded[0], (int)s.floods, s.state);
	}
}

static bool is_all(const struct sum *s, uint64_t want)
{
	return all(s) == want;
}

static bool is_over(const struct sum *s, uint64_t want)
{
	return all(s) == want && strcmp(s->state, "over") == 0;
}

static uint64_t seq_of(struct rig *r, int which, const char *path)
{
	TXN struct txn *t = NULL;
	struct change c;

	ok(txn_begin(r->place.s, false, &t));
	ok(drift_get(t, atomic_load(&r->kept[which]->no), span_of(path), &c));
	return c.seq;
}

static uint32_t n_drift(struct rig *r, int which)
{
	TXN struct txn *t = NULL;
	struct target_state_rec s;

	ok(txn_begin(r->place.s, false, &t));
	ok(targets_state_get(t, atomic_load(&r->kept[which]->no), &s));
	return s.n_added;
}

static bool nothing_is_counted(struct rig *r)
{
	TXN struct txn *t = NULL;
	struct span path, v;
	uint32_t no;

	ok(txn_begin(r->place.s, false, &t));
	return tally_first(t, &no, &path, &v) == STORE_ABSENT;
}

/* ---- the tests ---- */

static void test_repeats(void **state UNUSED)
{
	struct rig r;
	struct sum s;

	rig_start(&r, (struct flood_limits){.per_path = 3, .window = 100 * CLOCK_MS});
	for (uint32_t i = 1; i <= 50; i++)
		seen(&r, WEB, "/log", 0600 + i);
	s = await(&r, is_all, 50);
	assert_in_range(s.own, 3, 20);
	assert_in_range(s.repeats, 30, 47);
	assert_string_equal(s.last, "change");
	assert_int_equal(seq_of(&r, WEB, "/log"), s.last_seq);
	assert_true(nothing_is_counted(&r));
	rig_end(&r);
}

/* What came and went is gone at last, and who looks at the journal knows. */
static void test_repeats_that_end(void **state UNUSED)
{
	struct rig r;
	struct sum s;

	rig_start(&r, (struct flood_limits){.per_path = 3, .window = 100 * CLOCK_MS});
	for (int i = 0; i < 50; i++)
		seen(&r, WEB, "/lock", i % 2 ? 0 : 0600);
	s = await(&r, is_all, 50);
	assert_string_equal(s.last, "change.cleared");
	assert_int_equal(n_drift(&r, WEB), 0);
	assert_true(nothing_is_counted(&r));
	rig_end(&r);
}

/* ThreadSanitizer takes ten times as long; it looks for races, and these come early. */
#ifdef __SANITIZE_THREAD__
enum { FLOOD = 4000 };
#else
enum { FLOOD = 20000 };
#endif

static void test_flood(void **state UNUSED)
{
	struct rig r;
	struct sum s;

	rig_start(&r, (struct flood_limits){.per_target = 10, .window = 300 * CLOCK_MS});
	many(&r, WEB, 0, FLOOD, 0600);
	seen(&r, DB, "/x", 0600);
	s = await(&r, is_over, FLOOD + 1);
	assert_in_range(s.floods, 2, 200);
	assert_int_equal(n_drift(&r, WEB), FLOOD);
	assert_true(nothing_is_counted(&r));
	assert_int_equal(atomic_load(&r.stats.flooded), s.flooded[0]);
	assert_int_equal(atomic_load(&r.stats.floods), 0);
	assert_int_equal(seq_of(&r, DB, "/x") > 0, 1);
	assert_int_equal(seq_of(&r, WEB, "/data/0") > 0, 1);
	/* What was never told goes as it came. */
	many(&r, WEB, 0, FLOOD, 0);
	s = await(&r, is_over, 2 * FLOOD + 1);
	assert_in_range(s.flooded[3], FLOOD / 2, FLOOD - 1);
	assert_int_equal(n_drift(&r, WEB), 0);
	rig_end(&r);
}

static void test_untold_has_no_seq(void **state UNUSED)
{
	struct rig r;

	rig_start(&r, (struct flood_limits){.per_target = 10, .window = HOUR});
	many(&r, WEB, 0, 20, 0600);
	die(&r);
	assert_int_equal(seq_of(&r, WEB, "/data/9") > 0, 1);
	assert_int_equal(seq_of(&r, WEB, "/data/10"), 0);
	rig_free(&r);
}

static void test_killed(void **state UNUSED)
{
	static const struct flood_limits limits = {
		.per_path = 2, .per_target = 100, .window = HOUR};
	struct rig r;
	struct sum s;

	rig_start(&r, limits);
	for (uint32_t i = 1; i <= 30; i++)
		seen(&r, DB, "/log", 0600 + i);
	for (int i = 0; i < 30; i++)
		seen(&r, DB, "/lock", i % 2 ? 0 : 0600);
	many(&r, WEB, 0, 3000, 0600);
	die(&r);
	s = sum_up(&r);
	assert_true(all(&s) < 3060);
	assert_false(nothing_is_counted(&r));
	live(&r, limits);
	keep(&r, WEB);
	s = await(&r, is_over, 3060);
	assert_string_equal(s.reason, "counted before the sensor ended; told at the next start");
	assert_true(nothing_is_counted(&r));
	/* And counts anew. */
	many(&r, WEB, 3000, 3200, 0600);
	die(&r);
	live(&r, limits);
	keep(&r, WEB);
	s = await(&r, is_over, 3260);
	rig_end(&r);
}

static void note(struct rig *r, enum event_type type)
{
	struct item_note *n = calloc(1, sizeof(*n));

	must(n);
	n->item.kind = ITEM_NOTE;
	n->type = type;
	push(r, &n->item);
}

static void test_stopped(void **state UNUSED)
{
	struct rig r;
	struct sum s;

	rig_start(&r, (struct flood_limits){.per_path = 2, .per_target = 100, .window = HOUR});
	for (uint32_t i = 1; i <= 30; i++)
		seen(&r, DB, "/log", 0600 + i);
	many(&r, WEB, 0, 3000, 0600);
	note(&r, EVENT_DAEMON_STOPPED);
	die(&r);
	s = sum_up(&r);
	assert_int_equal(all(&s), 3030);
	assert_string_equal(s.reason, "the sensor stops");
	assert_true(nothing_is_counted(&r));
	rig_free(&r);
}

static void test_removed(void **state UNUSED)
{
	struct item_gone *g = calloc(1, sizeof(*g));
	struct rig r;
	struct sum s;

	must(g);
	rig_start(&r, (struct flood_limits){.per_target = 10, .window = HOUR});
	many(&r, WEB, 0, 300, 0600);
	g->item.kind = ITEM_GONE;
	g->kept = kept_ref(r.kept[WEB]);
	g->removed = true;
	push(&r, &g->item);
	die(&r);
	s = sum_up(&r);
	assert_int_equal(all(&s), 300);
	assert_string_equal(s.order[(s.n_order - 2) % 8], "flood");
	assert_string_equal(s.order[(s.n_order - 1) % 8], "target.removed");
	assert_true(nothing_is_counted(&r));
	rig_free(&r);
}

/* Out of the drift, and not by a clearing: somebody took the responsibility for it. */
static void take_out(struct rig *r, int which, const char *path)
{
	struct txn *t;

	ok(txn_begin(r->place.s, true, &t));
	ok(drift_delete(t, atomic_load(&r->kept[which]->no), span_of(path)));
	ok(txn_commit(t));
}

static void test_accepted(void **state UNUSED)
{
	static const struct flood_limits limits = {.per_path = 2, .window = HOUR};
	struct rig r;
	struct sum s;

	rig_start(&r, limits);
	for (uint32_t i = 1; i <= 30; i++)
		seen(&r, DB, "/log", 0600 + i);
	die(&r);
	take_out(&r, DB, "/log");
	live(&r, limits);
	keep(&r, DB);
	s = await(&r, is_over, 30);
	assert_int_equal(s.flooded[0], 28);
	for (uint32_t i = 1; i <= 30; i++)
		seen(&r, DB, "/log", 0600 + i);
	die(&r);
	take_out(&r, DB, "/log");
	live(&r, limits);
	note(&r, EVENT_DAEMON_STOPPED);
	die(&r);
	s = sum_up(&r);
	assert_int_equal(all(&s), 60);
	assert_true(nothing_is_counted(&r));
	rig_free(&r);
}

static void test_other_limits(void **state UNUSED)
{
	struct item_limits *i = calloc(1, sizeof(*i));
	struct rig r;
	struct sum s;

	must(i);
	rig_start(&r, (struct flood_limits){.per_target = 10, .window = HOUR});
	many(&r, WEB, 0, 20, 0600);
	i->item.kind = ITEM_LIMITS;
	i->limits = (struct flood_limits){.window = CLOCK_S};
	push(&r, &i->item);
	many(&r, WEB, 20, 40, 0600);
	s = await(&r, is_over, 40);
	assert_int_equal(s.own, 30);
	rig_end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_repeats),
		cmocka_unit_test(test_repeats_that_end),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_untold_has_no_seq),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_removed),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_other_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
