/* Packages of images: writing down what was read of them, asking it about changes, and telling when a
 * database itself was changed. */
#include "base/clock.h"
#include "base/err.h"
#include "daemon/sensor/ledger_impl.h"
#include "daemon/sensor/packages.h"
#include "model/judge.h"

/* ---- whose set ---- */

static bool stack_of(const struct ledger *l, const struct kept *k, uint8_t ret[SHA_LEN])
{
	FREE uint32_t *snaps = calloc(k->n_lower + 1, sizeof(*snaps));
	bool all = k->n_lower;

	must(snaps);
	for (size_t i = 0; i < k->n_lower; i++) {
		snaps[i] = ledger_snap_of(l, k->lower[i]);
		all &= snaps[i] != 0;
	}
	pkg_stack(snaps, k->n_lower, ret);
	return all;
}

static int take_up(struct ledger *l, struct kept *k, const struct pkg_set *s)
{
	uint32_t no = atomic_load(&k->no), had = 0;
	int r = pkg_of_get(l->txn, no, &had);

	atomic_store(&k->packages, s->n_packages ? s->no : PKG_NONE);
	if (r < 0 || (r == 0 && had == s->no))
		return r;
	return pkg_of_put(l->txn, no, s->no);
}

int ledger_packages_known(struct ledger *l, struct kept *k)
{
	uint8_t stack[SHA_LEN];
	struct pkg_set s;
	int r;

	if (k->kind != TARGET_CONTAINER || !atomic_load(&k->no) || atomic_load(&k->packages) ||
		!stack_of(l, k, stack))
		return 0;
	r = pkg_set_find(l->txn, stack, &s);
	return r ? (r < 0 ? r : 0) : take_up(l, k, &s);
}

/* ---- writing it down ---- */

static int begin(struct ledger *l, const struct item_packages *i)
{
	struct rd at = rd_of(buf_span(&i->packages));
	struct pkg_set s;
	int r = pkg_set_find(l->txn, i->stack, &s);

	l->pkg_building = 0;
	if (r != STORE_ABSENT)
		return r; /* a target of the same stack was quicker */
	r = pkg_set_create(l->txn, i->stack, &l->pkg_building);
	for (uint32_t no = 0; r == 0 && !rd_end(&at); no++) {
		struct pkg p = {rd_bytes(&at), rd_bytes(&at), rd_bytes(&at), rd_bytes(&at),
			rd_bytes(&at), rd_bytes(&at), rd_bytes(&at)};

		r = pkg_put(l->txn, l->pkg_building, no, &p);
	}
	return r;
}

static int put_files(struct ledger *l, const struct item_packages *i)
{
	struct rd at = rd_of(buf_span(&i->files));
	int r = 0;

	while (r == 0 && !rd_end(&at)) {
		struct span path = rd_bytes(&at);
		struct pkg_file f;

		r = pkg_file_decode(rd_bytes(&at), &f);
		if (r == 0)
			r = pkg_file_put(l->txn, l->pkg_building, path, &f);
	}
	return r;
}

static int complete(struct ledger *l, const struct item_packages *i)
{
	struct rd at = rd_of(buf_span(&i->texts));
	struct pkg_set s = i->set;

	s.no = l->pkg_building;
	s.complete = true;
	s.time = l->now;
	memcpy(s.stack, i->stack, SHA_LEN);
	s.os_id = rd_bytes(&at);
	s.os_version = rd_bytes(&at);
	s.os_name = rd_bytes(&at);
	s.words = rd_bytes(&at);
	return pkg_set_put(l->txn, &s);
}

static int end(struct ledger *l, const struct item_packages *i)
{
	int r = l->pkg_building ? complete(l, i) : 0;

	for (size_t k = 0; r == 0 && k < l->n_kept; k++)
		r = ledger_packages_known(l, l->kept[k]);
	l->ring = true;
	atomic_store(i->busy, false);
	return r;
}

int ledger_packages(struct ledger *l, struct item *it)
{
	struct item_packages *i = container_of(it, struct item_packages, item);
	int r = i->first ? begin(l, i) : 0;

	if (r == 0 && l->pkg_building)
		r = put_files(l, i);
	return r == 0 && i->last ? end(l, i) : r;
}

/* ---- what they say of a change ---- */

enum { CONTENT = 1u << ASPECT_CONTENT | 1u << ASPECT_TYPE };

static bool is_file(const struct record *rec)
{
	return rec && rec->type == FILE_REG;
}

static struct span found_of(const struct pkg_file *f, const struct record *now)
{
	bool wide = f->has_digest && (f->kind == PACKAGE_SHA256 || f->kind == PACKAGE_SHA256_160);

	if (!wide || !now || !now->has_sha)
		return span_of("");
	return span_make(now->sha, package_digest_len(f->kind));
}

/* False: there is nothing to say. */
static bool state_of(const struct judge_in *in, const struct change *c, const struct pkg_file *f,
	struct package_note *ret)
{
	ret->found = found_of(f, in->now);
	if (c->kind == 'D')
		ret->state = PACKAGE_DELETED;
	else if (ret->found.n && span_eq(ret->found, f->digest))
		ret->state = PACKAGE_INSTALLED;
	else if (c->kind == 'A')
		ret->state = PACKAGE_ADDED;
	else if (c->aspects & CONTENT)
		ret->state = f->config ? PACKAGE_EDITED : PACKAGE_MODIFIED;
	else if (f->image == PKG_AS_SHIPPED)
		ret->state = PACKAGE_INSTALLED;
	else
		return false;
	return true;
}

int ledger_package_of(struct ledger *l, const struct kept *k, const struct judge_in *in,
	const struct change *c, struct buf *mem)
{
	uint32_t set = atomic_load(&k->packages);
	struct package_note n = {.state = PACKAGE_UNOWNED};
	struct pkg_set whole;
	struct pkg_file f;
	struct pkg p;
	int r;

	if (in->packaged || !set || set == PKG_NONE || (!is_file(in->now) && !is_file(in->base)))
		return 0;
	r = pkg_file_get(l->txn, set, in->path, &f);
	if (r == STORE_ABSENT) {
		r = pkg_set_get(l->txn, set, &whole);
		if (r == 0 && !whole.lost)
			package_encode(&n, mem);
		return r < 0 ? r : 0;
	}
	if (r == 0)
		r = pkg_get(l->txn, set, f.package, &p);
	if (r)
		return r < 0 ? r : 0;
	n = (struct package_note){.manager = p.manager,
		.name = p.name,
		.version = p.version,
		.arch = p.arch,
		.config = f.config,
		.digest = f.has_digest ? f.kind : PACKAGE_MD5,
		.expected = f.has_digest ? f.digest : span_of("")};
	if (p.name.n && state_of(in, c, &f, &n))
		package_encode(&n, mem);
	return 0;
}

/* ---- a database itself ---- */

/* Told once for each run, and once for each while of changes by hand. */
#define QUIET (60 * CLOCK_S)
struct pkg_told {
	struct pkg_told *next;
	uint32_t target;
	const char *manager;
	uint64_t run;
	int64_t last; /* monotonic ns */
	bool fresh;   /* of the batch at hand */
};

static struct pkg_told *told_of(struct ledger *l, uint32_t no, const char *manager, uint64_t run)
{
	for (struct pkg_told *t = l->pkg_told; t; t = t->next)
		if (t->target == no && t->run == run && strcmp(t->manager, manager) == 0)
			return t;
	return NULL;
}

static void forget_old(struct ledger *l, int64_t now)
{
	struct pkg_told **at = &l->pkg_told, *t;

	while ((t = *at)) {
		if (t->fresh || now - t->last < QUIET) {
			at = &t->next;
			continue;
		}
		*at = t->next;
		free(t);
	}
}

void ledger_packages_over(struct ledger *l, bool committed)
{
	struct pkg_told **at = &l->pkg_told, *t;

	while ((t = *at)) {
		if (!committed && t->fresh) {
			*at = t->next;
			free(t);
			continue;
		}
		t->fresh = false;
		at = &t->next;
	}
}

void ledger_packages_free(struct ledger *l)
{
	struct pkg_told *t;

	while ((t = l->pkg_told)) {
		l->pkg_told = t->next;
		free(t);
	}
}

/* A directory that is no more takes what the image has below it along, and nobody tells of that. */
static const char *gone_with(struct ledger *l, const struct kept *k, const struct change *c)
{
	const char *manager, *place;
	VIEWS struct views v = {0};
	size_t i = 0;
	bool found = false;

	if ((c->kind != 'D' && !(c->aspects & 1u << ASPECT_TYPE)) ||
		!packages_place_below(c->path, &i, &manager) || !kept_is_baselined(k) ||
		views_open(k, l->txn, &v) < 0)
		return NULL;
	for (i = 0; !found && (place = packages_place_below(c->path, &i, &manager));) {
		HIT struct hit h = {0};

		found = view_resolve(&v.base, span_of(place), &h) == 0 && h.found;
	}
	return found ? manager : NULL;
}

int ledger_package_database(
	struct ledger *l, const struct kept *k, const struct change *c, uint64_t run)
{
	const char *manager = NULL, *verb = "changed";
	uint32_t no = atomic_load(&k->no);
	int64_t now = clock_mono();
	BUF struct buf words = {0};
	struct change e = *c;
	struct pkg_told *t;

	if (k->kind != TARGET_CONTAINER || (c->aspects & 1u << ASPECT_LAYER))
		return 0;
	manager = packages_database(c->path);
	if (!manager) {
		manager = gone_with(l, k, c);
		verb = "deleted";
	}
	if (!manager)
		return 0;
	t = told_of(l, no, manager, run);
	if (t && now - t->last < QUIET) {
		t->last = now;
		return 0;
	}
	forget_old(l, now);
	t = calloc(1, sizeof(*t));
	must(t);
	*t = (struct pkg_told){l->pkg_told, no, manager, run, now, true};
	l->pkg_told = t;
	/* What a run is summed up by, or what a rule expects, wakes nobody; else whoever did it may hide
	 * what he has done to files by it. */
	if (!run && e.severity > SEV_INFO && e.severity < SEV_HIGH)
		e.severity = SEV_HIGH;
	buf_printf(&words, "%s's database was %s at run time%s", manager, verb,
		run ? ", by a package manager's run" : "");
	return ledger_tell(l, k, EVENT_PACKAGE_DATABASE, &e, buf_text(&words), &e.seq);
}
