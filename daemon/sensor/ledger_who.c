/*
 * The writer's own program, by the records of the container that it runs in: its digest, where it lies
 * on the host, and whether it is itself what should not be there (taint). Nothing is opened for that:
 * the baseline's records and the drift are at hand here.
 */
#include "base/err.h"
#include "daemon/sensor/ledger_impl.h"

struct who_cache {
	bool there;
	const struct kept *kept;
	struct buf exe, host;
	bool drifted, has_sha;
	uint8_t sha[SHA_LEN];
};

void ledger_who_forget(struct ledger *l)
{
	if (l->who)
		l->who->there = false;
}

void ledger_who_free(struct ledger *l)
{
	if (!l->who)
		return;
	buf_free(&l->who->exe);
	buf_free(&l->who->host);
	free(l->who);
	l->who = NULL;
}

static const struct kept *kept_of(const struct ledger *l, struct span id)
{
	for (size_t i = 0; id.n && i < l->n_kept; i++)
		if (span_is(id, l->kept[i]->id))
			return l->kept[i];
	return NULL;
}

/* A program whose file is gone runs on; what lies at its path now is another. */
struct span ledger_who_path(struct span exe, bool *ret_gone)
{
	static const char gone[] = " (deleted)";
	size_t n = sizeof(gone) - 1;

	*ret_gone = exe.n > n && memcmp(exe.p + exe.n - n, gone, n) == 0;
	return span_make(exe.p, exe.n - (*ret_gone ? n : 0));
}

static void take_record(struct who_cache *w, const struct record *rec, bool gone)
{
	w->has_sha = rec->has_sha && !gone;
	if (w->has_sha)
		memcpy(w->sha, rec->sha, SHA_LEN);
}

static void in_upper(struct who_cache *w, const struct kept *k, struct span path)
{
	buf_add_text(&w->host, k->upper);
	buf_add_span(&w->host, path);
}

/* 1: the drift has it; 0: it does not. */
static int by_drift(struct ledger *l, struct who_cache *w, struct span path, bool gone)
{
	static const unsigned other =
		1u << ASPECT_CONTENT | 1u << ASPECT_TYPE | 1u << ASPECT_LAYER | 1u << ASPECT_MOUNT;
	struct change c;
	struct record rec;
	int r = drift_get(l->txn, atomic_load(&w->kept->no), path, &c);

	if (r || c.kind == 'D')
		return r < 0 ? r : 0;
	w->drifted = c.kind == 'A' || c.aspects & other;
	if (c.now.n && record_decode(c.now, &rec) == 0)
		take_record(w, &rec, gone);
	if (!(c.aspects & (1u << ASPECT_LAYER)) && !gone)
		in_upper(w, w->kept, path);
	return 1;
}

static int by_accepted(struct ledger *l, struct who_cache *w, struct span path, bool gone)
{
	struct accepted a;
	struct record rec;
	int r = accepted_in_force(l->txn, atomic_load(&w->kept->no), path, l->now, &a);

	if (r || !a.rec.n)
		return r < 0 ? r : 0;
	if (record_decode(a.rec, &rec) == 0)
		take_record(w, &rec, gone);
	in_upper(w, w->kept, path);
	return 1;
}

static void in_layer(struct who_cache *w, const struct hit *h)
{
	buf_add_text(&w->host, w->kept->lower[h->layer]->path);
	buf_u8(&w->host, '/');
	if (h->dir.rel.n) {
		buf_add_span(&w->host, h->dir.rel);
		buf_u8(&w->host, '/');
	}
	buf_add_span(&w->host, h->name);
}

/* Neither in the drift nor in the baseline: it was put there just now, and the look at it is under
 * way. A path that cannot be looked up says nothing. */
static void by_baseline(struct ledger *l, struct who_cache *w, struct span path, bool gone)
{
	VIEWS struct views v = {0};
	HIT struct hit h = {0};
	int r;

	if (!kept_is_baselined(w->kept) || views_open(w->kept, l->txn, &v) < 0)
		return;
	r = view_resolve(&v.base, path, &h);
	if (r == VIEW_NO_PARENT || (r == 0 && !h.found)) {
		w->drifted = true;
		if (!gone)
			in_upper(w, w->kept, path);
	} else if (r == 0 && h.layer < w->kept->n_lower) {
		take_record(w, &h.entry.rec, gone);
		in_layer(w, &h);
	}
}

static int look_up(struct ledger *l, const struct kept *k, struct span exe)
{
	struct who_cache *w = l->who;
	bool gone;
	struct span path = ledger_who_path(exe, &gone);
	int r;

	buf_reset(&w->exe);
	buf_reset(&w->host);
	buf_add_span(&w->exe, exe);
	w->kept = k;
	w->drifted = w->has_sha = false;
	r = by_drift(l, w, path, gone);
	if (r == 0)
		r = by_accepted(l, w, path, gone);
	if (r == 0)
		by_baseline(l, w, path, gone);
	w->there = r >= 0;
	return r < 0 ? r : 0;
}

bool ledger_who_known(struct span actor)
{
	struct actor a;

	return actor_decode(actor, &a) == 0 && a.origin != ORIGIN_UNKNOWN;
}

int ledger_who(struct ledger *l, struct span actor, struct buf *out)
{
	struct actor a;
	const struct kept *k;
	int r = 0;

	if (actor_decode(actor, &a) < 0 || a.aside || !(k = kept_of(l, a.container)) ||
		!atomic_load(&k->no) || !a.exe.n || a.exe.p[0] != '/') {
		buf_add_span(out, actor);
		return buf_err(out);
	}
	if (!l->who) {
		l->who = calloc(1, sizeof(*l->who));
		must(l->who);
	}
	if (!l->who->there || l->who->kept != k || !span_eq(buf_span(&l->who->exe), a.exe))
		r = look_up(l, k, a.exe);
	if (r < 0)
		return r;
	a.drifted = l->who->drifted;
	a.has_sha = l->who->has_sha;
	memcpy(a.sha, l->who->sha, SHA_LEN);
	a.exe_host = buf_span(&l->who->host);
	actor_encode(&a, out);
	return buf_err(out);
}
