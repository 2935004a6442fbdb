/*
 * Maintenance windows in the ledger: what is held, what never is, what a window's last entry says, and that
 * no end of the ledger loses any of it. A real store; the thread's own body.
 */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include "../store/place.h"
#include "base/clock.h"
#include "base/queue.h"
#include "daemon/sensor/ledger.h"
#include "model/record.h"
#include "store/hold.h"
#include "store/journal.h"

enum { ROOM = 4096, LOOKER = 0 };
#define HOUR (3600 * CLOCK_S)

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
	uint64_t opened; /* id of the last window opened by command */
	char said[256];	 /* the last answer */
};

static void life(struct desk *d)
{
	ok(queue_new(&d->items, ROOM));
	ok(ledger_new(&d->ledger, &(struct ledger_options){.store = d->place.s,
					  .items = d->items,
					  .outbox = d->outbox,
					  .order = &d->order,
					  .bell = d->bell,
					  .stats = &d->stats,
					  .stop = &d->stop}));
}

static int begin_with(void **state, size_t map)
{
	struct desk *d = calloc(1, sizeof(*d));
	struct store_options opt = place_options();

	assert_non_null(d);
	place_make(&d->place);
	opt.map_size = map ? map : opt.map_size;
	ok(store_open(&d->place.s, d->place.dir, STORE_WRITE, &opt));
	ok(outbox_new(&d->outbox));
	d->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	d->kept = calloc(1, sizeof(*d->kept));
	assert_non_null(d->kept);
	atomic_init(&d->kept->refs, 1);
	pthread_mutex_init(&d->kept->rules_lock, NULL);
	d->kept->id = strdup("0123456789ab");
	d->kept->name = strdup("web");
	d->kept->upper = strdup("/tmp");
	d->kept->upper_fd = d->kept->index_fd = -1;
	life(d);
	*state = d;
	return 0;
}

static int begin(void **state)
{
	return begin_with(state, 0);
}

static int begin_small(void **state)
{
	return begin_with(state, 1 << 19);
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

static void push(struct desk *d, struct item *i)
{
	ok(queue_push(d->items, QUEUE_FRONT, i));
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
	push(d, &i->item);
}

/* What has no baseline: `mode` 04755 is high, 0755 medium, 0644 low. */
static struct sighting *sight(struct desk *d, const char *path, uint32_t mode)
{
	struct sighting *s = sighting_new(d->kept, span_of(path), 1);
	struct record rec = {.type = FILE_REG, .mode = mode};
	BUF struct buf bytes = {0};

	ok(record_encode(&rec, &bytes));
	s->now = sighting_keep(s, buf_span(&bytes));
	s->has_now = true;
	return s;
}

static void send(struct desk *d, struct sighting *s)
{
	s->mark = order_push(&d->order, LOOKER, order_begin(&d->order, LOOKER));
	push(d, &s->item);
	order_end(&d->order, LOOKER);
}

static void seen(struct desk *d, const char *path, uint32_t mode)
{
	send(d, sight(d, path, mode));
}

static void open_for(
	struct desk *d, const char *name, struct kept *k, const char *path, int64_t lasts)
{
	struct item_hold_open *i = calloc(1, sizeof(*i));

	assert_non_null(i);
	i->item.kind = ITEM_HOLD_OPEN;
	i->kept = k ? kept_ref(k) : NULL;
	buf_add_text(&i->name, name);
	buf_add_text(&i->reason, "test");
	buf_add_text(&i->path, path);
	i->lasts = lasts;
	i->uid = 7;
	i->ask_id = 1;
	push(d, &i->item);
}

static void close_it(struct desk *d, uint64_t id)
{
	struct item_hold_close *i = calloc(1, sizeof(*i));

	assert_non_null(i);
	i->item.kind = ITEM_HOLD_CLOSE;
	i->hold = id;
	i->ask_id = 2;
	i->uid = 8;
	push(d, &i->item);
}

static void rule_by(struct desk *d, const char *text)
{
	struct item_rules *i = calloc(1, sizeof(*i));
	struct target t = {.kind = TARGET_CONTAINER, .name = span_of("web")};

	assert_non_null(i);
	i->item.kind = ITEM_RULES;
	ok(rules_parse(&i->rules, "f", span_of(text), NULL));
	rules_for_unref(kept_set_rules(d->kept, rules_for(i->rules, &t)));
	push(d, &i->item);
}

/* All that was pushed is written; then another ledger begins, as after a restart. */
static void settle(struct desk *d)
{
	struct outbox_answer *a;

	queue_close(d->items);
	assert_null(ledger_main(d->ledger));
	while ((a = outbox_take(d->outbox))) {
		if (a->msg.op == DOOR_DONE)
			snprintf(d->said, sizeof(d->said), "%d %s", (int)a->msg.value,
				buf_text(&a->mem));
		if (a->msg.op == DOOR_DONE && a->msg.id == 1 && a->msg.value == DOOR_OK)
			d->opened = strtoull(buf_text(&a->mem), NULL, 10);
		outbox_answer_free(a);
	}
	ledger_free(d->ledger);
	queue_free(d->items);
	d->ledger = NULL;
	life(d);
}

static unsigned count(struct desk *d, enum event_type type, const char *part)
{
	TXN struct txn *t = reading(&d->place);
	struct journal_entry e;
	unsigned n = 0;

	for (uint64_t seq = 1; journal_next(t, seq, &e) == 0; seq = e.seq + 1)
		n += e.type == type && memmem(e.json.p, e.json.n, part, strlen(part));
	return n;
}

static unsigned n_open(struct desk *d)
{
	TXN struct txn *t = reading(&d->place);
	struct hold h;
	uint64_t id = 0;
	unsigned n = 0;

	while (hold_next(t, &id, &h) == 0)
		n++;
	return n;
}

#define HELD(severity) "\"hold\":{\"name\":\"w\",\"severity\":\"" severity "\"}"
#define INFO "\"severity\":\"info\""

static void what_falls_into_one_is_info(void **state)
{
	struct desk *d = *state;
	TXN struct txn *t = NULL;
	struct change c;

	keep(d);
	seen(d, "/before", 0644);
	settle(d);
	open_for(d, "w", d->kept, "", HOUR);
	seen(d, "/x", 04755);
	seen(d, "/y", 0644);
	settle(d);
	assert_int_equal(count(d, EVENT_HOLD_OPENED, "\"uid\":7"), 1);
	assert_int_equal(count(d, EVENT_CHANGE, HELD("high")), 1);
	assert_int_equal(count(d, EVENT_CHANGE, HELD("low")), 1);
	assert_int_equal(count(d, EVENT_CHANGE, "\"run_id\""), 0);
	t = reading(&d->place);
	ok(drift_get(t, atomic_load(&d->kept->no), span_of("/x"), &c));
	assert_int_equal(c.severity, SEV_HIGH); /* the truth */
	txn_abort(take(t));
	close_it(d, d->opened);
	seen(d, "/after", 0644);
	settle(d);
	assert_int_equal(count(d, EVENT_HOLD_CLOSED, "\"severity\":\"high\",\"target\":{"), 1);
	assert_int_equal(
		count(d, EVENT_HOLD_CLOSED,
			"\"counts\":{\"critical\":0,\"high\":1,\"info\":0,\"low\":1,\"medium\":0}"),
		1);
	assert_int_equal(count(d, EVENT_HOLD_CLOSED,
				 "\"paths\":[{\"kind\":\"A\",\"path\":\"/x\",\"severity\":\"high\","
				 "\"target\":\"web\"},{\"kind\":\"A\",\"path\":\"/y\""),
		1);
	assert_int_equal(count(d, EVENT_HOLD_CLOSED, "\"uid\":8"), 1);
	assert_int_equal(count(d, EVENT_CHANGE, "\"hold\""), 2);
	assert_int_equal(n_open(d), 0);
}

static void what_lies_beside_it_is_not(void **state)
{
	struct desk *d = *state;

	keep(d);
	open_for(d, "w", NULL, "/etc", HOUR);
	open_for(d, "v", NULL, "/srv/*.log", HOUR);
	seen(d, "/etc/a/b", 0644);
	seen(d, "/etcetera", 0644);
	seen(d, "/srv/x.log", 0644);
	seen(d, "/srv/x.txt", 0644);
	settle(d);
	assert_int_equal(count(d, EVENT_CHANGE, "\"hold\""), 2);
	assert_int_equal(count(d, EVENT_CHANGE, HELD("low")), 1);
	assert_int_equal(count(d, EVENT_CHANGE, "\"hold\":{\"name\":\"v\""), 1);
}

static void mounts_and_layers_never_are(void **state)
{
	struct desk *d = *state;
	struct sighting *s;

	keep(d);
	open_for(d, "w", NULL, "", HOUR);
	s = sight(d, "/m", 0644);
	s->base = s->now;
	s->has_base = true;
	s->mount = sighting_keep(s, span_of("tmpfs"));
	send(d, s);
	s = sight(d, "/l", 0644);
	s->layer_changed = true;
	s->detail = sighting_keep(s, span_of("/layer"));
	send(d, s);
	settle(d);
	assert_int_equal(count(d, EVENT_LAYER_TAMPERED, "\"severity\":\"critical\""), 1);
	for (enum event_type type = 0; type < EVENT_N; type++)
		assert_int_equal(count(d, type, "\"hold\":{\"name\":\"w\",\"severity\""), 0);
}

/* Lives of the ledger do not matter, and one whose time passed between two of them is told at once. */
static void a_restart_loses_nothing(void **state)
{
	struct desk *d = *state;
	uint64_t id;

	keep(d);
	open_for(d, "w", NULL, "", HOUR);
	settle(d);
	id = d->opened;
	keep(d);
	open_for(d, "brief", d->kept, "/none", 1);
	for (int i = 0; i < 10; i++) {
		char path[16];

		snprintf(path, sizeof(path), "/%d", i);
		seen(d, path, i == 5 ? 0755 : 0644);
		settle(d);
	}
	assert_int_equal(count(d, EVENT_HOLD_CLOSED, "\"reason\":\"its time was over\""), 1);
	assert_int_equal(count(d, EVENT_HOLD_OPENED, ""), 2);
	assert_int_equal(n_open(d), 1);
	open_for(d, "w", NULL, "", HOUR);
	settle(d);
	assert_non_null(strstr(d->said, "10 a window of the name w is open, until 2"));
	close_it(d, id);
	settle(d);
	assert_int_equal(count(d, EVENT_HOLD_CLOSED, "\"low\":9,\"medium\":1}"), 1);
	assert_int_equal(count(d, EVENT_HOLD_CLOSED, "\"n_paths\":10"), 1);
	close_it(d, id);
	settle(d);
	assert_non_null(strstr(d->said, "9 that window is not open any more"));
}

/* A batch that does not fit is given up and done again: it is not counted twice. */
static void a_batch_done_again_counts_once(void **state)
{
	struct desk *d = *state;
	char path[300];

	keep(d);
	open_for(d, "w", NULL, "", HOUR);
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = 0;
	for (int i = 0; i < 2000; i++) {
		char no[16];

		snprintf(no, sizeof(no), "/%08d", i);
		memcpy(path, no, 9);
		seen(d, path, 0644);
	}
	settle(d);
	close_it(d, d->opened);
	settle(d);
	assert_int_equal(count(d, EVENT_CHANGE, HELD("low")), 2000);
	assert_int_equal(count(d, EVENT_HOLD_CLOSED, "\"low\":2000,"), 1);
	assert_int_equal(count(d, EVENT_HOLD_OPENED, ""), 1);
}

static const char *window(const char *name, int64_t from, int64_t until)
{
	static char text[512];
	BUF struct buf a = {0}, b = {0};

	clock_format(&a, clock_wall() + from);
	clock_format(&b, clock_wall() + until);
	snprintf(text, sizeof(text),
		"rules:\n- {name: %s, paths: \"/etc/**\", reason: r, owner: o, hold: {from: \"%s\", until: \"%s\"}}\n"
		"- {name: never, paths: /etc/shadow, hold: false}\n",
		name, buf_text(&a), buf_text(&b));
	return text;
}

static void windows_of_rules(void **state)
{
	struct desk *d = *state;

	keep(d);
	settle(d);
	rule_by(d, window("later", HOUR, 2 * HOUR));
	seen(d, "/etc/a", 0644);
	settle(d);
	assert_int_equal(n_open(d), 0);
	keep(d);
	rule_by(d, window("w", -HOUR, HOUR));
	seen(d, "/etc/b", 0644);
	seen(d, "/etc/shadow", 0644);
	seen(d, "/srv/b", 0644);
	settle(d);
	assert_int_equal(count(d, EVENT_HOLD_OPENED, "\"by\":\"rule\",\"file\":\"f\""), 1);
	assert_int_equal(count(d, EVENT_CHANGE, "\"hold\""), 1);
	keep(d); /* before the rules are there nothing of theirs is closed */
	settle(d);
	assert_int_equal(n_open(d), 1);
	rule_by(d, window("w", -HOUR, 2 * HOUR)); /* longer now */
	open_for(d, "w", NULL, "", HOUR);
	settle(d);
	assert_non_null(strstr(d->said, "10 f:2 has a window of the name w"));
	assert_int_equal(n_open(d), 1);
	assert_int_equal(count(d, EVENT_HOLD_CLOSED, ""), 0);
	rule_by(d, window("other", HOUR, 2 * HOUR));
	settle(d);
	assert_int_equal(count(d, EVENT_HOLD_CLOSED, "\"reason\":\"its rule is gone\""), 1);
	assert_int_equal(count(d, EVENT_HOLD_CLOSED, "\"low\":1,"), 1);
}

/* A rule that comes by the name of a window that was opened by command has its own. */
static void a_name_that_a_rule_takes_later(void **state)
{
	struct desk *d = *state;

	keep(d);
	open_for(d, "w", NULL, "/srv", HOUR);
	settle(d);
	keep(d);
	rule_by(d, window("w", -HOUR, HOUR));
	seen(d, "/etc/a", 0644);
	seen(d, "/srv/a", 04755);
	settle(d);
	assert_int_equal(n_open(d), 2);
	close_it(d, d->opened);
	settle(d);
	assert_int_equal(count(d, EVENT_HOLD_CLOSED, "\"high\":1,\"info\":0,\"low\":0,"), 1);
	assert_int_equal(n_open(d), 1);
}

/* The window of last night and that of tonight are two, though nobody ran between them. */
static void another_time_of_a_rule_is_another_window(void **state)
{
	struct desk *d = *state;

	rule_by(d, window("w", -HOUR, HOUR));
	settle(d);
	rule_by(d, window("w", 0, HOUR)); /* begins after the first was opened */
	settle(d);
	assert_int_equal(count(d, EVENT_HOLD_CLOSED, "\"reason\":\"its time was over\""), 1);
	assert_int_equal(count(d, EVENT_HOLD_OPENED, ""), 2);
	assert_int_equal(n_open(d), 1);
}

static void one_whose_time_passed_meanwhile_is_told(void **state)
{
	struct desk *d = *state;

	rule_by(d, window("w", -HOUR, HOUR));
	settle(d);
	rule_by(d, window("w", -HOUR, -CLOCK_S));
	settle(d);
	assert_int_equal(count(d, EVENT_HOLD_CLOSED, "\"reason\":\"its time was over\""), 1);
}

/* Nothing comes; the ledger wakes by itself, and the end is told. */
static void it_wakes_for_the_end(void **state)
{
	struct desk *d = *state;
	struct pollfd p = {.fd = outbox_fd(d->outbox), .events = POLLIN};
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, ledger_main, d->ledger), 0);
	open_for(d, "w", NULL, "", 200 * CLOCK_MS);
	while (!count(d, EVENT_HOLD_CLOSED, "\"reason\":\"its time was over\"")) {
		struct outbox_answer *a;

		assert_true(poll(&p, 1, 20000) > 0);
		while ((a = outbox_take(d->outbox)))
			outbox_answer_free(a);
	}
	queue_close(d->items);
	pthread_join(thread, NULL);
	assert_int_equal(n_open(d), 0);
}

/* Of a package manager: by one that is for all that changes in the target; not by one for some paths. */
static void a_run_is_held(void **state)
{
	struct desk *d = *state;
	struct actor apk = {.pid = 4000000,
		.start = 1,
		.exe = span_of("/sbin/apk"),
		.cmdline = span_make("apk\0add\0x", 9),
		.origin = ORIGIN_HOST};

	d->kept->kind = TARGET_HOST; /* whose programs are not looked up */
	for (int i = 0; i < 2; i++) {
		struct item_note *n = calloc(1, sizeof(*n));
		struct sighting *s = sight(d, i ? "/usr/b" : "/usr/a", 04755);
		BUF struct buf who = {0};

		assert_non_null(n);
		keep(d);
		open_for(d, i ? "w" : "v", d->kept, i ? "" : "/etc", HOUR);
		actor_encode(&apk, &who);
		s->actor = sighting_keep(s, buf_span(&who));
		send(d, s);
		n->item.kind = ITEM_NOTE;
		n->type = EVENT_DAEMON_STOPPED;
		push(d, &n->item);
		settle(d);
	}
	assert_int_equal(count(d, EVENT_PACKAGE_RUN, ""), 2);
	assert_int_equal(count(d, EVENT_PACKAGE_RUN, "\"severity\":\"high\",\"target\""), 1);
	assert_int_equal(count(d, EVENT_PACKAGE_RUN, HELD("high")), 1);
	close_it(d, d->opened);
	settle(d);
	assert_int_equal(count(d, EVENT_HOLD_CLOSED, "\"high\":2,"), 1); /* the file, and the run */
	assert_int_equal(count(d, EVENT_HOLD_CLOSED, "\"n_paths\":1,"), 1);
}

static void its_target_goes(void **state)
{
	struct desk *d = *state;
	struct item_gone *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	keep(d);
	open_for(d, "v", NULL, "", HOUR);
	open_for(d, "w", d->kept, "", HOUR); /* of two the one that was opened last holds */
	seen(d, "/x", 0644);
	g->item.kind = ITEM_GONE;
	g->kept = kept_ref(d->kept);
	g->removed = true;
	push(d, &g->item);
	settle(d);
	assert_int_equal(count(d, EVENT_HOLD_CLOSED, "\"reason\":\"its target was removed\""), 1);
	assert_int_equal(count(d, EVENT_HOLD_CLOSED, "\"path\":\"/x\""), 1);
	assert_int_equal(n_open(d), 1); /* the one for all goes on */
}

static void there_are_not_too_many(void **state)
{
	struct desk *d = *state;
	char name[16];

	for (int i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "w%d", i);
		open_for(d, name, NULL, "", HOUR);
	}
	settle(d);
	open_for(d, "more", NULL, "", HOUR);
	settle(d);
	assert_int_equal(n_open(d), 64);
	assert_non_null(strstr(d->said, "64 windows are open by command"));
}

#define DESK(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
int main(void)
{
	const struct CMUnitTest tests[] = {
		DESK(what_falls_into_one_is_info),
		DESK(what_lies_beside_it_is_not),
		DESK(mounts_and_layers_never_are),
		DESK(a_restart_loses_nothing),
		cmocka_unit_test_setup_teardown(a_batch_done_again_counts_once, begin_small, end),
		DESK(windows_of_rules),
		DESK(a_name_that_a_rule_takes_later),
		DESK(another_time_of_a_rule_is_another_window),
		DESK(one_whose_time_passed_meanwhile_is_told),
		DESK(it_wakes_for_the_end),
		DESK(a_run_is_held),
		DESK(its_target_goes),
		DESK(there_are_not_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
