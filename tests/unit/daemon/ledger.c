/*
 * The ledger's own thread body, over a real store, fed with sightings as workers make them.
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include "../store/place.h"
#include "base/fd.h"
#include "base/queue.h"
#include "daemon/sensor/ledger.h"
#include "model/record.h"
#include "store/journal.h"

enum { ROOM = 64, LOOKER = 0 };

struct desk {
	struct place place;
	struct queue *items;
	struct outbox *outbox;
	struct order order;
	struct ledger_stats stats;
	struct ledger *ledger;
	struct kept *kept;
	atomic_bool stop;
	int bell;
};

static atomic_int heard; /* signs of life */

static void alive(void)
{
	atomic_fetch_add(&heard, 1);
}

static int begin(void **state)
{
	struct desk *d = calloc(1, sizeof(*d));
	struct ledger_options opt;

	assert_non_null(d);
	place_make(&d->place);
	place_open(&d->place);
	ok(queue_new(&d->items, ROOM));
	ok(outbox_new(&d->outbox));
	d->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	opt = (struct ledger_options){.store = d->place.s,
		.items = d->items,
		.outbox = d->outbox,
		.order = &d->order,
		.bell = d->bell,
		.stats = &d->stats,
		.stop = &d->stop,
		.alive = alive};
	ok(ledger_new(&d->ledger, &opt));
	d->kept = calloc(1, sizeof(*d->kept));
	assert_non_null(d->kept);
	atomic_init(&d->kept->refs, 1);
	d->kept->id = strdup("0123456789ab");
	d->kept->name = strdup("web");
	d->kept->upper = strdup("/tmp");
	d->kept->upper_fd = d->kept->index_fd = -1;
	*state = d;
	return 0;
}

static int end(void **state)
{
	struct desk *d = *state;

	ledger_free(d->ledger);
	kept_unref(d->kept);
	outbox_free(d->outbox);
	queue_free(d->items);
	close(d->bell);
	place_remove(&d->place);
	free(d);
	return 0;
}

/* What the loop does when the service manager wants to hear something. */
static void ask(struct desk *d)
{
	struct item *i = calloc(1, sizeof(*i));

	assert_non_null(i);
	i->kind = ITEM_PULSE;
	atomic_store(&d->stats.asked, true);
	ok(queue_push(d->items, QUEUE_FRONT, i));
}

static void an_idle_ledger_answers(void **state)
{
	struct desk *d = *state;

	atomic_store(&heard, 0);
	ask(d);
	queue_close(d->items);
	ledger_main(d->ledger);
	assert_int_equal(atomic_load(&heard), 1);
	assert_false(atomic_load(&d->stats.asked));
	assert_int_equal(atomic_load(&d->stats.entries), 0);
}

static void *ledger_of(void *desk)
{
	return ledger_main(((struct desk *)desk)->ledger);
}

/* The writers' mutex of LMDB 0.9 begins the second cache line; the C library notes in its first word that
 * somebody waits for it. */
static _Atomic uint32_t *writers_lock(const struct place *p)
{
	char path[300];
	FD int fd = -1;
	char *at;

	snprintf(path, sizeof(path), "%s/lock.mdb", p->dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(at, MAP_FAILED);
	return (_Atomic uint32_t *)(void *)(at + 64);
}

/* Whoever holds the store's lock keeps it silent, however long. */
static void one_without_the_lock_does_not(void **state)
{
	struct desk *d = *state;
	_Atomic uint32_t *lock = writers_lock(&d->place);
	struct txn *held = NULL;
	pthread_t thread;

	atomic_store(&heard, 0);
	ok(txn_begin(d->place.s, true, &held));
	ask(d); /* before it lives: its first work is this */
	assert_int_equal(pthread_create(&thread, NULL, ledger_of, d), 0);
	while (!(atomic_load(lock) & FUTEX_WAITERS))
		sched_yield();
	assert_int_equal(queue_len(d->items), 0); /* it has taken it */
	assert_int_equal(atomic_load(&heard), 0); /* and has not answered */
	txn_abort(held);
	queue_close(d->items);
	pthread_join(thread, NULL);
	munmap((char *)lock - 64, 4096);
	assert_int_equal(atomic_load(&heard), 1);
}

static void keep(struct desk *d)
{
	struct item_target *i = calloc(1, sizeof(*i));
	struct target t = {.kind = TARGET_CONTAINER,
		.state = STATE_RUNNING,
		.id = span_of(d->kept->id),
		.name = span_of(d->kept->name),
		.upper = span_of(d->kept->upper)};

	assert_non_null(i);
	i->item.kind = ITEM_TARGET;
	i->kept = kept_ref(d->kept);
	target_encode(&t, &i->desc);
	ok(queue_push(d->items, QUEUE_FRONT, &i->item));
}

/* One look of one worker, at what has no baseline; `type` FILE_NONE: nothing is there. */
static void seen_by(struct desk *d, const char *path, enum file_type type, uint32_t pid)
{
	uint64_t look = order_begin(&d->order, LOOKER);
	struct sighting *s = sighting_new(d->kept, span_of(path), 1);
	struct record rec = {.type = type, .mode = 0755};
	BUF struct buf bytes = {0};

	if (type != FILE_NONE) {
		ok(record_encode(&rec, &bytes));
		s->now = sighting_keep(s, buf_span(&bytes));
		s->has_now = true;
	}
	if (pid) {
		buf_reset(&bytes);
		actor_encode(&(struct actor){.pid = pid, .origin = ORIGIN_HOST}, &bytes);
		s->actor = sighting_keep(s, buf_span(&bytes));
	}
	s->dir_lost = type != FILE_DIR;
	s->mark = order_push(&d->order, LOOKER, look);
	ok(queue_push(d->items, QUEUE_FRONT, &s->item));
	order_end(&d->order, LOOKER);
}

static void seen(struct desk *d, const char *path, enum file_type type)
{
	seen_by(d, path, type, 0);
}

static void settle(struct desk *d)
{
	queue_close(d->items);
	assert_null(ledger_main(d->ledger));
}

static int count(void *ctx, const struct change *c)
{
	(void)c;
	++*(unsigned *)ctx;
	return 0;
}

static unsigned drifting(struct desk *d)
{
	TXN struct txn *t = reading(&d->place);
	unsigned n = 0;

	assert_int_equal(drift_each(t, atomic_load(&d->kept->no), span_of("/"), count, &n) < 0, 0);
	return n;
}

static void what_is_added_is_drift(void **state)
{
	keep(*state);
	seen(*state, "/d", FILE_DIR);
	seen(*state, "/d/x", FILE_REG);
	settle(*state);
	assert_int_equal(drifting(*state), 2);
}

static void a_directory_takes_its_content_along(void **state)
{
	keep(*state);
	seen(*state, "/d", FILE_DIR);
	seen(*state, "/d/x", FILE_REG);
	seen(*state, "/d", FILE_NONE);
	settle(*state);
	assert_int_equal(drifting(*state), 0);
}

/* It came and went between two looks at it; only what was in it had been looked at meanwhile. */
static void a_directory_never_told_does_so_too(void **state)
{
	keep(*state);
	seen(*state, "/d/x", FILE_DIR);
	seen(*state, "/d/x/y", FILE_REG);
	seen(*state, "/d", FILE_NONE);
	settle(*state);
	assert_int_equal(drifting(*state), 0);
}

/* The last entry of a type; its text. */
static void last_told(struct desk *d, enum event_type type, struct buf *out)
{
	TXN struct txn *t = reading(&d->place);
	struct journal_entry e;

	for (uint64_t seq = 1; journal_next(t, seq, &e) == 0; seq = e.seq + 1) {
		if (e.type != type)
			continue;
		buf_reset(out);
		buf_add_span(out, e.json);
	}
}

/* Who took it back is not who made it; and where nobody is named, nobody is. */
static void what_is_over_names_who_ended_it(void **state)
{
	BUF struct buf text = {0};

	keep(*state);
	seen_by(*state, "/x", FILE_REG, 11);
	seen_by(*state, "/x", FILE_NONE, 22);
	settle(*state);
	last_told(*state, EVENT_CHANGE, &text);
	assert_non_null(strstr(buf_text(&text), "\"pid\":11"));
	last_told(*state, EVENT_CHANGE_CLEARED, &text);
	assert_non_null(strstr(buf_text(&text), "\"pid\":22"));
	assert_null(strstr(buf_text(&text), "\"pid\":11"));
}

static void and_nobody_where_nobody_is_known(void **state)
{
	BUF struct buf text = {0};

	keep(*state);
	seen_by(*state, "/x", FILE_REG, 11);
	seen(*state, "/x", FILE_NONE);
	settle(*state);
	last_told(*state, EVENT_CHANGE_CLEARED, &text);
	assert_non_null(strstr(buf_text(&text), "found by looking"));
	assert_null(strstr(buf_text(&text), "\"pid\""));
}

/* ---- what may only grow ---- */

static void rule_by(struct desk *d, const char *text)
{
	struct target t = {.kind = TARGET_CONTAINER,
		.id = span_of(d->kept->id),
		.name = span_of(d->kept->name)};
	RULES struct rules *r = NULL;

	ok(rules_parse(&r, "f", span_of(text), NULL));
	rules_for_unref(kept_set_rules(d->kept, rules_for(r, &t)));
}

/* `size` bytes of which the first `old` are as they were; `base`: so many are in the baseline. */
static void wrote(struct desk *d, uint64_t size, uint64_t old, uint64_t base, enum origin origin)
{
	uint64_t look = order_begin(&d->order, LOOKER);
	struct sighting *s = sighting_new(d->kept, span_of("/log"), 1);
	struct record rec = {.type = FILE_REG, .mode = 0644, .size = size, .has_sha = true};
	BUF struct buf now = {0}, was = {0}, actor = {0};

	rec.sha[0] = (uint8_t)size;
	ok(record_encode(&rec, &now));
	s->now = sighting_keep(s, buf_span(&now));
	s->has_now = true;
	if (base) {
		rec.size = base;
		rec.sha[0] = (uint8_t)base;
		ok(record_encode(&rec, &was));
		s->base = sighting_keep(s, buf_span(&was));
		s->has_base = true;
	}
	s->has_prefix = old;
	s->prefix_size = old;
	s->prefix[0] = (uint8_t)old;
	if (origin != ORIGIN_UNKNOWN) {
		actor_encode(&(struct actor){.pid = 7, .origin = origin}, &actor);
		s->actor = sighting_keep(s, buf_span(&actor));
	}
	s->mark = order_push(&d->order, LOOKER, look);
	ok(queue_push(d->items, QUEUE_FRONT, &s->item));
	order_end(&d->order, LOOKER);
}

static unsigned told(struct desk *d)
{
	TXN struct txn *t = reading(&d->place);
	struct journal_entry e;
	unsigned n = 0;

	for (uint64_t seq = 1; journal_next(t, seq, &e) == 0; seq = e.seq + 1)
		n += e.type == EVENT_CHANGE;
	return n;
}

static void stands(struct desk *d, enum severity severity, bool expected)
{
	TXN struct txn *t = reading(&d->place);
	struct ruling r;
	struct change c;

	ok(drift_get(t, atomic_load(&d->kept->no), span_of("/log"), &c));
	ok(ruling_decode(c.ruling, &r));
	assert_int_equal(c.severity, severity);
	assert_int_equal(r.expected, expected);
}

static const char growing[] =
	"rules: [{name: all, paths: \"/**\", severity: medium}, {name: log, paths: /log, growing: true}]";

static void a_file_that_comes_has_not_grown(void **state)
{
	rule_by(*state, growing);
	keep(*state);
	wrote(*state, 10, 0, 0, ORIGIN_WORKLOAD);
	wrote(*state, 10, 10, 0, ORIGIN_WORKLOAD); /* looked at again: nothing is new */
	settle(*state);
	assert_int_equal(told(*state), 1);
	stands(*state, SEV_MEDIUM, false);
}

static void from_then_on_it_may(void **state)
{
	rule_by(*state, growing);
	keep(*state);
	wrote(*state, 10, 0, 0, ORIGIN_WORKLOAD);
	wrote(*state, 20, 10, 0, ORIGIN_WORKLOAD);
	wrote(*state, 30, 20, 0, ORIGIN_UNKNOWN);
	settle(*state);
	assert_int_equal(told(*state), 1);
	stands(*state, SEV_INFO, true);
}

static void what_an_exec_adds_to_a_log_is_no_growth(void **state)
{
	rule_by(*state, growing);
	keep(*state);
	wrote(*state, 20, 10, 10, ORIGIN_WORKLOAD);
	wrote(*state, 30, 20, 10, ORIGIN_EXEC);
	wrote(*state, 40, 30, 10, ORIGIN_WORKLOAD); /* the forged line is still in it */
	settle(*state);
	assert_int_equal(told(*state), 2);
	stands(*state, SEV_MEDIUM, false);
}

static void unless_the_rule_says_so(void **state)
{
	rule_by(*state, "rules: [{name: log, paths: /log, growing: {origin: [exec, host]}}]");
	keep(*state);
	wrote(*state, 20, 10, 10, ORIGIN_EXEC);
	wrote(*state, 30, 20, 10, ORIGIN_HOST);
	settle(*state);
	assert_int_equal(told(*state), 1);
	stands(*state, SEV_INFO, true);
}

static const char handed[] = "rules: [{name: all, paths: \"/**\", severity: low},"
			     " {name: hand, paths: /log, match: {origin: exec}, severity: high}]";

/* A later change that only knows less does not make less of it. */
static void who_is_not_known_hides_nobody(void **state)
{
	rule_by(*state, handed);
	keep(*state);
	wrote(*state, 20, 0, 10, ORIGIN_EXEC);
	wrote(*state, 30, 0, 10, ORIGIN_UNKNOWN);
	wrote(*state, 40, 0, 10, ORIGIN_UNKNOWN);
	settle(*state);
	assert_int_equal(told(*state), 3);
	stands(*state, SEV_HIGH, false);
}

static void who_is_known_is_judged(void **state)
{
	rule_by(*state, handed);
	keep(*state);
	wrote(*state, 20, 0, 10, ORIGIN_EXEC);
	wrote(*state, 30, 0, 10, ORIGIN_WORKLOAD);
	settle(*state);
	assert_int_equal(told(*state), 2);
	stands(*state, SEV_LOW, false);
}

/* Whoever expects logs to come expects nothing of what they become, where a later rule lets them grow. */
static void that_it_comes_is_expected_that_it_changes_is_not(void **state)
{
	rule_by(*state, "rules: [{name: new, paths: /log, match: {kinds: A}, expect: {reason: r}},"
			" {name: log, paths: /log, growing: true}]");
	keep(*state);
	wrote(*state, 10, 0, 0, ORIGIN_WORKLOAD);
	wrote(*state, 20, 10, 0, ORIGIN_WORKLOAD);
	wrote(*state, 30, 5, 0, ORIGIN_WORKLOAD); /* not what was read before */
	wrote(*state, 5, 0, 0, ORIGIN_WORKLOAD);  /* shorter */
	settle(*state);
	stands(*state, SEV_LOW, false);
}

/* ---- programs that are drift and are run ---- */

/* A program is found at /x at `when`, which is what it was touched at. */
static void found(struct desk *d, uint64_t content, int64_t when)
{
	uint64_t look = order_begin(&d->order, LOOKER);
	struct sighting *s = sighting_new(d->kept, span_of("/x"), when);
	struct record rec = {.type = FILE_REG, .mode = 0755, .size = content, .has_sha = true};
	BUF struct buf now = {0}, actor = {0};

	rec.sha[0] = (uint8_t)content;
	ok(record_encode(&rec, &now));
	s->now = sighting_keep(s, buf_span(&now));
	s->has_now = true;
	actor_encode(&(struct actor){.pid = 8, .origin = ORIGIN_WORKLOAD}, &actor);
	s->actor = sighting_keep(s, buf_span(&actor));
	s->mark = order_push(&d->order, LOOKER, look);
	ok(queue_push(d->items, QUEUE_FRONT, &s->item));
	order_end(&d->order, LOOKER);
}

static void ran(struct desk *d, const char *starter, int64_t when)
{
	struct item_ran *i = calloc(1, sizeof(*i));
	struct actor who = {.pid = 0x7ffffffe,
		.start = 1,
		.exe = span_of("/x"),
		.origin = ORIGIN_EXEC,
		.n_up = 1};

	assert_non_null(i);
	who.up[0] = (struct ancestor){.pid = 1, .exe = span_of(starter)};
	i->item.kind = ITEM_RAN;
	i->kept = kept_ref(d->kept);
	i->note.when = when;
	buf_add_text(&i->note.path, "/x");
	actor_encode(&who, &i->note.actor);
	ok(queue_push(d->items, QUEUE_FRONT, &i->item));
}

static unsigned n_ran(struct desk *d, const char *severity)
{
	TXN struct txn *t = reading(&d->place);
	struct journal_entry e;
	unsigned n = 0;

	for (uint64_t seq = 1; journal_next(t, seq, &e) == 0; seq = e.seq + 1) {
		BUF struct buf text = {0};

		buf_add_span(&text, e.json);
		n += e.type == EVENT_EXEC_DRIFTED && strstr(buf_text(&text), severity) &&
		     strstr(buf_text(&text), "\"exe\":\"/x\"");
	}
	return n;
}
#define S INT64_C(1000000000)

static void a_drifted_program_is_told_when_it_is_run(void **state)
{
	keep(*state);
	found(*state, 1, 10 * S);
	ran(*state, "/bin/sh", 20 * S);
	ran(*state, "/bin/sh", 21 * S); /* the same again */
	ran(*state, "/bin/ash", 22 * S);
	found(*state, 2, 30 * S);
	ran(*state, "/bin/sh", 31 * S); /* other content */
	settle(*state);
	assert_int_equal(n_ran(*state, "\"high\""), 3);
}

static void also_when_it_is_found_after_that(void **state)
{
	keep(*state);
	ran(*state, "/bin/sh", 11 * S);
	found(*state, 1, 10 * S);
	settle(*state);
	assert_int_equal(n_ran(*state, "\"high\""), 1);
}

static void but_not_when_it_was_another_then(void **state)
{
	keep(*state);
	ran(*state, "/bin/sh", 9 * S);
	found(*state, 1, 10 * S);
	settle(*state);
	assert_int_equal(n_ran(*state, ""), 0);
}

static void what_is_expected_is_for_the_record(void **state)
{
	rule_by(*state, "rules: [{name: x, paths: /x, expect: {reason: r}}]");
	keep(*state);
	found(*state, 1, 10 * S);
	ran(*state, "/bin/sh", 20 * S);
	settle(*state);
	assert_int_equal(n_ran(*state, "\"info\""), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_idle_ledger_answers, begin, end),
		cmocka_unit_test_setup_teardown(one_without_the_lock_does_not, begin, end),
		cmocka_unit_test_setup_teardown(what_is_added_is_drift, begin, end),
		cmocka_unit_test_setup_teardown(a_directory_takes_its_content_along, begin, end),
		cmocka_unit_test_setup_teardown(a_directory_never_told_does_so_too, begin, end),
		cmocka_unit_test_setup_teardown(what_is_over_names_who_ended_it, begin, end),
		cmocka_unit_test_setup_teardown(and_nobody_where_nobody_is_known, begin, end),
		cmocka_unit_test_setup_teardown(a_file_that_comes_has_not_grown, begin, end),
		cmocka_unit_test_setup_teardown(from_then_on_it_may, begin, end),
		cmocka_unit_test_setup_teardown(
			what_an_exec_adds_to_a_log_is_no_growth, begin, end),
		cmocka_unit_test_setup_teardown(unless_the_rule_says_so, begin, end),
		cmocka_unit_test_setup_teardown(
			a_drifted_program_is_told_when_it_is_run, begin, end),
		cmocka_unit_test_setup_teardown(also_when_it_is_found_after_that, begin, end),
		cmocka_unit_test_setup_teardown(but_not_when_it_was_another_then, begin, end),
		cmocka_unit_test_setup_teardown(what_is_expected_is_for_the_record, begin, end),
		cmocka_unit_test_setup_teardown(
			that_it_comes_is_expected_that_it_changes_is_not, begin, end),
		cmocka_unit_test_setup_teardown(who_is_not_known_hides_nobody, begin, end),
		cmocka_unit_test_setup_teardown(who_is_known_is_judged, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
