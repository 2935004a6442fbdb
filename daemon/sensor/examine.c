/*
 * The order at one name: look at it in both views, read the content where the comparison needs it,
 * push what was seen, and only then go below. Nothing here decides whether it is drift.
 */
#include "daemon/sensor/examine.h"
#include "base/clock.h"
#include "base/err.h"
#include "daemon/sensor/content.h"
#include "daemon/sensor/layer_odd.h"
#include "daemon/sensor/owned.h"
#include "fs/beneath.h"
#include "policy/rules.h"
#include "store/targets.h"

/* How long to wait before another look at what would not hold still. */
static const int64_t again_after[] = {200 * CLOCK_MS, CLOCK_S, 5 * CLOCK_S, 30 * CLOCK_S,
	60 * CLOCK_S, 120 * CLOCK_S, 300 * CLOCK_S, 600 * CLOCK_S};
enum { NEVER_SETTLES = 4, GOING_TRIES = 3 };

struct looking {
	struct place *p;
	struct sighting *s;
	struct span path, name;
	unsigned flags;
	struct hit now, base;
	bool again, tampered; /* its layer was, as is known */
};

static void path_join(struct buf *out, struct span dir, struct span name)
{
	if (dir.n > 1)
		buf_add_span(out, dir);
	if (name.n || dir.n <= 1)
		buf_add_text(out, "/");
	buf_add_span(out, name);
}

/* Found in a read-only layer: not in the upper directory, nor through its index. */
static bool from_lower(const struct looking *l)
{
	return l->p->kept->overlay && l->now.found && !l->p->views->now.layer[l->now.layer].upper;
}

static void set_gap(struct looking *l, enum gap_cause cause, const char *why)
{
	l->s->gap_set = true;
	l->s->gap = cause;
	l->s->detail = sighting_keep(l->s, span_of(why));
	if (l->p->scan)
		atomic_store(&l->p->scan->whole, false);
}

/* The look is whole all the same, and heals what it was made for: this gap stays by itself. */
static void too_deep(struct looking *l)
{
	l->s->gap_set = true;
	l->s->gap = GAP_TOO_LARGE;
	l->s->detail = sighting_keep(l->s, span_of(BENEATH_TOO_DEEP));
}

static int look_both(struct looking *l)
{
	struct place *p = l->p;
	int r = 0;

	if (!l->name.n) {
		r = view_root(&p->views->now, &l->now);
		return r < 0 ? r : view_root(&p->views->base, &l->base);
	}
	if (p->now.n)
		r = view_lookup(&p->views->now, &p->now, l->name, &l->now);
	if (r >= 0 && p->base.n)
		r = view_lookup(&p->views->base, &p->base, l->name, &l->base);
	return r < 0 ? r : 0;
}

/* The baseline's content: from its snapshot, else read now because nothing waits for snapshots. */
static void base_content(struct looking *l)
{
	struct hit *h = &l->base;
	const struct record *data = h->metacopy ? &h->data.rec : &h->entry.rec;
	const struct content_how how = {.probe = false};
	struct hash_result res;

	if (h->entry.rec.type != FILE_REG)
		return;
	if (data->has_sha) {
		memcpy(h->entry.rec.sha, data->sha, SHA_LEN);
		h->entry.rec.has_sha = true;
	} else if (content_hash(l->p->worker, &l->p->views->base, h, &how, &res) == 0) {
		memcpy(h->entry.rec.sha, res.sha, SHA_LEN);
		h->entry.rec.has_sha = true;
	}
}

/* The baseline has a file without its content where that was not what its package has: pkgcheck.h. Has it
 * been put right? `ret`: as the change says; false: there is nothing to say. */
static bool is_odd(const struct looking *l, struct buf *mem, struct package_note *ret)
{
	const struct record *base = &l->base.entry.rec;
	uint32_t no = atomic_load(&l->p->kept->no);
	struct change c;

	if (l->p->kept->kind != TARGET_HOST || !l->base.found || base->type != FILE_REG ||
		base->has_sha || !no || drift_get(l->p->txn, no, l->path, &c) != 0 || !c.package.n)
		return false;
	buf_add_span(mem, c.package);
	return package_decode(buf_span(mem), ret) == 0;
}

static bool from_seen(struct looking *l)
{
	struct look *k = &l->now.entry.look;
	uint32_t no = atomic_load(&l->p->kept->no);
	BUF struct buf mem = {0};
	struct package_note note;
	struct seen s;

	if (!l->p->scan || !l->p->scan->trust_seen || l->now.metacopy || !no ||
		is_odd(l, &mem, &note))
		return false;
	if (seen_get(l->p->txn, no, k->ino, &s) != 0 || s.size != k->rec.size ||
		s.mtime != k->rec.mtime || s.ctime != k->ctime || s.btime != k->btime)
		return false;
	memcpy(l->now.entry.rec.sha, s.sha, SHA_LEN);
	l->now.entry.rec.has_sha = true;
	atomic_fetch_add(&l->p->worker->ex->stats.seen_hits, 1);
	return true;
}

static void keep_seen(struct looking *l, const struct hash_result *res)
{
	struct look *k = &l->now.entry.look;

	if (res->writer || res->racy || l->now.metacopy || from_lower(l))
		return;
	l->s->has_seen = true;
	l->s->seen = (struct seen){.ino = k->ino,
		.size = k->rec.size,
		.mtime = k->rec.mtime,
		.ctime = k->ctime,
		.btime = k->btime};
	memcpy(l->s->seen.sha, res->sha, SHA_LEN);
}

static void now_hashed(struct looking *l, const struct hash_result *res)
{
	struct record *rec = &l->now.entry.rec;

	memcpy(rec->sha, res->sha, SHA_LEN);
	rec->has_sha = true;
	if (!l->now.metacopy)
		rec->size = res->size;
	l->s->unsettled = res->writer;
	l->again = res->writer || res->racy;
	keep_seen(l, res);
}

static uint64_t size_of(struct span encoded)
{
	struct record rec;

	return encoded.n && record_decode(encoded, &rec) == 0 && rec.type == FILE_REG ? rec.size
										      : 0;
}

/* What may grow only: how large it was when it was last looked at. 0: nothing to hold it against. */
static uint64_t grown_from(const struct looking *l, bool *ret_grows)
{
	RULES_FOR struct rules_for *f = kept_rules(l->p->kept);
	uint32_t no = atomic_load(&l->p->kept->no);
	struct rules_of_path said;
	struct accepted a;
	struct change c;

	rules_path(f, l->path, &said);
	*ret_grows = rules_of_path_says(&said, RULE_GROWING);
	if (!*ret_grows || !no)
		return 0;
	if (drift_get(l->p->txn, no, l->path, &c) == 0)
		return size_of(c.now);
	if (accepted_in_force(l->p->txn, no, l->path, clock_wall(), &a) == 0)
		return size_of(a.rec);
	return l->base.found && l->base.entry.rec.type == FILE_REG ? l->base.entry.rec.size : 0;
}

static void keep_prefix(struct looking *l, uint64_t size, const struct hash_result *res)
{
	l->s->has_prefix = size && res->has_prefix;
	l->s->prefix_size = size;
	memcpy(l->s->prefix, res->prefix, SHA_LEN);
}

static void keep_found(
	struct looking *l, const struct package_note *n, const struct hash_result *res)
{
	const struct sha *sha = l->p->worker->sha;
	const uint8_t *found = n->digest == PACKAGE_MD5	   ? sha_md5(sha)
			       : n->digest == PACKAGE_SHA1 ? sha_sha1(sha)
							   : res->sha;

	if (found)
		l->s->found = sighting_keep(l->s, span_make(found, n->expected.n));
}

static void now_content(struct looking *l)
{
	struct content_how how = {.probe = !from_lower(l)};
	BUF struct buf mem = {0};
	struct package_note note;
	struct hash_result res;
	bool odd;
	int r;

	if (l->now.entry.rec.type != FILE_REG || from_seen(l))
		return;
	how.prefix = grown_from(l, &how.grows);
	odd = is_odd(l, &mem, &note);
	sha_also_md5(l->p->worker->sha, odd && note.digest == PACKAGE_MD5);
	sha_also_sha1(l->p->worker->sha, odd && note.digest == PACKAGE_SHA1);
	r = content_hash(l->p->worker, &l->p->views->now, &l->now, &how, &res);
	if (r == 0 && odd)
		keep_found(l, &note, &res);
	sha_also_md5(l->p->worker->sha, false);
	sha_also_sha1(l->p->worker->sha, false);
	if (r == 0) {
		now_hashed(l, &res);
		keep_prefix(l, how.prefix, &res);
	} else if (r == HASH_MOVING || r == HASH_ABSENT) {
		l->again = true;
		l->s->unsettled = true;
		if (l->p->attempt >= NEVER_SETTLES)
			set_gap(l, GAP_UNSETTLED, "it changes faster than it can be read");
	} else if (r == HASH_BUDGET) {
		set_gap(l, GAP_TOO_LARGE, "beyond limits.hash_max_bytes or limits.hash_max_time");
	} else if (r < 0) {
		set_gap(l, GAP_UNREADABLE, err_why());
	}
}

static void keep_record(struct sighting *s, const struct record *rec, struct slot *at)
{
	BUF struct buf b = {0};
	struct record plain = *rec;

	plain.ovl = 0;
	plain.redirect = (struct span){0};
	if (record_encode(&plain, &b) == 0)
		*at = sighting_keep(s, buf_span(&b));
}

/* Where an added object came from, as far as overlayfs remembers. */
static void find_origin(struct looking *l)
{
	BUF struct buf from = {0};
	struct record *rec = &l->now.entry.rec;
	struct span redirect = rec->redirect;

	if (!l->p->kept->overlay || from_lower(l) || l->base.found)
		return;
	if (rec->type == FILE_DIR && redirect.n) {
		if (redirect.p[0] == '/')
			buf_add_span(&from, redirect);
		else
			path_join(&from, l->p->dir, redirect);
	} else if (rec->type == FILE_REG && l->now.entry.look.origin.n) {
		content_origin(l->p->views, l->now.entry.look.origin, &from);
	}
	if (from.n)
		l->s->from = sighting_keep(l->s, buf_span(&from));
}

/* A mount over a path is drift only where the baseline has something to hide. */
static bool hides_something(struct looking *l)
{
	NAMES struct names names = {0};
	struct node none = {0};

	if (!l->base.found)
		return false;
	if (l->base.entry.rec.type != FILE_DIR)
		return true;
	if (view_names(&l->p->views->now, &none, &l->p->views->base, &l->base.node, &names) < 0)
		return true;
	return names.n > 0;
}

/* One layer at this path, on disk and as it was stored: other than it was, apart from content? */
static bool layer_differs(
	const struct looking *l, const struct layer *disk, const struct layer *stored)
{
	struct span below = span_make(l->p->dir.p + 1, l->p->dir.n - 1);
	struct layer_entry a = {0}, b = {0};
	struct layer_dir dir;
	int ra, rb;

	if (stored->root_fd >= 0)
		return false; /* not stored yet: first seen as it is */
	rb = layer_dir_of(stored, below, &dir);
	if (rb == 0)
		rb = stored->ops->lookup(stored, dir, l->name, &b);
	ra = disk->ops->lookup(disk, (struct layer_dir){.rel = below}, l->name, &a);
	b.rec.has_sha = false;
	record_same_second(&a.rec, &b.rec);
	if (ra == 0 && rb == 0)
		ra = (record_diff(&a.rec, &b.rec) & ~(1u << ASPECT_CONTENT)) ||
		     record_marks_differ(&a.rec, &b.rec);
	look_free(&a.look);
	return ra >= 0 && rb >= 0 && ra != rb;
}

/* Is what the container sees here its own doing, whatever lies in the layers? */
static bool upper_decides(const struct looking *l)
{
	const struct node *at = &l->p->now;
	struct layer_entry e = {0};
	bool there = false;

	if (l->now.found || !at->n)
		return !from_lower(l);
	if (l->p->views->now.layer[at->ref[0].layer].upper) {
		const struct layer *upper = &l->p->views->now.layer[at->ref[0].layer];

		there = upper->ops->lookup(upper, at->ref[0].dir, l->name, &e) == 0;
		look_free(&e.look);
	}
	for (size_t i = 0; !there && l->base.found && i < at->n; i++)
		if (at->ref[i].layer == l->base.layer + 1)
			return false;
	return there || l->base.found; /* an opaque directory hides it */
}

/* A layer that was found changed here once is held against its snapshot at every look, or a look that
 * was asked for by something else would take it for mended. */
static bool was_tampered(const struct looking *l)
{
	uint32_t no = atomic_load(&l->p->kept->no);
	struct change c;

	return no && drift_get(l->p->txn, no, l->path, &c) == 0 && c.aspects & (1u << ASPECT_LAYER);
}

/* What is wrong with a layer here and no record tells. With a directory's marks goes what is below it. */
static const char *layer_is_odd(struct looking *l, bool same)
{
	struct layer_odd odd;

	l->s->layer_odd = layer_odd(l->p->kept, l->p->views, l->path, l->name, &l->now, same, &odd);
	l->s->odd = l->s->layer_odd ? odd.aspects : 0;
	if (l->s->odd || l->tampered)
		l->flags |= ASK_BELOW;
	return l->s->layer_odd ? odd.layer : NULL;
}

/* The layer that somebody changed here, rather than the container its own tree; NULL: none. */
static const char *layer_changed(struct looking *l, bool same)
{
	const struct views *v = l->p->views;
	const struct kept *k = l->p->kept;
	const char *odd = NULL;
	bool wanted;

	if (!k->overlay)
		return NULL;
	l->tampered = was_tampered(l);
	wanted = l->flags & ASK_LAYER || l->tampered;
	if (wanted)
		odd = layer_is_odd(l, same);
	if (odd || upper_decides(l))
		return odd;
	if (same)
		return wanted ? k->lower[l->now.layer - 1]->path : NULL;
	for (size_t i = 0; i < k->n_lower; i++)
		if (layer_differs(l, &v->now.layer[i + 1], &v->base.layer[i]))
			return k->lower[i]->path;
	return NULL;
}

static void fill_sighting(struct looking *l, struct span mount)
{
	struct sighting *s = l->s;
	bool same = view_same_object(&l->p->views->now, &l->now, &l->p->views->base, &l->base);
	const char *layer = layer_changed(l, same);

	if (!same || layer) {
		if (l->base.found)
			base_content(l);
		if (l->now.found)
			now_content(l);
		if (layer && l->now.found && l->base.found)
			record_same_second(&l->now.entry.rec, &l->base.entry.rec);
		s->layer_changed = layer;
		if (layer && !s->gap_set)
			s->detail = sighting_keep(s, span_of(layer));
		find_origin(l);
	} else {
		l->now.entry.rec = l->base.entry.rec;
	}
	if ((s->has_now = l->now.found))
		keep_record(s, &l->now.entry.rec, &s->now);
	if ((s->has_base = l->base.found))
		keep_record(s, &l->base.entry.rec, &s->base);
	if (l->p->kept->runtime_makes && l->now.found && !l->base.found &&
		owned_is(l->path, &l->now.entry.rec)) {
		s->has_base = true;
		s->base = s->now;
	}
	s->parent_gone = l->name.n && !l->p->now.n;
	s->dir_lost = !(l->now.found && l->now.entry.rec.type == FILE_DIR);
	s->unmounted = l->flags & ASK_UNCOVERED;
	if ((l->flags & ASK_COVERED) && hides_something(l))
		s->mount = sighting_keep(s, mount);
}

/* Found by a walk through a new directory, and changed since that was made: it has an event of its own,
 * which may not have been read yet, and names who did it. Change times have the clock tick's grain. */
static bool has_event_coming(const struct looking *l)
{
	const struct scan *s = l->p->scan;

	return s && s->named && l->now.found && l->now.entry.look.ctime >= s->made - 100 * CLOCK_MS;
}

static void tell_scan(struct looking *l)
{
	struct scan *s = l->p->scan;

	if (s && (l->now.found || l->base.found) && span_is(l->path, s->scope))
		atomic_store(&s->found, true);
}

static bool goes_below(const struct looking *l)
{
	if (!(l->flags & ASK_BELOW) || !l->now.found || l->now.entry.rec.type != FILE_DIR)
		return false;
	if (!l->p->kept->overlay && l->name.n && l->now.entry.look.mount_root)
		return false; /* another file system: not of this tree */
	/* Wholly of the layers: nothing below can differ. */
	return !l->p->kept->overlay || l->tampered || !l->now.node.n ||
	       l->now.node.ref[0].layer == 0 ||
	       !view_aligned(&l->p->views->now, &l->now.node, &l->p->views->base, &l->base.node);
}

static void go_below(struct looking *l, struct span actor)
{
	struct examiner *ex = l->p->worker->ex;
	struct maker by = {.actor = actor,
		.moved = l->flags & ASK_MOVED,
		.named = l->flags & ASK_NAMED,
		.when = l->p->when,
		.in_layer = l->flags & ASK_LAYER};

	ex->below(ex, l->p->kept, l->p->scan, l->path, &by);
}

static void look_again(struct looking *l, struct span actor)
{
	struct examiner *ex = l->p->worker->ex;
	size_t n = l->p->attempt < COUNTOF(again_after) ? l->p->attempt : COUNTOF(again_after) - 1;
	struct again a = {.kept = l->p->kept,
		.dir = l->p->dir,
		.name = l->name,
		.actor = actor,
		.when = l->p->when,
		.delay = again_after[n],
		.attempt = l->p->attempt + 1};

	atomic_fetch_add(&ex->stats.retries, 1);
	ex->again(ex, &a);
}

/* One file, several names: an event names one of them, and all have changed. A scan meets them all. */
static void look_at_names(struct looking *l, struct span actor)
{
	const struct look *k = &l->now.entry.look;
	struct examiner *ex = l->p->worker->ex;

	if (l->now.found && !from_lower(l) && l->now.entry.rec.type != FILE_DIR && k->nlink > 1 &&
		!l->p->scan && !(l->flags & ASK_LINKED))
		ex->links(ex, l->p->kept, k->ino, l->p->when, actor);
}

static void looking_end(struct looking *l)
{
	hit_free(&l->now);
	hit_free(&l->base);
}

void examine_name(
	struct place *p, struct span name, unsigned flags, struct span actor, struct span mount)
{
	struct looking l = {.p = p, .name = name, .flags = flags};
	BUF struct buf path = {0};
	bool below;
	int r;

	path_join(&path, p->dir, name);
	l.path = buf_span(&path);
	if (kept_is_excluded(p->kept, l.path) || (!p->kept->overlay && !kept_is_baselined(p->kept)))
		return;
	atomic_fetch_add(&p->worker->ex->stats.looks, 1);
	if (p->attempt < GOING_TRIES && kept_is_going(p->kept)) { /* it stays as it was last seen */
		look_again(&l, actor);
		return;
	}
	r = look_both(&l);
	tell_scan(&l);
	if (r == 0 && (flags & ASK_IF_GONE) && l.now.found && l.now.layer == 0) {
		looking_end(&l);
		return;
	}
	l.s = sighting_new(p->kept, l.path, p->when);
	l.s->actor = sighting_keep(l.s, actor);
	l.s->touched = !p->scan && !p->attempt;
	l.s->early = has_event_coming(&l);
	if (r < 0)
		set_gap(&l, GAP_UNREADABLE, err_why());
	else
		fill_sighting(&l, mount);
	below = r == 0 && goes_below(&l);
	if (below && beneath_too_deep(l.path)) {
		below = false;
		too_deep(&l);
	}
	l.s->item.kind = ITEM_SIGHTING;
	l.s->mark = order_push(&p->worker->ex->order, p->worker->no, p->look);
	examiner_push(p->worker->ex, &l.s->item);
	if (below)
		go_below(&l, actor);
	if (r == 0)
		look_at_names(&l, actor);
	if (l.again)
		look_again(&l, actor);
	looking_end(&l);
}

void *worker_main(void *examiner)
{
	struct examiner *ex = examiner;
	struct worker w = {.ex = ex, .no = atomic_fetch_add(&ex->n_workers, 1)};
	struct job *j;

	must(sha_new(&w.sha) == 0);
	while ((j = jobs_take(w.ex->jobs)))
		j->run(j, &w);
	sha_free(w.sha);
	return NULL;
}

void *worker_main_host(void *examiner)
{
	struct examiner *ex = examiner;
	struct worker w = {.ex = ex, .no = HOST_WORKER};
	struct job *j;

	must(sha_new(&w.sha) == 0);
	while ((j = jobs_take_host(w.ex->jobs)))
		j->run(j, &w);
	sha_free(w.sha);
	return NULL;
}
