/* A key of policy.json counts for images of its scope alone: whoever may sign one repository may not sign all. */
#include "trust/cosign_judge.h"
#include "base/err.h"
#include "base/fd.h"
#include "trust/cosign_find.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

enum { POLICY_MAX = 1 << 20 };

static void keys_free(struct cosign_keys **k)
{
	cosign_keys_free(*k);
}
#define KEYS CLEANUP(keys_free)

/* Empty where there is none and none has to be. */
static int read_policy(const struct cosign_where *w, struct buf *out)
{
	int r = w->policy ? fd_read_file(AT_FDCWD, w->policy, POLICY_MAX, out) : -ENOENT;

	if (r == 0 && !out->n)
		return err_set(-EBADMSG, "%s: it is empty", w->policy);
	return r == -ENOENT && !(w->policy && w->policy_must_be) ? 0 : r;
}

static int weight(enum cosign_verdict v)
{
	static const int weights[COSIGN_VERDICT_N] = {
		[COSIGN_NO_KEY] = 1, [COSIGN_MISMATCH] = 2, [COSIGN_VERIFIED] = 3};

	return weights[v];
}

/* The best of all that are signatures of any of its digests. */
static void find(const struct cosign_where *w, const struct cosign_image *i,
	const struct cosign_keys *k, const struct cosign_names *only, struct cosign_result *best,
	struct span *which)
{
	for (size_t n = 0; n < i->n; n++) {
		struct cosign_result one;

		cosign_find(k, i->digest[n], w->dir, i->big_data, only, &one);
		if (n && weight(one.verdict) <= weight(best->verdict))
			continue;
		*best = one;
		*which = i->digest[n];
	}
}

struct wanted {
	const struct cosign_requirement *r;
	struct span name;
};

static bool fits(const void *ctx, struct span reference)
{
	const struct wanted *w = ctx;

	return cosign_identity_fits(w->r, w->name, reference);
}

/* Leaves `unmet` empty where it is met. */
static void held(const struct cosign_where *w, const struct cosign_image *i,
	const struct cosign_demand *d, const struct cosign_requirement *r, struct cosign_said *ret)
{
	struct wanted want = {r, i->name};
	const struct cosign_names only = {fits, &want};
	struct cosign_result one = {.verdict = COSIGN_NONE};
	struct span which = {.p = NULL};

	if (r->keys)
		find(w, i, r->keys, &only, &one, &which);
	if (r->keys ? one.verdict == COSIGN_VERIFIED : !r->never)
		return;
	snprintf(ret->unmet, sizeof(ret->unmet), "%.80s: %s%s%.100s", buf_text(&d->scope),
		r->keys ? "no signature by the key that is wanted" : r->why, one.why[0] ? ": " : "",
		one.why);
}

static void add_why(struct cosign_result *r, const char *why)
{
	size_t n = strlen(r->why);

	snprintf(r->why + n, sizeof(r->why) - n, "%s%s", n ? "; " : "", why);
}

/* What the policy leaves to the engine is no fault, and no proof. */
static void say_unjudged(const struct cosign_demand *d, struct cosign_result *ret)
{
	char words[200];

	for (size_t n = 0; n < d->n; n++)
		if (!d->all[n].keys && !d->all[n].never) {
			snprintf(words, sizeof(words), "policy.json of %.80s: %s",
				buf_text(&d->scope), d->all[n].why);
			add_why(ret, words);
		}
}

void cosign_judge(
	const struct cosign_where *w, const struct cosign_image *i, struct cosign_said *ret)
{
	COSIGN_DEMAND struct cosign_demand d = {.n = 0};
	BUF struct buf json = {.p = NULL}, odd = {.p = NULL};
	KEYS struct cosign_keys *k = NULL;
	int r = read_policy(w, &json);

	*ret = (struct cosign_said){.demanded = false};
	cosign_keys_new(&k);
	if (r == 0 && json.n)
		r = cosign_demand_of(buf_span(&json), i->name, &d, &odd);
	if (r < 0)
		snprintf(ret->unmet, sizeof(ret->unmet), "%.240s", err_why());
	ret->demanded = r < 0 || d.n;
	if (w->dir && cosign_keys_dir(k, w->dir, &odd) < 0)
		buf_printf(&odd, "%s\n", err_why());
	for (size_t n = 0; n < d.n; n++)
		if (d.all[n].keys)
			cosign_keys_join(k, d.all[n].keys);
	find(w, i, k, NULL, &ret->result, &ret->digest);
	for (size_t n = 0; n < d.n && !ret->unmet[0]; n++)
		held(w, i, &d, &d.all[n], ret);
	if (ret->result.verdict == COSIGN_NONE && cosign_keys_count(k))
		add_why(&ret->result, "none is here");
	if (ret->result.verdict == COSIGN_VERIFIED && ret->result.reference[0] &&
		!cosign_same_repository(i->name, span_of(ret->result.reference)))
		add_why(&ret->result, "which is not the name that it runs by here");
	say_unjudged(&d, &ret->result);
}

size_t cosign_look(const struct cosign_where *w, struct buf *odd)
{
	BUF struct buf json = {.p = NULL};
	KEYS struct cosign_keys *k = NULL;
	int r = read_policy(w, &json);

	cosign_keys_new(&k);
	if (r == 0 && json.n)
		r = cosign_policy_keys(buf_span(&json), k, odd);
	if (r < 0)
		buf_printf(odd, "%s\n", err_why());
	if (w->dir && cosign_keys_dir(k, w->dir, odd) < 0)
		buf_printf(odd, "%s\n", err_why());
	return cosign_keys_count(k);
}
