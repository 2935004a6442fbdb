/*
 * A path that has no drift of its own need not be as the baseline has it: a directory above it may
 * be deleted, be none any more, or be hidden by a mount. That directory's change stands for all
 * below. And where neither drift nor baseline knows a path, "clean" would be said of nothing.
 */
#include "daemon/gateway/gw.h"

bool above_stands_for(const struct change *c, struct span path)
{
	struct record now;

	if (c->path.n >= path.n || !path_within(path, c->path))
		return false;
	return c->mount.n > 0 || c->kind == 'D' || record_decode(c->now, &now) < 0 ||
	       now.type != FILE_DIR;
}

int above_find(struct txn *t, uint32_t no, struct span path, struct change *ret)
{
	for (size_t n = path.n; n > 1;) {
		int r;

		while (n > 1 && path.p[n - 1] != '/')
			n--;
		r = drift_get(t, no, n > 1 ? span_make(path.p, --n) : span_of("/"), ret);
		if (r < 0 || (r == 0 && above_stands_for(ret, path)))
			return r;
	}
	return STORE_ABSENT;
}

int above_accepted_gone(struct txn *t, uint32_t no, struct span path, bool *ret)
{
	struct accepted a;
	struct record rec;

	*ret = false;
	for (size_t n = path.n; n > 1 && !*ret;) {
		int r;

		while (n > 1 && path.p[n - 1] != '/')
			n--;
		r = n > 1 ? accepted_get(t, no, span_make(path.p, --n), UINT32_MAX, &a)
			  : STORE_ABSENT;
		if (r < 0)
			return r;
		*ret = r == 0 && (record_decode(a.rec, &rec) < 0 || rec.type != FILE_DIR);
	}
	return 0;
}

static int stop_at_first(void *ctx UNUSED, const struct change *c UNUSED)
{
	return 1;
}

int above_is_nowhere(struct txn *t, const struct target *tg, const struct target_state_rec *s,
	struct span path, bool *ret)
{
	struct accepted a;
	struct below b;
	int r;

	*ret = false;
	if (!s->baselined)
		return 0;
	r = drift_each(t, tg->no, path, stop_at_first, NULL);
	if (r == 0 && (r = accepted_get(t, tg->no, path, UINT32_MAX, &a)) == STORE_ABSENT) {
		r = below_find(t, tg, path, &b);
		*ret = r == STORE_ABSENT;
	}
	return r < 0 ? r : 0;
}
