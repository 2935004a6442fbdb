/*
 * What the ledger makes of packages: written down once for a stack of layers, asked about each change, and a
 * database's own change told once. Over a real store. Links: daemon/sensor/ledger*, store, model, wire.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
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
	atomic_bool stop, busy;
	bool lost; /* not everything was read */
	int bell;
};
static const uint8_t md5[16] = {7};

static struct lower *layer(void)
{
	struct lower *l = calloc(1, sizeof(*l));

	assert_non_null(l);
	atomic_init(&l->refs, 1);
	atomic_init(&l->snap, 5);
	l->path = strdup("/layer");
	l->root_fd = -1;
	l->kind = "image";
	return l;
}

static struct kept *target(const char *id)
{
	struct kept *k = calloc(1, sizeof(*k));

	assert_non_null(k);
	atomic_init(&k->refs, 1);
	k->kind = TARGET_CONTAINER;
	k->id = strdup(id);
	k->name = strdup(id);
	k->upper = strdup("/tmp");
	k->upper_fd = k->index_fd = -1;
	k->overlay = true;
	k->lower = calloc(1, sizeof(struct lower *));
	assert_non_null(k->lower);
	k->lower[0] = layer();
	k->n_lower = 1;
	return k;
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
		.stop = &d->stop};
	ok(ledger_new(&d->ledger, &opt));
	d->kept = target("0123456789ab");
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

static void push(struct desk *d, struct item *i)
{
	ok(queue_push(d->items, QUEUE_FRONT, i));
}

static void keep(struct desk *d, struct kept *k)
{
	struct item_target *i = calloc(1, sizeof(*i));
	struct target t = {.kind = TARGET_CONTAINER,
		.state = STATE_RUNNING,
		.id = span_of(k->id),
		.name = span_of(k->name),
		.upper = span_of(k->upper)};

	assert_non_null(i);
	i->item.kind = ITEM_TARGET;
	i->kept = kept_ref(k);
	target_encode(&t, &i->desc);
	push(d, &i->item);
}

static void add_file(struct item_packages *i, const char *path, bool config)
{
	const struct pkg_file f = {.config = config,
		.image = PKG_AS_SHIPPED,
		.has_digest = true,
		.digest = span_make(md5, sizeof(md5))};
	BUF struct buf one = {0};

	pkg_file_encode(&f, &one);
	buf_bytes(&i->files, span_of(path));
	buf_bytes(&i->files, buf_span(&one));
}

static void packages(struct desk *d, struct kept *k, bool any)
{
	static const char *const texts[] = {"dpkg", "openssl", "3.0-1", "amd64", "", "", ""};
	struct item_packages *i = calloc(1, sizeof(*i));
	const uint32_t snap = 5;

	assert_non_null(i);
	i->item.kind = ITEM_PACKAGES;
	i->kept = kept_ref(k);
	i->first = i->last = true;
	i->busy = &d->busy;
	pkg_stack(&snap, 1, i->stack);
	for (size_t n = 0; any && n < COUNTOF(texts); n++)
		buf_bytes(&i->packages, span_of(texts[n]));
	if (any) {
		add_file(i, "/etc/ssl.cnf", true);
		add_file(i, "/usr/bin/openssl", false);
	}
	i->set.n_packages = any;
	i->set.lost = d->lost;
	i->set.n_files = any ? 2 : 0;
	for (int n = 0; n < 4; n++)
		buf_bytes(&i->texts, span_of("t"));
	atomic_store(&d->busy, true);
	push(d, &i->item);
}

/* A regular file that has another content than the baseline's; either may be missing. */
static void seen(struct desk *d, struct kept *k, const char *path, bool base, bool now)
{
	uint64_t look = order_begin(&d->order, LOOKER);
	struct sighting *s = sighting_new(k, span_of(path), 1);
	struct record rec = {.type = FILE_REG, .mode = 0755, .has_sha = true, .size = 1};
	BUF struct buf bytes = {0};

	ok(record_encode(&rec, &bytes));
	if (base)
		s->base = sighting_keep(s, buf_span(&bytes));
	s->has_base = base;
	buf_reset(&bytes);
	rec.sha[0] = 1;
	ok(record_encode(&rec, &bytes));
	if (now)
		s->now = sighting_keep(s, buf_span(&bytes));
	s->has_now = now;
	s->mark = order_push(&d->order, LOOKER, look);
	push(d, &s->item);
	order_end(&d->order, LOOKER);
}

static void settle(struct desk *d)
{
	queue_close(d->items);
	assert_null(ledger_main(d->ledger));
}

/* How many entries of the type have these words. */
static unsigned told(struct desk *d, enum event_type type, const char *words)
{
	TXN struct txn *t = reading(&d->place);
	struct journal_entry e;
	unsigned n = 0;

	for (uint64_t seq = 1; journal_next(t, seq, &e) == 0; seq = e.seq + 1) {
		BUF struct buf text = {0};

		buf_add_span(&text, e.json);
		n += e.type == type && strstr(buf_text(&text), words);
	}
	return n;
}

static void a_change_has_its_package(void **state)
{
	struct desk *d = *state;

	keep(d, d->kept);
	packages(d, d->kept, true);
	seen(d, d->kept, "/usr/bin/openssl", true, true);
	seen(d, d->kept, "/etc/ssl.cnf", true, true);
	seen(d, d->kept, "/usr/bin/new", false, true);
	settle(d);
	assert_false(atomic_load(&d->busy));
	assert_int_equal(
		told(d, EVENT_CHANGE,
			"\"manager\":\"dpkg\",\"name\":\"openssl\",\"state\":\"modified\""),
		1);
	assert_int_equal(told(d, EVENT_CHANGE, "\"config\":true"), 1);
	assert_int_equal(told(d, EVENT_CHANGE, "\"state\":\"edited\""), 1);
	assert_int_equal(told(d, EVENT_CHANGE, "\"package\":{\"state\":\"unowned\"}"), 1);
	assert_int_equal(told(d, EVENT_PACKAGE_DATABASE, ""), 0);
}

static void one_that_goes_too(void **state)
{
	struct desk *d = *state;

	keep(d, d->kept);
	packages(d, d->kept, true);
	seen(d, d->kept, "/usr/bin/openssl", true, false);
	seen(d, d->kept, "/etc/ssl.cnf", false, true);
	settle(d);
	assert_int_equal(told(d, EVENT_CHANGE, "\"state\":\"deleted\""), 1);
	assert_int_equal(told(d, EVENT_CHANGE, "\"state\":\"added\""), 1);
}

static void nothing_is_said_without_a_database(void **state)
{
	struct desk *d = *state;

	keep(d, d->kept);
	seen(d, d->kept, "/usr/bin/early", true, true);
	packages(d, d->kept, false);
	seen(d, d->kept, "/usr/bin/openssl", true, true);
	settle(d);
	assert_int_equal(told(d, EVENT_CHANGE, ""), 2);
	assert_int_equal(told(d, EVENT_CHANGE, "\"package\""), 0);
	assert_int_equal(atomic_load(&d->kept->packages), PKG_NONE);
}

/* Where not everything was read, a file that no package here has may be one's all the same. */
static void nobody_calls_it_unowned(void **state)
{
	struct desk *d = *state;

	d->lost = true;
	keep(d, d->kept);
	packages(d, d->kept, true);
	seen(d, d->kept, "/usr/bin/openssl", true, true);
	seen(d, d->kept, "/usr/bin/new", false, true);
	settle(d);
	assert_int_equal(told(d, EVENT_CHANGE, "\"state\":\"modified\""), 1);
	assert_int_equal(told(d, EVENT_CHANGE, "unowned"), 0);
}

static void replicas_share_a_set(void **state)
{
	struct desk *d = *state;
	struct kept *other = target("ba9876543210");
	uint32_t a, b, no = 0;
	struct pkg_set s;
	struct txn *t;

	keep(d, d->kept);
	packages(d, d->kept, true);
	keep(d, other);
	packages(d, other, true); /* it was being read meanwhile */
	settle(d);
	t = reading(&d->place);
	ok(pkg_of_get(t, atomic_load(&d->kept->no), &a));
	ok(pkg_of_get(t, atomic_load(&other->no), &b));
	assert_int_equal(a, b);
	ok(pkg_set_next(t, &no, &s));
	fails(pkg_set_next(t, &no, &s), STORE_ABSENT);
	txn_abort(t);
	assert_int_equal(atomic_load(&other->packages), a);
	kept_unref(other);
}

static void a_database_is_told_once(void **state)
{
	struct desk *d = *state;

	keep(d, d->kept);
	seen(d, d->kept, "/var/lib/dpkg/info/x.md5sums", true, true);
	seen(d, d->kept, "/var/lib/dpkg/status", true, true);
	seen(d, d->kept, "/lib/apk/db/installed", false, true);
	settle(d);
	assert_int_equal(told(d, EVENT_CHANGE, ""), 3);
	assert_int_equal(told(d, EVENT_PACKAGE_DATABASE, "\"severity\":\"high\""), 2);
	assert_int_equal(
		told(d, EVENT_PACKAGE_DATABASE, "dpkg's database was changed at run time"), 1);
}

#define ON_DESK(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_DESK(a_change_has_its_package),
		ON_DESK(one_that_goes_too),
		ON_DESK(nothing_is_said_without_a_database),
		ON_DESK(nobody_calls_it_unowned),
		ON_DESK(replicas_share_a_set),
		ON_DESK(a_database_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
