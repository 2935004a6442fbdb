/*
 * The ledger's own thread body, over a real store, fed with sightings as workers make them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include "../store/place.h"
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
		.stop = &d->stop};
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_added_is_drift, begin, end),
		cmocka_unit_test_setup_teardown(a_directory_takes_its_content_along, begin, end),
		cmocka_unit_test_setup_teardown(a_directory_never_told_does_so_too, begin, end),
		cmocka_unit_test_setup_teardown(what_is_over_names_who_ended_it, begin, end),
		cmocka_unit_test_setup_teardown(and_nobody_where_nobody_is_known, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
