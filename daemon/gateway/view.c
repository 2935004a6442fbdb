/* What most handlers begin with: a transaction, the target, and whether the peer may see it. */
#include "daemon/gateway/gw.h"
#include "base/err.h"
#include "base/text.h"
#include "wire/show.h"
#include "store/verdict.h"

enum { GAPS_SHOWN = 200 };

int view_begin(struct call *c, struct txn **ret)
{
	int r = txn_begin(c->g->store, false, ret);

	if (r >= 0)
		return 0;
	problem(c, 503, "the store cannot be read now: %s", err_why());
	return VIEW_ANSWERED;
}

bool view_sees(const struct call *c, const struct target *t)
{
	return roles_on(c->g->roles, &c->peer->who, t) >= ROLE_VIEWER;
}

bool view_sees_all(const struct call *c)
{
	return roles_everywhere(c->g->roles, &c->peer->who) >= ROLE_VIEWER;
}

bool view_sensor_down(const struct call *c)
{
	return c->g->asks.fd < 0;
}

static bool sees(const void *call, const struct target *t)
{
	return view_sees(call, t);
}

static int ambiguous(struct call *c, struct span word, const struct buf *lines)
{
	BUF struct buf name = {.p = NULL}, list = {.p = NULL};

	text_quote(&name, word, true);
	for (size_t i = 0; c->match.docker && i + 1 < lines->n; i++) {
		if (lines->p[i] == '\n')
			buf_add_text(&list, ", ");
		else
			buf_u8(&list, lines->p[i]);
	}
	problem_with(c, 409, buf_span(lines),
		"%s fits more than one target; give a longer name or id%s%s", buf_text(&name),
		list.n ? ": it may be " : "", buf_text(&list));
	return VIEW_ANSWERED;
}

static int absent(struct call *c, struct span word)
{
	BUF struct buf name = {.p = NULL};

	text_quote(&name, word, true);
	if (c->match.docker)
		problem(c, 404, "No such container: %s", buf_text(&name));
	else
		problem(c, 404, "no target is called %s; GET /v1/targets?all=1 lists them",
			buf_text(&name));
	return VIEW_ANSWERED;
}

int view_target(struct call *c, struct txn *t, struct span word, enum role need, struct target *ret)
{
	/* A name must not be told to the confined, not even by making another one ambiguous. */
	struct targets_asker asker = {sees, c};
	BUF struct buf lines = {.p = NULL};
	int r = targets_resolve(t, word, &asker, ret, &lines);

	if (r == TARGETS_AMBIGUOUS)
		return ambiguous(c, word, &lines);
	if (r < 0)
		return r;
	if (r == STORE_ABSENT)
		return absent(c, word);
	if (roles_on(c->g->roles, &c->peer->who, ret) < need) {
		problem(c, 403, "uid %u may look at this target, but not do this to it%s%s",
			c->peer->who.uid, c->peer->who.in_container ? ": " : "", c->peer->who.why);
		return VIEW_ANSWERED;
	}
	return 0;
}

void view_excluded(const struct call *c, const struct target *t, struct view_excluded *ret)
{
	RULES_FOR struct rules_for *rules = c->g->rules ? rules_for(c->g->rules, t) : NULL;

	ret->show = (struct show_excluded){ret->globs,
		rules_excluded(rules, ret->globs, EXCLUDED_SHOWN), rules_excludes_all(rules)};
}

int view_coverage(struct call *c, struct txn *t, const struct target *tg,
	const struct target_state_rec *s, struct json *j)
{
	struct view_excluded excluded;
	struct gap gaps[GAPS_SHOWN], g;
	struct show_coverage cov = {.baselined = s->baselined,
		.late = tg->late,
		.level = tg->level,
		.state = tg->state,
		.last_sweep = s->last_sweep,
		.sensor = view_sensor_down(c)	  ? "down"
			  : pulse_is_silent(c->g) ? "silent"
						  : NULL,
		.gaps = gaps};
	struct verdict v;
	uint64_t id = 0;
	int r = verdict_get(t, VERDICT_OF_TARGET, tg->no, &v);

	if (r < 0)
		return r;
	cov.verdict = r == 0 ? v.state : VERDICT_NONE;
	cov.signature = r == 0 ? v.by.state : SIGNED_UNKNOWN;
	view_excluded(c, tg, &excluded);
	cov.excluded = excluded.show;
	if (pulse_gap(c->g, &g))
		gaps[cov.n_gaps++] = g;
	while ((r = gap_next(t, &id, &g)) == 0 && cov.n_gaps < GAPS_SHOWN) {
		/* A gap with a path and no target is about a place on the host that is none yet. */
		if (g.target == tg->no || (g.target == 0 && !g.path.n))
			gaps[cov.n_gaps++] = g;
	}
	show_coverage(j, &cov);
	return r < 0 ? r : 0;
}

/* "//", "/./" and "/../" name nothing that is stored: refused, or the answer would be a false "clean". */
static bool is_plain(struct span path)
{
	for (size_t i = 0; i < path.n; i++) {
		size_t left = path.n - i - 1;
		const uint8_t *p = path.p + i + 1;

		if (path.p[i] != '/' || path.n == 1)
			continue;
		if (left == 0 || p[0] == '/' || (p[0] == '.' && (left == 1 || p[1] == '/')) ||
			(left >= 2 && p[0] == '.' && p[1] == '.' && (left == 2 || p[2] == '/')))
			return false;
	}
	return true;
}

int view_path(struct span *path)
{
	while (path->n > 1 && path->p[path->n - 1] == '/')
		path->n--;
	if (path->n == 0 || path->p[0] != '/')
		return text_refuse(-EINVAL, *path, "a path begins with '/'");
	if (!is_plain(*path))
		return text_refuse(-EINVAL, *path, "a path is without \"//\", \".\" and \"..\"");
	if (path->n >= 4096 || memchr(path->p, 0, path->n))
		return text_refuse(-EINVAL, *path, "a path has at most 4095 bytes and no NUL");
	return 0;
}

bool view_stacks(const struct target *t, struct span layer_path)
{
	struct rd lists[] = {rd_of(t->lowers), rd_of(t->data_only)};
	struct span p;

	for (size_t i = 0; i < COUNTOF(lists); i++) {
		while (target_next_path(&lists[i], &p)) {
			if (span_eq(p, layer_path))
				return true;
		}
	}
	return !target_is_overlay(t) && span_eq(t->upper, layer_path);
}
