/* Checking rules without a daemon: boltseal.h's call. */
#include "base/clock.h"
#include "boltseal.h"
#include "policy/rules.h"

struct hearing {
	boltseal_hear *fn;
	void *arg;
};

static void hear(void *ctx, const struct rules_finding *f)
{
	const struct hearing *h = ctx;
	const struct boltseal_finding out = {f->file, f->line, f->col, f->error, f->text};

	h->fn(h->arg, &out);
}

int boltseal_rules_check(const char *const *paths, size_t n, long long now, boltseal_hear *fn,
	void *arg, size_t *ret_rules)
{
	struct hearing h = {fn, arg};
	const struct rules_hear by = {fn ? hear : NULL, &h, (int64_t)now * CLOCK_S};
	RULES struct rules *r = NULL;

	*ret_rules = 0;
	if (rules_load(&r, paths, n, &by) < 0)
		return 1;
	rules_lint(r, (int64_t)now * CLOCK_S, &by);
	*ret_rules = r->n;
	return 0;
}
